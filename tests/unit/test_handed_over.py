"""Sources by other ids: what is known of a region is handed over, and nothing of it is lost where that is disturbed."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from rotation_watcher import collect as collecting
from rotation_watcher import keys, unwatched
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Severity
from rotation_watcher.collect import Request
from rotation_watcher.errors import StoreError
from rotation_watcher.sources import history
from rotation_watcher.sources import keys_of_conditions as conditions
from rotation_watcher.sources.history import AuthorityHistory, History
from tests.support.small_collect import SmallCollect
from tests.support.words import word
from tests.unit.test_configuration import GOOD, Desk

US, EU = "us-east-1", "eu-central-1"
SECRET = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys"  # a name, no secret
RENAMED, SWAPPED, CHAINED = {"n": US, "b": EU}, {"b": US, "a": EU}, {"b": US, "c": EU}
"""From a: US and b: EU."""


def document(watched: Mapping[str, str]) -> dict[str, Any]:
    sources = [{"id": key, "region": region, "credentials": SECRET} for key, region in watched.items()]
    return {**GOOD, "sources": sources, "bundles": [{"id": "main", "sources": [*watched], "authorities": ["Genesys"]}]}


class Regions(Desk):
    """Two regions, each of which has taught a name, presents something, and has an open condition."""

    def __init__(self) -> None:
        super().__init__(document({"a": US, "b": EU}))
        self.both()
        self.sink.delivered.clear()
        for key, region in (("a", US), ("b", EU)):
            self.seed(key, region)

    def seed(self, key: str, region: str, **fields: Any) -> None:
        """What is known by an id of a region."""
        since = self.clock() - timedelta(hours=5)
        failing = Condition(
            kind="source-failing",
            since=since,
            alerted=since,
            alert=f"source-failing:{key}:{region}",
            title="t",
            severity=Severity.WARNING,
        )
        known = History(
            source=key,
            region=region,
            fresh_at=self.clock(),
            authorities={"Genesys": AuthorityHistory(names=(f"taught.{region}",))},
            conditions={"source": failing},
        )
        self.store.seed(keys.history(key), history.encode(msgspec.structs.replace(known, **fields)))

    def wind_up(self) -> unwatched.Ends:
        """The beginning of a run of collect, as its handler goes."""
        configured = self.collect()
        ports = unwatched.Ports(self.store, self.sink, self.clock)
        return unwatched.sources(configured.dropped, configured.watch, ports, noted=configured.noted)

    def observe(self, unready: frozenset[str]) -> None:
        """What collect does to a history that knows nothing: it begins."""
        for key, region in self.watched.items():
            body = self.store.body(keys.history(key)) if self.store.versions.get(keys.history(key)) else None
            known = history.decode(body) if body else None
            if key not in unready and (known is None or known.region != region):
                self.seed(key, region, authorities={"Genesys": AuthorityHistory()}, conditions={})

    def taught(self) -> dict[str, tuple[str, ...]]:
        """The names that are known, by the ids of now."""
        known = {key: history.decode(self.store.body(keys.history(key))) for key in self.watched}
        assert {key: one.region for key, one in known.items()} == self.watched
        return {key: one.authorities["Genesys"].names for key, one in known.items()}

    @property
    def watched(self) -> dict[str, str]:
        return {one["id"]: one["region"] for one in self.document["sources"]}


@pytest.mark.parametrize("watched", [RENAMED, SWAPPED, CHAINED], ids=["renamed", "swapped", "chained"])
def test_it_goes_on_and_each_condition_is_over_by_the_old_id(watched: dict[str, str]) -> None:
    desk = Regions()
    desk.document = document(watched)
    for _ in range(3):
        desk.observe(desk.wind_up().unready)
    assert desk.taught() == {key: (f"taught.{region}",) for key, region in watched.items()}
    gone = {key: region for key, region in {"a": US, "b": EU}.items() if watched.get(key) != region}
    told = sorted(f"{word(one)} {one.id}" for one in desk.news())
    left = [one for key in watched for one in history.decode(desk.store.body(keys.history(key))).outbox]
    told += sorted(f"{word(one)} {one.id}" for one in left)
    assert told == [f"over: source-failing source-failing:{key}:{region}" for key, region in gone.items()]
    writes = len(desk.store.writes)
    assert desk.wind_up() == unwatched.Ends()
    assert len(desk.store.writes) == writes


def disturbed(fault: BaseException, place: int, watched: Mapping[str, str]) -> tuple[Regions, bool]:
    """A hand-over that one call of the store is lost of; whether there was such a call."""
    desk = Regions()
    desk.document = document(watched)
    left = place

    def dies(_operation: str, _key: str) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            raise fault

    configured = desk.collect()
    ports = unwatched.Ports(desk.store, desk.sink, desk.clock)
    desk.store.before = dies
    unready: frozenset[str] = frozenset(watched)
    with suppress(KeyboardInterrupt):
        unready = unwatched.sources(configured.dropped, configured.watch, ports).unready
    desk.store.before = lambda *_: None
    desk.observe(unready)
    return desk, left < 0


@pytest.mark.parametrize("watched", [RENAMED, SWAPPED, CHAINED], ids=["renamed", "swapped", "chained"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt, lambda: StoreError("S3 is away")], ids=["kill", "S3"])
def test_whatever_call_is_lost_of_it_the_next_runs_complete_it(
    watched: dict[str, str], fault: Callable[[], BaseException]
) -> None:
    gone = {key: region for key, region in {"a": US, "b": EU}.items() if watched.get(key) != region}
    places, struck = 0, True
    while struck:
        desk, struck = disturbed(fault(), places, watched)
        for _ in range(2):
            desk.observe(desk.wind_up().unready)
        assert desk.taught() == {key: (f"taught.{region}",) for key, region in watched.items()}, places
        waiting = [one for key in watched for one in history.decode(desk.store.body(keys.history(key))).outbox]
        told = {f"{word(one)} {one.id}" for one in [*desk.news(), *waiting]}
        assert told == {f"over: source-failing source-failing:{key}:{region}" for key, region in gone.items()}, places
        places += 1
    assert places > 10


def test_ends_that_nobody_can_hear_yet_stop_no_history() -> None:
    desk = Regions()
    desk.document = document(SWAPPED)
    desk.sink.closed = True
    assert desk.wind_up() == unwatched.Ends()
    assert desk.taught() == {"a": (f"taught.{EU}",), "b": (f"taught.{US}",)}
    waiting = [one.id for key in "ab" for one in history.decode(desk.store.body(keys.history(key))).outbox]
    assert sorted(waiting) == [f"source-failing:a:{US}", f"source-failing:b:{EU}"]


def test_they_may_change_places_again_and_what_was_set_aside_before_counts_no_more() -> None:
    desk = Regions()
    desk.document = document(SWAPPED)
    desk.wind_up()
    desk.seed("a", EU, authorities={"Genesys": AuthorityHistory(names=("learned since",))})
    desk.document = document({"a": US, "b": EU})
    desk.wind_up()
    assert desk.taught() == {"a": (f"taught.{US}",), "b": ("learned since",)}


def test_of_two_of_a_region_what_was_read_last_goes_on_and_one_that_stays_keeps_its_own() -> None:
    desk = Regions()
    desk.seed("b", US, authorities={"Genesys": AuthorityHistory(names=("of b",))})
    desk.document = document({"a": US, "b": US})
    desk.wind_up()
    desk.seed("b", US, authorities={"Genesys": AuthorityHistory(names=("of b",))})
    desk.document = document({"n": US, "b": US})
    assert desk.wind_up() == unwatched.Ends()
    assert desk.taught() == {"n": (f"taught.{US}",), "b": ("of b",)}
    desk.clock.advance(timedelta(hours=1))
    desk.seed("b", US, authorities={"Genesys": AuthorityHistory(names=("of b",))})
    desk.document = document({"c": US, "d": US})
    assert desk.wind_up() == unwatched.Ends()
    assert desk.taught() == {"c": ("of b",), "d": ("of b",)}


def test_a_history_that_cannot_be_read_keeps_its_heir_waiting_and_nobody_else() -> None:
    desk = Regions()
    desk.store.seed(keys.history("a"), b"{")
    desk.document = document(RENAMED)
    ends = desk.wind_up()
    assert ends.unready == {"n"}
    assert "sources/a/history.json" in ends.failures[0]
    assert "restore" in ends.failures[0]


def test_what_keeps_a_name_from_being_learned_goes_on() -> None:
    """Else a rename would make the second of two contradicting answers teach what the first could not."""
    desk = Regions()
    doubt = Condition(kind="names-uncertain", since=desk.clock(), alerted=desk.clock(), alert="names-uncertain:a:1")
    desk.seed("a", US, conditions={conditions.names("Genesys"): doubt}, authorities={"Genesys": AuthorityHistory()})
    desk.document = document(RENAMED)
    desk.wind_up()
    (kept,) = history.decode(desk.store.body(keys.history("n"))).conditions.items()
    assert kept == (conditions.names("Genesys"), Condition(kind="names-uncertain", since=doubt.since))


def test_one_that_could_not_be_read_by_the_new_id_yet_takes_it_over_too() -> None:
    desk = Regions()
    failing = Condition(kind="source-failing", since=desk.clock())
    desk.seed("n", US, fresh_at=None, authorities={}, conditions={"source": failing})
    desk.document = document(RENAMED)
    desk.wind_up()
    assert desk.taught()["n"] == (f"taught.{US}",)
    assert history.decode(desk.store.body(keys.history("n"))).conditions == {"source": failing}


@pytest.mark.parametrize("place", range(4))
def test_where_the_notes_cannot_be_read_or_written_nothing_begins_anew(place: int) -> None:
    desk = Regions()
    desk.document = document(RENAMED)
    left = place

    def fails(_operation: str, key: str) -> None:
        nonlocal left
        left -= key == keys.CONFIGURATION
        if left < 0:
            left = 99
            raise StoreError("S3 is away")

    desk.store.before = fails
    desk.observe(desk.wind_up().unready)
    desk.store.before = lambda *_: None
    for _ in range(2):
        desk.observe(desk.wind_up().unready)
    assert desk.taught() == {"n": (f"taught.{US}",), "b": (f"taught.{EU}",)}


def test_a_source_that_waits_is_not_asked_and_the_others_are() -> None:
    world = SmallCollect("one", "two")
    world.clock.advance(timedelta(minutes=15))
    summary = collecting.collect(
        world.watch, Request(), msgspec.structs.replace(world.ports, unready=frozenset({"one"}))
    )
    assert (summary.sources["one"].outcome, summary.sources["two"].outcome) == ("broken", "read")
    assert summary.broken == ["one"]
    assert not any(key.startswith("sources/one/") for key in world.store.writes)
    assert world.look().sources["one"].outcome == "read"
