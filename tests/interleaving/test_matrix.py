"""The part of the matrix in which somebody has work to do; ``python -m tests.interleaving`` plays the whole."""

import pytest

from rotation_watcher.targets import run
from tests.interleaving.matrix import Case, breaches, part

LISTED = [
    Case(moment, "reconcile", inner, target)
    for moment in ("first", "widened", "untold", "foreign")
    for inner in ("reconcile", "killed", "rollback")
    for target in ("alb", "api")
]


@pytest.mark.parametrize("case", part(), ids="-".join)
def test_a_run_in_the_midst_of_another_breaks_nothing(case: Case) -> None:
    assert breaches(case) == []


@pytest.mark.parametrize("case", LISTED, ids="-".join)
def test_nor_does_it_where_a_run_goes_by_a_listing_and_what_its_container_remembers(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LISTED_FROM", 1)
    assert breaches(case, remembers=True) == []
