"""What every environment offers, whatever is behind the ports: a watch file, runs of the functions, and their results.

What Lambda, the Scheduler and the queue would do by themselves is a method here: ``collect``, ``drain`` (the queue
wakes publish), ``publish`` and ``schedule``.
"""

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Protocol

from local.genesys.clock import VirtualClock
from local.genesys.world import World
from rotation_watcher import collect as collecting
from rotation_watcher import keys
from rotation_watcher import publish as publishing
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import Alert
from rotation_watcher.targets.requests import decode_request
from rotation_watcher.x509.certificates import Block, blocks_of

BUCKET = "watcher-bucket"


class CountingMetrics:
    """``ports.Metrics`` that remembers."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}

    def count(self, name: str, value: float = 1) -> None:
        """Add to a count metric."""
        self.counts[name] = self.counts.get(name, 0) + value


class Genesys(Protocol):
    """The simulator, over sockets or in process."""

    def api_url(self, region: str) -> str:
        """What stands in for ``https://api.<host>`` of the region."""

    def login_url(self, region: str) -> str:
        """What stands in for ``https://login.<host>`` of the region."""


class BaseEnvironment(ABC):
    """See the module. ``watch`` is the watch file to write next; ``alerts`` all that have arrived.

    ``mails`` are those of them that came by themselves; the others wait in the log, and a digest tells them.

    A subclass sets ``clock``, ``world``, ``watcher`` and ``secret_arn``.
    """

    clock: VirtualClock
    world: World
    watcher: Any
    """A ``bootstrap.Watcher``, or what has its ``watch()``, ``collect`` and ``publish``."""
    secret_arn: str

    def __init__(self) -> None:
        self.metrics = CountingMetrics()
        self.watch: dict[str, Any] = {"mode": "apply", "sources": [], "bundles": [], "targets": []}
        self.alerts: list[Alert] = []
        self.mails: list[Alert] = []
        self._runs = 0

    # What a subclass has behind the ports

    @abstractmethod
    def put(self, key: str, text: str) -> str:
        """Put an object; its version."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """An object of the bucket."""

    @abstractmethod
    def live_pem(self, target: str) -> bytes | None:
        """The PEM that a target holds now; None where mutual TLS is off."""

    @abstractmethod
    def _genesys(self) -> Genesys:
        """Where Genesys is."""

    @abstractmethod
    def _queued(self) -> Iterator[str]:
        """The bodies of the queue's messages, one at a time, until it is empty."""

    @abstractmethod
    def _arrived(self) -> Iterator[Alert]:
        """The alerts that were delivered since the last call."""

    def _kept_back(self) -> Iterable[Alert]:
        """Those that wait for a digest since then."""
        return ()

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.clock.advance(timedelta(seconds=seconds))

    # What the operator does

    def add_source(self, source: str, region: str, authorities: Iterable[str] = ("Genesys",), **more: Any) -> None:
        """Observe a region of the simulator, and upload its roots as anchors unless ``anchored`` is False."""
        anchored = more.pop("anchored", True)
        self.watch["sources"].append(
            {
                "id": source,
                "region": region,
                "credentials": self.secret_arn,
                "authorities": [*authorities],
                "api_url": self._genesys().api_url(region),
                "login_url": self._genesys().login_url(region),
                **more,
            }
        )
        if anchored:
            self.put(f"anchors/{region}.pem", self.world.region(region).root_pem())
            if "DigiCert" in {*authorities}:
                self.put("anchors/digicert.pem", self.world.region(region).digicert_root_pem())

    def add_bundle(self, bundle: str, sources: Iterable[str], authorities: Iterable[str] = ("Genesys",)) -> None:
        """Combine sources."""
        self.watch["bundles"].append({"id": bundle, "sources": [*sources], "authorities": [*authorities]})

    def configure(self, **policy: Any) -> None:
        """Write the watch file."""
        self.put("watch.json", json.dumps(self.watch | ({"policy": policy} if policy else {})))

    # What the stack does unaided

    def collect(self, *sources: str, dry_run: bool = False) -> collecting.Summary:
        """The Scheduler wakes collect."""
        request = collecting.Request(sources=sources, dry_run=dry_run)
        ports = copy.replace(self.watcher.collect, sink=self.watcher.sink(Fill.COLLECT))  # as the handler: one a run
        return collecting.collect(self.watcher.watch(), request, ports)

    def publish(self, *targets: str, **request: Any) -> publishing.Summary:
        """One call of publish, with a request id of its own."""
        self._runs += 1
        sink = self.watcher.sink(Fill.PUBLISH)
        ports = copy.replace(self.watcher.publish, owner=f"run-{self._runs}", sink=sink)
        event = request | ({"targets": [*targets]} if targets else {})
        return publishing.publish(self.watcher.watch(), decode_request(event), ports)

    def drain(self) -> list[publishing.Summary]:
        """The queue wakes publish, one message at a time, until it is empty."""
        return [self.publish(Records=[{"body": body}]) for body in self._queued()]

    def schedule(self) -> list[publishing.Summary]:
        """The Scheduler's run of publish, which looks at every target, and then what it asks the queue for."""
        return [self.publish(sweep=True), *self.drain()]

    def tick(self, step: timedelta = timedelta(minutes=15), *, schedule: bool = True) -> None:
        """A quarter of an hour (or another step) goes by: collect runs, the queue is worked off, every target seen.

        ``schedule`` False leaves out the run for the targets that the queue has not asked for. Two domains of one
        account cannot be updated within 30 seconds: then the schedule comes again, as it does.
        """
        self.clock.advance(step)
        self.collect()
        self.drain()
        for _ in range(3 if schedule else 0):
            self.clock.advance(timedelta(seconds=35))
            outcomes = [target.outcome for run in self.schedule() for target in run.targets.values()]
            if "put-off" not in outcomes:
                return

    # What people see

    def new_alerts(self) -> list[Alert]:
        """The alerts of which one hears since the last call, in their order; all of them are in ``alerts``."""
        arrived = [*self._arrived()]
        self.mails += arrived
        heard = sorted((*arrived, *self._kept_back()), key=lambda alert: alert.at)
        self.alerts += heard
        return heard

    def live(self, target: str) -> dict[str, Block]:
        """What a target holds now, by fingerprint; empty where mutual TLS is off."""
        return blocks_of(self.live_pem(target))

    def arn(self, target: str) -> str:
        """A target's ARN."""
        return next(str(one["arn"]) for one in self.watch["targets"] if one["id"] == target)

    def folder(self, target: str) -> str:
        """The folder of a target's state, with the slash."""
        return keys.target(self.arn(target))

    def _target(self, target: str, arn: str, bundle: str, more: Mapping[str, Any]) -> str:
        self.watch["targets"].append({"id": target, "arn": arn, "bundle": bundle, **more})
        return arn
