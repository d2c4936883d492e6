"""An exception that nobody thought of, at one source, stops no other one, and people hear of it once."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.errors import SourceError, SourceReason
from tests.support.small_collect import QUARTER, SmallCollect, junk, leaf, renewed
from tests.support.small_world import issued
from tests.support.words import word

HOSTILE = "canary-secret CN=<script>"


def refuses(operation: str, key: str) -> Callable[[str, str], None]:
    """The store fails at this call, in a way that no port speaks of."""

    def before(*call: str) -> None:
        if call == (operation, key):
            raise ValueError(HOSTILE)

    return before


def judging(world: SmallCollect) -> None:
    world.answers["one"] = [7]  # type: ignore[list-item]  # what no adapter gives


def anchors(world: SmallCollect) -> None:
    world.store.before = refuses("get", "anchors/us-east-1.pem")


def keeping(world: SmallCollect) -> None:
    world.answers["one"] = [renewed()]
    world.store.before = refuses("get", keys.seen("one", issued("Root 0").fingerprint))


def enqueueing(world: SmallCollect) -> None:
    world.answers["one"] = [leaf("Root 1")]

    def before(*_: str) -> None:
        raise KeyError(HOSTILE)

    world.queue.before = before


PLACES: dict[str, Callable[[SmallCollect], None]] = {
    "reading what the answer is held against": anchors,
    "judging": judging,
    "keeping certificates": keeping,
    "asking for a publish": enqueueing,
}
LASTING = [name for name in PLACES if name != "asking for a publish"]


def quiet(*, regions: tuple[str, ...] = ("us-east-1", "eu-west-1")) -> SmallCollect:
    world = SmallCollect("one", "two", regions=regions)
    for _ in range(2):
        world.look()
    return world


def failures(world: SmallCollect) -> list[Alert]:
    return [alert for alert in world.sink.delivered if word(alert) == Kind.SOURCE_FAILING]


@pytest.mark.parametrize("place", PLACES)
def test_the_other_source_is_read_and_committed_and_the_run_counts_as_failed(place: str) -> None:
    world = quiet()
    world.answers["two"] = [leaf(), *junk(30)]
    world.look()
    PLACES[place](world)
    summary = world.look()
    assert summary.broken == ["one"]
    assert (summary.sources["one"].outcome, summary.sources["two"].outcome) == ("broken", "read")
    assert "flood" in world.kinds, "what was found at the other source is alerted in the same run"
    assert world.metrics.values["OldestSourceHours"] == 0, "since now"


@pytest.mark.parametrize("place", LASTING)
def test_a_source_at_which_the_watcher_fails_grows_older_for_the_alarm(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    world.look()
    world.clock.advance(timedelta(hours=2))
    world.look()
    assert world.metrics.values["OldestSourceHours"] == 2.25


@pytest.mark.parametrize("place", PLACES)
def test_it_is_alerted_in_the_same_run_with_its_place_and_what_to_do(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    world.look()
    (alert,) = failures(world)
    assert (alert.source, alert.severity, alert.facts["reason"]) == ("one", Severity.CRITICAL, "internal-error")
    assert "an unexpected" in alert.what_happened.lower()
    assert ".py" in alert.what_happened
    assert "newest release" in alert.what_to_do
    assert "issue" in alert.what_to_do


@pytest.mark.parametrize("place", LASTING)
def test_one_that_lasts_is_alerted_once_and_its_end_too(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    for _ in range(9):
        world.look()
    assert world.kinds == ["source-failing"]
    written = len(world.store.writes)
    world.look()
    assert len(world.store.writes) == written, "once it is noted there is nothing to write"
    world.answers["one"], world.store.before = [leaf()], lambda *_: None
    for _ in range(2):
        world.look()
    assert world.kinds == ["source-failing", "over: source-failing"]
    assert world.sink.delivered[-1].facts["reason"] == "internal-error"


@pytest.mark.parametrize("place", PLACES)
def test_the_summary_says_where_and_nothing_repeats_what_the_error_says(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    summary = world.look()
    trace = summary.sources["one"].trace
    assert any("collect.py" in line for line in trace)
    kept = b"".join(versions[-1].body for versions in world.store.versions.values())
    told = msgspec.json.encode([summary, world.sink.delivered])
    assert b"canary" not in kept + told


@pytest.mark.parametrize("place", PLACES)
def test_a_dry_run_neither_writes_nor_delivers_for_it(place: str) -> None:
    world = quiet()
    PLACES[place](world)
    written = len(world.store.writes)
    summary = world.look(dry_run=True)
    assert (len(world.store.writes), world.kinds) == (written, [])
    assert summary.broken == (["one"] if place in {LASTING[0], "judging"} else [])


def test_comparing_two_sources_of_a_region_is_held_apart_too() -> None:
    world = quiet(regions=("us-east-1", "us-east-1"))
    world.answers["two"] = [renewed()]

    world.look()
    writes = 0

    def before(*call: str) -> None:
        nonlocal writes
        writes += call == ("put_if", keys.history("two"))
        if writes == 2:  # the first is the answer's
            writes += 1
            raise ValueError(HOSTILE)

    world.store.before = before
    summary = world.look()
    assert (summary.broken, summary.sources["one"].outcome) == (["two"], "read")
    assert [alert.source for alert in failures(world)] == ["two"]


def test_a_failure_that_cannot_even_be_noted_stops_no_other_source() -> None:
    world = quiet()
    world.store.before = refuses("get", keys.history("one"))
    summary = world.look()
    assert (summary.broken, summary.sources["two"].outcome) == (["one"], "read")
    assert "could not be noted" in (summary.sources["one"].message or "")


def test_an_alert_that_the_sink_chokes_on_keeps_no_other_waiting() -> None:
    world = quiet()
    world.answers = {"one": junk(100), "two": junk(100)}
    world.look()

    def chokes(_operation: str, alert: str) -> None:
        if ":one" in alert:
            raise TypeError(HOSTILE)

    world.sink.before = chokes
    summary = world.look()
    assert {alert.source for alert in world.sink.delivered} == {"two"}
    assert "TypeError" in str(summary.sources["one"].undelivered)
    assert not summary.sources["two"].undelivered
    world.sink.before = lambda *_: None
    world.look()
    assert {alert.source for alert in world.sink.delivered} == {"one", "two"}, "it waited in its outbox"


def test_a_failure_to_take_alerts_out_of_one_outbox_is_alerted_and_stops_no_other() -> None:
    world = quiet()
    world.answers = {"one": junk(100), "two": junk(100)}
    world.look()

    def before(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", keys.history("one")) and world.sink.delivered:
            world.store.before = lambda *_: None
            raise ValueError(HOSTILE)

    world.store.before = before
    assert world.look().broken == ["one"]
    assert not world.state("two").outbox
    world.look()
    assert [alert.facts["reason"] for alert in failures(world)] == ["internal-error"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_not_held_up(error: type[BaseException]) -> None:
    world = quiet()

    def before(*_: str) -> None:
        raise error

    world.store.before = before
    with pytest.raises(error):
        world.look()


def test_a_defect_beside_a_source_that_cannot_be_read_is_alerted_as_well() -> None:
    world = quiet()
    world.answers["one"] = SourceError(SourceReason.CREDENTIALS_REFUSED, "x")
    for _ in range(2):
        world.look()
    judging(world)
    for _ in range(3):
        world.look()
    assert [alert.facts["reason"] for alert in failures(world)] == ["credentials-refused", "internal-error"]
    assert len({alert.id for alert in failures(world)}) == 2
    assert world.clock() - failures(world)[1].at == 2 * QUARTER
