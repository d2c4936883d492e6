"""The use case ``authorize``: API Gateway asks whether a client certificate is let in.

Contract. It answers every event, and never raises: an authorizer that fails is a 500 for everybody, and one that is
kept waiting is one too. Whoever is not recognised is refused, with a stable reason in the log and in the context that
API Gateway hands on. A leaf that looks like the region's next one has collect look at that source at once.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rotation_watcher.identity.door import Door
from rotation_watcher.identity.events import Answer, answer, asked, context
from rotation_watcher.identity.waking import Waker

_NO_POLICY = {"policy-unreadable", "policy-too-old"}
"""Reasons that speak of this door and not of who stands before it: an alarm counts them."""


class Ports(NamedTuple):
    """What authorize works over. ``log`` writes one entry; ``form`` is how payload 2.0 is answered.

    ``region``: the Genesys Cloud region whose leaves alone are let in; None: those of the whole bundle.
    """

    door: Door
    waker: Waker
    log: Callable[[Mapping[str, Any]], None]
    form: Answer = "simple"
    region: str | None = None


def authorize(event: object, ports: Ports) -> dict[str, Any]:
    """The answer to an event of a REST API (REQUEST) or an HTTP API (payload 1.0 or 2.0)."""
    question = asked(event)
    decision, failures = ports.door.decide(question.leaf, region=ports.region)
    entry: dict[str, Any] = {"level": _level(decision.reason, allowed=decision.allowed), "message": "authorized"}
    entry |= {"allowed": decision.allowed, **context(decision)}
    if decision.wake:
        ports.door.hurry()
        entry["look"] = ports.waker.wake(decision.wake).value
    if failures:
        entry["refresh"] = failures[:5]
    ports.log(entry)
    return answer(question, decision, ports.form)


def _level(reason: str, *, allowed: bool) -> str:
    if reason in _NO_POLICY:
        return "ERROR"
    return "INFO" if allowed else "WARNING"
