"""Going back is built from what is live: a version speaks of our own certificates, and others' are theirs alone."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.errors import RequestRefused, TargetError
from rotation_watcher.targets import record as records
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.session import same_state
from tests.support import certs
from tests.support.openssl import admits
from tests.support.small_world import ARNS, START, SmallWorld, folder, issued, leaf_of, root
from tests.support.words import word

TARGETS = pytest.mark.parametrize("target", ["alb", "api"])
OLD, NEW = certs.self_signed_ca("Partner CA"), certs.self_signed_ca("Partner CA")
CLIENT = certs.issue(NEW, "client of the new one", not_before=START - timedelta(days=1))


class Killed(BaseException):
    """The function ends, whatever it was doing."""


def body(world: SmallWorld, target: str) -> bytes:
    held = world.adapter(target).held[ARNS[target]].bundle
    assert held is not None
    return held


def put(world: SmallWorld, target: str, change: Callable[[bytes], bytes]) -> None:
    """What others do to the target."""
    held = world.adapter(target).held[ARNS[target]]
    assert held.bundle is not None
    held.bundle = change(held.bundle)


def run(world: SmallWorld, target: str) -> Outcome:
    world.clock.advance(timedelta(minutes=6))
    outcome = world.publish(targets=[target]).targets[target].outcome
    world.clock.advance(timedelta(minutes=6))
    return outcome


def let_go(world: SmallWorld, target: str, name: str) -> None:
    """The operator takes a root out of the bundle's files, and out of the target without a grace."""
    world.extra = ()
    world.clock.advance(timedelta(minutes=6))
    assert world.publish(release=target, leave=[root(name)]).targets[target].outcome is Outcome.UPDATED
    world.clock.advance(timedelta(minutes=6))


def told(world: SmallWorld) -> list[str]:
    return [word(alert) for alert in world.sink.delivered]


def deployed(target: str, live: bytes, *extras: str) -> SmallWorld:
    """A world whose target held ``live`` of others before ours came, and then each of the extra roots."""
    world = SmallWorld()
    adapter = world.adapter(target)
    adapter.held.pop(ARNS[target])
    adapter.add(ARNS[target], live)
    run(world, target)
    for extra in extras:
        world.widen(extra)
        run(world, target)
    world.sink.delivered.clear()
    return world


def overwritten_during_proof(world: SmallWorld, target: str, pem: bytes) -> None:
    """Another tool replaces the content in the moment after our next update."""
    adapter = world.adapter(target)

    def after(operation: str, _subject: str) -> None:
        if operation == "update":
            adapter.after = lambda *_: None
            put(world, target, lambda _: pem)

    adapter.after = after


def killed_before_its_update(world: SmallWorld, target: str, **event: object) -> None:
    adapter = world.adapter(target)

    def die(operation: str, _subject: str) -> None:
        if operation == "update":
            raise Killed

    adapter.before = die
    with pytest.raises(Killed):
        world.publish(**event)
    adapter.before = lambda *_: None
    world.clock.advance(timedelta(minutes=15))


@TARGETS
def test_a_partner_whose_new_ca_was_put_first_is_let_in_after_a_rollback(target: str) -> None:
    world = deployed(target, OLD.pem)
    put(world, target, lambda live: NEW.pem + live)
    run(world, target)
    world.widen("Extra")
    run(world, target)
    before = body(world, target)
    assert admits(before, CLIENT.pem)
    assert world.publish(rollback=target).targets[target].outcome is Outcome.ROLLED_BACK
    assert body(world, target) == before.replace(issued("Extra").pem, b"")
    assert admits(body(world, target), CLIENT.pem)
    assert admits(body(world, target), leaf_of("Root 0").pem)


@TARGETS
def test_the_automatic_going_back_leaves_the_order_of_others_too(target: str) -> None:
    world = deployed(target, OLD.pem)
    world.widen("Extra")
    overwritten_during_proof(world, target, NEW.pem + OLD.pem)
    assert run(world, target) is Outcome.ROLLED_BACK
    assert body(world, target) == NEW.pem + OLD.pem + issued("Root 0").pem
    assert admits(body(world, target), CLIENT.pem)
    assert [run(world, target) for _ in range(2)] == [Outcome.HELD] * 2
    assert told(world) == ["rolled-back"]


@TARGETS
def test_what_others_took_out_stays_out_and_is_no_forgery(target: str) -> None:
    world = deployed(target, issued("Other").pem + OLD.pem)
    put(world, target, lambda live: live.replace(OLD.pem, b""))
    run(world, target)
    world.widen("Extra")
    overwritten_during_proof(world, target, issued("Other").pem + issued("Somebody").pem)
    assert run(world, target) is Outcome.ROLLED_BACK
    assert world.live(target) == {root("Other"), root("Somebody"), root("Root 0")}
    assert "state-forged" not in told(world)


