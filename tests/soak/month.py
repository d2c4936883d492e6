"""``python -m tests.soak.month``: thirty days of a fleet on virtual time, with faults; does anything grow?

The use cases run as their schedules wake them, over HTTP, against the embedded AWS and the simulator: collect, what the
queue asks for, the sweep of all targets, revocation lists and the report each day. Leaves rotate, services throttle,
fail or do not answer, functions die in the middle, others change targets. The bucket has the template's lifecycle
rules. Each day's end is counted: objects and versions by prefix, the largest state, the queue, the watcher's own
objects in memory, calls. Judged at the end: ``breaches``.
"""

import argparse
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import msgspec
from botocore.exceptions import ClientError
from botocore.retries.standard import ExponentialBackoff
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.apart import peak
from benchmarks.calls import START
from local.aws.lifecycle import Lifecycle, Version
from local.base_environment import BUCKET
from local.environment import Environment
from local.genesys.issuing import issue, subject
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher import keys
from rotation_watcher.adapters.genesys import Genesys, make_client
from rotation_watcher.errors import WatcherError
from rotation_watcher.ports import ForwardingStore, ObjectStore, Written
from rotation_watcher.regions import REGIONS
from rotation_watcher.targets.record import decode
from tests.stack.template import RESOURCES

PLACE = Path(__file__).resolve().parents[2] / "build/soak/month.json"
SETTLED = 10
"""The day that the last is held against."""
LARGEST = 64 * 1024
"""Bytes of a state object at the most."""
STATE = ("history.json", "record.json", "state.json", "digests.json", "sweep.json")
MEMORY_GROWTH = 1.25
"""Objects of the watcher's own types on the last day, over those of the settled one."""
VERSIONS_A_DAY = {"sources/": 16, "targets/": 4, "bundles/": 24}
"""New versions a day at the most, for each source (``sources/``), target, or bundle: they end by the rules later."""
FAULTS = (
    ("s3", "PutObject", "SlowDown", 503),
    ("s3", "GetObject", "InternalError", 500),
    ("elbv2", "ModifyTrustStore", "Throttling", 400),
    ("elbv2", "DescribeTrustStores", "ServiceUnavailable", 503),
    ("sns", "Publish", "InternalError", 500),
    ("sqs", "SendMessage", "InternalError", 500),
)
DROP = 0.15
"""How likely a fault of each kind is at each round."""


class Killed(BaseException):
    """The function died; nothing in it may catch this."""


