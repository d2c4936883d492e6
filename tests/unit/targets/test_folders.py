"""The state of a target is its ARN's: what a former release kept by the id is taken over, with nothing lost."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from rotation_watcher import formats, keys
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.errors import NewerFormat
from rotation_watcher.kinds import ALB_TRUST_STORE
from rotation_watcher.targets import record as records
from rotation_watcher.targets import revocation_state
from rotation_watcher.targets.record import Claim
from tests.support.small_world import ARNS, SmallWorld, folder, root

TARGETS = tuple(ARNS)


@contextmanager
def by_id() -> Iterator[None]:
    """State lies in the folder of the id, as the releases before format 3 had it."""
    names = {arn: target for target, arn in ARNS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "target", lambda arn: keys.former_target(names[arn]))
        yield


def former_world() -> SmallWorld:
    """A world in which that release has deployed twice, at both targets."""
    world = SmallWorld()
    with by_id():
        world.publish()
        world.clock.advance(timedelta(minutes=5))
        world.widen("More")
        world.publish()
        for target in TARGETS:
            record = records.decode(world.store.body(f"targets/{target}/record.json"))
            body = msgspec.json.encode({**msgspec.to_builtins(record), "format": "2"})
            world.store.seed(f"targets/{target}/record.json", body)
    world.clock.advance(timedelta(minutes=15))
    world.sink.delivered.clear()
    return world


def updates(world: SmallWorld) -> int:
    return sum(call[0] == "update" for adapter in world.adapters.values() for call in adapter.calls)


def test_the_folder_follows_from_the_arn_alone() -> None:
    assert folder("api").startswith("targets/api-example-com-")
    assert len({keys.target(f"{ARNS['alb']}{digit}") for digit in range(9)}) == 9


def test_what_it_kept_is_taken_over_once_and_nothing_changes_at_the_target() -> None:
    world = former_world()
    before = {target: (world.live(target), world.adapter(target).held[ARNS[target]].location) for target in TARGETS}
    asked = updates(world)
    summary = world.publish(sweep=True)
    assert {one.outcome for one in summary.targets.values()} == {"unchanged"}
    for target in TARGETS:
        after, former = world.record(target), records.decode(world.store.body(f"targets/{target}/record.json"))
        assert (after.former, after.target) == (target, target)
        assert {*after.ours} == {root("Root 0"), root("More")}
        assert after == former, "and that release, deployed again, sees a newer format"
    writes = len(world.store.writes)
    world.publish(sweep=True)
    assert len(world.store.writes) == writes
    assert updates(world) == asked
    assert world.sink.delivered == []
    assert before == {
        target: (world.live(target), world.adapter(target).held[ARNS[target]].location) for target in TARGETS
    }


def test_the_release_before_refuses_what_was_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world = former_world()
    world.publish(sweep=True)
    monkeypatch.setattr(records, "FORMAT", 2)
    with pytest.raises(NewerFormat):
        records.decode(world.store.body("targets/alb/record.json"))


@pytest.mark.parametrize("target", TARGETS)
def test_one_can_go_back_to_what_it_deployed_and_on_from_there(target: str) -> None:
    world = former_world()
    world.publish(sweep=True)
    summary = world.publish(rollback=target).targets[target]
    assert summary.outcome == "rolled-back"
    assert world.live(target) == {root("Other"), root("Root 0")}
    world.publish(release=target)
    world.clock.advance(timedelta(minutes=5))
    world.publish()
    assert world.live(target) == {root("Other"), root("Root 0"), root("More")}
    assert world.record(target).hold is None
    assert any(key == keys.deployed(folder(target)) for key in world.store.writes)


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_watcher_added_then_leaves_after_its_grace(target: str) -> None:
    world = former_world()
    world.extra = ()
    for _ in range(40):
        world.clock.advance(timedelta(days=1))
        world.present("Root 0")
        world.publish()
    assert world.live(target) == {root("Other"), root("Root 0")}


def test_an_update_that_it_left_unproved_is_proved_and_alerts_that_wait_are_delivered() -> None:
    world = SmallWorld()
    with by_id():
        world.publish()
        world.clock.advance(timedelta(minutes=5))
        world.widen("More")
        world.sink.closed = True

        def dies(operation: str, _: str) -> None:
            if operation == "update":
                raise KeyboardInterrupt

        world.adapter("alb").after = dies
        with pytest.raises(KeyboardInterrupt):
            world.publish(targets=["alb"])
    world.adapter("alb").after = lambda *_: None
    world.sink.closed = False
    world.sink.delivered.clear()
    waiting = records.decode(world.store.body("targets/alb/record.json"))
    assert waiting.pending is not None
    world.clock.advance(timedelta(minutes=15))
    assert world.publish(targets=["alb"]).targets["alb"].outcome == "updated"
    assert [alert.kind for alert in world.sink.delivered] == ["truststore-updated"]
    assert world.record("alb").pending is None


def test_alerts_that_waited_there_are_the_watchers_own() -> None:
    world = former_world()
    kept = records.decode(world.store.body("targets/alb/record.json"))
    with by_id():
        world.adapters[ALB_TRUST_STORE].held[ARNS["alb"]].bundle = b""
        world.sink.closed = True
        world.publish(targets=["alb"])
    waiting = records.decode(world.store.body("targets/alb/record.json"))
    assert waiting.outbox
    assert waiting != kept
    assert Ledger(world.store, "targets/alb/record.json").own(waiting.outbox) == waiting.outbox
    world.sink.closed = False
    world.clock.advance(timedelta(minutes=15))
    world.publish(targets=["alb"])
    assert {alert.id for alert in waiting.outbox} <= {alert.id for alert in world.sink.delivered}
    assert "state-forged" not in {alert.kind for alert in world.sink.delivered}


def test_under_that_releases_claim_nothing_is_taken_over() -> None:
    world = former_world()
    record = records.decode(world.store.body("targets/alb/record.json"))
    claimed = msgspec.structs.replace(record, claim=Claim("a run of then", world.clock() + timedelta(minutes=5)))
    world.store.seed("targets/alb/record.json", records.encode(claimed))
    world.widen("Even more")
    assert world.publish(targets=["alb"]).targets["alb"].outcome == "claimed-by-another"
    assert keys.record(folder("alb")) not in world.store.versions
    world.clock.advance(timedelta(minutes=20))
    assert world.publish(targets=["alb"]).targets["alb"].outcome == "updated"


def test_a_dry_run_takes_over_nothing() -> None:
    world = former_world()
    writes = len(world.store.writes)
    assert world.publish(dry_run=True).targets["alb"].outcome == "unchanged"
    assert len(world.store.writes) == writes


def test_a_folder_that_somebody_else_named_is_passed_over_aloud() -> None:
    world = SmallWorld()
    world.publish()
    forged = msgspec.structs.replace(world.record("alb"), former="../anchors")
    world.store.seed(keys.record(folder("alb")), records.encode(forged))
    world.clock.advance(timedelta(minutes=15))
    world.sink.delivered.clear()
    world.publish(targets=["alb"])
    assert [alert.kind for alert in world.sink.delivered] == ["state-forged"]
    assert world.record("alb").former == ""


def outcome(world: SmallWorld) -> tuple[object, ...]:
    """All that matters of the state of the trust store, and what people were told."""
    record = world.record("alb")
    told = {(alert.id, alert.status) for alert in world.sink.delivered}
    return (world.live("alb"), {*record.ours}, record.applied, record.pending, record.outbox, told)


@pytest.mark.parametrize("asked", [{"sweep": True}, {"targets": ["alb"]}])
def test_killed_at_any_call_the_next_run_takes_it_over_all_the_same(asked: dict[str, Any]) -> None:
    undisturbed = former_world()
    undisturbed.publish(**asked)
    place = 0
    while place >= 0:
        world, left = former_world(), place

        def dies(_operation: str, _key: str) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                raise KeyboardInterrupt

        world.store.before = dies
        with suppress(KeyboardInterrupt):
            world.publish(**asked)
        world.store.before = lambda *_: None
        world.clock.advance(timedelta(minutes=15))
        world.publish(**asked)
        assert outcome(world) == outcome(undisturbed), place
        closed = records.decode(world.store.body("targets/alb/record.json"))
        written = formats.number_of(world.store.body("targets/alb/record.json"), newest=records.FORMAT)
        assert written == records.FORMAT, place
        assert closed.former == "alb"
        place = place + 1 if left < 0 else -1


@pytest.mark.parametrize("call", [{"rollback": "alb"}, {"release": "alb"}])
def test_a_call_by_hand_that_is_the_first_one_takes_over_too(call: dict[str, str]) -> None:
    world = former_world()
    world.publish(**call)
    assert world.record("alb").former == "alb"
    assert formats.number_of(world.store.body("targets/alb/record.json"), newest=records.FORMAT) == records.FORMAT


def test_a_run_of_that_release_that_is_under_way_writes_nothing_more_and_loses_nothing() -> None:
    """It claims the target between this release's reading and its taking over."""
    world = former_world()
    kept = records.decode(world.store.body("targets/alb/record.json"))
    claim = Claim("a run of then", world.clock() + timedelta(minutes=5))
    claimed = msgspec.to_builtins(msgspec.structs.replace(kept, claim=claim))

    def claims(operation: str, key: str) -> None:
        if (operation, key) == ("get", "targets/alb/record.json"):
            world.store.after = lambda *_: None
            world.store.seed("targets/alb/record.json", msgspec.json.encode({**claimed, "format": "2"}))

    world.store.after = claims
    assert world.publish(targets=["alb"]).targets["alb"].outcome == "claimed-by-another"
    assert records.decode(world.store.body("targets/alb/record.json")).claim == claim
    assert formats.number_of(world.store.body("targets/alb/record.json"), newest=records.FORMAT) == 2
    assert keys.record(folder("alb")) not in world.store.versions
    world.clock.advance(timedelta(minutes=15))
    assert world.publish(targets=["alb"]).targets["alb"].outcome == "unchanged"
    assert world.record("alb").former == "alb"


def test_the_lists_that_it_had_loaded_stay_ours_under_another_id_too() -> None:
    target = msgspec.structs.replace(SmallWorld().watch.targets[0], id="another")
    world = SmallWorld()
    one = revocation_state.State(arn=target.arn, others=(7,))
    for key in (keys.target_revocations("targets/alb/"), keys.added_lists(target.arn)):
        world.store.seed(key, formats.encode(one))
    assert revocation_state.load(world.store, target).state.others == ()
    known = revocation_state.load(world.store, target, "alb")
    assert (known.state, known.etags[0]) == (one, None)
    assert revocation_state.write(world.store, target, one, known).state == one
    assert revocation_state.load(world.store, target, "alb").etags[0] is not None
