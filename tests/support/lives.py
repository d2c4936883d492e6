"""Examples of alerts as they are told at some point of their condition's life."""

from rotation_watcher.alerts.model import Alert
from tests.support.alert_examples import DELIVERED


class _Lived(Alert, frozen=True, kw_only=True):
    status: str = "event"  # type: ignore[assignment,unused-ignore]


def lived(name: str, status: str) -> Alert:
    """The delivered example: ``event``, ``open``, ``reminder`` or ``resolved``."""
    alert = DELIVERED[name]
    values = {field: getattr(alert, field) for field in alert.__struct_fields__}
    return _Lived(**values | {"status": status})
