"""Whatever happens while collect is at work: by a listing it comes to what it could come to by reading everything.

At every call that a run makes, something else happens wholly: another run that has seen another answer, or an operator
who changes what it rests on. A run that reads everything at some moment sees it or not. So what each source's history
and alerts can come to is the set of its ends over all moments; a run that goes by listings and by what its container
remembers must end in one of these, and in none of its own.
"""

from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from typing import NamedTuple

import msgspec
import pytest

from rotation_watcher import collect as collecting
from rotation_watcher import keys
from rotation_watcher.collect import Request
from rotation_watcher.listed_store import Memory
from rotation_watcher.ports import Credentials
from tests.support.fakes import EncryptedStore, InMemoryStore
from tests.support.small_collect import SmallCollect, leaf, renewed
from tests.support.small_world import issued

SOURCES = ("one", "two")
ANCHORS = "anchors/us-east-1.pem"
"""Those of the first source."""
NEWER, NEWEST = renewed(), renewed("Root 1")


class End(NamedTuple):
    """What one source has come to: its history, what was delivered of it, and whether it was broken."""

    history: bytes | None
    alerts: tuple[str, ...]
    broken: bool


class Answers:
    """``ports.GenesysApi``: what one run is answered, whatever another one is meanwhile."""

    def __init__(self, entities: Sequence[bytes]) -> None:
        self._entities = entities

    def certificates(self, *, api_url: str, login_url: str, credentials: Credentials) -> Sequence[bytes]:
        """See ``ports.GenesysApi``."""
        del api_url, login_url, credentials
        return self._entities


def _run(world: SmallCollect, now: Sequence[bytes], memory: Memory | None = None) -> list[str]:
    """A run now; the sources that were broken."""
    ports = msgspec.structs.replace(
        world.ports, genesys=Answers(now), memory=None if memory is None else lambda: memory
    )
    return collecting.collect(world.watch, Request(), ports).broken


def _another_that_remembers(world: SmallCollect) -> None:
    memory = Memory()
    _run(world, [leaf()], memory)
    _run(world, [NEWEST], memory)


def _restore(world: SmallCollect) -> None:
    key = keys.history("one")
    world.store.seed(key, world.store.versions[key][0].body)


def _there_and_back(world: SmallCollect) -> None:
    for key in (keys.history("one"), ANCHORS):
        body = world.store.body(key)
        world.store.seed(key, world.store.versions[key][0].body + b"\n")
        world.store.seed(key, body)


MEANWHILE: dict[str, Callable[[SmallCollect], object]] = {
    "another run": lambda world: _run(world, [NEWEST]),
    "another that remembers": _another_that_remembers,
    "anchors taken out": lambda world: world.store.mark_deleted(ANCHORS),
    "anchors replaced": lambda world: world.store.seed(ANCHORS, issued("Root 1").pem),
    "history removed": lambda world: world.store.mark_deleted(keys.history("one")),
    "history restored": _restore,
    "there and back": _there_and_back,
}
NOW: dict[str, list[bytes]] = {"nothing new": [leaf()], "a new leaf": [leaf(), NEWER], "another leaf": [NEWER]}
"""What the run that is interrupted is answered."""


def _before(store: type[InMemoryStore]) -> tuple[SmallCollect, Memory]:
    """A world in rest, and the memory of the container that brought it there."""
    world, memory = SmallCollect(*SOURCES), Memory()
    empty = world.store
    world.store = store()
    for key in empty.versions:
        world.store.seed(key, empty.body(key))
    world.memory = memory
    for _ in range(3):
        world.look()
    return world, memory


def _ends_of(world: SmallCollect, broken: Collection[str]) -> list[End]:
    return [
        End(
            None if (held := world.store.versions[keys.history(name)][-1]).deleted else held.body,
            tuple(sorted(one.id for one in world.sink.delivered if f":{name}:" in one.key)),
            name in broken,
        )
        for name in SOURCES
    ]


def _ends(
    world: SmallCollect,
    memory: Memory | None,
    meanwhile: Callable[[SmallCollect], object],
    now: Sequence[bytes],
    at: int,
) -> list[End]:
    """Of each source; none where the run makes no call of that number."""
    calls, within = 0, False

    def before(*_: str) -> None:
        nonlocal calls, within
        if within:
            return
        calls += 1
        if calls - 1 == at:
            within = True
            meanwhile(world)
            within = False

    world.store.before = before
    broken = _run(world, now, memory)
    world.store.before = lambda *_: None
    if calls <= at:
        return []
    return _ends_of(world, broken)


def _all(
    world: SmallCollect, memory: Memory | None, meanwhile: Callable[[SmallCollect], object], now: list[bytes]
) -> list[list[End]]:
    """The ends of each source, by the moment."""
    found: list[list[End]] = []
    while True:
        copy, known = deepcopy((world, memory))
        ends = _ends(copy, known, meanwhile, now, len(found))
        if not ends:
            return found
        found.append(ends)


@pytest.fixture(autouse=True)
def _listed_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "LISTINGS", 1)


@pytest.mark.parametrize("store", [InMemoryStore, EncryptedStore])
@pytest.mark.parametrize("now", NOW)
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_a_run_that_goes_by_a_listing_ends_as_one_that_reads(
    meanwhile: str, now: str, store: type[InMemoryStore]
) -> None:
    world, memory = _before(store)
    reading = _all(world, None, MEANWHILE[meanwhile], NOW[now])
    listing = _all(world, memory, MEANWHILE[meanwhile], NOW[now])
    assert len(listing) > 2
    for place, name in enumerate(SOURCES):
        could = {ends[place] for ends in reading}
        strange = [at for at, ends in enumerate(listing) if ends[place] not in could]
        assert strange == [], f"{name}, before calls {strange}"


@pytest.mark.parametrize("store", [InMemoryStore, EncryptedStore])
@pytest.mark.parametrize("now", NOW)
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_what_happened_before_a_run_it_sees_whatever_its_container_remembers(
    meanwhile: str, now: str, store: type[InMemoryStore]
) -> None:
    world, memory = _before(store)
    MEANWHILE[meanwhile](world)
    found = []
    for known in (None, memory):
        copy, remembered = deepcopy((world, known))
        found.append(_ends_of(copy, _run(copy, NOW[now], remembered)))
    reading, listing = found
    assert listing == reading


def test_the_runs_of_these_tests_do_go_by_a_listing() -> None:
    world, memory = _before(InMemoryStore)
    for known, listed in ((memory, 2), (None, 0)):
        world.store.calls.clear()
        _run(world, [leaf()], known)
        assert [operation for operation, _ in world.store.calls].count("list") == listed
