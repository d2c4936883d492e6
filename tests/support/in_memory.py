"""The watcher's use cases and Genesys adapter in one process, without sockets: an environment that takes milliseconds.

Bucket, queue, secrets, sink and targets are the fakes that ``tests/contract`` holds to the real adapters; the
simulator's own service answers the Genesys adapter through httpx's transport seam.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import msgspec

from local.base_environment import BUCKET
from local.environment import SECRET_NAME
from local.genesys.clock import VirtualClock
from local.genesys.world import World
from rotation_watcher import collect as collecting
from rotation_watcher import config
from rotation_watcher import publish as publishing
from rotation_watcher.adapters.caching_store import CachingStore
from rotation_watcher.adapters.genesys import Genesys
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.errors import BundleRejected, ConfigurationError
from rotation_watcher.kinds import ALB_TRUST_STORE, API_GATEWAY_DOMAIN
from rotation_watcher.ports import UNKNOWN, BundleObject, Endpoint
from tests.support import others
from tests.support.environments import AnyEnvironment, Call
from tests.support.fake_targets import FakeTrustTarget, Held
from tests.support.fakes import InMemorySecrets, InMemoryStore, Mailbox, RecordingQueue, Watched
from tests.support.in_process_genesys import InProcessGenesys

REGION = "us-east-1"
CLAIM = timedelta(minutes=6)
_WRITES = {"put": "PutObject", "put_if": "PutObject", "update": "Update", "send": "SendMessage", "deliver": "Publish"}


@dataclass
class InMemoryWatcher:
    """What ``bootstrap.Watcher`` offers."""

    store: InMemoryStore
    collect: collecting.Ports
    publish: publishing.Ports

    def watch(self) -> config.Watch:
        """The watch file as it is now. Raises ConfigurationError."""
        stored = self.store.get("watch.json")
        if stored is None:
            raise ConfigurationError(["watch.json: does not exist"])
        return config.load(stored.body, stack_region=REGION)

    def sink(self, function: Fill) -> AlertSink:
        """Where the alerts of that function go: to the mailbox, which remembers nothing of a run."""
        return (self.collect if function is Fill.COLLECT else self.publish).sink


class InMemoryEnvironment(AnyEnvironment):
    """See the module; the arguments are those of ``local.environment.Environment``."""

    simulator: InProcessGenesys

    def __init__(self, start: datetime, cache: Path, *, world: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.clock = VirtualClock(start)
        self.world = World(self.clock, cache, **(world or {}))
        self.simulator = InProcessGenesys(self.world)
        self.store, self.queue, self.mailbox = InMemoryStore(BUCKET), RecordingQueue(), Mailbox()
        self.secrets = InMemorySecrets()
        self.trust_stores = FakeTrustTarget(ALB_TRUST_STORE, self.store, self.clock)
        self.domains = FakeTrustTarget(API_GATEWAY_DOMAIN, self.store, self.clock, settle=timedelta(0))
        client = {"client_id": self.simulator.client_id, "client_secret": self.simulator.client_secret}
        self.secret_arn = self.put_secret(SECRET_NAME, json.dumps(client))
        self._heard = 0
        self.watcher = self.build()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def build(self) -> InMemoryWatcher:
        """A watcher as a new container would build it."""
        store = CachingStore(self.store)
        collect = collecting.Ports(
            store=store,
            secrets=self.secrets,
            genesys=Genesys(self.clock, self.simulator.client, pause=_pause, jitter=lambda: 0.5),
            sink=self.mailbox,
            queue=self.queue,
            metrics=self.metrics,
            clock=self.clock,
        )
        publish = publishing.Ports(
            store=store,
            targets={ALB_TRUST_STORE: self.trust_stores, API_GATEWAY_DOMAIN: self.domains},
            sink=self.mailbox,
            queue=self.queue,
            clock=self.clock,
            wait=self.wait,
            owner="",
            claim_for=CLAIM,
        )
        return InMemoryWatcher(self.store, collect, publish)

    # What the operator has

    def put(self, key: str, text: str) -> str:
        """See ``BaseEnvironment``."""
        return self.store.seed(key, text.encode())

    def read(self, key: str) -> bytes:
        """See ``BaseEnvironment``. Raises KeyError."""
        return self.store.body(key)

    def delete(self, key: str) -> None:
        """See ``AnyEnvironment``."""
        self.store.remove(key)

    def objects(self) -> list[str]:
        """See ``AnyEnvironment``."""
        return sorted(self.store.versions)

    def put_secret(self, name: str, text: str) -> str:
        """See ``AnyEnvironment``."""
        arn = f"arn:aws:ssm:{REGION}:123456789012:parameter{name}"
        self.secrets.held[arn] = text
        return arn

    def secret(self, arn: str) -> str | None:
        """See ``AnyEnvironment``."""
        return self.secrets.held.get(arn)

    def delete_secret(self, arn: str) -> None:
        """See ``AnyEnvironment``."""
        del self.secrets.held[arn]

    def add_trust_store(self, target: str, bundle: str, pem: str, **more: Any) -> str:
        """See ``AnyEnvironment``."""
        place = f"arn:aws:elasticloadbalancing:{REGION}:123456789012"
        arn = f"{place}:truststore/{target}/0123456789abcdef"
        listener = f"{place}:listener/app/{target}/0123456789abcdef/0123456789abcdef"
        self.trust_stores.add(arn, pem.encode(), Endpoint(listener, True, "It verifies clients."))
        return self._target(target, arn, bundle, more)

    def add_rest_domain(self, target: str, bundle: str, pem: str, **more: Any) -> str:
        """See ``AnyEnvironment``."""
        arn = f"arn:aws:apigateway:{REGION}::/domainnames/{target}.example.com"
        self.domains.add(arn, pem.encode(), Endpoint(f"{target}-api", True, "Its default endpoint is closed."))
        held = self.domains.held[arn]
        key = f"before/{target}.pem"
        held.location, held.version = f"s3://{BUCKET}/{key}", self.put(key, pem)
        return self._target(target, arn, bundle, more)

    add_http_domain = add_rest_domain

    # What can be seen

    def live_pem(self, target: str) -> bytes | None:
        """See ``BaseEnvironment``."""
        return self._held(target).bundle

    def location(self, target: str) -> str | None:
        """See ``AnyEnvironment``."""
        location = self._held(target).location
        return None if location is UNKNOWN else location

    def warnings(self, target: str) -> list[str]:
        """See ``AnyEnvironment``."""
        return [*self._held(target).warnings]

    def calls(self) -> list[Call]:
        """See ``AnyEnvironment``. Grouped by port."""
        return [
            Call(_WRITES.get(name, name), f"{BUCKET}/{subject}" if port is self.store else subject, name in _WRITES)
            for port in self._ports()
            for name, subject in port.calls
        ]

    def forget_calls(self) -> None:
        """See ``AnyEnvironment``."""
        for port in self._ports():
            port.calls.clear()

    # What goes wrong, and what others do

    def reject_updates(self, target: str, times: int) -> None:
        """See ``AnyEnvironment``."""
        left, arn = [times], self.arn(target)

        def refuse(operation: str, subject: str) -> None:
            if operation == "update" and subject == arn and left[0]:
                left[0] -= 1
                raise BundleRejected(f"cannot change {arn}: this fault was ordered by a test")

        self._adapter(target).before = refuse

    def stale_reads(self, target: str, reads: int) -> None:
        """See ``AnyEnvironment``."""
        self._held(target).stale_reads = reads

    def settle_after(self, delay: timedelta) -> None:
        """See ``AnyEnvironment``."""
        self.domains.settle = delay

    def warn_of_updates(self, warning: str) -> None:
        """See ``AnyEnvironment``."""
        self.domains.warnings = (warning,)

    def load_elsewhere(self, target: str, pem: str) -> None:
        """See ``AnyEnvironment``."""
        version = self.put(others.ELSEWHERE, pem)
        bundle = BundleObject(BUCKET, others.ELSEWHERE, version, REGION)
        self._adapter(target).update(self.arn(target), bundle, expected=None)
        self._held(target).settles_at = None

    def turn_off(self, target: str) -> None:
        """See ``AnyEnvironment``."""
        self.domains.turn_off(self.arn(target))

    def pass_through(self, target: str) -> None:
        """See ``AnyEnvironment``."""
        self._open(target, "It is in passthrough mode.")

    def open_endpoint(self, target: str) -> None:
        """See ``AnyEnvironment``."""
        self._open(target, "Its default endpoint is open.")

    def remove_target(self, target: str) -> None:
        """See ``AnyEnvironment``."""
        del self._adapter(target).held[self.arn(target)]

    def _open(self, target: str, detail: str) -> None:
        ways = self._held(target).endpoints
        ways[:] = [msgspec.structs.replace(way, verifies=False, detail=detail) for way in ways]

    def _adapter(self, target: str) -> FakeTrustTarget:
        return self.trust_stores if ":truststore/" in self.arn(target) else self.domains

    def _held(self, target: str) -> Held:
        return self._adapter(target).held[self.arn(target)]

    def _ports(self) -> tuple[Watched, ...]:
        return self.store, self.trust_stores, self.domains, self.queue, self.mailbox

    def _genesys(self) -> InProcessGenesys:
        return self.simulator

    def _queued(self) -> Iterator[str]:
        while waiting := self.queue.waiting:
            self.queue.sent.clear()
            yield from (json.dumps({"target": request.target}) for request in waiting)

    def _arrived(self) -> Iterator[Alert]:
        arrived, self._heard = self.mailbox.delivered[self._heard :], len(self.mailbox.delivered)
        return iter(arrived)


def _pause(_seconds: float) -> None:
    """Wait no real time."""
