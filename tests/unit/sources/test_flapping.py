"""A source that flaps is a few alerts a day, whatever its rhythm; one that is repaired has its all-clear soon."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from rotation_watcher.errors import SourceError, SourceReason
from rotation_watcher.sources.flapping import WITHIN
from rotation_watcher.trust.findings import Reason
from tests.support import small_collect as sc
from tests.support.small_collect import SmallCollect
from tests.unit.sources.test_conditions import DIFFERENT, disagreeing, failing, quiet, shown
from tests.unit.sources.test_update import CURRENT, Teller, entity, look, view

DAY = 24 * 4
"""Runs a day."""
MOST = 4
"""Alerts a day."""

GOOD = [sc.leaf()]
PATTERNS: dict[str, list[SourceReason | list[bytes]]] = {
    "refused 1, good 2": [SourceReason.CREDENTIALS_REFUSED, GOOD, GOOD],
    "tls 1, good 3": [SourceReason.TLS_FAILED, GOOD, GOOD, GOOD],
    "throttled 3, good 3": [*[SourceReason.THROTTLED] * 3, *[GOOD] * 3],
    "unreachable 3, good 2": [*[SourceReason.UNREACHABLE] * 3, *[GOOD] * 2],
    "unreachable 1, good 2": [SourceReason.UNREACHABLE, GOOD, GOOD],
    "no certificate 2, good 2": [[], [], GOOD, GOOD],
}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_day_of_flapping_is_a_few_alerts(name: str) -> None:
    world = SmallCollect("one")
    for _ in range(2):
        world.look()
    pattern = itertools.cycle(PATTERNS[name])
    for _ in range(2 * DAY):
        answer = next(pattern)
        world.answers["one"] = SourceError(answer, "x") if isinstance(answer, SourceReason) else answer
        world.look()
    assert densest([alert.at for alert in world.sink.delivered]) <= MOST


def densest(times: list[datetime]) -> int:
    """The most of them in any 24 hours."""
    return max((sum(timedelta(0) <= other - one < WITHIN for other in times) for one in times), default=0)


BAD: dict[str, Callable[[Teller], None]] = {
    "refused": failing(SourceReason.CREDENTIALS_REFUSED),
    "unreachable": failing(SourceReason.UNREACHABLE),
    "an authority that is absent": shown(),
    "an anchor that is missing": shown(entity("A", CURRENT, Reason.ANCHOR_MISSING)),
    "two sources that disagree": disagreeing(DIFFERENT),
}
CALM = {"two sources that disagree": disagreeing({})}


@pytest.mark.parametrize("good", [1, 2, 3, 8, 40, 100])
@pytest.mark.parametrize("bad", [1, 2, 12])
@pytest.mark.parametrize("name", BAD)
def test_whatever_flaps_in_whatever_rhythm_is_a_few_alerts_a_day(name: str, bad: int, good: int) -> None:
    teller = Teller().see(view("A"))
    turns = [*[BAD[name]] * bad, *[CALM.get(name, quiet)] * good]
    for act in itertools.islice(itertools.cycle(turns), 5 * DAY):
        act(teller)
    assert densest([alert.at for alert in teller.told]) <= MOST


@pytest.mark.parametrize("reason", SourceReason)
def test_a_source_that_is_repaired_is_said_to_be_so_within_an_hour(reason: SourceReason) -> None:
    teller = Teller().see(view("A"))
    for _ in range(5):
        teller.miss(reason)
    repaired = teller.now
    teller.see(*[view("A")] * 4)
    assert teller.kinds == ["source-failing", "over: source-failing"]
    assert teller.told[-1].at - repaired <= timedelta(hours=1)


def failed_twice() -> Teller:
    """It was over, and failed once more within the day."""
    teller = Teller().see(view("A"))
    for _ in range(2):
        teller.miss(SourceReason.CREDENTIALS_REFUSED).see(*[view("A")] * 4)
    return teller


def test_what_returns_within_a_day_is_alerted_again_and_over_only_after_a_day_without_it() -> None:
    teller = failed_twice()
    assert teller.kinds == ["source-failing", "over: source-failing", "source-failing"]
    assert len({alert.id for alert in teller.told}) == 2
    assert "a day without it" in teller.told[-1].what_it_means
    assert "a day without it" not in teller.told[0].what_it_means
    began = teller.told[-1].at
    while teller.kinds.count("over: source-failing") < 2:
        teller.see(view("A"))
    assert timedelta(days=1) <= teller.told[-1].at - began <= timedelta(days=1, hours=1)


def test_a_failure_that_becomes_a_lasting_one_is_news_however_it_flaps() -> None:
    teller = Teller().see(view("A"))
    for _ in range(2):
        teller.miss().miss().see(*[view("A")] * 3)
    teller.miss(SourceReason.CREDENTIALS_REFUSED)
    assert [alert.facts.get("reason") for alert in teller.told] == [
        "unreachable",
        "unreachable",
        "unreachable",
        "credentials-refused",
    ]


def test_after_a_good_day_nothing_is_remembered_and_the_next_failure_is_a_simple_one() -> None:
    teller = failed_twice()
    teller.see(*[view("A")] * (2 * DAY + 8))
    assert not teller.state.ended
    before = teller.state.fresh_at, teller.state.conditions
    assert before[1] == {}
    teller.miss(SourceReason.CREDENTIALS_REFUSED).see(view("A"), view("A"))
    assert teller.kinds[-2:] == ["source-failing", "over: source-failing"]


def test_a_quarantine_that_an_approval_ended_is_alerted_as_soon_as_the_approval_goes_however_often() -> None:
    bad = look(entity("A"), entity("X", CURRENT, Reason.NAME_MISMATCH))
    approved = look(entity("A"), entity("X", CURRENT, lifted=[Reason.NAME_MISMATCH]))
    teller = Teller().see(view("A"))
    for _ in range(4):
        teller.see(bad, bad, approved)
    assert teller.kinds.count("quarantined") == 4
