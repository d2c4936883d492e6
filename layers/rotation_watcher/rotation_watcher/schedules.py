"""Schedules as EventBridge Scheduler writes them: how far apart two runs may be, and whether an alarm allows for it.

Pure. CloudFormation cannot compare a schedule with a number of hours, so the first run does.
"""

from datetime import timedelta

from rotation_watcher.expressions import Expression

_RATE = Expression(r"rate\((?P<value>[1-9][0-9]{0,5}) (?P<unit>minute|hour|day)s?\)")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_CRON = Expression(r"cron\((?P<fields>[^()]+)\)")
_STEPS = Expression(r"(?:\*|(?P<first>\d+)(?:-(?P<last>\d+))?)(?:/(?P<step>[1-9]\d*))?")
_FIELDS = 6
_EVERY_DAY = {"*", "?", "*/1", "1/1"}
_DAY = 24 * 60


def rate(schedule: str) -> timedelta | None:
    """The time between two runs of a ``rate(…)`` expression; None for any other, whose times may not be even."""
    match = _RATE.fullmatch(schedule)
    return int(match["value"]) * _UNITS[match["unit"]] if match else None


def longest_pause(schedule: str) -> timedelta | None:
    """The longest time between two runs; None where it is not understood.

    Of a ``cron(…)`` that leaves out days, two days are said: more than any alarm here allows.
    """
    even, cron = rate(schedule), _CRON.fullmatch(schedule)
    if even is not None or cron is None:
        return even
    fields = cron["fields"].split()
    if len(fields) != _FIELDS:
        return None
    minutes, hours = _values(fields[0], 60), _values(fields[1], 24)
    if not minutes or not hours:
        return None
    if not {*fields[2:]} <= _EVERY_DAY:
        return timedelta(days=2)
    times = sorted(hour * 60 + minute for hour in hours for minute in minutes)
    pauses = [later - earlier for earlier, later in zip(times, [*times[1:], times[0] + _DAY], strict=True)]
    return timedelta(minutes=max(pauses))


def mistake(parameter: str, schedule: str, alarm: timedelta, allowance: str) -> str | None:
    """What is wrong with a schedule whose runs are at least as far apart as an alarm waits; None: nothing.

    ``allowance`` names in words what makes the alarm wait.
    """
    pause = longest_pause(schedule)
    if pause is None or pause < alarm:
        return None
    hours = f"{pause.total_seconds() / 3600:g} hours"
    return f"{parameter}: {schedule} leaves up to {hours} between two runs, but {allowance}: it would always be raised"


def _values(field: str, end: int) -> set[int]:
    """The minutes or hours that a field of cron names; empty where it is not understood."""
    found: set[int] = set()
    for part in field.split(","):
        match = _STEPS.fullmatch(part)
        if match is None:
            return set()
        first = int(match["first"] or 0)
        last = int(match["last"]) if match["last"] else end - 1 if match["step"] or part == "*" else first
        if not 0 <= first <= last < end:
            return set()
        found |= {*range(first, last + 1, int(match["step"] or 1))}
    return found
