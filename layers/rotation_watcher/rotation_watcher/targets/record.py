"""What the watcher did to a target: the claim, what was proved, what it may take back, which alerts wait.

One object in S3 per target, always written with If-Match. The claim in it makes one writer at a time: the services
behind have no compare-and-set, so whoever changes a target holds the record first and reads the live state after.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from rotation_watcher import formats
from rotation_watcher.alerts import waiting
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert
from rotation_watcher.clocks import Instant


class Claim(msgspec.Struct, frozen=True):
    """Who may change the target, until when (later than its function can live)."""

    owner: str
    until: Instant


class Applied(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version that was deployed. ``ours`` are the certificates in it that the watcher had added itself.

    ``bucket``: where it lies; empty where an older release wrote it down: then where the target loads from.
    """

    version: str
    bucket: str = ""
    sha256: str
    fingerprints: tuple[str, ...]
    ours: tuple[str, ...] = ()
    at: Instant
    proof: str


class HoldReason(StrEnum):
    """Why nothing is deployed for now."""

    ROLLED_BACK = "rolled-back"
    REJECTED = "rejected"
    BY_HAND = "by-hand"


class Pending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An update that was asked for and is not proved yet.

    Where it goes back to an earlier version, ``hold`` says on whose account, ``why`` in words, and ``rolled_back_from``
    is the version it leaves with the SHA-256 of its content, which is held from then on. ``bucket``: as of ``Applied``.
    """

    version: str
    bucket: str = ""
    sha256: str
    fingerprints: tuple[str, ...]
    ours: tuple[str, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    at: Instant
    hold: HoldReason | None = None
    why: str = ""
    rolled_back_from: tuple[str, str] = ("", "")


class Rounds(msgspec.Struct, frozen=True, kw_only=True):
    """How often in a row something of ours was undone after an update had been proved (``contention``).

    ``proved`` is the proof after which that was found last.
    """

    count: int
    since: Instant
    proved: Instant


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is deployed: ``sha256`` until the content changes or a person releases it; by hand, until released."""

    reason: HoldReason
    sha256: str
    since: Instant

    def stops(self, sha256: str) -> bool:
        """Whether this content may not be deployed."""
        return self.reason is HoldReason.BY_HAND or self.sha256 == sha256


FORMAT = 4
"""The format that this release writes; decision 0019 says when it is raised."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=str(FORMAT)):
    """The whole state of a target.

    ``ours``: certificates the watcher added here and since when; only they may ever be removed. ``versions``: what was
    deployed before ``applied``, newest first. ``endpoints``: listeners seen verifying, to notice one that no longer is.
    ``shown``: the SHA-256 of what the service showed last, at targets that can lose it (``shown``).
    ``conditions``: what lasts and is alerted (``conditions``). ``released``: removals that a person let pass.
    ``unwanted``: what of ours is in its grace, or wanted by nothing, and since when (``grace``). ``approved``: what
    only approvals want, with the leaves that they let pass. ``target`` is the id by which it was watched last; the
    state is the ARN's (``keys.target``). ``former``: the id under which an older release kept it, whose folder holds
    what it deployed; empty where there is none.
    """

    target: str
    arn: str
    claim: Claim | None = None
    applied: Applied | None = None
    versions: tuple[Applied, ...] = ()
    pending: Pending | None = None
    ours: Mapping[str, Instant] = {}
    hold: Hold | None = None
    released: tuple[str, ...] = ()
    unwanted: Mapping[str, Instant] = {}
    approved: Mapping[str, tuple[str, ...]] = {}
    not_before: Instant | None = None
    endpoints: tuple[str, ...] = ()
    shown: str = ""
    former: str = ""
    rounds: Rounds | None = None
    conditions: Mapping[str, Condition] = {}
    outbox: tuple[Alert, ...] = ()

    def claimed(self, owner: str, now: datetime) -> bool:
        """Whether somebody else holds the target."""
        return self.claim is not None and self.claim.owner != owner and now <= self.claim.until

    def with_alerts(self, *alerts: Alert) -> "Record":
        """This record with alerts added to its outbox, which stays bounded; one that waits there is not added twice."""
        return msgspec.structs.replace(self, outbox=waiting.with_alerts(self.outbox, alerts))

    def with_proof(self, pending: Pending, proof: str, now: datetime) -> "Record":
        """This record with an update applied that has been read back, and without its claim; a hold stays."""
        applied = Applied(
            version=pending.version,
            bucket=pending.bucket,
            sha256=pending.sha256,
            fingerprints=pending.fingerprints,
            ours=pending.ours,
            at=now,
            proof=proof,
        )
        earlier = (self.applied, *self.versions) if self.applied else self.versions
        return msgspec.structs.replace(
            self,
            claim=None,
            pending=None,
            applied=applied,
            versions=tuple(one for one in earlier if one.version and one.version != applied.version)[:KEPT_VERSIONS],
            ours={key: self.ours.get(key, now) for key in pending.ours},
            released=(),
            not_before=None,
        )

    def forgetting(self, live: Collection[str], now: datetime) -> "Record":
        """This record without its pending update, which shows no more: others have changed the target, or it was lost.

        What of it ``live`` shows has arrived all the same: it is the watcher's, and nobody else's work.
        """
        pending, applied = self.pending, self.applied
        if pending is None:
            return self
        if applied is not None:
            known = ({*applied.fingerprints} | ({*pending.added} & {*live})) - ({*pending.removed} - {*live})
            applied = msgspec.structs.replace(applied, fingerprints=tuple(sorted(known)))
        brought = {key: now for key in pending.ours if key in live}
        return msgspec.structs.replace(self, pending=None, applied=applied, ours={**brought, **self.ours})

    def delivered(self, taken: frozenset[str]) -> "Record":
        """This record without the alerts that the sink took, by their keys."""
        return msgspec.structs.replace(self, outbox=tuple(alert for alert in self.outbox if alert.key not in taken))


KEPT_VERSIONS = 20
"""How many deployed versions a record remembers for rolling back; the objects themselves never expire."""


def encode(record: Record) -> bytes:
    """The JSON that is kept in S3, deterministic."""
    return formats.encode(record)


def decode(data: bytes) -> Record:
    """The record in ``data``, migrated if an older release wrote it.

    Raises NewerFormat if a newer one did, one of errors.UNDECODABLE if it is none.
    """
    number = formats.number_of(data, newest=FORMAT)
    if number == FORMAT:
        return msgspec.json.decode(data, type=Record)
    # Format 2 knew no folder but that of the id, format 3 no bucket of a version.
    if number == 1:
        from rotation_watcher.targets import record_format_1  # noqa: PLC0415  # once after an update, if ever

        older = record_format_1.migrate(data)
    else:
        older = msgspec.json.decode(data, type=dict[str, Any])
    return msgspec.convert({**older, "format": str(FORMAT)}, Record)
