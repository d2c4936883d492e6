"""Examples of alerts as they are told at some point of their condition's life."""

import msgspec

from rotation_watcher.alerts.model import Alert, Status
from tests.support.alert_examples import DELIVERED


def lived(name: str, status: str) -> Alert:
    """The delivered example: ``event``, ``open``, ``reminder`` or ``resolved``."""
    return msgspec.structs.replace(DELIVERED[name], status=Status(status))
