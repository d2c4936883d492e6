"""Times in a record that no run of the watcher writes are void: they would stop a target, or its alerts, for years.

A claim and a not-before lie at most ``claim_for`` ahead of the clock that wrote them, a condition begins behind it.
"""

from datetime import datetime, timedelta

import msgspec

from rotation_watcher.config import Target
from rotation_watcher.targets import conditions
from rotation_watcher.targets.record import Record

replace = msgspec.structs.replace

LEEWAY = timedelta(minutes=1)
"""How far the clocks of two functions may differ."""


def plausible(record: Record, target: Target, claim_for: timedelta, now: datetime) -> Record:
    """The record without what cannot be true, which is told in it; an equal record where all of it can."""
    longest, latest = now + claim_for + LEEWAY, now + LEEWAY
    wrong: list[str] = []
    if record.target != target.id:
        wrong.append("says that it is another target's")
        record = replace(record, target=target.id)  # it is written back to where this says
    if record.claim is not None and record.claim.until > longest:
        wrong.append(f"claims the target until {record.claim.until:%Y-%m-%d}")
        record = replace(record, claim=None)
    if record.not_before is not None and record.not_before > longest:
        wrong.append(f"forbids every change until {record.not_before:%Y-%m-%d}")
        record = replace(record, not_before=None)
    kept = {key: one for key, one in record.conditions.items() if max(one.since, one.alerted or one.since) <= latest}
    if len(kept) < len(record.conditions):
        wrong.append("has conditions that began in the future")
        record = replace(record, conditions=kept)
    return conditions.implausible(record, target, wrong, now) if wrong else record
