"""Make the next calls of an operation fail the way AWS fails, in the error shape of the service's own protocol."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from xml.sax.saxutils import escape

from local.aws.calls import Call, Recognised


@dataclass(frozen=True)
class Fault:
    """The error that a call shall meet. With ``after`` the call takes effect first, and only its answer is lost.

    ``meanwhile`` is done when the call arrives, such as the killing of its caller.
    """

    code: str
    status: int
    message: str
    after: bool
    meanwhile: Callable[[], object] | None = None


class Faults:
    """Faults in waiting, per operation, first in first out."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, str, Fault]] = []
        self._lock = Lock()

    def add(self, service: str, operation: str, fault: Fault, times: int) -> None:
        """Let the next ``times`` calls of the operation meet the fault."""
        with self._lock:
            self._waiting.extend([(service, operation, fault)] * times)

    def take(self, call: Call) -> Fault | None:
        """Return the fault that this call meets, and use it up."""
        with self._lock:
            for place, (service, operation, fault) in enumerate(self._waiting):
                if (service, operation) == (call.service, call.operation):
                    del self._waiting[place]
                    return fault
        return None

    def pending(self) -> int:
        """Return how many faults no call has met yet."""
        with self._lock:
            return len(self._waiting)

    def clear(self) -> None:
        """Forget all faults in waiting."""
        with self._lock:
            self._waiting.clear()


def answer(fault: Fault, recognised: Recognised) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body of the fault in the protocol of the call's service."""
    protocol = str(recognised.model.service_model.protocol) if recognised.model else "rest-xml"
    body, kind = _body(fault, protocol)
    headers = [("Content-Type", kind), ("x-amzn-RequestId", "00000000-0000-4000-8000-000000000000")]
    if "json" in protocol:
        side = "Sender" if fault.status < 500 else "Receiver"  # noqa: PLR2004  HTTP's border between client and server
        headers += [("x-amzn-ErrorType", fault.code), ("x-amzn-query-error", f"{fault.code};{side}")]
    return fault.status, headers, body


def _body(fault: Fault, protocol: str) -> tuple[bytes, str]:
    if "json" in protocol:
        return json.dumps({"__type": fault.code, "message": fault.message}).encode(), "application/x-amz-json-1.1"
    error = f"<Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message>"
    if protocol == "rest-xml":
        return f"<Error>{error}</Error>".encode(), "application/xml"
    if protocol == "ec2":
        return f"<Response><Errors><Error>{error}</Error></Errors></Response>".encode(), "text/xml"
    return f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>".encode(), "text/xml"
