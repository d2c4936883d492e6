"""A domain whose mutual TLS is off shows nothing: what comes back is what the service showed last, by two folders.

Whoever can write one of them brings nothing in and takes nothing away; he can keep the domain from being healed, aloud.
"""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.targets import record
from rotation_watcher.targets.plan import digest
from rotation_watcher.targets.record import Applied, HoldReason, Pending
from tests.forgery.world import OTHERS, ROGUE, ForgeryWorld, fresh
from tests.support.small_world import ARNS, folder, issued, root

replace = msgspec.structs.replace
API = ARNS["api"]


def version(world: ForgeryWorld, body: bytes) -> Applied:
    """Somebody puts an object where versions of the domain's bundle lie."""
    put = world.store.seed(keys.deployed(folder("api")), body)
    applied = world.record("api").applied
    assert applied is not None
    return replace(applied, version=put, sha256=digest(body))


def with_rogue(world: ForgeryWorld) -> bytes:
    return world.store.body(keys.shown(API)) + ROGUE.pem


def without_others(_: ForgeryWorld) -> bytes:
    return issued("Root 0").pem + issued("Shared CA").pem


def write(world: ForgeryWorld, **fields: object) -> None:
    world.store.seed(keys.record(folder("api")), record.encode(replace(world.record("api"), **fields)))


def as_last_version(world: ForgeryWorld, one: Applied) -> None:
    """As if the watcher had met the domain with it."""
    applied = world.record("api").applied
    assert applied is not None
    write(world, versions=(one,), applied=replace(applied, version=""))


def as_applied(world: ForgeryWorld, one: Applied) -> None:
    write(world, applied=one)


def as_shown(world: ForgeryWorld, one: Applied) -> None:
    write(world, applied=one, shown=one.sha256)


def as_never_shown(world: ForgeryWorld, one: Applied) -> None:
    write(world, applied=one, shown="")


def as_going_back(world: ForgeryWorld, one: Applied) -> None:
    pending = Pending(
        version=one.version,
        sha256=one.sha256,
        fingerprints=one.fingerprints,
        ours=(),
        at=one.at,
        hold=HoldReason.BY_HAND,
        why="because",
    )
    write(world, pending=pending)


def turned_off(world: ForgeryWorld) -> None:
    """Three quiet runs, then another tool takes the truststore away."""
    for _ in range(3):
        world.tries(targets=["api"])
    world.adapter("api").turn_off(API)
    for _ in range(3):
        world.tries(targets=["api"])


def lost(world: ForgeryWorld) -> list[str]:
    """What is wrong at the domain, whether it has been healed or not."""
    live = world.live("api")
    found = ["a rogue root is live"] if ROGUE.fingerprint in live else []
    return found + [f"lost {name}" for name in OTHERS if live and root(name) not in live]


@pytest.mark.parametrize("body", [with_rogue, without_others])
@pytest.mark.parametrize("forge", [as_last_version, as_applied, as_shown, as_never_shown, as_going_back])
@pytest.mark.parametrize("when", ["while on", "while off"])
def test_targets_alone_bring_nothing_in_and_take_nothing_away(
    when: str,
    forge: Callable[[ForgeryWorld, Applied], None],
    body: Callable[[ForgeryWorld], bytes],
) -> None:
    world = fresh()
    if when == "while off":
        world.adapter("api").turn_off(API)
    forge(world, version(world, body(world)))
    turned_off(world)
    assert not lost(world)
    held = world.record("api").hold is not None  # a going back that nobody asked for delays, and is alerted
    assert world.live("api") or "state-forged" in world.told() or (held and {"rolled-back", "mtls-off"} <= world.told())


@pytest.mark.parametrize("body", [with_rogue, without_others, lambda _: b"", lambda _: b"\xff garbage"])
@pytest.mark.parametrize("when", ["while on", "while off"])
def test_bundles_alone_bring_nothing_in_and_take_nothing_away(when: str, body: Callable[[ForgeryWorld], bytes]) -> None:
    world = fresh()
    if when == "while off":
        world.adapter("api").turn_off(API)
    world.store.seed(keys.shown(API), body(world))
    if when == "while off":
        assert world.publish(targets=["api"]).targets["api"].outcome == "state-forged"
    turned_off(world)
    assert not lost(world)
    assert bool(world.live("api")) == (when == "while on"), "what is shown is noted again at each look"
    assert ("state-forged" in world.told()) == (when == "while off")


def test_a_domain_that_was_turned_off_comes_back_byte_for_byte_with_what_others_added_since() -> None:
    world = fresh()
    world.adapter("api").add(API, world.store.body(keys.shown(API)) + b"# a partner's\n" + issued("Newcomer").pem)
    world.tries(targets=["api"])
    before = world.adapter("api").held[API].bundle
    world.clock.advance(timedelta(minutes=1))
    world.adapter("api").turn_off(API)
    for _ in range(3):  # the service takes one change in half a minute, and the first comes too soon
        world.tries(targets=["api"])
    assert world.adapter("api").held[API].bundle == before
    assert root("Newcomer") in world.live("api")
    assert "state-forged" not in world.told()


def test_a_run_that_is_killed_between_the_note_and_the_record_of_a_proof_leaves_no_doubt() -> None:
    world = fresh()
    world.widen("Needed now")
    noted = False

    def dies(operation: str, key: str) -> None:
        nonlocal noted
        noted = noted or (operation == "put_if" and key == keys.shown(API))
        if noted and operation == "put_if" and key == keys.record(folder("api")):
            raise KeyboardInterrupt

    world.store.before = dies
    with pytest.raises(KeyboardInterrupt):
        world.publish(targets=["api"])
    world.store.before = lambda *_: None
    assert root("Needed now") in world.live("api")
    world.clock.advance(timedelta(minutes=11))
    world.adapter("api").turn_off(API)
    for _ in range(3):
        world.tries(targets=["api"])
    assert root("Needed now") in world.live("api")
    assert not lost(world)
    assert "state-forged" not in world.told()


def test_a_trust_store_which_cannot_lose_its_content_is_noted_nowhere_and_a_quiet_run_writes_nothing() -> None:
    world = fresh()
    assert keys.shown(ARNS["alb"]) not in world.store.versions
    assert len(world.store.versions[keys.shown(API)]) == 2 + 1, "as met, and after each of two updates"
    world.store.calls.clear()
    world.publish()
    assert not world.store.writes
