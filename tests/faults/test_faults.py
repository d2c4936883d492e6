"""Each fault alone, over the whole watcher and real sockets: alerted once and clearly, harming nothing, gone unaided.

The same script for every row. The target is quiet. An operator adds a CA, and Genesys replaces its leaf, while the
fault lasts; then it ends. A fault that is met with patience comes twice: the first time it is over before it is told.
A script that ends as it should leaves the world as quiet as it was, and the next one begins there.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults.aws import AWS
from tests.faults.environment import FaultyEnvironment, Look, open_faulty
from tests.faults.genesys import GENESYS
from tests.faults.rows import SOURCE, TARGET, Row, When, nothing

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MOST_CAS = 15
"""So many may have been added to a target when a script begins in it: at 20 of 25 the watcher begins to warn."""
CONTROLS = tuple(
    Row(f"no fault ({target})", nothing, When.NEVER, outcome="updated", target=target, proxied=False)
    for target in ("alb", "rest", "http")
)
ROWS = sorted((*CONTROLS, *AWS, *GENESYS), key=lambda row: (row.target, row.proxied))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Row], FaultyEnvironment]]:
    """A quiet environment with this row's kind of target: the last one, if its script ended well, or else a new one."""
    opened: list[FaultyEnvironment] = []
    with ExitStack() as world:

        def give(row: Row) -> FaultyEnvironment:
            if not opened or opened[-1].spent or opened[-1].target != row.target or len(opened[-1].cas) > MOST_CAS:
                world.close()
                folder = tmp_path_factory.mktemp("faulty")
                opened.append(world.enter_context(open_faulty(START, row.target, folder)))
                assert opened[-1].look().loud == frozenset()
                assert opened[-1].holds() == {"others", "root"}
            else:  # what returns within a day of its end is another matter
                opened[-1].look(timedelta(hours=25))
                opened[-1].look()
            opened[-1].alerts.clear()
            opened[-1].route(proxied=row.proxied)
            return opened[-1]

        yield give


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_fault_is_alerted_once_harms_nothing_and_passes_unaided(
    row: Row, quiet: Callable[[Row], FaultyEnvironment]
) -> None:
    faulty = quiet(row)
    spent, faulty.spent = row.lonely, True  # unless the end is reached
    changes = 1 + (row.when.patient and row.kind == TARGET)
    if row.when.patient:
        if changes > 1:
            faulty.change()
        meanwhile = suffer(faulty, row, looks=1)
        assert row.outcome in meanwhile[0].outcomes
        assert not meanwhile[0].loud
        recover(faulty, row, looks=1)
        assert faulty.told().keys() <= {("truststore-updated", "")}, "a passing failure is not alerted"
    faulty.change(rotate=True)
    looks = suffer(faulty, row, looks=row.looks or row.when.looks)
    assert troubles(faulty, row) == ([row.reason] if row.kind else [])
    assert frozenset().union(*(look.loud for look in looks)) == row.loud
    if row.when is When.NEVER:
        assert looks[0].outcomes[:2] == ("read", row.outcome)  # the very first run of publish
    elif row.when is When.ALARM:
        assert all(look.loud for look in looks), looks
    else:
        assert any(row.outcome in look.outcomes for look in looks), looks
    recover(faulty, row, looks=2)
    assert faulty.state() == expected_state(faulty)
    assert faulty.told() == expected_news(row, changes)
    assert len({alert.key for alert in faulty.alerts}) == len(faulty.alerts), "nothing is alerted twice"
    assert faulty.leaks() == []
    faulty.spent = spent


def suffer(faulty: FaultyEnvironment, row: Row, *, looks: int) -> list[Look]:
    """Live with the fault for some runs. All along, what Genesys presents gets in and nothing is gone."""
    end = row.inject(faulty)
    seen = []
    for place in range(looks):
        seen.append(faulty.look(row.step))
        assert faulty.harmed() == ""
        assert faulty.claim() is None, "the next run finds nobody in its way"
        if place == 0 and row.when is When.AT_ONCE:
            assert troubles(faulty, row) == [row.reason]
    end()
    return seen


def recover(faulty: FaultyEnvironment, row: Row, *, looks: int) -> None:
    """The fault is over: nobody but the schedule does anything, unless the row says so."""
    if row.person is not None:
        row.person(faulty)
    for _ in range(looks):
        assert faulty.look().loud == frozenset()
        assert faulty.harmed() == ""


def troubles(faulty: FaultyEnvironment, row: Row) -> list[str]:
    """The reasons of the alerts that are about failures; each is checked for being clear."""
    told = [alert for alert in faulty.alerts if alert.kind.value in {SOURCE, TARGET}]
    for alert in told:
        assert alert.kind.value == row.kind
        assert row.words in alert.what_happened
        assert alert.title
        assert alert.what_it_means
        assert alert.what_to_do
    return [alert.facts["reason"] for alert in told]


def expected_state(faulty: FaultyEnvironment) -> dict[str, Any]:
    """What a world without any fault comes to; the rows without a fault prove that it does."""
    return {
        "holds": sorted(["others", "root", *faulty.cas]),
        "applied": sorted(["others", "root", *faulty.cas]),
        "ours": sorted(["root", *faulty.cas]),
        "open": (None, None, None, None),
        "conditions": {},
        "outbox": [],
        "leaves": dict.fromkeys(faulty.leaves[:-1], "retiring") | {faulty.leaves[-1]: "current"},
    }


def expected_news(row: Row, changes: int) -> Counter[tuple[str, str]]:
    """Each change once, the leaf's rotation once, the failure once, and its end where that is promised."""
    news = Counter({("truststore-updated", ""): changes, ("rotated", ""): 1})
    if row.besides:
        news[row.besides, ""] = news[f"over: {row.besides}", ""] = 1
    if row.kind:
        news[row.kind, row.reason] = 1
        if row.reason != "warnings":  # an event: the update was proved all the same
            news[f"over: {row.kind}", row.reason] = 1
    return news