class Dying(ForwardingStore):
    """A store whose n-th write kills the function, before the write."""

    def __init__(self, store: ObjectStore, at: int) -> None:
        super().__init__(store)
        self._left = at

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        self._die()
        return super().put(key, body, content_type=content_type)

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        self._die()
        return super().put_if(key, body, etag=etag, content_type=content_type)

    def _die(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed


class Day(msgspec.Struct, frozen=True):
    """What there is at a day's end.

    ``objects`` and ``versions`` are counted by the key's first folder; ``largest`` is the largest state object in
    bytes; ``held`` how many objects of the watcher's own types live, ``peak_mb`` the most memory that the process held,
    in which the embedded AWS lives too; ``faults``: calls and runs that were disturbed.
    """

    number: int
    objects: dict[str, int]
    versions: dict[str, int]
    largest: int
    queue: int
    held: int
    peak_mb: int
    calls: int
    faults: int
    alerts: int


class Month:
    """The world, and what happens in it each day."""

    def __init__(self, environment: Environment, sources: int, targets: int, seed: int) -> None:
        self.environment, self._chance = environment, Random(seed)  # noqa: S311  # a script, no secret
        self._regions = [*REGIONS][:sources]
        self._targets = [f"t{number:03}" for number in range(targets)]
        self._lifecycle = Lifecycle(
            environment.s3, BUCKET, RESOURCES["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
        )
        self.days: list[Day] = []
        self.heard: Counter[tuple[str, str, str]] = Counter()
        self.rotated: dict[str, int] = {}
        """The day of each source's last rotation."""
        self._rotations = 0
        self._faults = 0

    def furnish(self) -> None:
        """Sources, one bundle of them all, targets that hold somebody else's CA."""
        environment = self.environment
        for number, region in enumerate(self._regions):
            client = REGIONS[region].client_name or f"dataactions.{region}.example"
            environment.world.region(region, client_name=client, days_left=300)
            environment.add_source(f"s{number:02}", region, client_name=client)
        environment.add_bundle("main", [one["id"] for one in environment.watch["sources"]])
        others = other_root()
        for target in self._targets:
            environment.add_trust_store(target, "main", others, max_certificates=100)
        environment.configure()
        self._genesys()

    def day(self, rounds: int) -> None:
        """One day, of so many rounds of all functions."""
        environment, begun = self.environment, len(self.environment.aws.calls)
        faults, heard = self._faults, sum(self.heard.values())
        if self.days and self._chance.random() < 1 / 3:  # one before the first look would be no rotation
            number = self._chance.randrange(len(self._regions))
            environment.world.region(self._regions[number]).schedule_rotation("Genesys")
            self.rotated[f"s{number:02}"] = len(self.days) + 1
            self._rotations += 1
        for _ in range(rounds):
            environment.clock.advance(timedelta(days=1) / rounds)
            self._disturb()
            self._run(environment.collect)
            self._run(self._drain)
            self._run(lambda: environment.publish(sweep=True))
            self._run(self._drain)
        environment.aws.faults.clear()
        environment.simulator.clear()
        self._run(environment.refresh_crls)
        self._run(environment.report)
        self._drain()
        for alert in environment.new_alerts():
            self.heard[f"{alert.id} {alert.status}", str(alert.kind), alert.source or ""] += 1
        self._lifecycle.apply(environment.clock())
        told = sum(self.heard.values()) - heard
        self.days.append(self._counted(len(environment.aws.calls) - begun, self._faults - faults, told))
        environment.aws.calls.clear()
        environment.alerts.clear()
        environment.mails.clear()

    def _disturb(self) -> None:
        """Faults that the next calls meet, and somebody who changes a target."""
        environment, chance = self.environment, self._chance
        for service, operation, code, status in FAULTS:
            if chance.random() < DROP:
                environment.aws.fail_next(service, operation, code, status, after=chance.random() < 1 / 2)
                self._faults += 1
        if chance.random() < DROP:
            how: dict[str, Any] = chance.choice([{"status": 500}, {"status": 429}, {"close": True}])
            environment.simulator.play(chance.choice(self._regions), "certificates", body="", **how)
            self._faults += 1
        if chance.random() < DROP:
            self._drift(chance.choice(self._targets))

    def _drift(self, target: str) -> None:
        """Somebody goes back to what the trust store held in the beginning."""
        elb, arn, key = self.environment.aws.client("elbv2"), self.environment.arn(target), f"before/{target}.pem"
        place = {"CaCertificatesBundleS3Bucket": BUCKET, "CaCertificatesBundleS3Key": key}
        with suppress(ClientError):  # a fault that was meant for the watcher
            elb.modify_trust_store(TrustStoreArn=arn, **place)

    def _run(self, function: Callable[[], object]) -> None:
        """One run of a function, which may die, or fail as Lambda would see it."""
        watcher = self.environment.watcher
        before = watcher.collect, watcher.publish
        if self._chance.random() < DROP:
            at = self._chance.randrange(1, 12)
            watcher.collect = before[0]._replace(store=Dying(before[0].store, at))
            watcher.publish = before[1]._replace(store=Dying(before[1].store, at))
        try:
            function()
        except (Killed, WatcherError):
            self._faults += 1
            self.environment.clock.advance(timedelta(minutes=7))  # a claim of who died ends
        finally:
            watcher.collect, watcher.publish = before

    def _drain(self) -> None:
        """The queue wakes publish for each message; one whose run fails or dies is visible again, as are those behind.

        The queue's own timeout is on the wall's clock.
        """
        sqs, url = self.environment.sqs, self.environment.queue_url
        while waiting := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            while waiting:
                try:
                    self.environment.publish(Records=[{"body": waiting[0]["Body"]}])
                except (Killed, WatcherError):
                    for one in waiting:
                        receipt = one["ReceiptHandle"]
                        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
                    raise
                sqs.delete_message(QueueUrl=url, ReceiptHandle=waiting.pop(0)["ReceiptHandle"])

    def _counted(self, calls: int, faults: int, alerts: int) -> Day:
        now, environment = self.environment.clock(), self.environment
        found = self._lifecycle.look(now)
        current = [one for one in found if one.succeeded is None and not one.marker]
        states = [one.bytes for one in current if one.key.endswith(STATE)]
        attributes = environment.sqs.get_queue_attributes(QueueUrl=environment.queue_url, AttributeNames=["All"])
        gc.collect()
        held = [one for one in gc.get_objects() if str(type(one).__module__).startswith("rotation_watcher")]
        return Day(
            len(self.days) + 1,
            _by_folder(current),
            _by_folder(found),
            max(states),
            int(attributes["Attributes"]["ApproximateNumberOfMessages"]),
            len(held),
            int(peak()),
            calls,
            faults,
            alerts,
        )

    def _genesys(self) -> None:
        """The adapter's pauses are on the virtual clock."""

        async def pause(seconds: float) -> None:
            self.environment.wait(seconds)

        watcher, environment = self.environment.watcher, self.environment
        adapter = Genesys(environment.clock, partial(make_client, environment.simulator.ca_file), pause=pause)
        watcher.collect = watcher.collect._replace(genesys=adapter)

    def breaches(self) -> list[str]:
        """What a promise does not allow, in words."""
        first, last = self.days[min(SETTLED, len(self.days)) - 1], self.days[-1]
        return [*self._grown(first, last), *self._held(first, last), *self._lost_versions(), *self._unheard(last)]

    def _grown(self, first: Day, last: Day) -> Iterator[str]:
        """What there is more of in the bucket than a month accounts for."""
        days = max(1, last.number - first.number)
        many = {"sources/": len(self._regions), "targets/": len(self._targets), "bundles/": 1}
        for folder, most in VERSIONS_A_DAY.items():
            each = (last.versions.get(folder, 0) - first.versions.get(folder, 0)) / days / many[folder]
            if each > most:
                yield f"{folder}: {each:.1f} new versions a day for each, at most {most} are meant"
        allowed = {"targets/": 0, "crls/": 0, "approvals/": 0, "sources/": 2 * self._rotations}
        for folder, most in allowed.items():
            grown = last.objects.get(folder, 0) - first.objects.get(folder, 0)
            if grown > most:
                yield f"{folder}: {grown} more objects than on day {first.number}, at most {most} are meant"

    def _held(self, first: Day, last: Day) -> Iterator[str]:
        """What is too much in memory, in an object, or in the queue."""
        if last.held > first.held * MEMORY_GROWTH:
            yield f"{last.held} objects of the watcher are held, {first.held} on day {first.number}"
        if (largest := max(day.largest for day in self.days)) > LARGEST:
            yield f"a state of {largest} bytes, {LARGEST} are the most"
        for day in self.days:
            if day.queue:
                yield f"{day.queue} messages were left in the queue on day {day.number}"

    def _unheard(self, last: Day) -> Iterator[str]:
        """Alerts that were lost, or came again without a reason."""
        due = {source for source, day in self.rotated.items() if day < last.number - 1}
        if lost := sorted(source for source in due if not self._told(source)):
            yield f"no alert of the rotations of {lost}"
        disturbed = sum(day.faults for day in self.days)
        repeated = sum(count - 1 for count in self.heard.values())
        if repeated > disturbed:
            yield f"{repeated} alerts came again, and {disturbed} calls or runs were disturbed"

    def _told(self, source: str) -> bool:
        return any((kind, of) == ("rotated", source) for _, kind, of in self.heard)

    def _lost_versions(self) -> Iterator[str]:
        """Each target's record names a version that it loads: it must be there, after all that expired."""
        kept = {one.id for one in self._lifecycle.look(self.environment.clock())}
        for target in self._targets:
            record = decode(self.environment.read(keys.record(self.environment.folder(target))))
            if record.applied is not None and record.applied.version not in kept:
                yield f"{target} loads version {record.applied.version}, which has expired"


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


def _by_folder(versions: Iterable[Version]) -> dict[str, int]:
    counted = Counter(f"{one.key.partition('/')[0]}/" for one in versions)
    return dict(sorted(counted.items()))


@contextmanager
def opened(sources: int, targets: int, seed: int) -> Iterator[Month]:
    """A month that has not begun. What the SDK waits between two tries is on the virtual clock."""
    quotas = {"max_trust_stores": targets + 1}
    with Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws=quotas) as environment:
        delay: Any = ExponentialBackoff.delay_amount

        def virtual(backoff: Any, context: Any) -> float:
            environment.wait(delay(backoff, context))
            return 0.0

        with mock.patch.object(ExponentialBackoff, "delay_amount", virtual):  # the SDK's, not ours
            month = Month(environment, sources, targets, seed)
            month.furnish()
            yield month


def main() -> int:
    """Live through the days, print each, and write build/soak/month.json; exit code 1 for a breach."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.month", description=__doc__)
    for name, default in (("days", 30), ("sources", 18), ("targets", 200), ("rounds", 4), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    begun = time.monotonic()
    with opened(options.sources, options.targets, options.seed) as month:
        for _ in range(options.days):
            month.day(options.rounds)
            sys.stdout.write(f"{msgspec.json.encode(month.days[-1]).decode()}\n")
            sys.stdout.flush()
        breaches = month.breaches()
        days = month.days
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    PLACE.write_text(json.dumps({"days": msgspec.to_builtins(days), "breaches": breaches}, indent=1) + "\n")
    words = "\n".join(breaches) or "no breach"
    sys.stdout.write(f"{words}; {time.monotonic() - begun:.0f} s\n")
    return int(bool(breaches))


if __name__ == "__main__":
    sys.exit(main())
