"""What a message is called in tests: its kind, and in which part of its condition's life it comes."""

from rotation_watcher.alerts.model import Alert, Status

_BEFORE = {Status.REMINDER: "still: ", Status.RESOLVED: "over: "}


def word(alert: Alert) -> str:
    """``drift-found`` for an event or an opening, ``still: drift-found`` for a reminder, ``over: drift-found``."""
    return f"{_BEFORE.get(alert.status, '')}{alert.kind}"
