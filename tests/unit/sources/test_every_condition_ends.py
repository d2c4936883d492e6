"""Whoever adds a condition of a source adds its key: one whose key nobody judges would stay open for ever."""

import ast
import inspect
from pathlib import Path

import pytest

from rotation_watcher import sources
from rotation_watcher.alerts.model import Kind
from rotation_watcher.sources import keys_of_conditions as keys
from tests.support.observed_conditions import Place, places
from tests.unit.sources.test_conditions import KINDS

PLACES = places(sources)
KEYS = "sources/keys_of_conditions.py"
MAKERS = {
    name: maker
    for name, maker in inspect.getmembers(keys, inspect.isfunction)
    if maker.__module__ == keys.__name__ and inspect.signature(maker).return_annotation is str
}
"""Every function that gives a key."""
SINGLE = {name: key for name, key in vars(keys).items() if name.isupper() and name[0] != "_" and not key.endswith(":")}
"""Every key that is one for the whole source."""
ELSEWHERE = {
    Kind.NAMES_UNCERTAIN: "sources/test_names.py",
    Kind.FILE_DAMAGED: "sources/test_anchor_files.py",
    Kind.CLOCK_AHEAD: "sources/test_clock.py",
    Kind.STATE_FORGED: "../forgery/test_outboxes.py",
}
"""Played with a world of their own."""


def made(name: str) -> str:
    needed = [one for one in inspect.signature(MAKERS[name]).parameters.values() if one.default is one.empty]
    return str(MAKERS[name](*(one.name for one in needed)))


@pytest.mark.parametrize("name", MAKERS)
def test_every_key_of_a_source_is_judged(name: str) -> None:
    assert keys.known(made(name)), (
        f"the condition would never end: add the prefix of {made(name)!r} to _PREFIXES in {KEYS}"
    )


@pytest.mark.parametrize("name", SINGLE)
def test_every_single_key_of_a_source_is_judged_and_is_the_start_of_no_other(name: str) -> None:
    assert keys.known(SINGLE[name]), f"the condition would never end: add {name} to _SINGLE in {KEYS}"
    assert not keys.known(f"{SINGLE[name]}-of-a-newer-release:x")


def test_the_keys_are_found() -> None:
    assert {"absent", "anchor", "disagree", "quarantined"} <= MAKERS.keys()
    assert {"SOURCE", "CLOCK"} <= SINGLE.keys()


def test_every_prefix_ends_in_a_colon_and_a_key_that_only_begins_alike_is_another_releases() -> None:
    assert all(prefix.endswith(":") for prefix in keys._PREFIXES), f"end each of _PREFIXES in {KEYS} in a colon"
    assert not [name for name in MAKERS if keys.known(made(name).replace(":", "-weak:", 1))]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_every_condition_has_a_key_from_the_module_of_keys(place: Place) -> None:
    key = place.call.args[0]
    maker = key.func if isinstance(key, ast.Call) else key
    assert ast.unparse(maker) in {f"keys.{name}" for name in (*MAKERS, *SINGLE)}, (
        f"{place}: give it a key by a function of {KEYS}, not {ast.unparse(key)}"
    )


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_every_kind_of_condition_is_played_from_its_beginning_to_its_end(place: Place) -> None:
    path = ELSEWHERE.get(place.kind)
    played = {kind for kind, _, _ in KINDS.values()}
    assert place.kind in (text(path) if path else played), (
        f"{place}: add a row for {place.kind} to KINDS in tests/unit/sources/test_conditions.py"
    )


def test_the_places_are_found() -> None:
    modules = {place.module.__name__.rpartition(".")[2] for place in PLACES}
    assert {"clock", "compare", "conditions", "floods", "going_back", "quarantine"} <= modules


def text(path: str) -> str:
    return (Path(__file__).parents[1] / path).read_text()
