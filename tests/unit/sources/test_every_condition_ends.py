"""Whoever adds a condition of a source names its kind: one whose kind is not known would stay open for ever."""

import ast
import inspect
from pathlib import Path

import pytest

from rotation_watcher.alerts.model import Kind
from rotation_watcher.sources import compare, conditions, quarantine
from rotation_watcher.sources import keys_of_conditions as keys
from tests.unit.sources.test_conditions import KINDS

MAKERS = {
    name: maker
    for name, maker in inspect.getmembers(keys, inspect.isfunction)
    if maker.__module__ == keys.__name__ and inspect.signature(maker).return_annotation is str
}
"""Every function that gives a key."""


@pytest.mark.parametrize("name", MAKERS)
def test_every_key_of_a_source_has_its_kind(name: str) -> None:
    needed = [one for one in inspect.signature(MAKERS[name]).parameters.values() if one.default is one.empty]
    key = MAKERS[name](*(one.name for one in needed))
    assert keys.kind_of(key) is not None, f"add the prefix of {key!r} to kind_of in sources/keys_of_conditions.py"


def test_the_makers_are_found() -> None:
    assert {"absent", "anchor", "disagree", "quarantined"} <= MAKERS.keys()


def test_every_kind_of_condition_is_played_from_its_beginning_to_its_end() -> None:
    kinds = {
        Kind[node.args[1].attr]
        for module in (compare, conditions, quarantine)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Observed"
        if isinstance(node.args[1], ast.Attribute)
    }
    assert len(kinds) >= 4
    played = {kind for kind, _, _ in KINDS.values()} | {kind for kind, path in ELSEWHERE.items() if kind in text(path)}
    assert kinds <= played, "add a row to KINDS in test_conditions.py"


ELSEWHERE = {
    Kind.NAMES_UNCERTAIN: "sources/test_names.py",
    Kind.FILE_DAMAGED: "sources/test_anchor_files.py",
    Kind.STATE_FORGED: "../forgery/test_outboxes.py",
}
"""Played with a world of their own."""


def text(path: str) -> str:
    return (Path(__file__).parents[1] / path).read_text()
