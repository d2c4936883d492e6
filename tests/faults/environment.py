"""A source, a bundle and one target, with faults between them and the watcher; and all that can be said of it.

Only virtual time passes: the SDK's waiting between two tries and the pauses of the Genesys adapter advance the
environment's clock instead of the wall's.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unittest import mock

import msgspec
from botocore.retries.standard import ExponentialBackoff

from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.tls import server_context
from local.patience import seconds
from rotation_watcher import keys
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.genesys import Genesys, make_client
from rotation_watcher.alerts.model import Alert, Status
from rotation_watcher.errors import StoreError
from rotation_watcher.publish import Summary
from rotation_watcher.sources import history
from rotation_watcher.targets.record import Claim, Record, decode
from tests.faults.burst import Burst
from tests.secrets.canaries import Scan
from tests.support import pki
from tests.support.verdicts import admits
from tests.support.words import word

type Target = Literal["alb", "rest", "http"]

REGION, OTHERS = "us-east-1", "sa-east-1"
STEP = timedelta(minutes=16)
"""From one run to the next: the schedule's quarter of an hour, and some, so that three runs span over 30 minutes."""


class Look(NamedTuple):
    """One round of all functions: what became of source and target, and which of them Lambda counts as failed."""

    outcomes: tuple[str, ...]
    loud: frozenset[str]


