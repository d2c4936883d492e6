"""An alert as a message of SNS: e-mail gets the readable text, every other protocol the alert as JSON. Pure."""

import msgspec

from rotation_watcher.alerts import data, mail
from rotation_watcher.alerts.model import Alert

LIMIT = 250_000
"""The most bytes of a message; SNS accepts 262,144 including attributes and subject."""
_MACHINES = ("lambda", "sqs", "http", "https")


def message(alert: Alert) -> str:
    """The per-protocol JSON, at most LIMIT bytes; of what is larger the end of the facts, then of the texts, is cut."""

    def encode(alert: Alert) -> bytes:
        text, machines = mail.text(alert), data.as_json(alert).decode()
        return msgspec.json.encode({"default": text, "email": text, **dict.fromkeys(_MACHINES, machines)})

    return data.cut(alert, encode, LIMIT).decode()
