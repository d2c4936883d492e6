"""What others keep in a target survives our updates: in its order, in its form, readable by us or not."""

from datetime import timedelta
from pathlib import Path

import pytest

from rotation_watcher.targets.decide import Outcome
from tests.support.openssl import admits
from tests.support.small_world import ARNS, START, SmallWorld, certificate, issued, leaf_of, root
from tests.support.words import word

CASES = Path(__file__).parents[1] / "unit" / "x509" / "cases"
TARGETS = pytest.mark.parametrize("target", ["alb", "api"])


def world_with(target: str, live: bytes) -> SmallWorld:
    world = SmallWorld()
    adapter = world.adapter(target)
    adapter.held.pop(ARNS[target])
    adapter.add(ARNS[target], live)
    return world


def body(world: SmallWorld, target: str) -> bytes:
    held = world.adapter(target).held[ARNS[target]].bundle
    assert held is not None
    return held


@TARGETS
def test_a_partner_that_was_let_in_is_let_in_after_our_update(target: str) -> None:
    live, client = (CASES / "order" / "live.pem").read_bytes(), (CASES / "order" / "client.pem").read_bytes()
    world = world_with(target, live)
    assert admits(live, client)
    assert world.publish(targets=[target]).targets[target].outcome is Outcome.UPDATED
    assert root("Root 0") in world.live(target)
    assert admits(body(world, target), client)
    assert body(world, target).startswith(live)


REFUSED = ("lost-padding", "pem-headers", "url-safe")
"""Blocks for which OpenSSL refuses the file as a whole."""
UNUSUAL = pytest.mark.parametrize(
    "case", sorted({path.stem for path in (CASES / "others-blocks").iterdir()} - {*REFUSED})
)


@TARGETS
@pytest.mark.parametrize("case", REFUSED)
def test_where_openssl_refuses_the_file_as_a_whole_nothing_changes_and_the_line_is_named(
    target: str, case: str
) -> None:
    live = (CASES / "others-blocks" / f"{case}.pem").read_bytes()
    world = world_with(target, live)
    summary = world.publish(targets=[target]).targets[target]
    assert summary.outcome is Outcome.FOREIGN_UNREADABLE
    assert "line 12: " in str(summary.message)
    assert body(world, target) == live


@UNUSUAL
def test_a_block_that_we_cannot_read_is_still_there_byte_for_byte(case: str) -> None:
    live = (CASES / "others-blocks" / f"{case}.pem").read_bytes()
    world = world_with("api", live)
    assert world.publish(targets=["api"]).targets["api"].outcome is Outcome.UPDATED
    assert body(world, "api") == live + issued("Root 0").pem
    world.wait(60)
    world.publish(targets=["api"])
    updates = [call for call in world.adapter("api").calls if call[0] == "update"]
    assert len(updates) == 1  # what we cannot read is no drift and no change


@UNUSUAL
def test_where_the_service_refuses_such_a_block_nothing_changes_and_its_line_is_named(case: str) -> None:
    # The embedded ALB takes plain blocks alone; whether the real one does is not known.
    live = (CASES / "others-blocks" / f"{case}.pem").read_bytes()
    world = world_with("alb", live)
    assert world.publish(targets=["alb"]).targets["alb"].outcome is Outcome.REJECTED
    assert body(world, "alb") == live
    (alert,) = [one for one in world.sink.delivered if word(one) == "truststore-update-failed"]
    assert "line 12: " in alert.what_happened


@TARGETS
def test_ours_leaves_and_what_others_put_around_it_stays_byte_for_byte(target: str) -> None:
    before, after = issued("Other").pem, issued("Another").pem.replace(b"\n", b"\r\n")
    world = world_with(target, before)
    world.widen("Ours")
    world.publish(targets=[target])
    world.wait(60)
    ours = issued("Ours").pem
    world.adapter(target).held[ARNS[target]].bundle = body(world, target).replace(ours, ours + b"# theirs\n" + after)
    world.extra = ()
    world.publish(targets=[target])
    assert root("Ours") in world.live(target)  # in its grace
    world.wait(timedelta(days=31).total_seconds())
    world.present("Root 0")
    world.publish(targets=[target])
    assert root("Ours") not in world.live(target)
    assert b"# theirs\n" + after in body(world, target)


@TARGETS
@pytest.mark.parametrize("spoilt", ["missing end", "private key"])
def test_where_something_cannot_be_carried_on_nothing_changes_and_the_line_is_named(target: str, spoilt: str) -> None:
    good = issued("Other").pem
    bad = {"missing end": good.partition(b"-----END")[0], "private key": good.replace(b"CERTIFICATE", b"PRIVATE KEY")}
    live = good + bad[spoilt]
    world = world_with(target, live)
    summary = world.publish(targets=[target]).targets[target]
    assert summary.outcome is Outcome.FOREIGN_UNREADABLE
    line = good.count(b"\n") + 1
    assert f"line {line}" in str(summary.message)
    assert body(world, target) == live
    (alert,) = [one for one in world.sink.delivered if word(one) == "truststore-update-failed"]
    assert alert.severity == "critical"  # the current leaf is refused meanwhile
    assert f"line {line}" in alert.what_happened
    assert not [key for key in world.store.writes if key.endswith("bundle.pem")]  # least of all a private key


@TARGETS
def test_after_the_line_was_repaired_the_update_follows(target: str) -> None:
    good = issued("Other").pem
    world = world_with(target, good + good.partition(b"-----END")[0])
    world.publish(targets=[target])
    world.adapter(target).held[ARNS[target]].bundle = good
    assert world.publish(targets=[target]).targets[target].outcome is Outcome.UPDATED


def test_a_rollback_keeps_the_form_and_the_order_of_what_others_have() -> None:
    live = (CASES / "others-blocks" / "x509-label.pem").read_bytes() + (CASES / "order" / "live.pem").read_bytes()
    world = world_with("api", live)
    world.publish(targets=["api"])
    world.wait(60)
    world.widen("Ours")
    world.publish(targets=["api"])
    world.wait(60)
    theirs = issued("Later").pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE")
    world.adapter("api").held[ARNS["api"]].bundle = body(world, "api") + theirs
    assert world.publish(rollback="api").targets["api"].outcome is Outcome.ROLLED_BACK
    assert body(world, "api") == live + issued("Root 0").pem + theirs
    assert admits(body(world, "api"), (CASES / "order" / "client.pem").read_bytes())


def test_the_leaf_is_let_in_by_what_was_deployed() -> None:
    world = world_with("alb", (CASES / "order" / "live.pem").read_bytes())
    world.publish(targets=["alb"])
    assert certificate(leaf_of("Root 0")).facts.not_before <= START
    assert admits(body(world, "alb"), leaf_of("Root 0").pem)
