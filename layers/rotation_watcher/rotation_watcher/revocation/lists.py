"""What the revocation lists that are kept say of certificates. Nothing of it is believed but what an issuer signed.

``load`` is for keeping them: it holds everything that is kept of a list to the list itself. ``says`` is for asking
often: the index tells whether a certificate may be on a list, and the list itself is read only where it may be.
"""

import hashlib
from datetime import datetime

import msgspec

from rotation_watcher.former_key import digest, lies_under_former
from rotation_watcher.ports import ObjectStore, Validators
from rotation_watcher.revocation.kept import DER, INDEX, MANIFEST, PEM, Held, Manifest
from rotation_watcher.revocation.manifest import commit, opened, read_manifest
from rotation_watcher.revocation.points import Point
from rotation_watcher.x509.crl import Crl, is_revoked, pem_of, read
from rotation_watcher.x509.crl_facts import CrlFacts
from rotation_watcher.x509.revocation_index import Index, build_index, open_index


class Said(msgspec.Struct, frozen=True):
    """The members of a point that are revoked, by fingerprint; the version of the ``list.der`` that says so.

    ``version`` is None where there is nothing to remember. ``fault``: what is damaged or missing, in words.
    ``manifest`` is what is in force, None where nothing is.
    """

    revoked: frozenset[str] = frozenset()
    version: str | None = None
    fault: str | None = None
    manifest: Manifest | None = None


def load(store: ObjectStore, point: Point, now: datetime) -> Held:
    """What is kept of a list, held to the list that its issuer signed. Raises StoreError, NewerFormat.

    Where that is missing or is none, nothing is held until the next list is got; where another part is damaged,
    ``damage`` says which (``repair``).
    """
    manifest, etag = read_manifest(store, point)
    if manifest is None:
        damage = None if etag is None else f"{point.folder}/{MANIFEST} is no manifest of this list"
        return Held(damage=damage)
    crl = _signed(store, point, manifest.der.version, now)
    if crl is None:
        return Held(manifest, etag, damage=f"{point.folder}/{DER} is no list that its issuer signed for {point.url}")
    facts, index = crl.facts, build_index(crl, point.issuer)
    del crl  # it may take a hundred megabytes
    damage = _damage(store, point, manifest, facts, index)
    return Held(manifest, etag, facts, opened(index, point), damage)


def repair(store: ObjectStore, point: Point, held: Held, now: datetime) -> Held:
    """Write anew what is kept of a list, from the list itself. Raises StoreError."""
    crl = _signed(store, point, held.manifest.der.version, now) if held.manifest else None
    if crl is None or held.manifest is None:
        return held
    sound = held.manifest.facts == crl.facts
    validators = held.manifest.validators if sound else Validators()  # those of a forged one would be answered with 304
    return commit(store, point, crl, held, validators, held.manifest.fetched_from, now)


def again(store: ObjectStore, point: Point, held: Held, now: datetime) -> Held:
    """The same, read anew only where the manifest is another than the one of ``held``. Raises StoreError."""
    _, etag = read_manifest(store, point)
    return held if etag == held.etag else load(store, point, now)


def says(store: ObjectStore, point: Point, remembered: str | None, now: datetime, *, known: bool = False) -> Said:
    """Which certificates of a point are revoked. Raises StoreError, NewerFormat.

    ``remembered`` is the version of ``list.der`` that has decided before: the newer list decides, so that no older one,
    and no loss of what lies beside it, takes a revocation back. A list that was never got revokes nothing; ``known``:
    one was in force before, so that a manifest which is missing was lost.
    """
    manifest, etag = read_manifest(store, point)
    if manifest is None and etag is None and remembered is None and not known:
        return Said()
    index = _index(store, point, manifest) if manifest else None
    if index is not None and remembered is None and not on_list(index, point):
        return Said(manifest=manifest)
    versions = dict.fromkeys(version for version in (manifest.der.version if manifest else None, remembered) if version)
    lists = {version: _signed(store, point, version, now) for version in versions}
    signed = {version: crl for version, crl in lists.items() if crl is not None}
    fault = None
    if manifest is None:
        fault = f"{point.folder}/{MANIFEST} is {'missing' if etag is None else 'no manifest of this list'}"
    elif manifest.der.version not in signed:
        fault = f"{point.folder}/{DER} is no list that its issuer signed for {point.url}"
    elif index is None:
        fault = f"{point.folder}/{INDEX} is not what its manifest says"
    if not signed:
        return Said(version=remembered, fault=fault, manifest=manifest)
    version, newest = max(signed.items(), key=lambda one: one[1].facts.order)
    revoked = frozenset(
        member.fingerprint
        for member in point.members
        if is_revoked(newest.serials, member.certificate.raw.serial_number)
    )
    if index is not None and manifest and version == manifest.der.version and on_list(index, point) != revoked:
        fault = f"{point.folder}/{INDEX} says something else than the list"
    return Said(revoked, version if revoked or remembered else None, fault, manifest)


