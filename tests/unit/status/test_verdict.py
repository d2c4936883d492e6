"""One headline: whether to worry, how many reasons there are, and the first of them."""

from typing import Any

import msgspec
import pytest

from rotation_watcher.alerts.builders import Role
from rotation_watcher.alerts.model import Kind, Severity
from rotation_watcher.status.gather import gather
from rotation_watcher.status.model import Level, NextExpiry, OpenCondition, Status, TargetState, Verdict
from rotation_watcher.status.verdict import verdict
from tests.support.kept_state import DAY, HOUR, NOW, KeptState

replace = msgspec.structs.replace


def condition(severity: Severity, title: str = "something lasts", about: str = "t0") -> OpenCondition:
    return OpenCondition(kind="drift-found", severity=severity, of="target", about=about, since=NOW, title=title)


def expiry(days: int, role: str = "leaf") -> NextExpiry:
    return NextExpiry(role=role, of="us-east-1", subject="CN=x", fingerprint="0a", at=NOW + days * DAY, successor=False)


GOOD: Status = gather((kept := KeptState(1, 1)).watch, kept.store, NOW)


def judged(**changes: Any) -> Verdict:
    given: dict[str, Any] = {
        "conditions": (),
        "sources": GOOD.sources,
        "targets": GOOD.targets,
        "lists": GOOD.lists,
        "unreadable": (),
        "expiry": None,
    }
    return verdict(**given | changes, now=NOW)


def test_nothing_to_say_is_all_good() -> None:
    assert judged() == Verdict(level=Level.GOOD, text="All good.")


def test_information_is_no_reason() -> None:
    assert judged(conditions=[condition(Severity.INFO)]).level is Level.GOOD


@pytest.mark.parametrize(("severity", "level"), [(Severity.WARNING, Level.LOOK), (Severity.CRITICAL, Level.ACT)])
def test_an_open_alert_counts_as_severe_as_it_is(severity: Severity, level: Level) -> None:
    found = judged(conditions=[condition(severity)])
    assert (found.level, found.act + found.look) == (level, 1)


def test_the_worst_comes_first_and_the_others_are_counted() -> None:
    told = [condition(Severity.WARNING, f"w{number}") for number in range(30)]
    told += [condition(Severity.CRITICAL, "c1"), condition(Severity.CRITICAL, "c2")]
    found = judged(conditions=told)
    assert found.text == "Act now: c1 (1 of 2)"
    assert (found.act, found.look, len(found.reasons)) == (2, 30, 20)
    assert found.reasons[:3] == ("c1", "c2", "w0")


def test_what_an_alert_says_already_is_not_said_again() -> None:
    behind = replace(GOOD.targets[0], state=TargetState.BEHIND, missing=("CN=x",))
    assert judged(targets=[behind]).look == 1
    assert judged(targets=[behind], conditions=[condition(Severity.WARNING)]).look == 1
    assert judged(targets=[behind], conditions=[condition(Severity.WARNING, about="t1")]).look == 2
    assert judged(targets=[behind], conditions=[condition(Severity.INFO)]).look == 1, "information says nothing of it"


def test_a_list_that_ran_out_is_to_be_looked_at_also_where_nobody_tells_of_it_since_nothing_fetches_it() -> None:
    (kept_list,) = GOOD.lists
    ended = replace(kept_list, overdue=True, next_update=NOW - DAY)
    found = judged(lists=[ended, replace(ended, next_update=None)])
    assert (found.level, found.look) == (Level.LOOK, 2)
    assert found.reasons[0].startswith("the revocation list http://crl.example.com/issuing3.crl was due to be replaced")
    told = replace(condition(Severity.CRITICAL, "a list is not up to date"), kind=Kind.CRL_STALE)
    assert judged(lists=[ended], conditions=[told]).reasons == ("a list is not up to date",)


@pytest.mark.parametrize("role", ["leaf", "ca", "anchor", "extra"])
def test_what_ends_is_said_in_words(role: str) -> None:
    words = judged(expiry=expiry(3, role)).reasons[0]
    assert words == f"us-east-1: {Role(role).words} ends at 2026-11-29 and nothing replaces it yet"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"read": None}, "has not been read yet"),
        ({"stale": True}, "was last read at"),
        ({"certificates": ()}, "no current certificate is accepted"),
    ],
)
def test_a_source_of_which_too_little_is_known_is_to_be_looked_at(changes: dict[str, Any], words: str) -> None:
    found = judged(sources=[replace(GOOD.sources[0], **changes)])
    assert found.level is Level.LOOK
    assert words in found.text


def test_a_current_leaf_that_is_not_valid_yet_is_to_be_acted_upon() -> None:
    """Its alert is an event: once it is read nothing else says so."""
    source = GOOD.sources[0]
    early = [replace(one, not_before=NOW + 3 * DAY) for one in source.certificates]
    source = replace(source, certificates=tuple(early))
    told = replace(condition(Severity.WARNING, about=source.id), of="source")
    assert judged(sources=[source], conditions=[told]).act == 1, "no other alert of the source says it either"
    found = judged(sources=[source])
    assert found.level is Level.ACT
    assert found.text == f"Act now: {source.region}: the current certificate is not valid before 2026-11-29 14:05 UTC"
    upcoming = [replace(one, state="upcoming") if one.state == "current" else one for one in early]
    assert "not valid before" not in judged(sources=[replace(source, certificates=tuple(upcoming))]).text


@pytest.mark.parametrize("state", [TargetState.HELD, TargetState.NEW, TargetState.BEHIND])
def test_a_target_that_is_not_in_step_is_to_be_looked_at(state: TargetState) -> None:
    assert judged(targets=[replace(GOOD.targets[0], state=state)]).level is Level.LOOK


def test_an_update_may_take_an_hour() -> None:
    def updating(since: Any) -> Level:
        return judged(targets=[replace(GOOD.targets[0], state=TargetState.UPDATING, updating=since)]).level

    assert updating(NOW - HOUR / 2) is Level.GOOD
    assert updating(NOW - 2 * HOUR) is Level.LOOK


def test_an_open_door_is_urgent_even_before_its_alert() -> None:
    assert judged(targets=[replace(GOOD.targets[0], open_doors=("a",))]).level is Level.ACT


@pytest.mark.parametrize(
    ("days", "role", "level"),
    [
        (31, "leaf", Level.GOOD),
        (29, "leaf", Level.LOOK),
        (6, "leaf", Level.ACT),
        (-2, "leaf", Level.ACT),
        (6, "extra", Level.LOOK),
        (6, "anchor", Level.ACT),
    ],
)
def test_what_ends_soon_and_nothing_replaces_is_a_reason(days: int, role: str, level: Level) -> None:
    assert judged(expiry=expiry(days, role)).level is level


@pytest.mark.parametrize(
    ("life", "left", "level"),
    [(47, 29, Level.GOOD), (47, 16, Level.GOOD), (47, 15, Level.LOOK), (47, 7, Level.ACT), (34, 6, Level.LOOK)],
)
def test_what_lives_short_is_a_reason_in_the_last_third_of_its_life(life: int, left: int, level: Level) -> None:
    short = replace(expiry(left), begins=NOW + (left - life) * DAY)
    assert judged(expiry=short).level is level
