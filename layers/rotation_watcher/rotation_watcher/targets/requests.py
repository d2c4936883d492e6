"""What publish can be asked for, and the one decoder of the event that asks for it.

A request is one of six, each with its own fields only, so that no combination needs a rule of its own. People type the
event as JSON; ``decode_request`` says what it means, or refuses it and names the fields and the way out.
"""

from collections.abc import Container, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from rotation_watcher.clocks import Instant
from rotation_watcher.errors import UNDECODABLE, RequestRefused


class Reconcile(msgspec.Struct, frozen=True, kw_only=True):
    """Bring targets to what their bundles want; ``targets`` empty means all."""

    targets: tuple[str, ...] = ()
    dry_run: bool = False


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """Go back to an earlier version; ``to`` None means the one before."""

    target: str
    to: str | None = None
    dry_run: bool = False


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """End the hold of a target, let its held removals pass, and reconcile it.

    ``leave``: fingerprints of what nothing wants any more, and what shall not wait for the end of its grace.
    """

    target: str
    leave: tuple[str, ...] = ()
    dry_run: bool = False


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """Look at every target, and ask the queue for those at which something is to be done."""

    dry_run: bool = False


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has changed something that may be a target, or how it is used; CloudTrail told EventBridge so.

    ``names``: every text in the call's parameters and answer, an ARN or a domain's name among them. ``occasion``: when
    it was, equal for the same event.
    """

    names: frozenset[str]
    occasion: str

    @property
    def ways_in(self) -> frozenset[str]:
        """The ARNs of listeners and distributions among the names."""
        return frozenset(one for one in self.names if one.startswith("arn:") and any(way in one for way in _WAYS_IN))


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the queue. ``receives`` counts how often it was handed over, this time included.

    ``target`` None: the body is not understood, and ``why`` says so. ``until``: see ``ports.PublishRequest``.
    """

    id: str
    receipt: str
    receives: int
    target: str | None = None
    until: datetime | None = None
    why: str = ""

    def passed_over(self, known: Container[str], now: datetime) -> str | None:
        """Why nothing is to be done for it, or None. A message may be older than the watch file, and be anything."""
        if self.target is None:
            return f"the queue's message is not understood: {self.why}"
        if self.target not in known:
            return f"no target {self.target} in the watch file (any more)"
        if self.until is not None and now >= self.until:
            return f"an outdated request for {self.target}: the next one is due"
        return None


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """Reconcile the targets that messages of the queue name."""

    messages: tuple[Message, ...]


type PublishCall = Reconcile | Rollback | Release | Sweep | Changed | Queued

_SINGLE = ("rollback", "release", "sweep")
_FORMS = (
    '{"targets": ["<id>"]}, {"rollback": "<id>"}, {"rollback": "<id>", "to": "<version>"}, {"release": "<id>"},'
    ' {"release": "<id>", "leave": ["<SHA-256>"]},'
    ' {"sweep": true} or {} for every target, each also with "dry_run": true'
)


_CLOUDTRAIL = "AWS API Call via CloudTrail"
"""What EventBridge calls the events that come from CloudTrail (EventBridge user guide)."""
_WAYS_IN = (":listener/", ":distribution/")
"""What stands in the ARN of what verifies clients with a trust store."""


class _Attributes(msgspec.Struct, frozen=True):
    received: int = msgspec.field(default=1, name="ApproximateReceiveCount")


class _Record(msgspec.Struct, frozen=True, rename="camel"):
    """One record of the queue's event, as far as it is read."""

    body: str
    message_id: str = ""
    receipt_handle: str = ""
    attributes: _Attributes = _Attributes()


class _Body(msgspec.Struct, frozen=True):
    """The body of one message of the queue."""

    target: str
    until: Instant | None = None


