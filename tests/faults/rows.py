"""What a fault is, as a row of a table: how it comes and goes, and what people shall hear of it, and when."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from tests.faults.environment import REGION, STEP, FaultyEnvironment, Target

type End = Callable[[], object]
type Injection = Callable[[FaultyEnvironment], End]
"""Starts a fault, and gives what ends it."""

SOURCE, TARGET = "source-failing", "truststore-update-failed"
PLACE_OF_SECRETS = "SECRETS"
"""In the text of a played answer: the client's secret and the token it was given, as a hostile peer echoes them."""


class When(StrEnum):
    """When a fault is alerted (docs/decisions/0009-patience.md; for sources the policy's ``confirmations``)."""

    AT_ONCE = "by the first look that meets it"
    SECOND_LOOK = "by the second look; one alone is silent"
    HALF_AN_HOUR = "when it has lasted for 30 minutes; before, it is silent"
    ALARM = "by no alert, for none can be kept or sent: each run fails, which the stack's alarms count"
    NEVER = "not at all: nothing is wrong"

    @property
    def looks(self) -> int:
        """How many runs show that it is alerted, and only once."""
        return {When.SECOND_LOOK: 3, When.HALF_AN_HOUR: 4}.get(self, 2)

    @property
    def patient(self) -> bool:
        """Whether the first run that meets it sends no alert."""
        return self in {When.SECOND_LOOK, When.HALF_AN_HOUR}


class Row(NamedTuple):
    """A fault. ``reason`` stands in its one alert of ``kind``, ``words`` in what happened.

    ``outcome``: what a run's summary says meanwhile. ``looks``: how many, a ``step`` apart, have to live with it
    (0: as many as show that it is told only once).
    ``person``: what only a person can do when it is over. ``lonely``: no other script may follow in the same world.
    ``loud``: the functions whose runs fail meanwhile. ``proxied``: it takes the proxy. ``besides``: the kind of
    something urgent that lasts until a person mends it, so that there is something to tell at once.
    """

    name: str
    inject: Injection
    when: When
    kind: str = ""
    reason: str = ""
    words: str = ""
    outcome: str = ""
    target: Target = "alb"
    looks: int = 0
    step: timedelta = STEP
    person: Callable[[FaultyEnvironment], object] | None = None
    lonely: bool = False
    loud: frozenset[str] = frozenset()
    proxied: bool = True
    besides: str = ""


def on_the_wire(*rules: dict[str, Any]) -> Injection:
    """Microburst answers instead of the service."""

    def start(faulty: FaultyEnvironment) -> End:
        faulty.burst.inject(*rules)
        return faulty.burst.clear

    return start


def error(service: str, operation: str | None, code: str, status: int, message: str = "", **match: Any) -> Injection:
    """Microburst answers with an error of the service."""
    which = {"service": service} | ({"operation": operation} if operation else {}) | match
    return on_the_wire({**which, "error": {"code": code, "status": status, "message": message or code}})


def knob(**values: Any) -> Injection:
    """The embedded AWS behaves so without being asked."""

    def start(faulty: FaultyEnvironment) -> End:
        knobs = faulty.environment.aws.knobs
        before = {name: getattr(knobs, name) for name in values}

        def turn(to: dict[str, Any]) -> None:
            for name, value in to.items():
                setattr(knobs, name, value)

        def end() -> None:
            turn(before)
            faulty.environment.aws.settle()

        turn(values)
        return end

    return start


def stale_reads(number: int) -> Injection:
    """A trust store shows what it held before its last change, so many times."""

    def start(faulty: FaultyEnvironment) -> End:
        arn = faulty.environment.arn("alb")
        store = faulty.environment.aws._stores.by_arn(arn)
        if store is None:
            raise LookupError(arn)
        store.previous = None  # what came before the last change is long forgotten; the next one counts
        faulty.environment.aws.stale_reads(arn, number)
        return lambda: faulty.environment.aws.stale_reads(arn, 0)

    return start


def cold(injection: Injection) -> Injection:
    """With the fault comes a new container, which remembers neither secrets nor tokens."""

    def start(faulty: FaultyEnvironment) -> End:
        faulty.new_container()
        return injection(faulty)

    return start


def played(kind: Literal["token", "certificates"] = "certificates", body: str | bytes = "", **how: Any) -> Injection:
    """The simulator answers every request of a kind with this (``control.Played``), where no token is known yet."""

    def start(faulty: FaultyEnvironment) -> End:
        simulator = faulty.environment.simulator
        if kind == "token":
            simulator.revoke_tokens()
        secrets = " ".join([simulator.client_secret, *simulator.service._tokens])
        said = body.replace(PLACE_OF_SECRETS, secrets) if isinstance(body, str) else body
        simulator.play(REGION, kind, body=said, times=0, **how)
        return simulator.clear

    return start


def hurried(injection: Injection, budget: float) -> Injection:
    """Reading Genesys may take so many real seconds while the fault lasts, instead of 60."""

    def start(faulty: FaultyEnvironment) -> End:
        faulty.hurry(budget)
        end = injection(faulty)

        def stop() -> None:
            end()
            faulty.hurry(60.0)

        return stop

    return start


def another_name(faulty: FaultyEnvironment) -> End:
    """Genesys' address answers with a certificate of another name, from an authority that is trusted."""
    context = faulty.environment.simulator._server._context

    def swap(connection: Any, *_: object) -> None:
        connection.context = faulty.other_name

    context.sni_callback = swap
    return lambda: setattr(context, "sni_callback", None)


def nothing(faulty: FaultyEnvironment) -> End:
    """No fault: what the others are held against."""
    del faulty
    return lambda: None
