"""The few numbers that alarms rest on, out of a status. Pure.

They count what people must hear of even where no alert reaches them, so each is one number over everything: a metric
for each source or target would be billed, and would need an alarm that no template can make. For the same reason each
is written only while something is wrong.
"""

from datetime import datetime, timedelta

import msgspec

from rotation_watcher.status.model import Status, TargetState, TargetStatus

SLOW = timedelta(hours=1)
"""How long a target may be out of step before it counts."""
NEAR_DAYS = 7.0
"""How many days before the end of something that nothing replaces the alarm hears of it."""
MOST_DAYS = 3650.0
"""What is said where nothing that is known ends sooner."""
_OUT = {TargetState.UPDATING, TargetState.BEHIND, TargetState.HELD, TargetState.NEW, TargetState.UNKNOWN}
_DAY = timedelta(days=1)

_HOUR = timedelta(hours=1)

replace = msgspec.structs.replace


def alarming(status: Status, subscribers: int | None) -> dict[str, float]:
    """The metrics of report's alarms, by name, while something is wrong; none where all is well.

    ``subscribers``: the confirmed ones (None: SNS does not say, which is taken for nobody).
    """
    out, days, hours = len(targets_out_of_step(status)), soonest_expiry_days(status), unread_hours(status)
    found: dict[str, float] = {}
    if out:
        found["TargetsOutOfStep"] = out
    if days <= NEAR_DAYS:
        found["SoonestExpiryDays"] = days
    if hours:
        found["OldestSourceHours"] = hours
    if not subscribers:
        found["NobodyListens"] = 1
    return found


def unread_hours(status: Status) -> float:
    """Hours since that source was read which is stale, and was not read for longest; 0: none is.

    collect knows it sooner and to the hour. This tells of it where collect cannot: two watchers, each of the other.
    """
    read = [one.read for one in status.sources if one.stale and not one.problem and one.read is not None]
    return round(max([(status.at - one) / _HOUR for one in read], default=0.0), 2)


def dated(status: Status, last: Status | None) -> Status:
    """The status with ``out_of_step`` of its targets: what ``last``, the status before, says is carried on.

    No record says since when a target lacks something, or that nothing was ever deployed to it.
    """
    before = {one.id: one.out_of_step for one in last.targets} if last else {}
    targets = tuple(replace(one, out_of_step=_since(one, before.get(one.id), status.at)) for one in status.targets)
    return replace(status, targets=targets)


def _since(target: TargetStatus, before: datetime | None, now: datetime) -> datetime | None:
    if not _out_of_step(target):
        return None
    told = (before, target.updating, target.hold.since if target.hold else None, target.drift)
    return min([one for one in told if one is not None and one <= now], default=now)


def _out_of_step(target: TargetStatus) -> bool:
    return target.state in _OUT or (target.state is TargetState.IN_STEP and target.drift is not None)


def targets_out_of_step(status: Status) -> list[str]:
    """The targets that have been out of step for an hour or more, by id. In mode ``observe`` there is none."""
    return [one.id for one in status.targets if one.out_of_step is not None and status.at - one.out_of_step >= SLOW]


def soonest_expiry_days(status: Status) -> float:
    """Days until the first end of a certificate in use that nothing replaces, negative after it.

    A revocation list counts when it is overdue: before, the next one is expected and not there yet.
    """
    ends = [one.next_update for one in status.lists if one.overdue and one.next_update is not None]
    if status.unreplaced is not None:
        ends.append(status.unreplaced.at)
    return round(min([MOST_DAYS, *((one - status.at) / _DAY for one in ends)]), 2)
