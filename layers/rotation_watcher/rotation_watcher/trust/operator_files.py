"""Read what the operator has put into the bucket to decide what is trusted: anchors, approvals, extra CA certificates.

All only read; a file that is missing or wrong is no error here but a problem in words, since one bad file must not
stop what does not depend on it.
"""

from collections.abc import Iterable, Mapping

import msgspec

from rotation_watcher import keys
from rotation_watcher.config import Authority, Source
from rotation_watcher.errors import ObjectTooLarge, StoreError
from rotation_watcher.ports import ObjectStore
from rotation_watcher.trust import digicert
from rotation_watcher.trust.approvals import INVALID, Approval, decode_approval
from rotation_watcher.trust.file_contents import UNREADABLE, Fault, OperatorFile, anchors, extra
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.certificates import Certificate, parse_bundle
from rotation_watcher.x509.paths import roots
from rotation_watcher.x509.pem import Defect


class Anchors(msgspec.Struct, frozen=True):
    """The roots to trust, by authority; what is wrong where there are none; the files that exist."""

    certificates: Mapping[Authority, tuple[Certificate, ...]]
    problems: Mapping[str, str]
    files: Mapping[str, OperatorFile]


def anchors_read(source: Source) -> tuple[str, ...]:
    """The keys of the files that ``load_anchors`` reads, one for each authority of the source."""
    return tuple(
        source.anchors_key if authority is Authority.GENESYS else keys.DIGICERT_ANCHORS
        for authority in source.authorities
    )


def load_anchors(store: ObjectStore, source: Source) -> Anchors:
    """The anchors of a source: the operator's file for Genesys; for DigiCert the operator's, or the vendored list.

    Raises StoreError if the store cannot be read at all.
    """
    found: dict[Authority, tuple[Certificate, ...]] = {}
    problems: dict[str, str] = {}
    files: dict[str, OperatorFile] = {}
    for authority, key in zip(source.authorities, anchors_read(source), strict=True):
        where = f"s3://{store.bucket}/{key}"
        try:
            stored = store.get(key)
        except ObjectTooLarge as error:
            files[authority] = _unread(store, key, error)
            found[authority], problems[authority] = (), f"{error}."
            continue
        if stored is None:
            found[authority] = digicert.roots() if authority is Authority.DIGICERT else ()
            if not found[authority]:
                problems[authority] = f"{where} does not exist, or this function may not read it."
            continue
        file, certificates = anchors(store.bucket, key, stored.body)
        files[authority] = file
        found[authority] = tuple(roots(certificates))
        if not found[authority]:
            said = "; ".join(fault.words for fault in file.faults) or f"{len(certificates)} certificates"
            problems[authority] = f"{where} holds no self-signed root ({said})."
    return Anchors(found, problems, files)


def load_extra(store: ObjectStore, key: str) -> OperatorFile:
    """A file of CA certificates that the operator adds to a bundle. Nothing raises: what cannot be read is a fault."""
    try:
        stored = store.get(key)
    except StoreError as error:
        return _unread(store, key, error)
    if stored is None:
        absent = Fault(0, Defect("missing", "it does not exist, or may not be read"))
        return OperatorFile(store.bucket, key, (), (absent,))
    return extra(store.bucket, key, stored.body)


def _unread(store: ObjectStore, key: str, error: StoreError) -> OperatorFile:
    return OperatorFile(store.bucket, key, (), (Fault(0, Defect(UNREADABLE, str(error))),))


def load_approvals(store: ObjectStore, fingerprints: Iterable[str]) -> tuple[dict[str, Approval], dict[str, Finding]]:
    """The approvals that exist for these leaves, and what is wrong with those that cannot be read.

    One that vouches for a root comes with the certificates that lie beside it.
    """
    approvals: dict[str, Approval] = {}
    problems: dict[str, Finding] = {}
    for fingerprint in sorted({*fingerprints}):
        try:
            stored = store.get(keys.approval(fingerprint))
            if stored is None:
                continue
            decoded = decode_approval(stored.body, fingerprint)
            named = isinstance(decoded, Approval) and decoded.root
            beside = store.get(keys.approved_chain(fingerprint)) if named else None
        except ObjectTooLarge as error:
            problems[fingerprint] = Finding(INVALID, str(error))
            continue
        if isinstance(decoded, Approval):
            blocks = parse_bundle(beside.body)[0] if beside else ()
            above = tuple(block.certificate for block in blocks if block.certificate)
            approvals[fingerprint] = msgspec.structs.replace(decoded, above=above)
        else:
            problems[fingerprint] = decoded
    return approvals, problems
