"""Keep ``crls/revoked.json``: which certificates of ours are revoked. Publish reads it (``bundles.revoked``)."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.bundles import revoked as file
from rotation_watcher.bundles.revoked import NOTHING, Revoked, RevokedCertificate
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.ports import ObjectStore
from rotation_watcher.revocation.conditions import REVOKED, OnList
from rotation_watcher.revocation.state import State

replace = msgspec.structs.replace


class Evidence(NamedTuple):
    """What a run found.

    ``clean``: fingerprints of which a list in force says nothing; ``named``: those that histories name, None where not
    every history could be read.
    """

    on_lists: tuple[OnList, ...]
    clean: frozenset[str]
    named: frozenset[str] | None

    def clears(self, fingerprint: str) -> bool:
        """Whether it shows that a certificate is revoked no longer, or is none of ours."""
        gone = self.named is not None and fingerprint not in self.named
        return fingerprint in self.clean or gone


class Noted(NamedTuple):
    """What the file says after a run. ``changed``: other certificates than before. ``etag`` is the file's."""

    revoked: Revoked
    changed: bool
    etag: str | None


def note(store: ObjectStore, evidence: Evidence, known: State | None, now: datetime, *, dry_run: bool) -> Noted:
    """Bring the file up to date. One that cannot be read is written anew, from what was alerted. Raises StoreError."""
    alerted = _alerted(known) if known else {}
    found = {
        one.member.fingerprint: RevokedCertificate(
            subject=one.member.certificate.facts.subject, list=one.url, since=now, proof=one.proof
        )
        for one in evidence.on_lists
    }
    before: Revoked | None = NOTHING

    def change(held: Revoked | None) -> Revoked:
        nonlocal before
        before = held
        kept = alerted if held is None else held.certificates
        still = {key: one for key, one in kept.items() if not evidence.clears(key)}
        again = {key: replace(one, since=still[key].since) if key in still else one for key, one in found.items()}
        return Revoked(certificates=still | again)  # the newest list proves it

    def put(changed: Revoked | None, etag: str | None) -> str:
        body = file.encode(changed or NOTHING)
        return store.put_if(keys.REVOKED, body, etag=etag, content_type=keys.JSON_TYPE).etag

    if dry_run:
        after, etag = change(_load(store)[0]), None
    else:
        kept, etag = compare_and_set(lambda: _load(store), change, put, keys.REVOKED)
        after = kept or NOTHING
    return Noted(after, before is None or after.certificates.keys() != before.certificates.keys(), etag)


def _alerted(known: State) -> Mapping[str, RevokedCertificate]:
    """The certificates that people were told of, from the open conditions."""
    return {
        key.removeprefix(REVOKED): RevokedCertificate(
            subject=known.about[key].name if key in known.about else "",
            list="",
            since=known.conditions[key].since,
        )
        for key in known.conditions
        if key.startswith(REVOKED)
    }


def _load(store: ObjectStore) -> tuple[Revoked | None, str | None]:
    """The file and its ETag: NOTHING where there is none, None where it cannot be read. Raises NewerFormat."""
    stored = store.get(keys.REVOKED)
    if stored is None:
        return NOTHING, None
    return formats.read_or_none(stored.body, file.decode, keys.REVOKED), stored.etag
