"""Put a list in force: the manifest is written last, so a run that is killed before leaves the former list in force."""

import hashlib
from datetime import datetime

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.ports import ObjectStore, Validators
from rotation_watcher.revocation.kept import DER, INDEX, MANIFEST, PEM, Held, Manifest, Part, decode
from rotation_watcher.revocation.points import Point
from rotation_watcher.x509.crl import Crl, pem_of
from rotation_watcher.x509.revocation_index import Index, build_index, open_index

replace = msgspec.structs.replace

FORMER = 32
"""How many earlier lists a manifest names, so that a trust store's copies of them are known as the watcher's."""


def commit(
    store: ObjectStore, point: Point, crl: Crl, before: Held, validators: Validators, way: str, now: datetime
) -> Held:
    """Put a list that was accepted in force, unless another run has put a later one there meanwhile.

    ``before`` is what it was held against: that gives way to it. Gives what is in force then, without ``facts`` and
    ``opened`` where it is another run's. Raises StoreError; running again completes it.
    """
    index = build_index(crl, point.issuer)
    parts = {
        name: _put(store, f"{point.folder}/{name}", body, content_type)
        for name, body, content_type in (
            (DER, crl.der, keys.CRL_TYPE),
            (PEM, pem_of(crl), keys.PEM_TYPE),
            (INDEX, index, keys.INDEX_TYPE),
        )
    }
    new = Manifest(
        url=point.url,
        fetched_from=way,
        issuer=point.issuer.facts.subject,
        issuer_key=point.issuer.facts.spki_sha256,
        facts=crl.facts,
        validators=validators,
        since=now,
        der=parts[DER],
        pem=parts[PEM],
        index=parts[INDEX],
    )

    def change(known: Manifest | None) -> Manifest | None:
        nonlocal new
        replaced = known is None or known == before.manifest or known.facts.order <= new.facts.order
        new = replace(new, former=_former(known, crl)) if replaced else new
        return new if replaced else known

    def put(changed: Manifest | None, etag: str | None) -> str:
        body = formats.encode(changed)
        return store.put_if(f"{point.folder}/{MANIFEST}", body, etag=etag, content_type=keys.JSON_TYPE).etag

    kept, etag = compare_and_set(lambda: read_manifest(store, point), change, put, f"{point.folder}/{MANIFEST}")
    if kept is not new:
        return Held(kept)
    return Held(new, etag, crl.facts, opened(index, point))


def kept_ever(store: ObjectStore, folder: str) -> frozenset[str]:
    """The fingerprints of all lists that a folder keeps or kept, whoever signed them.

    Raises StoreError, NewerFormat.
    """
    key = f"{folder}/{MANIFEST}"
    stored = store.get(key)
    manifest = formats.read_or_none(stored.body, decode, key) if stored else None
    return manifest.ever if manifest else frozenset()


def _former(known: Manifest | None, crl: Crl) -> tuple[str, ...]:
    before = (known.facts.fingerprint, *known.former) if known else ()
    return tuple(one for one in dict.fromkeys(before) if one != crl.facts.fingerprint)[:FORMER]


def opened(index: bytes, point: Point) -> Index:
    """The index that was built of a list of this point."""
    found = open_index(index, issuer_key=point.issuer.facts.spki_sha256)
    if not isinstance(found, Index):
        raise TypeError(f"an index that was just built: {found.code}")
    return found


def read_manifest(store: ObjectStore, point: Point) -> tuple[Manifest | None, str | None]:
    """The manifest and its ETag; None where it is none of this list's, so that it is written anew.

    Raises StoreError, NewerFormat.
    """
    key = f"{point.folder}/{MANIFEST}"
    stored = store.get(key)
    if stored is None:
        return None, None
    manifest = formats.read_or_none(stored.body, decode, key)
    ours = manifest is not None and (manifest.url, manifest.issuer_key) == (point.url, point.issuer.facts.spki_sha256)
    return (manifest if ours else None), stored.etag


def _put(store: ObjectStore, key: str, body: bytes, content_type: str) -> Part:
    written = store.put(key, body, content_type=content_type)
    return Part(version=written.version, sha256=hashlib.sha256(body).hexdigest(), size=len(body))
