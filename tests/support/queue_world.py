"""Several API Gateway domains, the queue in front of publish, and the schedule that enqueues them, all in memory."""

import itertools
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, override

from rotation_watcher import config, keys, messages
from rotation_watcher import publish as publishing
from rotation_watcher.deadline import Remaining, unhurried
from rotation_watcher.errors import StoreError
from rotation_watcher.kinds import API_GATEWAY_DOMAIN
from rotation_watcher.targets.record import Record, decode
from rotation_watcher.targets.requests import PublishCall, Queued, decode_request
from rotation_watcher.x509.certificates import blocks_of
from tests.support.fake_targets import FakeTrustTarget
from tests.support.fifo import Fifo, Poller
from tests.support.small_world import CLAIM, SmallWorld, issued, root
from tests.support.watch_files import watch_file

PERIOD = timedelta(minutes=5)
SECRET = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys"  # a name, no secret


def arn(name: str) -> str:
    """The domain's ARN."""
    return f"arn:aws:apigateway:us-east-1::/domainnames/{name}.example.com"


class QueueWorld(SmallWorld):
    """``looks`` is when each domain was read; ``poller.failed`` what Lambda's metric Errors counts."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__()
        self.domains = FakeTrustTarget(API_GATEWAY_DOMAIN, self.store, self.clock)
        self.adapters = {API_GATEWAY_DOMAIN: self.domains}
        for name in self.names:
            self.domains.add(arn(name), issued("Other").pem)
        self.looks: dict[str, list[datetime]] = {name: [] for name in self.names}
        self.domains.before = self._note
        self.fifo = Fifo(self.clock)
        self.poller = Poller(self.fifo, self.handle)
        self.passed_over: list[str] = []
        self.remaining: Remaining = unhurried
        """What is left of each run."""
        self.start = self.clock()

    @property
    def watch(self) -> config.Watch:
        """The watch file."""
        source = {"id": "use1", "region": "us-east-1", "credentials": SECRET, "authorities": ["Genesys"]}
        document = {
            "mode": "apply",
            "sources": [source],
            "bundles": [{"id": "main", "sources": ["use1"], "authorities": ["Genesys"]}],
            "targets": [{"id": name, "arn": arn(name), "bundle": "main"} for name in self.names],
        }
        return watch_file(document)

    @override
    def record(self, target: str) -> Record:
        """A target's record. Raises KeyError."""
        return decode(self.store.body(keys.record(keys.target(arn(target)))))

    def call(self, request: PublishCall) -> publishing.Summary:
        """One run of publish; raises as the function does."""
        self.runs += 1
        ports = publishing.Ports(
            store=self.store,
            targets=self.adapters,
            sink=self.sink,
            queue=self.fifo,
            clock=self.clock,
            wait=self.wait,
            owner=f"run-{self.runs}",
            claim_for=CLAIM,
            sweep_every=PERIOD,
            remaining=self.remaining,
            memory=self.memory,
        )
        summary = publishing.publish(self.watch, request, ports)
        self.passed_over += summary.passed_over
        if summary.broken:
            raise StoreError(", ".join(summary.broken))
        return summary

    def handle(self, event: dict[str, Any]) -> Any:
        """What the function does with an event of the queue."""
        request = decode_request(event)
        assert isinstance(request, Queued)
        back = messages.serve(request, self.call, self.fifo, self.clock)
        return {"batchItemFailures": [{"itemIdentifier": name} for name in back]}

    def let_pass(self, time: timedelta, step: timedelta = timedelta(seconds=5)) -> None:
        """Let time pass, with the schedule at every ``PERIOD`` and a poll of the queue at every ``step``."""
        end = self.clock() + time
        while self.clock() < end:
            if (self.clock() - self.start) % PERIOD < step:
                self.sweep()
            self.poller.drain()
            self.clock.advance(step - (self.clock() - self.start) % step)

    def sweep(self) -> None:
        """The Scheduler's run of publish. Lambda counts it where it fails."""
        try:
            self.call(decode_request({"sweep": True}))
        except StoreError:
            self.poller.failed += 1

    def longest_gap(self, name: str) -> timedelta:
        """The longest time for which nobody read the domain."""
        moments = [self.start, *self.looks[name], self.clock()]
        return max(later - earlier for earlier, later in itertools.pairwise(moments))

    def done(self) -> set[str]:
        """The domains that hold what they should."""
        return {name for name in self.names if root("Root 0") in blocks_of(self.domains.held[arn(name)].bundle)}

    def _note(self, operation: str, subject: str) -> None:
        if operation == "read":
            self.looks[subject.rpartition("/")[2].partition(".")[0]].append(self.clock())
