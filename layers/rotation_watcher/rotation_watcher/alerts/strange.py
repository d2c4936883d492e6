"""The condition that an outbox holds alerts which the watcher did not write (``ledger``). Pure."""

from datetime import datetime

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import SourceName, TargetName
from rotation_watcher.alerts.conditions import Observed
from rotation_watcher.alerts.model import Kind


def strange(key: str, subject: SourceName | TargetName | None, place: str, now: datetime) -> Observed:
    """It was found in the object ``place``. ``key`` is the condition's; ``subject`` None: it is about the stack."""
    return Observed(
        key,
        Kind.STATE_FORGED,
        lambda since: builders.alerts_forged(subject=subject, place=place, since=since, now=now),
    )
