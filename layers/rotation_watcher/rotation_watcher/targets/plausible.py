"""Times in a record that no run of the watcher writes are void: they would stop a target, or its alerts, for years.

A claim and a not-before lie at most ``claim_for`` ahead of the clock that wrote them. Conditions that begin in the
future are corrected by their own mechanism (``alerts.conditions``).
"""

from datetime import datetime, timedelta

import msgspec

from rotation_watcher.clocks import SKEW, is_future
from rotation_watcher.config import Target
from rotation_watcher.expressions import Expression
from rotation_watcher.targets import conditions
from rotation_watcher.targets.record import Applied, Pending, Record
from rotation_watcher.targets.stacks import BUCKET

replace = msgspec.structs.replace


_VERSION = Expression(r"[A-Za-z0-9+/=._-]{0,1024}")
"""The version ids of S3; empty where the watcher deployed nothing."""
_ID = Expression(r"([a-z0-9][a-z0-9-]{0,62})?")
_LISTENER = Expression(r"arn:[A-Za-z0-9:/._*-]{1,400}")
"""ARNs of listeners. Former releases kept names of APIs too, which anybody may give: they are dropped silently."""


def _readable(record: Record) -> tuple[Record, bool]:
    """The record without texts that are no versions, buckets or listeners: alerts show them. Whether there were any."""

    def known(one: Applied | Pending) -> bool:
        return _VERSION.fullmatch(one.version) is not None and (not one.bucket or bool(BUCKET.fullmatch(one.bucket)))

    pending = record.pending
    if pending is not None and not (known(pending) and _VERSION.fullmatch(pending.rolled_back_from[0])):
        pending = None
    applied = record.applied
    if applied is not None and not known(applied):
        applied = replace(applied, version="", bucket="")
    versions = tuple(one for one in record.versions if known(one))
    endpoints = tuple(one for one in record.endpoints if _LISTENER.fullmatch(one))
    strange = [one for one in record.endpoints if one not in endpoints and not one.startswith("execute-api of ")]
    after = replace(record, pending=pending, applied=applied, versions=versions, endpoints=endpoints)
    return after, replace(after, endpoints=record.endpoints) != record or bool(strange)


def plausible(record: Record, target: Target, claim_for: timedelta, now: datetime) -> Record:
    """The record without what cannot be true, with an alert about that; an equal record where all of it can."""
    longest = now + claim_for + SKEW
    wrong: list[str] = []
    record = replace(record, target=target.id)  # it may be watched by another id now; the state is its ARN's
    if not _ID.fullmatch(record.former):
        wrong.append("names a folder that no release has written to")
        record = replace(record, former="")
    if record.claim is not None and record.claim.until > longest:
        wrong.append(f"claims the target until {record.claim.until:%Y-%m-%d}")
        record = replace(record, claim=None)
    if record.not_before is not None and record.not_before > longest:
        wrong.append(f"forbids every change until {record.not_before:%Y-%m-%d}")
        record = replace(record, not_before=None)
    if record.rounds is not None and is_future(max(record.rounds.since, record.rounds.proved), now):
        wrong.append("counts rounds of the future")
        record = replace(record, rounds=None)
    record, strange = _readable(record)
    wrong += ["names versions or listeners that nobody else does"] if strange else []
    return conditions.implausible(record, target, wrong, now) if wrong else record
