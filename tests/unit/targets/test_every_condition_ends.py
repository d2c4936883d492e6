"""Whoever adds a condition of a target says when it is over: one whose key nobody judges would stay open for ever."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotation_watcher import targets
from rotation_watcher.alerts.model import Kind
from rotation_watcher.targets import conditions, revocation_conditions, shared_authority
from tests.support.observed_conditions import Place, places
from tests.unit.targets.test_conditions import KINDS

PLACES = places(targets)
LISTS = revocation_conditions.PREFIX
"""Judged by ``revocation_conditions.noted``."""
ELSEWHERE = {
    Kind.SHARED_AUTHORITY_DEPLOYED: "targets/test_shared_authority.py",
    Kind.FILE_DAMAGED: "targets/test_obstacles.py",
    Kind.UNUSUAL_CERTIFICATE: "targets/test_obstacles.py",
    Kind.LEFT_OUT: "targets/test_obstacles.py",
    Kind.REVOCATIONS_BEHIND: "targets/revocations/test_in_step.py",
    Kind.TARGET_LOCKED: "targets/test_obstacles.py",
    Kind.FILTERED_OUT: "targets/test_obstacles.py",
}
"""Played with a world of their own, or by a test of their own."""


def prefixes(place: Place) -> Iterator[str]:
    """How the key given to ``Observed`` begins: its text up to the first value put into it."""
    key = place.call.args[0]
    if isinstance(key, ast.Name):  # put together before
        key = assigned(place, key.id)
    part = key.values[0] if isinstance(key, ast.JoinedStr) else key
    if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name):
        given = vars(place.module).get(part.value.id)  # a prefix by its name; ``prefix`` of failed() is an argument
        yield from [given] if isinstance(given, str) else []
    else:
        assert isinstance(part, ast.Constant), f"{place}: begin the key with its prefix, not {ast.unparse(key)}"
        yield str(part.value)


def assigned(place: Place, name: str) -> ast.expr:
    """What is last assigned to a name before the place."""
    return [
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(place.module)))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name and node.lineno < place.call.lineno
    ][-1]


KEYS = sorted({key for place in PLACES for key in prefixes(place)})


@pytest.mark.parametrize("key", KEYS)
def test_every_condition_of_a_target_ends(key: str) -> None:
    judged = (*conditions._SEEN, conditions.UNCHANGEABLE, LISTS)
    assert key.startswith(judged), (
        f"the condition would never end: add the prefix of {key!r} to _SEEN in targets/conditions.py"
        " (of one in targets/obstacles.py to PREFIXES there)"
    )


def test_the_keys_are_found() -> None:
    assert {"drift:", "mtls-off:", "quota-near", "file:", "locked:"} <= {*KEYS}
    assert {conditions.UNCHANGEABLE, shared_authority.PREFIX} <= {*KEYS}


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_every_kind_of_condition_is_played_from_its_beginning_to_its_end(place: Place) -> None:
    path = ELSEWHERE.get(place.kind)
    played = {kind for kind, _, _ in KINDS.values()}
    assert place.kind in (text(path) if path else played), (
        f"{place}: add a row for {place.kind} to KINDS in tests/unit/targets/test_conditions.py"
    )


def text(path: str) -> str:
    return (Path(__file__).parents[1] / path).read_text()
