"""``python -m tests.soak.month``: thirty days of a fleet on virtual time, with faults; does anything grow?

The functions run as their schedules and the queue wake them, over HTTP, against the embedded AWS and the simulator, in
a process of their own (``container``). Leaves and roots rotate, lists are renewed, services throttle, fail or do not
answer, functions die in the middle, one message kills each of its runs, others change targets. Queues and the bucket's
lifecycle have the template's properties. Each day's end is counted (``month_judge.Day``): objects and versions by
prefix, the largest states, the alert log, queues, the process's memory, and each version that a target may load.
After the last day time goes on until every lifecycle rule has run: what a target may load must still be there.

What is thinner than in a real stack, so that it takes minutes: collect, sweep and report run some times a day
(``--rounds``, and after them each quarter of an hour until nothing is to be done), not 96 and 288 times. What is left
out are looks that find nothing, and the last look of each day shows that these write nothing. Revocation lists are
refreshed once a day, not each hour, and loaded into a twentieth of the targets (``fleet``). Where many messages wait, a
run takes several and not one (``waiting``).
"""

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import msgspec
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec
from moto.sqs import models as moto_queues

from benchmarks.calls import START
from local.base_environment import BUCKET
from local.environment import Environment
from local.genesys.issuing import issue, subject
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher.alerts.model import Status
from rotation_watcher.regions import REGIONS
from tests.soak import fleet, month_judge
from tests.soak.container import Container, Ended
from tests.soak.month_count import DAY, Bucket, limited
from tests.soak.month_judge import Changes, Day, Later
from tests.soak.waiting import HIDDEN, QUEUE, Queue

PLACE = Path(__file__).resolve().parents[2] / "build/soak/month.json"
DISTURBED = timedelta(hours=20)
"""How much of a day is disturbed; the rest is for what is left to do."""
BETWEEN = timedelta(minutes=15)
"""Between two undisturbed looks: every eighth of them writes that its sources are fresh."""
MOST_LOOKS = 16
"""Undisturbed looks until nothing may be left to do: four hours."""
FAULTS = (
    ("s3", "PutObject", "SlowDown", 503),
    ("s3", "GetObject", "InternalError", 500),
    ("elbv2", "ModifyTrustStore", "Throttling", 400),
    ("elbv2", "DescribeTrustStores", "ServiceUnavailable", 503),
    ("apigateway", "UpdateDomainName", "TooManyRequestsException", 429),
    ("cloudfront", "UpdateTrustStore", "ServiceUnavailable", 503),
    ("sns", "Publish", "InternalError", 500),
    ("sqs", "SendMessage", "InternalError", 500),
)
DROP = 0.25
"""How likely a fault of each kind is at each round."""
UPDATES = {"ModifyTrustStore", "UpdateDomainName", "ModifyListener", "UpdateTrustStore"}
LISTS = {"AddTrustStoreRevocations", "RemoveTrustStoreRevocations"}
RECEIVES = {"ReceiveMessage"}
"""What changes the queue alone."""


