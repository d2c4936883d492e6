"""Collect keeps what it has seen, and repairs what was tampered with: for what the API still presents."""

from rotation_watcher import keys
from rotation_watcher.sources import history, repository
from rotation_watcher.sources.observation import Entity, Observation, Presence
from rotation_watcher.trust.assessment import Verdict
from tests.forgery.world import ROGUE, ForgeryWorld, fresh
from tests.support.small_world import certificate, issued, leaf_of


def look(world: ForgeryWorld) -> None:
    leaf, ca = certificate(leaf_of("Root 0")), certificate(issued("Root 0"))
    shown = Entity(leaf.fingerprint, "Genesys", Presence.CURRENT, leaf, (leaf, ca), Verdict(accepted=True))
    state = history.decode(world.store.body(keys.history("use1")))
    repository.keep_seen(world.store, world.watch.sources[0], state, state, Observation((shown,), {}, ()))


def test_what_was_overwritten_or_deleted_is_written_again_and_a_quiet_run_writes_nothing() -> None:
    world = fresh()
    leaf, ca = (keys.seen("use1", one.fingerprint) for one in (leaf_of("Root 0"), issued("Root 0")))
    world.store.calls.clear()
    look(world)
    assert not world.store.writes
    world.store.seed(leaf, ROGUE.pem)
    world.store.remove(ca)
    assert world.publish().targets["alb"].removal_waits_for
    world.store.calls.clear()
    look(world)
    assert sorted(world.store.writes) == sorted([leaf, ca])
    assert (world.store.body(leaf), world.store.body(ca)) == (leaf_of("Root 0").pem, issued("Root 0").pem)
    assert not world.publish().targets["alb"].removal_waits_for


def test_a_history_is_written_back_to_its_own_place_whatever_source_it_names() -> None:
    world = fresh()
    state = history.decode(world.store.body(keys.history("use1")))
    body = history.encode(state).replace(b'"source": "use1"', b'"source": "another"')
    assert history.decode(body).source == "another"
    world.store.seed(keys.history("use1"), body)
    assert repository.load(world.store, world.watch.sources[0])[0] == state
