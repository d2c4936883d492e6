"""The small form of ``python -m tests.soak.month``: one target of each kind for some days, with faults; nothing grows.

Each judgement is then seen to object: to a last day on which one figure is another.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from local.aws.lifecycle import Lifecycle
from local.base_environment import BUCKET
from tests.soak import fleet, month_judge
from tests.soak.month import Month, opened
from tests.soak.month_count import RECORDS, RULES, limited
from tests.soak.month_judge import Day, Later

SOURCES, TARGETS, SEED = 1, 7, 1
ROUNDS = (1, 1, 1)
"""Of each day: on the second one message kills each of its runs, on the third a root changes."""


@pytest.fixture(scope="module")
def lived() -> Iterator[Month]:
    with opened(SOURCES, TARGETS, SEED) as month:
        for rounds in ROUNDS:
            month.day(rounds)
        yield month


def test_nothing_grows_in_days_with_faults(lived: Month) -> None:
    assert lived.breaches() == []
    assert {*fleet.kinds(TARGETS)} == {*fleet.KINDS}
    assert sum(day.faults for day in lived.days) > len(ROUNDS)
    last = lived.days[-1]
    assert last.objects["targets/"] >= TARGETS
    assert last.dead == last.dead_due > 0  # the message that killed each of its runs
    assert last.kept > 0
    assert all(sum(day.more_versions.values()) < 1000 for day in lived.days)


def more(folder: str, of: str, many: int) -> Any:
    return lambda day: {of: getattr(day, of) | {folder: getattr(day, of)[folder] + many}}


@pytest.mark.parametrize(
    ("alters", "words"),
    [
        (lambda day: {"held": 2 * day.held}, "objects of the watcher are held"),
        (lambda day: {"resident_mb": 1.2 * day.resident_mb}, "MB are resident"),
        (lambda day: {"resident_mb": 300.0, "remembered_mb": {"CachingStore": 300 - day.own_mb}}, "CachingStore remem"),
        (lambda _: {"queue": 1}, "left in the queue"),
        (lambda day: {"dead": day.dead + 1}, "set aside"),
        (lambda day: {"dead": day.dead - 1}, "set aside"),
        (lambda _: {"largest": {"record.json": month_judge.LARGEST + 1}}, "record.json"),
        (lambda _: {"largest": {"digests.json": month_judge.LARGEST}}, "digests.json"),
        (lambda day: {"log": month_judge.LOGGED * day.objects["alerts/"] + 1}, "the alert log"),
        (lambda _: {"kept": 30}, "a record names"),
        (lambda _: {"missing": ["t000 needs version 7"]}, "t000 needs version 7"),
        (lambda _: {"overdue": 1}, "should have expired"),
        (lambda _: {"restless": ["PutObject x"]}, "undisturbed looks"),
        *((more(folder, "objects", 500), f"{folder}: ") for folder in ("alerts/", "bundles/", "crls/", "targets/")),
        *(
            (more(folder, "versions", 500), f"{folder}: ")
            for folder in ("alerts/", "bundles/", "sources/", "targets/", RECORDS)
        ),
        (more("status/", "versions", 500), "status/: "),
    ],
)
def test_what_grows_is_seen(lived: Month, alters: Any, words: str) -> None:
    altered: Day = msgspec.structs.replace(lived.days[-1], **alters(lived.days[-1]))
    found = month_judge.breaches([*lived.days[:-1], altered], lived.heard, lived.rotated)
    assert len(found) == 1
    assert words in found[0]


def test_alerts_that_are_lost_or_come_again_are_seen(lived: Month) -> None:
    again = lived.heard + type(lived.heard)({next(iter(lived.heard)): 10_000})
    assert len(month_judge.breaches(lived.days, again, lived.rotated)) == 1
    assert len(month_judge.breaches(lived.days, {}, {"s00": 1})) == 1


def test_when_every_rule_has_run_all_is_there_that_a_target_may_load(lived: Month) -> None:
    later = lived.later()
    assert [*month_judge.left_over(later, limited())] == []
    last = lived.days[-1]
    assert later.versions["targets/"] == last.versions["targets/"] > later.objects["targets/"]
    assert later.versions[RECORDS] == later.objects[RECORDS] == last.objects[RECORDS] < last.versions[RECORDS]
    for alters in (
        {"missing": ["t000 needs version 7"]},
        {"versions": later.versions | {RECORDS: later.versions[RECORDS] + 1}},
        {"notes": 1},
        {"versions": later.versions | {"sources/": later.versions["sources/"] + 1}},
        {"log": 1},
    ):
        altered: Later = msgspec.structs.replace(later, **alters)
        assert len([*month_judge.left_over(altered, limited())]) == 1, alters

    rule = {"Id": "none-of-ours", "Status": "Enabled", "Prefix": "targets/"}
    rules = [*RULES, rule | {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}]
    lived.bucket.lifecycle = Lifecycle(lived.environment.s3, BUCKET, rules)
    gone = [*month_judge.left_over(lived.later(), limited())]
    assert len(gone) >= lived.days[-1].kept
    assert all("which is gone" in one for one in gone)