class Month:
    """The world, and what happens in it each day."""

    def __init__(self, environment: Environment, container: Container, sources: int, targets: int, seed: int) -> None:
        """Furnish it: sources, one bundle of them all, targets that hold somebody else's CA."""
        self.environment, self._container = environment, container
        self._chance = Random(seed)  # noqa: S311  # a script, no secret
        self._regions = [*REGIONS][:sources]
        for number, region in enumerate(self._regions):
            client = REGIONS[region].client_name or f"dataactions.{region}.example"
            environment.world.region(region, client_name=client, days_left=300)
            environment.add_source(f"s{number:02}", region, client_name=client)
        environment.add_bundle(fleet.BUNDLE, [one["id"] for one in environment.watch["sources"]])
        kinds = fleet.furnish(environment, targets, other_root())
        self._stores = [name for name, kind in kinds.items() if kind.startswith("trust store")]
        environment.configure(retain_days=4)
        self._queue = Queue(environment, lambda event, dies: self._run("publish", event, dies=dies))
        self.bucket = Bucket(environment, kinds)
        self.days: list[Day] = []
        self.heard: Counter[tuple[str, str, str]] = Counter()
        self.rotated: dict[str, int] = {}
        """The day of each source's last rotation."""
        self._past = dict.fromkeys(("looks", "rotations", "roots", "faults", "drifts", "renewed", "alerts"), 0)
        """What has happened up to now."""
        self._disturbed = True
        """Whether runs may die."""

    def day(self, rounds: int) -> None:
        """One day, of so many disturbed rounds of all functions."""
        environment, ends, before = self.environment, START + (len(self.days) + 1) * DAY, dict(self._past)
        environment.aws.calls.clear()
        self._plan()
        for number in range(rounds):
            environment.clock.advance(DISTURBED / rounds)
            self._disturb()
            self._look()
            if self._queue.poison:
                self._come_back()
            if number == 0 and len(self.days) % 2:
                self._run("refresh_crls", {})
        environment.aws.faults.clear()
        environment.simulator.clear()
        settled = self._settle()
        environment.clock.go_to(max(environment.clock(), ends))
        self._hear()
        self._past["renewed"] = environment.world.lists.made
        happened = {name: count - before[name] for name, count in self._past.items()}
        operations = Counter(call.operation for call in environment.aws.calls if call.status < HTTPStatus.BAD_REQUEST)
        lists = sum(operations[one] for one in LISTS)
        updates = sum(operations[one] for one in UPDATES) + lists - happened.pop("drifts")
        changes = Changes(updates=updates, lists=lists, **happened)
        memory = self._container.memory()
        day = self.bucket.day(len(self.days) + 1, changes, len(self._regions), self._queue, memory, settled)
        self.days.append(day)
        environment.alerts.clear()
        environment.mails.clear()

    def later(self) -> Later:
        """Let time go on until every lifecycle rule has run."""
        return self.bucket.later()

    def breaches(self) -> list[str]:
        """What a promise does not allow of the days, in words."""
        return month_judge.breaches(self.days, self.heard, self.rotated)

    def _plan(self) -> None:
        """What this day brings: a leaf that rotates, or a root, or one message that kills its runs."""
        environment, today = self.environment, len(self.days) + 1
        if today == 1:
            return  # one before the first look would be no rotation
        number = self._chance.randrange(len(self._regions))
        region = environment.world.region(self._regions[number])
        if today % 7 == 3:
            anchors = region.all_roots_pem() + region.root_pem(ahead=1)
            environment.put(f"anchors/{self._regions[number]}.pem", anchors)
            region.schedule_rotation("Genesys", root="new")
            self._past["roots"] += 1
        elif self._chance.random() < 1 / 3:
            region.schedule_rotation("Genesys")
        else:
            if today % 5 == 2:
                self._queue.poison = self._chance.choice(self._stores)
                self._drift(self._queue.poison)
            return
        self.rotated[f"s{number:02}"] = today
        self._past["rotations"] += 1

    def _disturb(self) -> None:
        """Faults that the next calls meet, and somebody who changes targets: one of them each time."""
        environment, chance = self.environment, self._chance
        for service, operation, code, status in FAULTS:
            if chance.random() < DROP:
                environment.aws.fail_next(service, operation, code, status, after=chance.random() < 1 / 2)
                self._past["faults"] += 1
        if chance.random() < DROP:
            how: dict[str, Any] = chance.choice([{"status": 500}, {"status": 429}, {"close": True}])
            environment.simulator.play(chance.choice(self._regions), "certificates", body="", **how)
            self._past["faults"] += 1
        self._drift(self._stores[0], anew=True)
        if chance.random() < DROP:
            self._drift(chance.choice(self._stores))

    def _drift(self, target: str, *, anew: bool = False) -> None:
        """Somebody replaces what a trust store holds by a CA of their own: that of the beginning, or one made anew."""
        elb, arn, key = self.environment.aws.client("elbv2"), self.environment.arn(target), f"before/{target}.pem"
        with suppress(ClientError):  # a fault that was meant for the watcher
            if anew:
                self.environment.put(key, other_root())
            place = {"CaCertificatesBundleS3Bucket": BUCKET, "CaCertificatesBundleS3Key": key}
            elb.modify_trust_store(TrustStoreArn=arn, **place)
            self._past["drifts"] += 1

    def _look(self, *, sweeps: bool = True) -> None:
        """Each function once, and what the queue asks for."""
        self._past["looks"] += 1
        self._run("collect", {})
        self._queue.drain()
        if sweeps:
            self._run("publish", {"sweep": True})
            self._queue.drain()
        self._run("report", {})

    def _come_back(self) -> None:
        """What a run died with is handed over again, and set aside at last."""
        for _ in range(QUEUE["RedrivePolicy"]["maxReceiveCount"]):
            self.environment.clock.advance(HIDDEN + timedelta(minutes=1))
            self._queue.drain()

    def _settle(self) -> tuple[int, list[str]]:
        """Undisturbed looks until one writes nothing and nothing waits; how many, and what the last one wrote.

        The first and the last of them sweep, and where others write something they go on without: a sweep is most of a
        look, and what is written last is what was told.
        """
        environment, wrote, looks, sweeps = self.environment, [""], 0, True
        self._disturbed, self._queue.poison = False, ""
        if len(self.days) % 2 == 0:
            self._run("refresh_crls", {})
        while looks < MOST_LOOKS:
            environment.clock.advance(BETWEEN)
            begun, looks = len(environment.aws.calls), looks + 1
            self._look(sweeps=sweeps)
            calls = environment.aws.calls.snapshot()[begun:]
            wrote = [
                f"{one.operation} {one.resource}" for one in calls if one.mutating and one.operation not in RECEIVES
            ]
            busy = bool(wrote or self._queue.waiting())
            if sweeps and not busy:
                break
            sweeps = not busy
        else:
            wrote = wrote or ["nothing, but no look that sweeps came to that"]
        self._disturbed = True
        return looks, wrote

    def _run(self, function: str, event: Any, *, dies: bool = False) -> Ended:
        """One run of a function, which may die, or fail as Lambda would see it; ``dies``: it does, at its first write.

        Raises RuntimeError where it fails though nothing is disturbed.
        """
        at = self._chance.randrange(1, 12) if self._chance.random() < DROP else 0
        ended = self._container.run(function, event, dies_at=1 if dies else at * self._disturbed)
        if ended.how == "failed" and not self._disturbed:
            raise RuntimeError(f"{function} failed without a fault: {ended.why}")
        self._past["faults"] += ended.how != "done"
        return ended

    def _hear(self) -> None:
        for alert in self.environment.new_alerts():
            # What lasts is told again under its id, once a day at the most.
            day = f" {len(self.days)}" if alert.status is Status.REMINDER else ""
            self.heard[f"{alert.id} {alert.status}{day}", str(alert.kind), alert.source or ""] += 1
            self._past["alerts"] += 1


