"""A pin of what Genesys presents stays whatever a history says of its leaf: pins narrow by a clock of their own."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.bundles import pins
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, Leaf, Quarantined, Status
from rotation_watcher.sources.observation import Presence
from rotation_watcher.trust.findings import Finding
from tests.forgery.world import OURS, ROGUE, ForgeryWorld, fresh, known, under
from tests.support.small_world import START, issued, leaf_of

replace = msgspec.structs.replace
PRESENTED = leaf_of("Root 0")
OLDER = under("Root 0", "dataactions.prod.us-east-1.mypurecloud.com")
type Forge = Callable[[Leaf], AuthorityHistory]


def pinned(world: ForgeryWorld) -> dict[str, pins.Pin]:
    """The pins by fingerprint."""
    listed = pins.decode(world.store.body(keys.pins("main"))).pins
    return {pin.certificate.fingerprint: pin for pin in listed}


def says(world: ForgeryWorld, authority: AuthorityHistory) -> None:
    """The history says that of Genesys' own authority, and is fresh."""
    state = history.decode(world.store.body(keys.history("use1")))
    authorities = {**state.authorities, "Genesys": authority}
    world.store.seed(
        keys.history("use1"), history.encode(replace(state, authorities=authorities, fresh_at=world.clock()))
    )


def beside(leaf: Leaf | None, **more: object) -> AuthorityHistory:
    """An older genuine leaf is called current, beside what is said of the one that is presented."""
    leaves = {OLDER.fingerprint: known(OLDER, issued("Root 0"))}
    leaves |= {leaf.facts.fingerprint: leaf} if leaf else {}
    return replace(AuthorityHistory(leaves=leaves), **more)


def left_out(_: Leaf) -> AuthorityHistory:
    return beside(None)


def retired_long_ago(leaf: Leaf) -> AuthorityHistory:
    past = START - timedelta(days=100)
    return beside(replace(leaf, status=Status.RETIRING, since=past, retire_after=past))


def quarantined(leaf: Leaf) -> AuthorityHistory:
    held = Quarantined(
        presence=Presence.CURRENT, facts=leaf.facts, reasons=(Finding("chain-untrusted", ""),), first_seen=START
    )
    return beside(None, quarantine={leaf.facts.fingerprint: held})


def approved_once(leaf: Leaf) -> AuthorityHistory:
    return beside(replace(leaf, lifted=(Finding("name-mismatch", ""),)))


def under_another_chain(leaf: Leaf) -> AuthorityHistory:
    return beside(replace(leaf, chain=(OLDER.fingerprint,)))


FORGERIES = [left_out, retired_long_ago, quarantined, approved_once, under_another_chain]


def prepared() -> ForgeryWorld:
    world = fresh()
    world.store.seed(keys.seen("use1", OLDER.fingerprint), OLDER.pem)
    return world


@pytest.mark.parametrize("then", FORGERIES)
@pytest.mark.parametrize("forge", FORGERIES)
def test_no_history_takes_the_pin_of_the_leaf_that_genesys_presents(forge: Forge, then: Forge) -> None:
    world = prepared()
    genuine = known(PRESENTED, issued("Root 0"))
    for step in (forge, forge, then, left_out, left_out):
        says(world, step(genuine))
        world.tries()
        assert PRESENTED.fingerprint in pinned(world)


def test_a_pin_whose_leaf_nothing_shows_leaves_when_its_grace_is_over_and_not_before() -> None:
    world = prepared()
    begun = world.clock()
    says(world, beside(None))
    world.tries()
    assert pinned(world)[PRESENTED.fingerprint].status is Status.RETIRING
    assert pinned(world)[PRESENTED.fingerprint].until == begun + timedelta(days=30)
    for _ in range(3):
        says(world, beside(None))
        world.store.calls.clear()
        world.tries()
        assert keys.pins("main") not in world.store.writes, "the clock does not begin anew"
    world.clock.advance(timedelta(days=29))
    says(world, beside(None))
    world.tries()
    assert PRESENTED.fingerprint in pinned(world)
    world.clock.advance(timedelta(days=1))
    says(world, beside(None))
    world.tries()
    assert PRESENTED.fingerprint not in pinned(world)
    assert OURS.fingerprint in pinned(world)


def test_an_end_that_somebody_wrote_into_the_pins_neither_ends_nor_lengthens_a_grace() -> None:
    for until in (START - timedelta(days=1), START + timedelta(days=9999)):
        world = prepared()
        written = pins.decode(world.store.body(keys.pins("main")))
        changed = [replace(pin, status=Status.RETIRING, until=until) for pin in written.pins]
        world.store.seed(keys.pins("main"), msgspec.json.encode(replace(written, pins=tuple(changed))))
        world.tries()
        found = pinned(world)[PRESENTED.fingerprint]
        assert (found.status, found.until) == (Status.CURRENT, None), "it is presented: its history and its file say so"


@pytest.mark.parametrize("narrowing", [True, False])
def test_a_seen_file_that_was_overwritten_takes_no_pin(*, narrowing: bool) -> None:
    world = prepared()
    world.store.seed(keys.seen("use1", PRESENTED.fingerprint), ROGUE.pem)
    if narrowing:
        says(world, beside(None))
    world.tries()
    world.tries()
    assert {PRESENTED.fingerprint, OURS.fingerprint} <= pinned(world).keys()
    assert ROGUE.fingerprint not in pinned(world)
