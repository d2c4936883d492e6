"""Where a script runs: the watcher's use cases and Genesys adapter between a simulated Genesys and targets in memory.

Everything is in one process and without sockets, so that ten thousand rotations take minutes. The targets, the bucket
and the queue are those that ``tests/contract`` holds to the real adapters; the simulator's service answers the real
Genesys adapter through httpx's transport seam. A ``Trap`` lets a function fail, die, or be overtaken at its n-th call.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import httpx

from local.base_environment import CountingMetrics
from local.genesys.clock import VirtualClock
from local.genesys.issuing import Identity, issue, subject
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.service import Service
from local.genesys.world import AUTHORITIES, Region, World
from rotation_watcher import collect as collecting
from rotation_watcher import config, keys
from rotation_watcher import publish as publishing
from rotation_watcher.adapters.genesys import Genesys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import DeliveryError, StoreError, TargetError
from rotation_watcher.kinds import ALB_TRUST_STORE, API_GATEWAY_DOMAIN
from rotation_watcher.targets.requests import decode_request
from tests.soak.acts import AuthorityName, Disturbance, Goal, Source, Trouble
from tests.support.fake_targets import FakeTrustTarget
from tests.support.fakes import InMemoryStore, RecordingQueue

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RETAIN = timedelta(days=10)
CLAIM = timedelta(minutes=6)
REGIONS: dict[Source, str] = {"use1": "us-east-1", "euc1": "eu-central-1"}
ARNS: dict[Goal, str] = {
    "alb": "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/alb/0123456789abcdef",
    "api": "arn:aws:apigateway:us-east-1::/domainnames/api.example.com",
}
OLDEST = timedelta(days=5)
"""How old the oldest answers are that the API repeats; older than the grace they would be alerted again."""
_CLIENT = {"client_id": "soak", "client_secret": "not-a-real-secret"}
_API = "https://simulator.invalid"


class Killed(BaseException):
    """The function died; nothing in it may catch this."""


class Told(NamedTuple):
    """An alert as it was delivered. ``excused``: something went wrong in its run, so it may come again."""

    alert: Alert
    excused: bool


class Trap:
    """Counts the calls of a run, and does something at one of them."""

    def __init__(self) -> None:
        self._left = 0
        self._phase = ""
        self._do: Callable[[str], None] | None = None
        self.sprung = False

    def set(self, call: int, phase: str, do: Callable[[str], None]) -> None:
        """Do it at the n-th call from now, before or after the call itself."""
        self._left, self._phase, self._do, self.sprung = call, phase, do, False

    def clear(self) -> None:
        """Do nothing any more."""
        self._do = None

    def watch(self, component: Any, name: str) -> None:
        """Count this component's calls too."""
        component.before = lambda _operation, _subject: self._step(name, "before")
        component.after = lambda _operation, _subject: self._step(name, "after")

    def _step(self, name: str, phase: str) -> None:
        if self._do is None:
            return
        if phase == "before":
            self._left -= 1
        if self._left == 0 and phase == self._phase:
            do, self._do, self.sprung = self._do, None, True
            do(name)