class FaultyEnvironment:
    """See the module; ``open_faulty`` makes one. The target holds a CA of somebody else from the start.

    ``alerts`` has all that arrived since the script began, also what came twice; ``cas`` and ``leaves`` name what an
    operator has asked for and what Genesys has presented so far. ``spent``: no further script may begin here.
    """

    def __init__(self, environment: Environment, burst: Burst, target: Target, folder: Path) -> None:
        self.environment, self.burst, self.target = environment, burst, target
        self.alerts: list[Alert] = []
        self.cas: list[str] = []
        self.leaves: list[str] = []
        self.spent = self.proxied = False
        self.region = environment.world.region(REGION, days_left=200)
        others = environment.world.region(OTHERS)
        self._names = {self.region.issuer("Genesys").signer.fingerprint: "root"}
        self._names[others.issuer("Genesys").signer.fingerprint] = "others"
        add = {
            "alb": environment.add_trust_store,
            "rest": environment.add_rest_domain,
            "http": environment.add_http_domain,
        }[target]
        environment.add_source("use1", REGION)
        environment.add_bundle("main", ["use1"])
        add(target, "main", others.root_pem())
        environment.configure()
        self.other_name, other_ca = server_context(folder, ["api.mypurecloud.com"])
        self._ca_file = folder / "both.pem"  # with another name, nothing but the name shall be wrong
        self._ca_file.write_text(environment.simulator.ca_file.read_text() + other_ca.read_text())
        self.new_container()

    def route(self, *, proxied: bool) -> None:
        """Let the watcher speak to AWS through the proxy, or without it, which is quicker."""
        if proxied != self.proxied:
            self.proxied = proxied
            self.new_container()

    def new_container(self) -> None:
        """Forget what a warm one remembers."""
        url = self.burst.url if self.proxied else self.environment.aws.url
        at_once = mock.patch.object(clients, "deferred", clients.make)  # a client keeps the endpoint it was made with
        with at_once, mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL": url}):
            self.environment.watcher = self.environment.build()
            ports = (
                self.environment.watcher.collect
            )  # this makes the clients, and so does each target that is looked up
            _ = [*self.environment.watcher.publish.targets.values()]
            for name in ("_ssm", "_secrets"):
                getattr(ports.secrets, name)
        self.hurry(60.0)

    def hurry(self, budget: float) -> None:
        """Give an observation of Genesys so many seconds; those of a quiet machine."""
        api = Genesys(
            self.environment.clock,
            partial(make_client, self._ca_file),
            pause=self._pause,
            jitter=lambda: 0.5,
            budget=seconds(budget),
        )
        self.environment.watcher.collect = msgspec.structs.replace(self.environment.watcher.collect, genesys=api)

    def _pause(self, seconds: float) -> None:
        self.environment.wait(seconds)

    # What happens

    def change(self, *, rotate: bool = False) -> None:
        """An operator asks for one more CA; with ``rotate`` Genesys' leaf is replaced in a minute as well."""
        name = f"CA-{len(self.cas) + 1}"
        pair = pki.root(name)
        self._names[pair.read.fingerprint] = name
        self.cas.append(name)
        self.environment.put(f"extra/{name}.pem", pair.pem)
        self._configure()
        if rotate:
            self.region.schedule_rotation("Genesys", self.environment.clock() + timedelta(minutes=1))

    def damage(self) -> None:
        """An operator's file turns out to hold nothing: that is told at once."""
        self.environment.put("extra/damaged.pem", "no certificate at all")
        self._configure("damaged")

    def repair(self) -> None:
        """He asks for that file no more."""
        self._configure()

    def _configure(self, *more: str) -> None:
        self.environment.watch["bundles"][0]["extra"] = [f"extra/{one}.pem" for one in (*self.cas, *more)]
        self.environment.configure()

    def look(self, step: timedelta = STEP) -> Look:
        """A while goes by; then collect, the queue and the schedule run once each, as in Lambda."""
        self.environment.clock.advance(step)
        outcomes: list[str] = []
        loud: set[str] = set()
        for name, run in (("collect", self._collect), ("publish", self._drain), ("publish", self._schedule)):
            try:
                failed = run(outcomes)
            except StoreError:
                failed = True
            loud |= {name} if failed else set()
        self.alerts += self.environment.new_alerts()
        presented = self.region.presented("Genesys").fingerprint
        if presented not in self._names:
            self.leaves.append(self._names.setdefault(presented, f"leaf {len(self.leaves) + 1}"))
        return Look(tuple(outcomes), frozenset(loud))

    # Each of these answers whether functions/*/app.py raise for what was summed up.

    def _collect(self, outcomes: list[str]) -> bool:
        summary = self.environment.collect()
        source = summary.sources["use1"]
        outcomes.append(source.reason or source.outcome)
        return bool(summary.broken or source.undelivered)

    def _drain(self, outcomes: list[str]) -> bool:
        return self._told(self.environment.drain(), outcomes)

    @staticmethod
    def _told(summaries: list[Summary], outcomes: list[str]) -> bool:
        targets = [target for summary in summaries for target in summary.targets.values()]
        outcomes += [target.outcome for target in targets]
        return any(summary.broken for summary in summaries) or any(target.undelivered for target in targets)

    def _schedule(self, outcomes: list[str]) -> bool:
        return self._told([self.environment.publish(sweep=True), *self.environment.drain()], outcomes)

    # What can be said of it

    def harmed(self) -> str:
        """Empty while OpenSSL lets in what Genesys presents, and nobody's certificate is gone; else what is wrong."""
        held = self.environment.live_pem(self.target) or b""
        if not admits(held, self.region.presented("Genesys"), self.environment.clock()):
            return f"the presented leaf is refused at {self.environment.clock()}"
        missing = {"others", "root"} - self.holds()
        return f"missing: {missing}" if missing else ""

    def holds(self) -> set[str]:
        """The names of what the target holds."""
        return {self._name(fingerprint) for fingerprint in self.environment.live(self.target)}

    def told(self) -> Counter[tuple[str, str]]:
        """Distinct alerts by kind and reason."""
        distinct = {alert.key: alert for alert in self.alerts}
        return Counter(
            (word(alert), alert.facts.get("reason", ""))
            for alert in distinct.values()
            if alert.status is not Status.REMINDER
        )

    def leaks(self) -> list[str]:
        """Secrets in alerts."""
        service, variables = self.environment.simulator.service, self.environment.aws.environment()
        scan = Scan({f"token {place}": token for place, token in enumerate(service._tokens)}, {"X-Amz-", "PRIVATE KEY"})
        scan.secrets["client secret"] = self.environment.simulator.client_secret
        scan.secrets["AWS secret key"] = variables["AWS_SECRET_ACCESS_KEY"]
        return scan.leaks({alert.id: json.dumps(msgspec.to_builtins(alert)) for alert in self.alerts})

    def claim(self) -> Claim | None:
        """Who holds the target, by its record."""
        return self._record().claim

    def state(self) -> dict[str, Any]:
        """All that the watcher knows, moments and versions aside; the certificates by name."""
        record = self._record()
        known = history.decode(self.environment.read(keys.history("use1")))
        leaves = known.authorities["Genesys"].leaves
        return {
            "holds": sorted(self.holds()),
            "applied": sorted(map(self._name, record.applied.fingerprints)) if record.applied else None,
            "ours": sorted(map(self._name, record.ours)),
            "open": (record.claim, record.pending, record.hold, record.not_before),
            "conditions": {**record.conditions, **known.conditions},
            "outbox": [*record.outbox, *known.outbox],
            "leaves": {self._name(fingerprint): leaf.status.value for fingerprint, leaf in leaves.items()},
        }

    def _record(self) -> Record:
        return decode(self.environment.read(keys.record(self.environment.folder(self.target))))

    def _name(self, fingerprint: str) -> str:
        return self._names.get(fingerprint, fingerprint)


@contextmanager
def open_faulty(start: datetime, target: Target, folder: Path) -> Iterator[FaultyEnvironment]:
    """A faulty environment in which nothing has been read yet. The test's own calls never go through the proxy."""
    # Of an HTTP API's domain v1 knows nothing here, so that v2 is asked.
    aws = {"http_domains_visible_in_v1": target != "http"}
    with (
        Environment(start, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws=aws) as environment,
        Burst(environment.aws.url) as burst,
    ):
        delay: Callable[[Any, Any], float] = ExponentialBackoff.delay_amount

        def virtual(backoff: Any, context: Any) -> float:
            environment.wait(delay(backoff, context))
            return 0.0

        with mock.patch.object(ExponentialBackoff, "delay_amount", virtual):  # the SDK's, not ours
            yield FaultyEnvironment(environment, burst, target, folder)
