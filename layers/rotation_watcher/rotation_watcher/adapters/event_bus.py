"""Alerts as events on an EventBridge bus, for incident systems: each message of a condition's life is one event.

Facts: PutEvents (EventBridge API reference) takes 1 to 10 entries; Detail is a JSON object as text; source, detail type
and detail are required; an entry that was not taken is counted in FailedEntryCount, with its ErrorCode, and no error is
raised. An entry is held below 256 KB, which every bus takes.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.adapters.aws_errors import NO_ANSWER
from rotation_watcher.alerts.data import as_json, cut
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import DeliveryError, DeliveryTimedOut

SOURCE = "genesys-certificate-watcher"
DETAIL_TYPE = "Genesys Certificate Alert"
LIMIT = 250_000
"""The most bytes of a detail."""


class EventBus:
    """``alerts.outbox.AlertSink`` over one bus. The detail is the alert as data (docs/alerts-as-data.md)."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def deliver(self, alert: Alert) -> None:
        """See ``alerts.outbox.AlertSink``."""
        detail = cut(alert, as_json, LIMIT).decode()
        try:
            answer = self._client.put_events(
                Entries=[
                    {
                        "Time": alert.at,
                        "Source": SOURCE,
                        "DetailType": DETAIL_TYPE,
                        "Detail": detail,
                        "EventBusName": self._name,
                    }
                ]
            )
        except NO_ANSWER as error:
            raise DeliveryTimedOut(f"EventBridge does not answer: {error}") from error
        except (ClientError, BotoCoreError) as error:
            raise DeliveryError(f"EventBridge did not take the alert: {error}") from error
        if answer["FailedEntryCount"]:
            code = next((entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry), "no reason given")
            raise DeliveryError(f"EventBridge did not take the alert: {code}")
