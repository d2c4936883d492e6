"""Whoever adds a condition of a target says when it is over: one whose key nobody judges would stay open for ever."""

import ast
import inspect
from collections.abc import Iterator

import pytest

from rotation_watcher.alerts.model import Kind
from rotation_watcher.targets import conditions
from tests.unit.targets.test_conditions import KINDS

FOR_EVER = (conditions.SHARED,)


def observed() -> Iterator[ast.Call]:
    """Every place where a condition is observed."""
    for node in ast.walk(ast.parse(inspect.getsource(conditions))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Observed":
            yield node


def keys() -> Iterator[str]:
    """How each key begins that is given to ``Observed``: its text up to the first value put into it."""
    for call in observed():
        first = call.args[0]
        part = first.values[0] if isinstance(first, ast.JoinedStr) else first
        if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name):
            given = vars(conditions).get(part.value.id)  # a prefix by its name; ``prefix`` of failed() is an argument
            yield from [given] if isinstance(given, str) else []
        else:
            assert isinstance(part, ast.Constant), ast.unparse(first)
            yield str(part.value)


KEYS = sorted({*keys()})


@pytest.mark.parametrize("key", KEYS)
def test_every_condition_of_a_target_ends_or_is_said_not_to(key: str) -> None:
    judged = (*conditions._SEEN, conditions.UNCHANGEABLE)
    assert key.startswith((*judged, *FOR_EVER)), f"add the prefix of {key!r} to _SEEN in targets/conditions.py"


def test_the_keys_are_found() -> None:
    assert {"drift:", "mtls-off:", "quota-near", conditions.UNCHANGEABLE, conditions.SHARED} <= {*KEYS}


def test_every_kind_of_condition_is_played_from_its_beginning_to_its_end() -> None:
    kinds = {Kind[call.args[1].attr] for call in observed() if isinstance(call.args[1], ast.Attribute)}
    assert len(kinds) >= 7
    played = {kind for kind, _, _ in KINDS.values()}
    elsewhere = {Kind.SHARED_AUTHORITY_DEPLOYED}  # it never ends
    assert kinds - played == elsewhere, "add a row to KINDS in test_conditions.py"
