"""What nothing wants any more has the grace that leaves have, whatever became of it (docs/decisions/0031)."""

from datetime import datetime, timedelta

import msgspec
import pytest

from rotation_watcher import config, keys
from rotation_watcher.bundles import pins
from rotation_watcher.errors import RequestRefused
from rotation_watcher.regions import REGIONS
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, History, Leaf, Status
from rotation_watcher.targets.record import encode
from rotation_watcher.x509.certificates import blocks_of
from tests.support import certs
from tests.support.small_world import ARNS, START, SmallWorld, certificate, folder, issued, leaf_of, root
from tests.support.words import word

DAY, MINUTES = timedelta(days=1), timedelta(minutes=6)
REGION_OF = {"use1": "us-east-1", "euc1": "eu-central-1"}
EUROPE = issued("Europe's root")
LEAF = certs.issue(EUROPE, REGIONS["eu-central-1"].client_name or "", not_before=START - 3 * DAY)


class TwoRegions(SmallWorld):
    """Two sources in one bundle: ``listed`` are in the bundle, ``known`` in the watch file."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: tuple[str, ...] = ("use1", "euc1")
        self.known: tuple[str, ...] = self.listed
        for one in (LEAF, EUROPE):
            self.store.seed(keys.seen("euc1", one.fingerprint), one.pem)
        self.store.seed("anchors/eu-central-1.pem", EUROPE.pem)
        self.run()

    @property
    def watch(self) -> config.Watch:
        secret = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys"  # a name, no secret
        return config.from_document(
            {
                "mode": self.mode,
                "sources": [{"id": one, "region": REGION_OF[one], "credentials": secret} for one in self.known],
                "bundles": [
                    {"id": name, "sources": [*self.listed], "extra": [*self.extra]} for name in ("main", "carried")
                ],
                "targets": [{"id": target, "arn": arn, "bundle": "main"} for target, arn in ARNS.items()],
            },
            stack_region="us-east-1",
        )

    def run(self, after: timedelta = MINUTES) -> list[str]:
        """Some runs while every source is fresh; the kinds of what was alerted about the trust store."""
        before = len(self.sink.delivered)
        self.clock.advance(after)
        for _ in range(2):
            self.clock.advance(MINUTES)
            self.present("Root 0")
            self.store.seed(keys.history("euc1"), history.encode(europe(self.clock())))
            self.publish()
        return [word(one) for one in self.sink.delivered[before:] if one.target == "alb"]

    def pinned(self, bundle: str = "main") -> set[str]:
        """The leaves that are pinned."""
        return {pin.certificate.fingerprint for pin in pins.decode(self.store.body(keys.pins(bundle))).pins}

    def drop(self, *, from_watch: bool = False) -> None:
        """Europe is taken out of the bundle."""
        self.listed = ("use1",)
        self.known = self.listed if from_watch else self.known


def europe(now: datetime) -> History:
    facts = certificate(LEAF).facts
    leaf = Leaf(facts=facts, chain=(EUROPE.fingerprint,), status=Status.CURRENT, since=START, first_seen=START)
    leaves = {LEAF.fingerprint: leaf}
    return History(
        source="euc1",
        region="eu-central-1",
        fresh_at=now,
        authorities={"Genesys": AuthorityHistory(leaves=leaves)},
    )


@pytest.fixture
def world() -> TwoRegions:
    return TwoRegions()


@pytest.mark.parametrize("from_watch", [False, True])
def test_a_source_that_was_taken_out_keeps_its_root_and_its_pins_for_the_grace_and_that_is_alerted_at_once(
    world: TwoRegions, *, from_watch: bool
) -> None:
    world.drop(from_watch=from_watch)
    assert world.run() == ["removal-planned"]
    (alert,) = [one for one in world.sink.delivered if one.target == "alb" and word(one) == "removal-planned"]
    assert (alert.severity, "2026-04-01" in alert.title) == ("warning", True)
    assert {*world.run(20 * DAY)} == {"still: removal-planned"}
    assert EUROPE.fingerprint in world.live("alb") & world.live("api")
    for bundle in ("main", "carried"):
        assert world.pinned(bundle) == {LEAF.fingerprint, leaf_of("Root 0").fingerprint}
        assert EUROPE.fingerprint in blocks_of(world.store.body(keys.wanted(bundle)))
    assert world.run(8 * DAY) == ["removal-planned"]
    assert {*world.run(2 * DAY)} == {"over: removal-planned", "truststore-updated"}
    assert EUROPE.fingerprint not in world.live("alb") | world.live("api")
    for bundle in ("main", "carried"):
        assert world.pinned(bundle) == {leaf_of("Root 0").fingerprint}
        assert EUROPE.fingerprint not in blocks_of(world.store.body(keys.wanted(bundle)))


def test_what_was_put_back_in_time_stays_and_begins_anew_if_it_is_taken_out_again(world: TwoRegions) -> None:
    world.drop()
    world.run(25 * DAY)
    world.listed = ("use1", "euc1")
    world.run(10 * DAY)
    world.drop()
    world.run()
    world.run(25 * DAY)
    assert EUROPE.fingerprint in world.live("alb")
    assert LEAF.fingerprint in world.pinned()


def test_a_file_that_was_taken_out_of_the_bundle_has_the_same_grace(world: TwoRegions) -> None:
    world.widen("Partner")
    world.run()
    world.extra = ()
    assert world.run() == ["removal-planned"]
    world.run(29 * DAY)
    assert root("Partner") in world.live("alb")
    world.run(DAY)
    assert root("Partner") not in world.live("alb")


def test_a_root_that_was_taken_out_of_the_anchors_has_the_same_grace(world: TwoRegions) -> None:
    def both() -> None:
        world.store.seed("anchors/eu-central-1.pem", EUROPE.pem + issued("Next").pem)

    both()
    world.run()
    assert root("Next") in world.live("alb")
    world.store.seed("anchors/eu-central-1.pem", EUROPE.pem)
    assert world.run() == ["removal-planned"]
    assert root("Next") in world.live("alb")
    world.run(31 * DAY)
    assert root("Next") not in world.live("alb")


def test_a_person_lets_what_nothing_wants_leave_at_once_by_its_fingerprint_and_nothing_else(world: TwoRegions) -> None:
    world.widen("Partner")
    world.widen("Other partner")
    world.run()
    world.extra = ()
    world.run()
    with pytest.raises(RequestRefused, match="is wanted"):
        world.publish(release="alb", leave=[root("Root 0")])
    colons = ":".join(root("Partner")[at : at + 2].upper() for at in range(0, 64, 2))
    assert world.publish(release="alb", leave=[colons], dry_run=True).targets["alb"].outcome == "would-update"
    assert world.publish(release="alb", leave=[colons]).targets["alb"].outcome == "updated"
    assert root("Partner") not in world.live("alb")
    assert root("Other partner") in world.live("alb")
    assert root("Partner") in world.live("api")


def test_the_limits_hold_for_what_nothing_wants_too(world: TwoRegions) -> None:
    for number in range(3):
        world.widen(f"Partner {number}")
    world.run()
    world.extra = ()
    world.run()
    assert "removal-held" in world.run(31 * DAY)
    assert {root(f"Partner {number}") for number in range(3)} <= world.live("alb")
    world.publish(release="alb")
    assert root("Partner 0") not in world.live("alb")


def test_a_record_that_lost_its_notes_or_holds_impossible_ones_shortens_no_grace(world: TwoRegions) -> None:
    world.drop()
    world.run(20 * DAY)
    for forged in ({}, {EUROPE.fingerprint: START + 9999 * DAY}):
        record = msgspec.structs.replace(world.record("alb"), unwanted=forged)
        world.store.seed(keys.record(folder("alb")), encode(record))
        world.run()
        world.run(29 * DAY)
        assert EUROPE.fingerprint in world.live("alb")
    world.run(2 * DAY)
    assert EUROPE.fingerprint not in world.live("alb")


def test_a_grace_begins_only_when_nothing_stands_against_removals(world: TwoRegions) -> None:
    world.drop()
    world.extra = ("extra/missing.pem",)
    world.run()
    world.run(31 * DAY)
    world.extra = ()
    world.run()
    assert EUROPE.fingerprint in world.live("alb")


def test_a_history_that_lost_its_leaves_narrows_no_pin_before_its_grace(world: TwoRegions) -> None:
    new = certs.issue(issued("Root 0"), REGIONS["us-east-1"].client_name or "", not_before=START - DAY)
    world.present_issued(issued("Root 0"), new)
    world.publish()
    assert world.pinned() == {LEAF.fingerprint, new.fingerprint, leaf_of("Root 0").fingerprint}


def test_a_stranger_that_somebody_put_among_the_pins_is_not_carried_on(world: TwoRegions) -> None:
    stranger = certificate(certs.issue(issued("Stranger"), REGIONS["eu-central-1"].client_name or ""))
    world.store.seed(keys.seen("euc1", stranger.fingerprint), stranger.pem.encode())
    held = pins.decode(world.store.body(keys.pins("main")))
    forged = msgspec.structs.replace(held.pins[0], certificate=stranger.facts, source="euc1")
    world.store.seed(keys.pins("main"), msgspec.json.encode(msgspec.structs.replace(held, pins=(*held.pins, forged))))
    world.run()
    assert world.pinned() == {LEAF.fingerprint, leaf_of("Root 0").fingerprint}


def test_an_end_that_somebody_wrote_into_the_pins_makes_no_grace_longer(world: TwoRegions) -> None:
    world.drop()
    held = pins.decode(world.store.body(keys.pins("main")))
    forever = [msgspec.structs.replace(pin, until=START + 300 * DAY) for pin in held.pins]
    world.store.seed(keys.pins("main"), msgspec.json.encode(msgspec.structs.replace(held, pins=tuple(forever))))
    world.run()
    world.run(31 * DAY)
    assert world.pinned() == {leaf_of("Root 0").fingerprint}


def test_a_quiet_run_in_the_grace_writes_nothing(world: TwoRegions) -> None:
    world.drop()
    world.run()
    world.run()
    before = len(world.store.writes)
    world.clock.advance(MINUTES)
    world.publish()
    assert world.store.writes[before:] == []