class Mailbox:
    """``ports.AlertSink`` that keeps what it is given."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.excused = False
        self.before: Callable[[str, str], None] = lambda *_: None
        self.after: Callable[[str, str], None] = lambda *_: None

    def deliver(self, alert: Alert) -> None:
        """See ``ports.AlertSink``."""
        self.before("deliver", alert.id)
        self.told.append(Told(alert, self.excused))
        self.after("deliver", alert.id)


class _Secrets:
    def get(self, arn: str) -> str:
        """See ``ports.Secrets``."""
        del arn
        return json.dumps(_CLIENT)


class SoakEnvironment:
    """The world of a script, and the runs of the functions in it."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.clock = VirtualClock(START)
        self.skew = timedelta(0)
        self.world = World(self.clock, DEFAULT_CACHE, root_key_bits=2048)
        self.sources = tuple(sources)
        self.store, self.queue, self.mailbox, self.trap = InMemoryStore(), RecordingQueue(), Mailbox(), Trap()
        self.transport = GenesysTransport(self.world)
        alb = FakeTrustTarget(ALB_TRUST_STORE, self.store, self.clock)
        api = FakeTrustTarget(API_GATEWAY_DOMAIN, self.store, self.clock)
        self._adapters = {ALB_TRUST_STORE: alb, API_GATEWAY_DOMAIN: api}
        self.held = {"alb": alb.held, "api": api.held}
        self.authorities: dict[Goal, tuple[AuthorityName, ...]] = {"alb": ("Genesys",), "api": ("Genesys", "DigiCert")}
        self.foreign: dict[Goal, set[str]] = {}
        for goal, adapter in (("alb", alb), ("api", api)):
            other = self.other(f"before-{goal}")
            adapter.add(ARNS[goal], other.pem().encode())  # type: ignore[index]  # one of the goals
            self.foreign[goal] = {other.fingerprint}  # type: ignore[index]
        for component, name in (
            (self.store, "store"),
            (self.queue, "queue"),
            (self.mailbox, "sink"),
            (alb, "target"),
            (api, "target"),
        ):
            self.trap.watch(component, name)
        self._genesys = Genesys(self._now, self._client, pause=_pause, jitter=lambda: 0.0)
        self._runs = 0

    # What the functions are given

    @property
    def watch(self) -> config.Watch:
        """The watch file as it is now."""
        return _watch(self.sources, tuple(self.authorities.items()))

    def collect(self) -> collecting.Summary:
        """One run of collect."""
        ports = collecting.Ports(
            store=self.store,
            secrets=_Secrets(),
            genesys=self._genesys,
            sink=self.mailbox,
            queue=self.queue,
            metrics=CountingMetrics(),
            clock=self._now,
        )
        return collecting.collect(self.watch, collecting.Request(), ports)

    def publish(self, *targets: str, **request: Any) -> publishing.Summary:
        """One run of publish, with a name of its own."""
        self._runs += 1
        ports = publishing.Ports(
            store=self.store,
            targets=self._adapters,
            sink=self.mailbox,
            queue=self.queue,
            clock=self._now,
            wait=lambda seconds: self.let_pass(timedelta(seconds=seconds)),
            owner=f"run-{self._runs}",
            claim_for=CLAIM,
        )
        event = request | ({"targets": [*targets]} if targets else {})
        return publishing.publish(self.watch, decode_request(event), ports)

    def take(self) -> list[str]:
        """The targets that the queue asks for now, each once; they are in flight from then on."""
        waiting = list(dict.fromkeys(look.target for look in self.queue.waiting))
        self.queue.sent.clear()
        return waiting

    def let_pass(self, step: timedelta) -> None:
        """Time goes by."""
        self.clock.advance(step)

    def error_at(self, component: str) -> Exception:
        """What a component of that name raises when its call fails."""
        match component:
            case "target":
                return TargetError("the connection was reset")
            case "sink":
                return DeliveryError("the connection was reset")
            case _:
                return StoreError("the connection was reset")

    # What the world is asked for

    def region(self, source: Source) -> Region:
        """The source's region."""
        return self.world.region(REGIONS[source])

    def other(self, name: str) -> Identity:
        """A root of somebody else's, for a target to hold."""
        key = self.world.keys.rsa(f"soak/{name}")
        return issue(None, subject(name, organization="Somebody Else"), key, START, _far(), authority=True)

    def live(self, goal: Goal) -> bytes | None:
        """What a target holds."""
        return self.held[goal][ARNS[goal]].bundle

    def anchors_key(self, source: Source, authority: AuthorityName) -> str:
        """Where the operator keeps the roots."""
        return f"anchors/{REGIONS[source]}.pem" if authority == "Genesys" else keys.DIGICERT_ANCHORS

    def _now(self) -> datetime:
        return self.clock() + self.skew

    def _client(self) -> httpx.Client:
        return httpx.Client(transport=self.transport, trust_env=False, follow_redirects=False)


