"""Every condition of a source that flaps is alerted once, and alerted again when it has been over for long."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher.alerts.model import SourceName
from rotation_watcher.errors import SourceReason
from rotation_watcher.sources import compare
from rotation_watcher.sources.observation import Flood
from rotation_watcher.trust.findings import Reason
from tests.support.words import word
from tests.unit.sources.test_update import CURRENT, UPCOMING, Teller, entity, key, look, view

WEEK = timedelta(days=7)
DIFFERENT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {"Genesys": (("a",), ("b",))}


def shown(*entities: object) -> Callable[[Teller], None]:
    def act(teller: Teller) -> None:
        teller.see(look(*entities))  # type: ignore[arg-type]  # entities

    return act


def failing(reason: SourceReason) -> Callable[[Teller], None]:
    def act(teller: Teller) -> None:
        teller.miss(reason)

    return act


def disagreeing(differences: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]) -> Callable[[Teller], None]:
    def act(teller: Teller) -> None:
        teller.see(view("A"))
        other = SourceName("use2", "us-east-1")
        teller.keep(compare.disagree(teller.state, other, differences, teller.context()))

    return act


def gone_back(teller: Teller) -> None:
    """A, which B has replaced, is presented again."""
    if teller.state.authorities["Genesys"].replaced != (key("A"),):
        teller.see(view("A"), view("A"), *[view("B")] * 3)
    teller.see(view("A"))


def flooded(teller: Teller) -> None:
    """More leaves of strangers than are kept, beside the good one."""
    flood = Flood("Genesys", CURRENT, accepted=False, number=100, examples=())
    teller.see(msgspec.structs.replace(view("A"), floods=(flood,)))


quiet = shown(entity("A"))
KINDS: dict[str, tuple[str, Callable[[Teller], None], Callable[[Teller], None]]] = {
    "throttled": ("source-failing", failing(SourceReason.THROTTLED), quiet),
    "refused": ("source-failing", failing(SourceReason.CREDENTIALS_REFUSED), quiet),
    "an absent authority": ("source-failing", shown(entity("A", UPCOMING)), quiet),
    "an anchor that is missing": ("anchor-missing", shown(entity("A", CURRENT, Reason.ANCHOR_MISSING)), quiet),
    "an unvouched certificate": (
        "quarantined",
        shown(entity("A"), entity("X", UPCOMING, Reason.CHAIN_UNTRUSTED)),
        quiet,
    ),
    "a certificate that is vouched for now and then": (
        "quarantined",
        shown(entity("A"), entity("X", UPCOMING, Reason.CHAIN_UNTRUSTED)),
        shown(entity("A"), entity("X", UPCOMING)),
    ),
    "two sources that disagree": ("sources-disagree", disagreeing(DIFFERENT), disagreeing({})),
    "a replaced leaf": ("went-back", gone_back, shown(entity("B"))),
    "a flood": ("flood", flooded, quiet),
}
ENDS_AT_ONCE = {
    "source-failing": "a source that was read three times in a row works, and people were told so",
    "anchor-missing": "it is about a file of the operator's, and no answer of the API makes it come and go",
}
"""The kinds that are alerted again when they come back after three observations without them, and why."""


def play(teller: Teller, looks: Iterable[Callable[[Teller], None]]) -> None:
    for act in looks:
        act(teller)


def of_kind(teller: Teller, kind: str) -> list[str]:
    return [alert.id for alert in teller.told if word(alert) == kind]


def assert_alerted(teller: Teller, kind: str, times: int) -> None:
    ids = of_kind(teller, kind)
    assert ids, f"{kind} was never alerted: is the function that observes it called by judged in sources/conditions.py?"
    assert len(ids) == len({*ids}), f"another occurrence of {kind} has the id of one before: end it in stamp(since)"
    assert len(ids) == times, (
        f"{kind} was alerted {len(ids)} times, not {times}: a condition stays open until it was absent for long enough"
        " (resolves in sources/conditions.py), and is alerted again when it comes back after that"
    )


@pytest.mark.parametrize("name", KINDS)
def test_what_flaps_at_each_run_is_alerted_once_and_once_more_when_it_comes_back_after_a_week(name: str) -> None:
    kind, disturbed, calm = KINDS[name]
    teller = Teller()
    play(teller, [quiet, disturbed, *[disturbed, calm] * 10])
    assert_alerted(teller, kind, 1)
    assert "over: source-failing" not in teller.kinds, "what comes back at the next look is not over"
    teller.now += WEEK
    play(teller, [calm, calm])
    assert not teller.state.conditions, f"{kind} never ends: see resolves in sources/conditions.py"
    teller.now += WEEK
    play(teller, [disturbed] * 5)
    assert_alerted(teller, kind, 2)


@pytest.mark.parametrize("name", [name for name, (kind, _, _) in KINDS.items() if kind not in ENDS_AT_ONCE])
def test_what_every_fourth_answer_shows_is_alerted_once(name: str) -> None:
    kind, disturbed, calm = KINDS[name]
    teller = Teller()
    play(teller, [quiet, *[disturbed] * 3, *[calm, calm, calm, disturbed] * 5])
    assert of_kind(teller, kind)[1:] == [], (
        f"{kind} is alerted again and again while answers take turns in a rotation: add it to _TAKES_A_DAY_TO_END in"
        " sources/conditions.py, or to ENDS_AT_ONCE here, with the reason"
    )
    assert_alerted(teller, kind, 1)


@pytest.mark.parametrize("name", KINDS)
def test_what_lasts_is_alerted_once_and_a_run_that_finds_it_writes_nothing(name: str) -> None:
    kind, disturbed, _ = KINDS[name]
    teller = Teller()
    play(teller, [quiet, *[disturbed] * 5])
    before = teller.state
    play(teller, [disturbed] * 2)
    assert teller.state == before, f"{kind}: observing it again must not change the history"
    assert_alerted(teller, kind, 1)


def test_answers_that_lack_an_authority_now_and_then_alert_nobody() -> None:
    assert Teller().see(*[view("A"), look()] * 10).kinds == []


def test_a_source_that_fails_at_every_other_run_is_alerted() -> None:
    teller = Teller()
    play(teller, [failing(SourceReason.THROTTLED), quiet] * 10)
    assert teller.kinds == ["source-failing"]


def test_reasons_that_take_turns_are_one_condition_each() -> None:
    turns = [look(entity("A"), entity("X", UPCOMING, reason)) for reason in (Reason.NAME_MISMATCH, Reason.WEAK_KEY)]
    assert Teller().see(*turns * 10).kinds == ["quarantined", "quarantined"]


def test_a_withdrawn_approval_is_alerted_however_soon() -> None:
    bad = look(entity("A"), entity("X", UPCOMING, Reason.NAME_MISMATCH))
    approved = look(entity("A"), entity("X", UPCOMING, lifted=[Reason.NAME_MISMATCH]))
    assert Teller().see(bad, bad, approved, bad, bad).kinds.count("quarantined") == 2


def test_a_failed_observation_says_nothing_about_what_only_an_answer_shows() -> None:
    teller = Teller().see(*[look(entity("A", CURRENT, Reason.ANCHOR_MISSING))] * 2)
    for _ in range(5):
        teller.miss()
    assert "anchor:Genesys" in teller.state.conditions
