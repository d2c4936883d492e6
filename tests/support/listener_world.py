"""The small world with a listener beside its trust store: what publish does to identity filters, all in memory.

Two sources whose leaves have different names: one is always in the bundle, the other comes and goes.
"""

from datetime import timedelta
from functools import lru_cache
from typing import Any, override

from rotation_watcher import config, keys
from rotation_watcher.kinds import NLB_LISTENER
from rotation_watcher.ports import Filter
from rotation_watcher.regions import REGIONS
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, History, Leaf, Status
from rotation_watcher.targets.record import Record, decode
from rotation_watcher.targets.summary import TargetSummary
from tests.support import certs
from tests.support.fake_listeners import FakeListeners
from tests.support.small_world import NAME, START, SmallWorld, certificate, issued
from tests.support.watch_files import watch_file
from tests.support.words import word

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/net/door/0123456789abcdef/fedcba9876543210"
SECOND = "second.example.com"
OTHERS = Filter("subject-ou", "prefix", "Partner")
"""A filter of somebody else's."""
_SECRET = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys"  # a name, no secret


def ours(name: str = NAME) -> Filter:
    """The filter for a leaf of that name."""
    return Filter("san-dns", "exact", name)


@lru_cache
def leaf_named(name: str) -> certs.Issued:
    """A leaf of that name, under a root of its own."""
    return certs.issue(issued(f"Root of {name}"), name, not_before=START - timedelta(days=9))


class ListenerWorld(SmallWorld):
    """A world whose one target is a listener with a filter of somebody else's."""

    def __init__(self, *filters: Filter, **target: Any) -> None:
        super().__init__()
        self.doors = FakeListeners()
        self.listeners = {NLB_LISTENER: self.doors}
        self.doors.add(ARN, *filters)
        self.target = target
        self.sources: tuple[str, ...] = ("use1",)
        self.second_name = SECOND
        self.second_region = "us-west-2"
        """Of a region whose name nobody knows the watch file gives none: its first leaf is believed."""
        self.second(SECOND)

    @property
    @override
    def watch(self) -> config.Watch:
        source = {"region": "us-east-1", "credentials": _SECRET, "authorities": ["Genesys"]}
        named = {"client_name": self.second_name} if REGIONS[self.second_region].client_name else {}
        document = {
            "mode": self.mode,
            "sources": [
                {"id": "use1", **source},
                {"id": "second", **source, "region": self.second_region, **named},
            ],
            "bundles": [{"id": "main", "sources": [*self.sources], "authorities": ["Genesys"]}],
            "targets": [{"id": "door", "arn": ARN, "bundle": "main", "on_drift": self.on_drift, **self.target}],
        }
        return watch_file(document)

    def second(self, name: str, *, fresh: bool = True, status: Status = Status.CURRENT) -> None:
        """The second source presents a leaf of that name, which was looked at just now or never again."""
        one = leaf_named(name)
        anchor = issued(f"Root of {name}")
        leaf = certificate(one)
        known = Leaf(facts=leaf.facts, chain=(anchor.fingerprint,), status=status, since=START, first_seen=START)
        state = History(
            source="second",
            region=self.second_region,
            fresh_at=self.clock() if fresh else START - timedelta(days=3),
            authorities={"Genesys": AuthorityHistory(leaves={leaf.fingerprint: known})},
        )
        for pem, fingerprint in ((one.pem, one.fingerprint), (anchor.pem, anchor.fingerprint)):
            self.store.seed(keys.seen("second", fingerprint), pem)
        self.store.seed(f"anchors/{self.second_region}.pem", anchor.pem)
        self.store.seed(keys.history("second"), history.encode(state))

    def let_pass(self, time: timedelta) -> None:
        """Time passes, and the sources are looked at again."""
        self.clock.advance(time)
        self.present("Root 0")
        self.second(self.second_name)

    def run(self, **event: Any) -> TargetSummary:
        """One run of publish at the listener."""
        return self.publish(**(event or {"targets": ["door"]})).targets["door"]

    @property
    def filters(self) -> tuple[Filter, ...]:
        """What the listener holds."""
        return self.doors.held[ARN].filters

    @property
    def kept(self) -> Record:
        """The listener's record."""
        return decode(self.store.body(keys.record(keys.target(ARN))))

    def told(self, kind: str) -> list[str]:
        """The titles of the alerts of a kind."""
        return [alert.title for alert in self.sink.delivered if word(alert) == kind]