def other_root() -> str:
    """A CA of somebody else's, for every target to hold."""
    begin = START - timedelta(days=30)
    return issue(
        None,
        subject("other", organization="Somebody Else"),
        ec.generate_private_key(ec.SECP256R1()),
        begin,
        begin + timedelta(days=3650),
        authority=True,
    ).pem()


@contextmanager
def opened(sources: int, targets: int, seed: int) -> Iterator[Month]:
    """A month that has not begun. The embedded queues are on the virtual clock."""
    quotas = {"max_trust_stores": 2 * targets + 1, "max_ca_certificates": 40, "direct": True}
    environment = Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws=quotas)

    def seconds(factor: float = 1.0) -> float:
        return environment.clock().timestamp() * factor

    with (
        mock.patch.object(moto_queues, "unix_time", seconds),
        mock.patch.object(moto_queues, "unix_time_millis", partial(seconds, 1000.0)),
        environment,
        Container(environment.clock, environment.crl_servers, environment.variables()) as container,
    ):
        month = Month(environment, container, sources, targets, seed)
        gc.freeze()  # what the embedded AWS holds is no garbage, and looking through it is most of a call
        gc.set_threshold(100_000, 20, 100)
        yield month


def main() -> int:
    """Live through the days, print each, and write build/soak/month.json; exit code 1 for a breach."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.month", description=__doc__)
    for name, default in (("days", 30), ("sources", 18), ("targets", 200), ("rounds", 1), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    begun = time.monotonic()
    with opened(options.sources, options.targets, options.seed) as month:
        for _ in range(options.days):
            month.day(options.rounds)
            sys.stdout.write(f"{time.monotonic() - begun:.0f} s {msgspec.json.encode(month.days[-1]).decode()}\n")
            sys.stdout.flush()
        days, breaches = month.days, month.breaches()
        later = month.later()
        breaches += month_judge.left_over(later, limited())
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    found = {"days": days, "later": later, "breaches": breaches}
    PLACE.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    words = "\n".join(breaches) or "no breach"
    sys.stdout.write(f"{msgspec.json.encode(later).decode()}\n{words}; {time.monotonic() - begun:.0f} s\n")
    return int(bool(breaches))


if __name__ == "__main__":
    sys.exit(main())