@TARGETS
def test_by_hand_what_others_took_out_stays_out(target: str) -> None:
    world = deployed(target, issued("Other").pem + OLD.pem, "Extra")
    put(world, target, lambda live: live.replace(OLD.pem, b""))
    run(world, target)
    assert world.publish(rollback=target).targets[target].outcome is Outcome.ROLLED_BACK
    assert world.live(target) == {root("Other"), root("Root 0")}


@TARGETS
def test_what_another_tool_overwrote_during_the_proof_is_told_by_name(target: str) -> None:
    world = deployed(target, issued("Other").pem)
    world.widen("Extra")
    overwritten_during_proof(world, target, issued("Somebody").pem)
    run(world, target)
    (alert,) = world.sink.delivered
    assert alert.kind == "rolled-back"
    assert "CN=Other" in alert.facts["left"]
    assert root("Other")[:16] in alert.facts["left"]
    assert "CN=Root 0" in alert.facts["came back"]


@TARGETS
@pytest.mark.parametrize("change", ["added", "removed", "nothing"])
def test_an_interrupted_rollback_goes_on_with_what_others_have_changed_meanwhile(target: str, change: str) -> None:
    world = deployed(target, issued("Other").pem + OLD.pem, "Extra")
    killed_before_its_update(world, target, rollback=target)
    changes = {"added": lambda live: NEW.pem + live, "removed": lambda live: live.replace(OLD.pem, b"")}
    put(world, target, changes.get(change, lambda live: live))
    theirs = body(world, target).replace(issued("Extra").pem, b"")
    assert run(world, target) is Outcome.ROLLED_BACK
    assert body(world, target) == theirs
    assert "state-forged" not in told(world)
    assert run(world, target) is Outcome.HELD


@TARGETS
def test_an_interrupted_rollback_that_would_refuse_what_is_presented_by_now_is_given_up(target: str) -> None:
    world = deployed(target, issued("Other").pem, "Root 1")
    killed_before_its_update(world, target, rollback=target)
    world.present("Root 1")
    before = body(world, target)
    assert run(world, target) is Outcome.WOULD_REFUSE
    assert body(world, target) == before
    assert "state-forged" not in told(world)
    assert "was given up" in world.sink.delivered[-1].what_happened
    assert world.record(target).pending is None


@TARGETS
def test_a_rollback_takes_out_what_an_unproved_update_has_brought_even_after_a_crash(target: str) -> None:
    world = deployed(target, issued("Other").pem, "Extra 1")
    world.widen("Extra 2")
    adapter = world.adapter(target)

    def die(operation: str, _subject: str) -> None:
        if operation == "update":
            raise Killed

    adapter.after = die
    with pytest.raises(Killed):
        world.publish(targets=[target])
    adapter.after = lambda *_: None
    world.clock.advance(timedelta(minutes=15))
    assert root("Extra 2") in world.live(target)
    killed_before_its_update(world, target, rollback=target)
    assert run(world, target) is Outcome.ROLLED_BACK
    assert world.live(target) == {root("Other"), root("Root 0")}


@TARGETS
def test_what_was_ours_once_and_is_others_now_is_not_taken_out(target: str) -> None:
    world = deployed(target, issued("Other").pem, "Extra")
    let_go(world, target, "Extra")
    assert root("Extra") not in world.live(target)
    world.widen("Another")
    run(world, target)
    put(world, target, lambda live: issued("Extra").pem + live)  # the partner needs it
    run(world, target)
    assert world.publish(rollback=target).targets[target].outcome is Outcome.ROLLED_BACK
    assert root("Extra") in world.live(target)
    assert root("Another") not in world.live(target)
    assert root("Extra") not in world.record(target).ours
    (then, *_) = [one for one in world.record(target).versions if root("Extra") in one.ours]
    assert world.publish(rollback=target, to=then.version).targets[target].outcome is Outcome.HELD  # it is there
    world.clock.advance(timedelta(minutes=6))
    world.publish(release=target)
    world.clock.advance(timedelta(minutes=6))
    assert world.publish(rollback=target, to=then.version).targets[target].outcome is Outcome.ROLLED_BACK
    assert root("Another") not in world.live(target)
    assert root("Extra") not in world.record(target).ours


@TARGETS
def test_asking_again_for_the_same_version_changes_nothing(target: str) -> None:
    world = deployed(target, issued("Other").pem, "Extra")
    (to, *_) = world.record(target).versions
    put(world, target, lambda live: NEW.pem + live)
    world.publish(rollback=target, to=to.version)
    before, updates = world.record(target), len(world.adapter(target).calls)
    world.clock.advance(timedelta(minutes=6))
    assert world.publish(rollback=target, to=to.version).targets[target].outcome is Outcome.HELD
    assert before.applied is not None
    assert world.publish(rollback=target, to=before.applied.version).targets[target].outcome is Outcome.HELD
    assert [call for call in world.adapter(target).calls[updates:] if call[0] == "update"] == []
    assert same_state(world.record(target), before)


