"""How many calls of AWS publish makes for a target, counted by the embedded AWS: nothing here is a time.

For each kind of target, one run of the function serves half of ``FLEET`` targets and one run all of them: once where a
root was added to what they share, and as a sweep where everything is as it should be. What grows with the number of
targets is counted for each of them; the rest is shared by the run. A run for one target is counted as well, as a whole.
``tests/integration/test_calls.py`` holds the bars.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from local.aws.calls import Call
from local.aws.other_place import OtherPlace
from local.base_environment import BUCKET
from local.environment import Environment, variables_set
from local.genesys.keys import DEFAULT_CACHE
from tests.support.elsewhere import allow_roles
from tests.support.functions import Context, load

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
FLEET = 20
"""How many targets a run of the larger kind serves."""
AUTHORIZER = "with authorizer"
"""The kinds for which the stack has an authorizer: whether each stage asks it stands in its export alone."""
BARS = {
    ("alb", "changed"): 14.0,
    ("alb", "quiet"): 4.0,
    ("apigateway rest", "quiet"): 4.0,
    ("apigateway http", "quiet"): 4.0,
    (f"apigateway rest {AUTHORIZER}", "quiet"): 5.0,
    ("nlb filters", "quiet"): 4.0,
}
"""The most calls for each target, where one API lies behind a domain and one listener before a trust store."""

_PLACES = (
    (re.compile(r"^elb-presigned/.*"), "download of the bundle"),
    (re.compile(r"^bundles/\.(added|shown)/.*"), r"bundles/.\1/*"),
    (re.compile(r"^alerts/(log|ledger)/.*"), r"alerts/\1/*"),
    (re.compile(r"^(alerts|crls)/[^/]*(.*)"), r"\1/*\2"),
    (re.compile(r"^(sources|bundles|targets)/[^/]+/(.*?)[^/]{64}(.*)"), r"\1/*/\2*\3"),
    (re.compile(r"^(sources|bundles|targets)/[^/]+/(.*)"), r"\1/*/\2"),
)


class Share(NamedTuple):
    """Of one kind of call: how many a run makes whatever it serves, and how many for each target."""

    a_run: float
    a_target: float


class Figures(NamedTuple):
    """The calls of a run, by what they ask for; ``alone``: how many a run for one target makes in all."""

    calls: dict[str, Share]
    alone: int

    @property
    def a_run(self) -> float:
        """What the run's targets share."""
        return sum(one.a_run for one in self.calls.values())

    @property
    def a_target(self) -> float:
        """What each target adds."""
        return sum(one.a_target for one in self.calls.values())


class Fleet:
    """Some targets of one kind on one bundle, in rest, and the function publish as Lambda has it.

    ``accounts``: over how many accounts trust stores are spread; the first is the watcher's own. ``direct``: what is
    asked of AWS in this process needs no socket, which saves time and changes nothing else.
    """

    def __init__(self, targets: int, kind: str, accounts: int = 1, *, direct: bool = False) -> None:
        self.names = _names(targets)
        self._accounts = accounts
        self._kind = kind
        quotas = {"max_trust_stores": targets + 1, "direct": direct}
        self.environment = Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws=quotas)

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            environment = opened.enter_context(self.environment)
            self._furnish(environment)
            if AUTHORIZER not in self._kind:
                opened.enter_context(variables_set({"AUTHORIZER_ARN": ""}))
                environment.watcher = environment.build()
            self._function = load("publish")
            built = environment.watcher
            vars(self._function).update(watcher=built, ports=built.publish)
            self._function.logger.setLevel("ERROR")
            self.rest()
            self._opened = opened.pop_all()
        return self

    def _furnish(self, environment: Environment) -> None:
        environment.world.region("us-east-1", days_left=200)
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("genesys", ["use1"])
        self._elsewhere = self._places(environment)
        self._add(0)

    def _add(self, first: int) -> None:
        """Add those of the names that come from this place on."""
        environment = self.environment
        others = environment.world.region("sa-east-1").root_pem()
        for number, name in enumerate(self.names[first:], first):
            if number % self._accounts:
                place, role = self._elsewhere[number % self._accounts - 1]
                environment.add_trust_store(name, "genesys", others, at=place, role_arn=role)
            else:
                KINDS[self._kind](environment, name, others)
        environment.configure()

    def grow(self, targets: int) -> None:
        """Let it have so many targets, and come to rest again."""
        self.environment.aws.knobs.max_trust_stores = targets + 1
        before, self.names = len(self.names), _names(targets)
        self._add(before)
        self.rest()

    def _places(self, environment: Environment) -> list[tuple[OtherPlace, str]]:
        """The other accounts, each with the role there."""
        accounts = [f"{number:012}" for number in range(222222222222, 222222222221 + self._accounts)]
        roles = [f"arn:aws:iam::{account}:role/genesys-certificate-watcher-targets" for account in accounts]
        if roles:
            allow_roles(environment.aws, BUCKET, roles)
            environment.reach(roles=roles)
        return [(environment.aws.at(account=account), role) for account, role in zip(accounts, roles, strict=True)]

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def rest(self) -> None:
        """Let hours go by, until nothing is left to do and no condition to be judged."""
        self.environment.collect()
        for _ in range(5):
            self.environment.clock.advance(QUARTER)
            self.environment.collect()
            while "put-off" in self.run().values():  # API Gateway: one update in 30 seconds
                self.environment.clock.advance(timedelta(seconds=35))
        self.run(sweep=True)  # a container's first sweep notes that it has begun

    def change_root(self) -> None:
        """The operator trusts a further root for the region."""
        environment = self.environment
        ours, new = environment.world.region("us-east-1"), environment.world.region("eu-central-1")
        environment.put("anchors/us-east-1.pem", ours.root_pem() + new.root_pem())
        environment.clock.advance(timedelta(minutes=1))

    def run(self, *, sweep: bool = False) -> dict[str, str]:
        """One run of the function for all of them, as a sweep or to change what is to be changed; each outcome."""
        event = {"sweep": True} if sweep else {"targets": self.names}
        answer = self._function.handler(event, Context(aws_request_id=f"run-{self.environment.clock():%H%M%S%f}"))
        return {name: str(one["outcome"]) for name, one in answer["targets"].items()}

    def counted(self, outcome: str) -> Counter[str]:
        """The calls of one run, by what they ask for. Raises RuntimeError where a target comes to something else."""
        self.environment.aws.calls.clear()
        outcomes = self.run(sweep=outcome != "updated")
        if {*outcomes.values()} != {outcome}:
            raise RuntimeError(f"expected {outcome}: {outcomes}")
        return Counter(label(call) for call in self.environment.aws.calls)


