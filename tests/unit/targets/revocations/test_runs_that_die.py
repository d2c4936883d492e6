"""Runs that die, answers that are lost, runs that meet: the next run completes them, and loads nothing twice."""

import pytest
from cryptography import x509

from rotation_watcher import keys
from rotation_watcher.errors import TargetError
from rotation_watcher.ports import BundleObject, RevocationFile
from rotation_watcher.targets.revocation_state import decode
from tests.support.loaded_lists import (
    ALB,
    CHANGES,
    Killed,
    bodies,
    die_at,
    loaded,
    news,
    revoke,
    serials,
    state,
    theirs,
)
from tests.support.small_refresh import HOUR, SmallRefresh, leaf


def moments(world: SmallRefresh) -> list[tuple[str, str, int]]:
    """Every call of a run that replaces a list, before and after."""
    seen: list[tuple[str, str]] = []
    world.store.before = world.target.before = lambda call, key: seen.append((call, key))
    world.publish()
    world.store.before = world.target.before = lambda *_: None
    return [(call, key, seen[:at].count((call, key))) for at, (call, key) in enumerate(seen)]


def test_a_run_that_dies_at_any_call_is_completed_by_the_next_and_nothing_is_loaded_twice() -> None:
    def made() -> SmallRefresh:
        world = SmallRefresh()
        world.target.load_list(ALB, theirs())
        world.refresh()
        world.publish()
        revoke(world)
        return world

    found = [one for one in moments(made()) if one[0] in CHANGES | {"revocations", "content"}]
    assert len(found) > 10
    for side in ("before", "after"):
        for call, key, count in found if side == "before" else [one for one in found if one[0] in CHANGES]:
            world = made()
            killer = die_at(call, key, count)
            setattr(world.store, side, killer)
            setattr(world.target, side, killer)
            with pytest.raises(Killed):
                world.publish()
            setattr(world.store, side, lambda *_: None)
            setattr(world.target, side, lambda *_: None)
            names = {x509.load_pem_x509_crl(body).issuer.rfc4514_string() for body in bodies(world)}
            assert "CN=CA 1" in names, "a moment without a list"
            world.clock.advance(HOUR)
            world.publish()
            world.publish()
            wanted = {"CN=Other": {7, 8, 9}, "CN=CA 1": serials(leaf()), "CN=Root 0": set()}
            assert loaded(world) == wanted, (side, call, key)
            assert state(world).leaving == ()
            assert decode(world.store.body(keys.added_lists(ALB))) == state(world)


def test_a_list_that_another_run_has_just_replaced_is_not_told_as_lost(world: SmallRefresh) -> None:
    world.target_options = {"on_drift": "report"}
    revoke(world)
    other: list[str] = []

    def meanwhile(call: str, key: str) -> None:
        if call == "get" and key == keys.added_lists(ALB) and not other:
            other.append(key)
            world.publish()

    world.store.after = meanwhile
    world.publish()
    assert other
    assert news(world) == []
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_a_list_that_the_sdk_has_added_twice_is_removed_once(world: SmallRefresh) -> None:
    add = world.target.add_revocation

    def twice(arn: str, place: BundleObject) -> RevocationFile:
        add(arn, place)
        return add(arn, place)

    world.target.add_revocation = twice  # type: ignore[method-assign]
    revoke(world)
    world.publish()
    world.target.add_revocation = add  # type: ignore[method-assign]
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_a_list_whose_answer_was_lost_is_found_again_although_others_were_due(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.list_cas()
    world.refresh()
    lost: list[str] = []

    def lose(call: str, arn: str) -> None:
        if call == "add" and not lost:
            lost.append(arn)
            raise TargetError("the answer was lost")

    world.target.after = lose
    world.publish()
    world.publish()
    world.publish()
    assert {name: len(found) for name, found in loaded(world).items()} == {"CN=Other": 3, "CN=CA 1": 1, "CN=Root 0": 0}


def test_a_run_that_dies_after_it_removed_a_list_that_nothing_needs_leaves_no_trouble(world: SmallRefresh) -> None:
    world.target_options = {"revocation": "off"}

    def die(call: str, _: str) -> None:
        if call == "remove":
            raise Killed

    world.target.after = die
    for _ in range(2):
        with pytest.raises(Killed):
            world.publish()
        world.clock.advance(HOUR)
    world.target.after = lambda *_: None
    world.publish()
    news(world)
    world.target_options = {"on_drift": "report"}
    world.publish()
    assert set(loaded(world)) == {"CN=Other", "CN=CA 1", "CN=Root 0"}
    assert news(world) == []