@TARGETS
def test_the_version_before_is_refused_where_it_lets_in_what_nothing_vouches_for(target: str) -> None:
    world = deployed(target, issued("Other").pem, "Rogue")
    let_go(world, target, "Rogue")
    before = body(world, target)
    with pytest.raises(RequestRefused, match=r"CN=Rogue") as refused:
        world.publish(rollback=target)
    version = world.record(target).versions[0].version
    assert root("Rogue")[:16] in str(refused.value)
    assert f'{{"rollback": "{target}", "to": "{version}"}}' in str(refused.value)
    assert body(world, target) == before
    assert world.record(target).pending is None
    assert world.record(target).claim is None


@TARGETS
def test_a_named_version_brings_it_back_the_alert_says_so_and_a_release_takes_it_out(target: str) -> None:
    world = deployed(target, issued("Other").pem, "Rogue")
    let_go(world, target, "Rogue")
    world.sink.delivered.clear()
    version = world.record(target).versions[0].version
    assert world.publish(rollback=target, to=version).targets[target].outcome is Outcome.ROLLED_BACK
    assert root("Rogue") in world.live(target)
    (alert,) = world.sink.delivered
    assert "1 certificate came back and 0 certificates left" in alert.what_happened
    assert "CN=Rogue" in alert.facts["came back"]
    assert root("Rogue")[:16] in alert.facts["came back"]
    world.clock.advance(timedelta(minutes=6))
    assert world.publish(release=target, leave=[root("Rogue")]).targets[target].outcome is Outcome.UPDATED
    assert root("Rogue") not in world.live(target)


@TARGETS
def test_a_named_version_that_was_interrupted_brings_back_only_what_is_wanted_and_says_so(target: str) -> None:
    world = deployed(target, issued("Other").pem, "Rogue")
    let_go(world, target, "Rogue")
    world.sink.delivered.clear()
    version = world.record(target).versions[0].version
    killed_before_its_update(world, target, rollback=target, to=version)
    assert run(world, target) is Outcome.ROLLED_BACK
    assert root("Rogue") not in world.live(target)
    assert told(world) == ["rolled-back", "over: removal-planned"]
    assert f"{root('Rogue')[:16]} did not come back" in world.sink.delivered[0].what_happened
    assert world.publish(rollback=target, to=version).targets[target].outcome is Outcome.ROLLED_BACK
    assert root("Rogue") in world.live(target)


def test_where_mutual_tls_is_off_the_version_comes_back_with_what_others_have_added_since() -> None:
    world = deployed("api", issued("Other").pem, "Extra")
    put(world, "api", lambda live: NEW.pem + live)
    run(world, "api")
    world.on_drift = "report"
    world.widen("Extra 2")
    run(world, "api")
    version = world.record("api").versions[-2].version  # before both extras
    world.adapter("api").turn_off(ARNS["api"])
    world.clock.advance(timedelta(minutes=6))
    assert world.publish(rollback="api", to=version).targets["api"].outcome is Outcome.ROLLED_BACK
    assert world.live("api") == {root("Other"), NEW.fingerprint, root("Root 0")}
    assert "state-forged" not in told(world)


@TARGETS
def test_text_of_others_that_cannot_be_carried_on_stops_a_rollback(target: str) -> None:
    world = deployed(target, issued("Other").pem, "Extra")
    put(world, target, lambda live: live + issued("Broken").pem.partition(b"-----END")[0])
    before = body(world, target)
    with pytest.raises(RequestRefused, match="cannot be carried on: line"):
        world.publish(rollback=target)
    assert body(world, target) == before


@TARGETS
def test_an_update_that_is_turned_down_for_now_is_asked_for_again(target: str) -> None:
    world = deployed(target, issued("Other").pem, "Extra")
    adapter, failures = world.adapter(target), [TargetError("not now")]

    def fail(operation: str, _subject: str) -> None:
        if operation == "update" and failures:
            raise failures.pop()

    adapter.before = fail
    assert world.publish(rollback=target).targets[target].outcome is Outcome.FAILED
    put(world, target, lambda live: NEW.pem + live)
    assert run(world, target) is Outcome.ROLLED_BACK
    assert world.live(target) == {root("Other"), NEW.fingerprint, root("Root 0")}
    assert "state-forged" not in told(world)


def test_a_version_whose_record_names_others_as_ours_returns_nothing_of_them_without_a_name() -> None:
    world = deployed("alb", issued("Other").pem + OLD.pem, "Extra")
    put(world, "alb", lambda live: live.replace(OLD.pem, b""))
    run(world, "alb")
    record = world.record("alb")
    forged = msgspec.structs.replace(record.versions[0], ours=(*record.versions[0].ours, OLD.fingerprint))
    changed = msgspec.structs.replace(record, versions=(forged, *record.versions[1:]))
    world.store.seed(keys.record(folder("alb")), records.encode(changed))
    with pytest.raises(RequestRefused, match="CN=Partner CA"):
        world.publish(rollback="alb")
