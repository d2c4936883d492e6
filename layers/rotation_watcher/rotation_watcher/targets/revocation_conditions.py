"""What keeps the revocation lists of a trust store from being those in force. Pure."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from functools import partial

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import AT_ONCE, Lasting, Observed, evaluate
from rotation_watcher.alerts.model import Kind
from rotation_watcher.config import RemindDays, Target
from rotation_watcher.errors import TargetBusy, TargetError
from rotation_watcher.targets.conditions import CLEAR
from rotation_watcher.targets.findings import PASSING, target_name
from rotation_watcher.targets.record import Record

PREFIX = "revocations:"
"""What the keys of these conditions begin with."""
UNPROVED = "unproved"
_MAY_PASS = {UNPROVED, TargetBusy.reason, TargetError.reason}


class Trouble(msgspec.Struct, frozen=True):
    """One: a stable code (``errors.TargetError.reason``, ``full``, ``lost``, ``forged``, ``unproved``, ``not-ours``).

    ``folder`` and ``url`` name the list, both empty where it is about all of them; ``words`` are for people.
    ``number`` is the service's id of a file, where it is about that one.
    """

    reason: str
    folder: str
    url: str
    words: str
    number: int | None = None


def noted(
    record: Record, target: Target, troubles: Iterable[Trouble], *, revoked: bool, remind: RemindDays, now: datetime
) -> Record:
    """The record with these conditions. ``revoked``: a list that may be missing revokes one of our certificates."""
    observed = [_observed(one, target, revoked=revoked, now=now) for one in troubles]
    conditions, alerts, _ = evaluate(
        record.conditions,
        observed,
        now,
        resolves=lambda key: CLEAR if key.startswith(PREFIX) else None,
        about=lambda _: target_name(target),
        remind=remind,
    )
    return msgspec.structs.replace(record, conditions=conditions).with_alerts(*alerts)


def _observed(one: Trouble, target: Target, *, revoked: bool, now: datetime) -> Observed:
    key = f"{PREFIX}{one.reason}:{hashlib.sha256(f'{one.folder} {one.number}'.encode()).hexdigest()[:16]}"
    alert = partial(
        builders.revocations_behind,
        target=target_name(target),
        reason=one.reason,
        folder=one.folder,
        number=one.number,
        url=one.url,
        message=one.words,
        revoked=revoked,
        now=now,
    )
    lasting = Lasting(duration=PASSING) if one.reason in _MAY_PASS else AT_ONCE
    return Observed(key, Kind.REVOCATIONS_BEHIND, lambda since: alert(since=since), lasting, one.reason)