class GenesysTransport(httpx.BaseTransport):
    """Between the adapter and the simulator: answers, failures, disturbances. ``heard``: the answers, by region."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._service = Service(world, page_size=25, largest_page=100, rate_limit=1_000_000)
        self._service.add_client(
            _CLIENT["client_id"], _CLIENT["client_secret"], ("integrations:actionCertificate:view",), timedelta(days=1)
        )
        self.troubles: dict[str, Trouble] = {}
        self.disturbances: dict[str, tuple[Disturbance, datetime]] = {}
        self.heard: dict[str, list[dict[str, Any]]] = {}
        self._answers: dict[str, list[tuple[datetime, list[dict[str, Any]]]]] = {}
        self._looks: dict[str, int] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the simulator's server does, or otherwise."""
        name, _, path = request.url.path.removeprefix("/").partition("/")
        kind = "token" if path == "oauth/token" else "certificates"
        if kind == "certificates" and name in self.troubles:
            return _trouble(self.troubles[name], request)
        query = dict(parse_qsl(request.url.query.decode()))
        authorization = request.headers.get("Authorization", "")
        body = request.read()
        answer = self._service.answer(kind, name, authorization, query, body)  # type: ignore[arg-type]  # one of the kinds
        if kind == "certificates" and answer.status == httpx.codes.OK:
            answer.body["entities"] = self._tell(name, query["status"], answer.body["entities"])
        return httpx.Response(answer.status, json=answer.body, headers=answer.headers)

    def disturbed(self, region: str) -> bool:
        """Whether its answers are not the plain truth now."""
        shape = self.disturbances.get(region)
        return region in self.troubles or (shape is not None and self._world.clock() < shape[1])

    def _tell(self, region: str, status: str, entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
        now = self._world.clock()
        self._looks[region] = self._looks.get(region, 0) + (status == "Current")
        if status == "Current":
            truth = [(now, self._world.region(region).published())]
            self._answers[region] = [one for one in self._answers.get(region, []) if now - one[0] <= OLDEST] + truth
        shape, until = self.disturbances.get(region, ("empty", now))
        if now < until:
            entities = self._disturb(shape, entities, self._old(region, status), self._looks[region])
        self.heard.setdefault(region, []).extend(entities)
        return entities

    def _old(self, region: str, status: str) -> list[dict[str, Any]]:
        return [entity for entity in self._answers[region][0][1] if entity["status"] == status]

    def _disturb(
        self, shape: Disturbance, now: list[dict[str, Any]], old: list[dict[str, Any]], look: int
    ) -> list[dict[str, Any]]:
        if shape == "doubled":
            return [*now, *now, *old]
        if shape == "old-after-new":
            return old if look % 3 else now
        if look % 2:
            return now
        missing = AUTHORITIES[look // 2 % 2]
        return {
            "alternating": old,
            "empty": [],
            "missing-current": [entity for entity in now if entity["status"] != "Current"],
            "missing-authority": [entity for entity in now if entity["signingAuthority"] != missing],
        }[shape]


@lru_cache(100)
def _watch(
    sources: tuple[Source, ...], authorities: tuple[tuple[Goal, tuple[AuthorityName, ...]], ...]
) -> config.Watch:
    document = {
        "mode": "apply",
        "sources": [
            {
                "id": source,
                "region": REGIONS[source],
                "credentials": "arn:aws:ssm:us-east-1:123456789012:parameter/genesys",
                "authorities": [*AUTHORITIES],
                "api_url": f"{_API}/{REGIONS[source]}",
                "login_url": f"{_API}/{REGIONS[source]}",
            }
            for source in sources
        ],
        "bundles": [{"id": goal, "sources": [*sources], "authorities": [*wanted]} for goal, wanted in authorities],
        "targets": [{"id": goal, "arn": ARNS[goal], "bundle": goal} for goal in ARNS],
        "policy": {"retain_days": RETAIN.days},
    }
    return config.from_document(document, stack_region="us-east-1")


def _trouble(trouble: Trouble, request: httpx.Request) -> httpx.Response:
    match trouble:
        case "refused":
            return httpx.Response(403, json={"message": "missing permission", "code": "missing.permissions"})
        case "unavailable":
            return httpx.Response(503, json={"message": "unavailable"})
        case "throttled":
            return httpx.Response(429, headers={"Retry-After": "86400"})
        case "html":
            return httpx.Response(200, text="<html>Maintenance</html>", headers={"Content-Type": "text/html"})
        case "closed":
            raise httpx.ReadError("the connection was reset", request=request)


def _far() -> datetime:
    return START + timedelta(days=365 * 40)


def _pause(_seconds: float) -> None:
    """Wait no real time."""