def _names(targets: int) -> list[str]:
    return [f"t{number:03}" for number in range(targets)]


def label(call: Call) -> str:
    """What a call asks for, without the names of targets, sources and bundles."""
    place = call.resource.removeprefix(f"{BUCKET}/") if call.service == "s3" else ""
    for pattern, short in _PLACES:
        place, found = pattern.subn(short, place, count=1)
        if found:
            break
    return f"{call.service} {call.operation} {place}".rstrip()


def shared(alone: Counter[str], half: Counter[str], whole: Counter[str], fleet: int) -> Figures:
    """What a run makes for all and for each, from the calls of a run for half a fleet and for all of it."""
    found = {}
    for name in sorted({*half, *whole}):
        each = (whole[name] - half[name]) / (fleet - fleet // 2)
        found[name] = Share(whole[name] - each * fleet, each)
    return Figures(found, alone.total())


def _listener(environment: Environment, name: str, pem: str) -> object:
    store = environment.add_trust_store(f"{name}-store", "genesys", pem)
    environment.watch["targets"].pop()  # the listener alone is a target
    return environment.add_listener(name, "genesys", store)


KINDS: dict[str, Callable[[Environment, str, str], object]] = {
    "alb": lambda environment, name, pem: environment.add_trust_store(name, "genesys", pem),
    "apigateway rest": lambda environment, name, pem: environment.add_rest_domain(name, "genesys", pem),
    f"apigateway rest {AUTHORIZER}": lambda environment, name, pem: environment.add_rest_domain(name, "genesys", pem),
    "apigateway http": lambda environment, name, pem: environment.add_http_domain(name, "genesys", pem),
    "nlb filters": _listener,
}
"""How a target of each kind is added. API Gateway takes one update in 30 seconds, and a root changes no filter."""


def measured(kind: str, fleet: int = FLEET) -> dict[str, Figures]:
    """The figures of a kind: ``quiet`` and, for trust stores, ``changed``."""
    found: dict[str, list[Counter[str]]] = {}
    for targets in (1, fleet // 2, fleet):
        with Fleet(targets, kind) as one:
            quiet = "unchanged" if kind != "nlb filters" else "filters-empty"
            found.setdefault("quiet", []).append(one.counted(quiet))
            if kind == "alb":
                one.change_root()
                found.setdefault("changed", []).append(one.counted("updated"))
    return {name: shared(alone, half, whole, fleet) for name, (alone, half, whole) in found.items()}


def main() -> int:
    """Count, print, and write build/bench/calls.json."""
    found = {kind: measured(kind) for kind in sys.argv[1:] or KINDS}
    for kind, figures in found.items():
        for name, one in figures.items():
            bar = BARS.get((kind, name))
            beside = f" (bar {bar:g})" if bar else ""
            print(f"\n{kind}, {name}: {one.a_target:g} a target{beside}, {one.a_run:g} a run; alone {one.alone}")
            for call, share in one.calls.items():
                print(f"  {share.a_target:6.2f} {share.a_run:6.2f}  {call}")
    place = Path(__file__).resolve().parents[1] / "build/bench/calls.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    counted = {kind: {name: one.calls for name, one in figures.items()} for kind, figures in found.items()}
    place.write_bytes(msgspec.json.format(msgspec.json.encode(counted)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
