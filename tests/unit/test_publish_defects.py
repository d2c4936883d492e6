"""An exception that nobody thought of, at one target, stops no other one, and people hear of it once."""

import json
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.errors import RequestRefused, TargetError
from rotation_watcher.x509.truststore import read
from tests.support.small_world import ARNS, SmallWorld, folder, root
from tests.support.words import word

HOSTILE = "canary-secret CN=<script>"


def raises(*call: str) -> Callable[[str, str], None]:
    def before(operation: str, subject: str) -> None:
        if (operation, subject) == call:
            raise ValueError(HOSTILE)

    return before


def reading(world: SmallWorld) -> None:
    world.adapter("alb").before = raises("read", ARNS["alb"])


def updating(world: SmallWorld) -> None:
    world.widen("Extra")
    world.adapter("alb").before = raises("update", ARNS["alb"])


def storing(world: SmallWorld) -> None:
    world.widen("Extra")
    world.store.before = raises("put", keys.deployed(folder("alb")))


PLACES = {"reading": reading, "updating": updating, "storing": storing}


def quiet() -> SmallWorld:
    world = SmallWorld()
    world.publish()
    world.clock.advance(timedelta(hours=1))
    world.sink.delivered.clear()
    return world


def failures(world: SmallWorld) -> list[Alert]:
    return [alert for alert in world.sink.delivered if word(alert) == Kind.TRUSTSTORE_UPDATE_FAILED]


@pytest.mark.parametrize("place", PLACES)
def test_the_other_target_is_served_and_the_run_counts_as_failed(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    world.widen("Another")
    summary = world.publish()
    assert summary.broken == ["alb"]
    assert summary.targets["alb"].outcome == "internal-error"
    assert summary.targets["api"].outcome == "updated"
    assert root("Another") in world.live("api")


@pytest.mark.parametrize("place", PLACES)
def test_it_is_alerted_in_the_same_run_and_once_however_long_it_lasts(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    for _ in range(9):
        world.publish(targets=["alb"])
        assert len(failures(world)) == 1
        world.clock.advance(timedelta(minutes=15))
    (alert,) = failures(world)
    assert (alert.target, alert.facts["reason"]) == ("alb", "internal-error")
    assert "ValueError" in alert.what_happened
    assert ".py" in alert.what_happened
    assert "newest release" in alert.what_to_do


@pytest.mark.parametrize("place", PLACES)
def test_the_target_is_free_for_the_next_run_which_completes_what_was_begun(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    world.publish(targets=["alb"])
    assert world.record("alb").claim is None
    world.adapter("alb").before = world.store.before = lambda *_: None
    world.widen("Another")
    assert world.publish(targets=["alb"]).targets["alb"].outcome == "updated"
    assert root("Another") in world.live("alb")


@pytest.mark.parametrize("place", PLACES)
def test_the_summary_says_where_and_nothing_repeats_what_the_error_says(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    summary = world.publish()
    assert any("publish.py" in line for line in summary.targets["alb"].trace)
    kept = b"".join(versions[-1].body for versions in world.store.versions.values())
    assert b"canary" not in kept + msgspec.json.encode([summary, world.sink.delivered])


@pytest.mark.parametrize("place", PLACES)
def test_a_dry_run_neither_writes_nor_delivers_for_it(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    before = world.writes()
    world.publish(dry_run=True)
    assert world.writes() == before


def test_a_failure_that_cannot_even_be_noted_stops_no_other_target() -> None:
    world = quiet()
    world.store.before = raises("get", keys.record(folder("alb")))
    summary = world.publish()
    assert (summary.broken, summary.targets["api"].outcome) == (["alb"], "unchanged")
    assert "could not be noted" in (summary.targets["alb"].message or "")


def test_a_bundle_that_no_target_loads_is_held_apart_too() -> None:
    world = quiet()
    world.widen("Extra")
    world.store.before = raises("get", keys.pins("carried"))
    summary = world.publish()
    assert (summary.broken, summary.targets["alb"].outcome) == (["carried"], "updated")
    assert "ValueError" in summary.bundles["carried"]
    assert "canary" not in json.dumps(msgspec.to_builtins(summary))


def test_an_alert_that_the_sink_chokes_on_waits_and_keeps_no_other_waiting() -> None:
    world = quiet()
    world.widen("Extra")

    def chokes(_operation: str, alert: str) -> None:
        if ":alb:" in alert:
            raise TypeError(HOSTILE)

    world.sink.before = chokes
    summary = world.publish()
    assert {alert.target for alert in world.sink.delivered} == {"api"}
    assert "TypeError" in str(summary.targets["alb"].undelivered)
    assert world.record("alb").outbox


def test_what_a_person_asks_for_and_may_not_is_refused_as_before() -> None:
    world = quiet()
    with pytest.raises(RequestRefused):
        world.publish(rollback="alb", to="no-such-version")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_not_held_up(error: type[BaseException]) -> None:
    world = quiet()

    def before(*_: str) -> None:
        raise error

    world.store.before = before
    with pytest.raises(error):
        world.publish()


def test_a_target_that_refuses_every_update_costs_two_versions_of_its_bundle_and_not_two_a_run() -> None:
    world = SmallWorld()
    key = keys.deployed(folder("alb"))

    def refuses(operation: str, _subject: str) -> None:
        if operation == "update":
            raise TargetError("not today")

    world.adapter("alb").before = refuses
    for _ in range(5):
        world.publish()
        world.clock.advance(timedelta(minutes=15))
    found, wanted = world.store.versions[key]
    assert [one.version for one in world.record("alb").versions] == [world.store.versions[key][0].version]
    assert root("Other") in {block.fingerprint for block in read(found.body).blocks.values()}
    assert root("Root 0") in read(wanted.body).blocks
    world.adapter("alb").before = lambda *_: None
    world.publish()
    assert root("Root 0") in world.live("alb")
    assert len(world.store.versions[key]) == 2
