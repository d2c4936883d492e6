"""PutEvents as EventBridge takes it: what its documentation refuses, moto takes, and the other way round.

An entry is measured as "Calculating PutEvents event entry size" (user guide) says. An event for a bus that does not
exist is taken and dropped (user guide, "Sending events with PutEvents"), where moto answers with an error.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from moto.events.exceptions import ResourceNotFoundException, ValidationException
from moto.events.responses import EventsHandler

MOST = 256 * 1024


class Event(NamedTuple):
    """An event that a bus took; ``detail`` is decoded."""

    bus: str
    source: str
    detail_type: str
    detail: dict[str, Any]


class Events:
    """The events that buses took, oldest first."""

    def __init__(self) -> None:
        self.taken: list[Event] = []

    def operations(self) -> dict[str, Callable[[EventsHandler], Any]]:
        """Return the operations by moto's names."""
        return {"put_events": self._put}

    def _put(self, response: EventsHandler) -> str:
        entries = response._get_param("Entries")  # noqa: SLF001  # moto's way to a parameter
        if sum(map(_size, entries)) >= MOST:
            raise ValidationException("Total size of the entries in the request is over the limit.")
        answers = [self._one(response, entry) for entry in entries]
        failed = sum("ErrorCode" in one for one in answers)
        return json.dumps({"FailedEntryCount": failed, "Entries": answers})

    def _one(self, response: EventsHandler, entry: dict[str, Any]) -> dict[str, str]:
        bus = str(entry.get("EventBusName") or "default")
        try:
            if not isinstance(json.loads(entry.get("Detail") or "{}"), dict):
                return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
            answer = dict(response.events_backend.put_events([entry])[0])
        except ResourceNotFoundException:
            return {"EventId": "dropped"}
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        if "ErrorCode" not in answer:
            self.taken.append(Event(bus, entry["Source"], entry["DetailType"], json.loads(entry["Detail"])))
        return answer


def _size(entry: dict[str, Any]) -> int:
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *entry.get("Resources", [])]
    return 14 * ("Time" in entry) + sum(len(text.encode()) for text in texts if text)
