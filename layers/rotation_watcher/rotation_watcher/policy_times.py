"""What the policy says of a moment in its time zone: whether information waits, which weekly digest is due. Pure."""

from datetime import UTC, datetime, timedelta, tzinfo

from rotation_watcher.config import Policy

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SATURDAY = _DAYS.index("saturday")


def local(policy: Policy, now: datetime) -> datetime:
    """The moment in the policy's time zone."""
    return now.astimezone(_zone(policy.time_zone))


def quiet(policy: Policy, now: datetime) -> bool:
    """Whether information waits at this moment."""
    hours = policy.quiet_hours
    if hours is None:
        return False
    here = local(policy, now)
    if hours.weekends and here.weekday() >= _SATURDAY:
        return True
    clock = f"{here:%H:%M}"
    if hours.start <= hours.end:
        return hours.start <= clock < hours.end
    return clock >= hours.start or clock < hours.end


def week_due(policy: Policy, now: datetime) -> str | None:
    """The day (ISO 8601) on which the weekly digest was due last; None where none is wanted."""
    wanted = policy.weekly_digest
    if wanted.day == "never":
        return None
    here = local(policy, now)
    day = here - timedelta(days=(here.weekday() - _DAYS.index(wanted.day)) % 7)
    if day.date() == here.date() and f"{here:%H:%M}" < wanted.at:
        day -= timedelta(days=7)
    return day.date().isoformat()


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # only who writes a time zone pays for it

    return ZoneInfo(name)