def is_proved(store: ObjectStore, point: Point, manifest: Manifest, now: datetime) -> bool:
    """Whether ``list.pem``, as its manifest names it, is the list that the issuer signed. Raises StoreError."""
    crl = _signed(store, point, manifest.der.version, now)
    stored = store.get(f"{point.folder}/{PEM}", version=manifest.pem.version)
    return crl is not None and stored is not None and crl.facts == manifest.facts and stored.body == pem_of(crl)


def is_issued(crl: Crl, point: Point, now: datetime) -> bool:
    """Whether the issuer of a point made this list for its certificates, and not in the future."""
    from rotation_watcher.x509.crl_refusal import refusal  # noqa: PLC0415  # seldom is a list read anew

    refused = refusal(
        crl,
        issuer=point.issuer,
        distribution_point=point.url,
        at=now,
        before=None,
        other_names={name for names in point.ways.values() for name in names},
        covers_cas=point.ca,
        covers_leaves=not point.ca,
        may_have_ended=True,
    )
    return refused is None


def on_list(index: Index, point: Point) -> frozenset[str]:
    """The members of a point that its index names, by fingerprint."""
    return frozenset(
        member.fingerprint for member in point.members if index.contains(member.certificate.raw.serial_number)
    )


def _signed(store: ObjectStore, point: Point, version: str | None, now: datetime) -> Crl | None:
    """The list in an object, if its issuer made it for the certificates of this point, and not in the future."""
    stored = store.get(f"{point.folder}/{DER}", version=version)
    crl = read(stored.body) if stored else None
    return crl if isinstance(crl, Crl) and is_issued(crl, point, now) else None


def _index(store: ObjectStore, point: Point, manifest: Manifest) -> Index | None:
    stored = store.get(f"{point.folder}/{INDEX}", version=manifest.index.version)
    if stored is None or hashlib.sha256(stored.body).hexdigest() != manifest.index.sha256:
        return None
    index = open_index(stored.body, issuer_key=point.issuer.facts.spki_sha256)
    return index if isinstance(index, Index) else None


def _damage(store: ObjectStore, point: Point, manifest: Manifest, facts: CrlFacts, index: bytes) -> str | None:
    """Which part of what is kept does not agree with the list, in words; or cannot be loaded any more.

    A list that was put without a key is not asked about in each run: its issuer makes another one soon.
    """
    if manifest.facts != facts or manifest.der.sha256 != facts.fingerprint:
        return f"{point.folder}/{MANIFEST} says something else than the list"
    wanted = hashlib.sha256(index).hexdigest()
    for name, part, sha256 in ((INDEX, manifest.index, wanted), (PEM, manifest.pem, manifest.pem.sha256)):
        stored = store.get(f"{point.folder}/{name}", version=part.version)
        if stored is None or not part.sha256 == sha256 == hashlib.sha256(stored.body).hexdigest():
            return f"{point.folder}/{name} is not what its manifest says"
        if (
            name == PEM
            and stored.etag != digest(stored.body)
            and lies_under_former(store, f"{point.folder}/{name}", stored)
        ):
            return f"{point.folder}/{name} lies under a KMS key that the bucket gives to nothing any more"
    return None
