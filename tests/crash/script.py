"""The rich scenario: what happens in the world, and which runs of which function it leads to.

Two regions, both authorities, an ALB, a REST and an HTTP domain, Slack; a first look, an announced leaf under a new
intermediate, a new root, rotations, a source that fails, a stranger who is quarantined, approved and dismissed, drift,
rolling back and release by hand, what leaves after its grace, and a leaf that is revoked.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from local.environment import BUCKET
from local.genesys.issuing import Identity
from local.genesys.world import Authority
from rotation_watcher import keys
from tests.crash.world import CrashEnvironment, Function, Message
from tests.support import others
from tests.support.events import queue_event

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY, QUARTER, PACE = timedelta(days=1), timedelta(minutes=15), timedelta(seconds=35)
CLAIM_OVER = timedelta(minutes=7)
RETAIN_DAYS = 7


class Runner(Protocol):
    """Who runs a function of the script. ``answered`` is done when it has answered: the queue deletes its messages."""

    def __call__(self, function: Function, event: Any, answered: Callable[[], object]) -> None:
        """Run it."""


class Script:
    """The world's script; every run of a function goes through ``runner``."""

    def __init__(self, environment: CrashEnvironment, runner: Runner, *, small: bool = False) -> None:
        self.environment = environment
        self.small = small
        self.runner = runner
        self.part = ""
        self.quarantined: Identity | None = None
        """A stranger's leaf that the API shows; nobody may let it in until it is approved."""

    def set_up(self) -> None:
        """Make the regions, the targets with a root of somebody else in each, and the watch file.

        The small world has one source and two targets.
        """
        environment = self.environment
        with environment.serving():
            environment.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 92})
            others = environment.world.region("sa-east-1").root_pem()
            environment.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
            if not self.small:
                environment.world.region("eu-central-1", days_left=250)
                environment.add_source("euc1", "eu-central-1", credentials=environment.second_secret)
                environment.add_bundle("digicert", ["use1"], ["DigiCert"])
                environment.add_bundle("carried", ["euc1"])
                environment.add_http_domain("http", "digicert", others)
            environment.add_bundle("genesys", ["use1"] if self.small else ["use1", "euc1"])
            environment.add_trust_store("alb", "genesys", others)
            environment.add_rest_domain("rest", "genesys", others)
            environment.configure(retain_days=RETAIN_DAYS)

    def ways(self) -> Iterator[tuple[str, str, Authority]]:
        """Target, region and authority: whose leaf it is there for."""
        for target in ("alb", "rest"):
            yield target, "us-east-1", "Genesys"
            if not self.small:
                yield target, "eu-central-1", "Genesys"
        if not self.small:
            yield "http", "us-east-1", "DigiCert"

    def parts(self) -> Iterator[Callable[[], None]]:
        """The parts in their order, each to be called once."""
        whole = (
            self.first_look,
            self.announcement,
            self.new_root,
            self.by_hand,
            self.rotations,
            self.failing_source,
            self.quarantine,
            self.approval,
            self.dismissal,
            self.drift,
            self.grace_over,
            self.revocation,
        )
        for part in (self.beginning, self.drift, self.revocation) if self.small else whole:
            self.part = part.__name__.replace("_", " ")
            yield part

    def beginning(self) -> None:
        """The small world's first run: most kinds of calls that change something come in it."""
        self.collect()
        self.drain()
        self.run("publish", {"sweep": True})
        self.tell()

    def revocation(self) -> None:
        """Its CA revokes the leaf that is presented; the CAs' lists are read, and once more when they are due."""
        self.environment.world.lists.revoke(self.environment.world.region("us-east-1").presented("Genesys"))
        self.refresh()
        self.tell()
        self.environment.clock.advance(6 * DAY)
        self.collect()
        self.drain()
        self.refresh()
        self.tell()

    def first_look(self) -> None:
        """Every target is widened; API Gateway takes one domain in 30 seconds, so the schedule has to come again."""
        self.collect()
        self.drain()
        self.schedule(2)
        self.tell()

    def announcement(self) -> None:
        """DigiCert's next leaf is announced, under a new intermediate."""
        region = self.environment.world.region("us-east-1")
        region.schedule_rotation("DigiCert", START + 6 * DAY, intermediate="new")
        self._go_to(3)
        self.look_twice()
        self.tell()

    def new_root(self) -> None:
        """The operator puts a region's next root beside its anchor, before Genesys uses it."""
        region = self.environment.world.region("us-east-1")
        self._go_to(4)
        with self.environment.serving():
            self.environment.put("anchors/us-east-1.pem", region.root_pem() + region.root_pem(ahead=1))
        region.schedule_rotation("Genesys", START + 5 * DAY, root="new")
        self.collect()
        self.schedule(2)
        self.tell()

    def rotations(self) -> None:
        """Both authorities have rotated since."""
        self._go_to(6, hours=1)
        self.look_twice()
        self.schedule()
        self.tell()

    def failing_source(self) -> None:
        """A source refuses the client for a while, and recovers."""
        self._go_to(6, hours=3)
        for _ in range(3):
            self.environment.simulator.play("eu-central-1", "certificates", status=403, times=0)
            self.collect()
            self.environment.clock.advance(QUARTER)
        self.environment.simulator.clear("eu-central-1")
        self.collect()
        self.tell()

    def quarantine(self) -> None:
        """The API shows a leaf under a root that nobody knows."""
        region = self.environment.world.region("eu-central-1")
        self._go_to(7)
        self.quarantined = others.partner(region)
        others.tell_of(region, self.quarantined)
        self.look_twice()
        self.schedule()
        self.tell()

    def approval(self) -> None:
        """A person lets it pass."""
        if self.quarantined is None:
            raise RuntimeError("nobody is quarantined")
        key = f"approvals/{self.quarantined.fingerprint}.json"
        with self.environment.serving():
            self.environment.put(key, others.approval(self.quarantined))
        self.quarantined = None
        self.look_twice()
        self.schedule()
        self.tell()

    def dismissal(self) -> None:
        """The person thinks better of it: the pin goes at once, the root after its grace."""
        for name in [key for key in self._keys() if key.startswith("approvals/")]:
            with self.environment.serving():
                self.environment.s3.delete_object(Bucket=BUCKET, Key=name)
        self.environment.world.region("eu-central-1").extra_entities.clear()
        self.look_twice()
        self.schedule()
        self.tell()

    def drift(self) -> None:
        """Somebody replaces the bundle of the trust store with his own."""
        with self.environment.serving():
            others.load(self.environment, self.environment.world.region("sa-east-1").root_pem())
        self.schedule()
        self.tell()

    def by_hand(self) -> None:
        """A person rolls a target back, and releases it later."""
        record = json.loads(self.environment.read_still(keys.record(self.environment.folder("alb"))))
        self.run("publish", {"rollback": "alb", "to": record["versions"][0]["version"]})
        self.tell()
        self.environment.clock.advance(QUARTER)
        self.schedule()
        self.run("publish", {"release": "alb"})
        self.tell()

    def grace_over(self) -> None:
        """What was rotated out has been retired, and leaves."""
        region = self.environment.world.region("us-east-1")
        with self.environment.serving():
            self.environment.put("anchors/us-east-1.pem", region.root_pem())
        self._go_to(17)
        self.look_twice()
        self.schedule(2)
        self.tell()

    # What the stack does unaided

    def settling(self) -> Iterator[None]:
        """What the stack does in the next half hour whatever has happened: messages come again, claims end, schedules
        come. Halts now and then, so that one can see how far it has come.
        """
        self.drain()
        self.tell()
        yield
        self.environment.clock.advance(CLAIM_OVER)
        if self.small:
            self.run("publish", {})  # a run for every target without the queue between: it costs half
        else:
            self.schedule()
        self.tell()
        yield
        for _ in range(2):
            self.environment.clock.advance(QUARTER)
            self.collect()
            self.drain()
            self.schedule(2)
            self.tell()
            yield

    def collect(self) -> None:
        """The Scheduler wakes collect."""
        self.run("collect", {})

    def refresh(self) -> None:
        """The Scheduler wakes refresh_crls, and the queue wakes publish. The CAs have made their lists before."""
        for url, _ in self.environment.world.authorities():
            self.environment.world.lists.list(url)  # here, for every copy of the world alike
        self.run("refresh_crls", {})
        self.drain()

    def look_twice(self) -> None:
        """Two observations agree, and the queue is worked off after each."""
        for _ in range(2):
            self.collect()
            self.drain()
            self.environment.clock.advance(QUARTER)

    def drain(self) -> None:
        """The queue wakes publish, one message at a time, until it is empty."""
        while messages := self.environment.take(self.environment.queue_url):
            target = json.loads(messages[0].body)["target"]
            self._run_on_messages("publish", queue_event(target), self.environment.queue_url, messages)

    def schedule(self, times: int = 1) -> None:
        """Every target is served. Two domains cannot be updated within half a minute: then it comes ``times``."""
        for _ in range(times):
            self.run("publish", {"sweep": True})
            self.drain()
            self.environment.clock.advance(PACE)

    def tell(self) -> None:
        """The queue behind the topic wakes slack, until it is empty."""
        url = self.environment.letters_url
        while messages := self.environment.take(url, 10):
            letters = [[message.id, message.body] for message in messages]
            self._run_on_messages("slack", letters, url, messages)

    def run(self, function: Function, event: Any) -> None:
        """Run a function that no queue has woken."""
        self.runner(function, event, lambda: None)

    def _run_on_messages(self, function: Function, event: Any, url: str, messages: list[Message]) -> None:
        self.runner(function, event, lambda: self.environment.delete(url, messages))

    def _go_to(self, days: float, hours: float = 0) -> None:
        moment = START + timedelta(days=days, hours=hours)
        if moment > self.environment.clock():
            self.environment.clock.go_to(moment)

    def _keys(self) -> list[str]:
        with self.environment.serving():
            listed = self.environment.s3.list_objects_v2(Bucket=BUCKET)
        return [str(one["Key"]) for one in listed["Contents"]]