def decode_request(event: object) -> PublishCall:
    """What an event asks for: messages of the queue (``Records``), or what a person or the schedule typed.

    Raises RequestRefused for unknown fields, wrong types, and fields that exclude each other.
    """
    if not isinstance(event, Mapping):
        raise RequestRefused(f"the event is not understood: it must be a JSON object, such as {_FORMS}")
    if "Records" in event:
        return _decode_messages(event["Records"])
    if event.get("detail-type") == _CLOUDTRAIL:
        return _decode_change(event.get("detail"))
    _refuse_nonsense(event)
    dry_run = bool(event.get("dry_run", False))
    if "rollback" in event:
        to = _text(event, "to") if "to" in event else None
        return Rollback(target=_text(event, "rollback"), to=to, dry_run=dry_run)
    if "release" in event:
        return Release(target=_text(event, "release"), leave=_leave(event.get("leave", [])), dry_run=dry_run)
    if "sweep" in event:
        if event["sweep"] is not True:
            raise RequestRefused(f'"sweep" takes true, not {event["sweep"]!r}')
        return Sweep(dry_run=dry_run)
    return Reconcile(targets=_targets(event.get("targets", [])), dry_run=dry_run)


def _decode_change(detail: object) -> Changed:
    """What an event of CloudTrail names; one that is not as it should be names nothing."""
    detail = detail if isinstance(detail, Mapping) else {}
    said = [detail.get("requestParameters"), detail.get("responseElements")]
    return Changed(
        names=frozenset(_texts(said)),
        occasion=str(detail.get("eventTime", "")),
    )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(one)


def _refuse_nonsense(event: Mapping[Any, Any]) -> None:
    """Raise RequestRefused for unknown fields and for fields that exclude each other."""
    unknown = sorted(str(name) for name in event if name not in {"targets", "dry_run", "to", "leave", *_SINGLE})
    if unknown:
        raise RequestRefused(f"unknown in the event: {', '.join(unknown)}; it takes {_FORMS}")
    if not isinstance(event.get("dry_run", False), bool):
        raise RequestRefused('"dry_run" takes true or false')
    words = [name for name in ("targets", *_SINGLE) if name in event]
    if len(words) > 1:
        raise RequestRefused(f"{' and '.join(words)} exclude each other: make one call for each")
    if "to" in event and "rollback" not in event:
        raise RequestRefused('"to" names the version of a rollback: give "rollback": "<target>" with it')

    if "leave" in event and "release" not in event:
        raise RequestRefused('"leave" names what may leave a target at once: give "release": "<target>" with it')


def _leave(value: object) -> tuple[str, ...]:
    """Fingerprints as they are printed: with capital letters and colons, or without."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise RequestRefused(f'"leave" takes a list of SHA-256 fingerprints, not {value!r}')
    return tuple(dict.fromkeys(one.replace(":", "").strip().lower() for one in value))


def _text(event: Mapping[Any, Any], field: str) -> str:
    value = event[field]
    if not isinstance(value, str) or not value:
        what = "a version of the target's record.json" if field == "to" else "one target's id"
        raise RequestRefused(f'"{field}" takes {what} as text, not {value!r}')
    return value


def _targets(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
        raise RequestRefused(f'"targets" takes a list of target ids, such as ["alb"], not {value!r}')
    return tuple(dict.fromkeys(value))


def _decode_messages(event: object) -> Queued:
    try:
        records = msgspec.convert(event, tuple[_Record, ...], strict=False)
    except msgspec.ValidationError as error:
        raise RequestRefused(f"the queue's event is not understood: {error}") from error
    if not records:
        raise RequestRefused("the queue's event holds no message")
    return Queued(messages=tuple(map(_decode_message, records)))


def _decode_message(record: _Record) -> Message:
    message = Message(id=record.message_id, receipt=record.receipt_handle, receives=record.attributes.received)
    try:
        body = msgspec.json.decode(record.body, type=_Body)
    except UNDECODABLE as error:  # anybody who may send can send anything: one such message stops nothing
        return msgspec.structs.replace(message, why=str(error))
    return msgspec.structs.replace(message, target=body.target, until=body.until)
