"""The smallest world in which publish works: one source with one leaf, a trust store, a domain, all in memory.

The ports are the fakes that ``tests/contract`` holds to the real adapters; nothing here knows Genesys or AWS. Each
call of ``publish`` is a run with a name of its own, as each invocation of the function is.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from rotation_watcher import config, keys
from rotation_watcher import publish as publishing
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import DeliveryError
from rotation_watcher.kinds import ALB_TRUST_STORE, API_GATEWAY_DOMAIN, Kind
from rotation_watcher.ports import FilterTarget
from rotation_watcher.regions import REGIONS
from rotation_watcher.run_store import Memory
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, History, Leaf, Status
from rotation_watcher.targets.record import Record, decode
from rotation_watcher.targets.requests import PublishCall, decode_request
from rotation_watcher.x509.certificates import Certificate, blocks_of
from tests.support import certs
from tests.support.fake_targets import FakeTrustTarget
from tests.support.fakes import InMemoryStore, ManualClock, RecordingQueue

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CLAIM = timedelta(minutes=6)
NAME = REGIONS["us-east-1"].client_name or ""
"""The name that the region's certificates must bear."""
ARNS = {
    "alb": "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/alb/0123456789abcdef",
    "api": "arn:aws:apigateway:us-east-1::/domainnames/api.example.com",
}


@lru_cache
def issued(name: str) -> certs.Issued:
    """A root of that name."""
    return certs.self_signed_ca(name)


@lru_cache
def leaf_of(name: str) -> certs.Issued:
    """A leaf under that root, with the region's name."""
    return certs.issue(issued(name), NAME, not_before=START - timedelta(days=9))


def certificate(one: certs.Issued) -> Certificate:
    """The certificate, as the product reads it."""
    read = blocks_of(one.pem)[one.fingerprint].certificate
    assert read is not None
    return read


def root(name: str) -> str:
    """The fingerprint of that root."""
    return issued(name).fingerprint


def folder(target: str) -> str:
    """The folder of a target's state, with the slash."""
    return keys.target(ARNS[target])


class Sink:
    """``AlertSink`` that keeps what it is given, and refuses while ``closed``."""

    def __init__(self) -> None:
        self.delivered: list[Alert] = []
        self.closed = False
        self.before: Callable[[str, str], None] = lambda *_: None

    def deliver(self, alert: Alert) -> None:
        """See ``AlertSink``."""
        self.before("deliver", alert.id)
        if self.closed:
            raise DeliveryError("the sink is closed")
        self.delivered.append(alert)


class SmallWorld:
    """A world in which the source presents a leaf under ``Root 0`` and each target holds a root of somebody else's."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.store, self.queue, self.sink = InMemoryStore(), RecordingQueue(), Sink()
        self.adapters = {
            kind: FakeTrustTarget(kind, self.store, self.clock) for kind in (ALB_TRUST_STORE, API_GATEWAY_DOMAIN)
        }
        for target, adapter in zip(ARNS, self.adapters.values(), strict=True):
            adapter.add(ARNS[target], issued("Other").pem)
        self.listeners: Mapping[Kind, FilterTarget] = {}
        self.extra: tuple[str, ...] = ()
        self.mode = "apply"
        self.on_drift = "heal"
        self.memory: Memory | None = None
        """What the container of the runs remembers."""
        self.runs = 0
        self.running: list[str] = []
        """The names of the runs under way, the innermost last."""
        self.wait_hook: Callable[[], None] = lambda: None
        self.present("Root 0")

    @property
    def watch(self) -> config.Watch:
        """The watch file as it is now."""
        return _watch(self.mode, self.on_drift, self.extra)

    def present(self, name: str) -> None:
        """The source presents the leaf of that root from now on, and the operator trusts the root."""
        self.present_issued(issued(name), leaf_of(name))

    def present_issued(self, anchor: certs.Issued, leaf: certs.Issued) -> None:
        """The same for any root and any leaf of it."""
        self.present_read(certificate(anchor), certificate(leaf))

    def present_read(self, anchor: Certificate, leaf: Certificate) -> None:
        """The same for certificates as the product reads them."""
        chain = (anchor.fingerprint,)
        known = Leaf(facts=leaf.facts, chain=chain, status=Status.CURRENT, since=START, first_seen=START)
        state = History(
            source="use1",
            region="us-east-1",
            fresh_at=self.clock(),
            authorities={"Genesys": AuthorityHistory(leaves={leaf.fingerprint: known})},
        )
        for one in (leaf, anchor):
            self.store.seed(keys.seen("use1", one.fingerprint), one.pem.encode())
        self.store.seed("anchors/us-east-1.pem", anchor.pem.encode())
        self.store.seed(keys.history("use1"), history.encode(state))

    def widen(self, name: str) -> None:
        """The operator adds a root of that name to the bundle."""
        key = f"extra/{name.lower().replace(' ', '-')}.pem"
        self.store.seed(key, issued(name).pem)
        self.extra = (*self.extra, key)

    def publish(self, **event: Any) -> publishing.Summary:
        """One run of publish, as the event asks."""
        return self.call(decode_request(event))

    def call(self, request: PublishCall) -> publishing.Summary:
        """One run of publish, with a name of its own."""
        self.runs += 1
        ports = publishing.Ports(
            store=self.store,
            targets=self.adapters,
            sink=self.sink,
            queue=self.queue,
            clock=self.clock,
            wait=self.wait,
            owner=f"run-{self.runs}",
            claim_for=CLAIM,
            listeners=self.listeners,
            memory=self.memory,
        )
        self.running.append(ports.owner)
        try:
            return publishing.publish(self.watch, request, ports)
        finally:
            self.running.pop()

    def wait(self, seconds: float) -> None:
        """``ports.Wait``."""
        self.wait_hook()
        self.clock.wait(seconds)

    def adapter(self, target: str) -> FakeTrustTarget:
        """Who speaks to that target."""
        return next(one for one in self.adapters.values() if ARNS[target] in one.held)

    def live(self, target: str) -> set[str]:
        """The fingerprints that a target holds."""
        return {*blocks_of(self.adapter(target).held[ARNS[target]].bundle)}

    def record(self, target: str) -> Record:
        """A target's record. Raises KeyError."""
        return decode(self.store.body(keys.record(folder(target))))

    def writes(self) -> list[tuple[str, str]]:
        """Everything that was written, sent, changed or delivered so far."""
        changed = [("put", key) for key in self.store.writes]
        changed += [("send", one.target) for one in self.queue.sent]
        changed += [("deliver", one.id) for one in self.sink.delivered]
        for adapter in self.adapters.values():
            changed += [call for call in adapter.calls if call[0] == "update"]
        return changed


_SECRET = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys"  # a name, no secret


@lru_cache
def _watch(mode: str, on_drift: str, extra: tuple[str, ...]) -> config.Watch:
    document = {
        "mode": mode,
        "sources": [{"id": "use1", "region": "us-east-1", "credentials": _SECRET, "authorities": ["Genesys"]}],
        "bundles": [
            {"id": name, "sources": ["use1"], "authorities": ["Genesys"], "extra": [*extra]}
            for name in ("main", "carried")
        ],
        "targets": [{"id": target, "arn": arn, "bundle": "main", "on_drift": on_drift} for target, arn in ARNS.items()],
    }
    return config.from_document(document, stack_region="us-east-1")
