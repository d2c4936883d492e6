"""What a target loads after its bucket's KMS key was added, exchanged or taken away; a reader that key keeps out."""

from datetime import timedelta

import pytest

from rotation_watcher import keys
from rotation_watcher.errors import TargetError
from rotation_watcher.targets.decide import Outcome
from tests.support.small_world import ARNS, SmallWorld, folder, issued, root

QUARTER = timedelta(minutes=15)
BUNDLE = {target: keys.deployed(folder(target)) for target in ARNS}


def reads_under(world: SmallWorld, *readable: str) -> None:
    """Let the targets refuse what lies under another key than these."""

    def refuses(operation: str, arn: str) -> None:
        newest = world.store.versions[keys.deployed(keys.target(arn))][-1] if operation == "update" else None
        if newest is not None and newest.kms_key not in readable:
            raise TargetError("the object cannot be read")

    for adapter in world.adapters.values():
        adapter.before = refuses


def runs(world: SmallWorld, number: int) -> list[str]:
    """The outcomes of so many runs at both targets."""
    found = []
    for _ in range(number):
        world.clock.advance(QUARTER)
        summary = world.publish()
        found.append(" ".join(summary.targets[target].outcome for target in ARNS))
    return found


def keys_of(world: SmallWorld, target: str) -> list[str]:
    return [one.kms_key for one in world.store.versions[BUNDLE[target]]]


@pytest.mark.parametrize("now", ["", "key/b"], ids=["taken away", "exchanged"])
def test_what_a_target_could_not_read_under_a_key_is_put_anew_once_without_it(now: str) -> None:
    world = SmallWorld()
    world.store.kms_key = "key/a"
    reads_under(world, now)
    assert runs(world, 5) == ["failed failed"] * 5
    assert {target: keys_of(world, target) for target in ARNS} == {one: ["key/a", "key/a"] for one in ARNS}
    world.store.kms_key = now
    assert runs(world, 3) == ["updated updated", "unchanged unchanged", "unchanged unchanged"]
    assert {target: keys_of(world, target) for target in ARNS} == {one: ["key/a", "key/a", now] for one in ARNS}
    assert root("Root 0") in world.live("alb") & world.live("api")


def test_a_target_that_goes_on_refusing_costs_one_version_for_the_other_key_and_not_one_a_run() -> None:
    world = SmallWorld()
    world.store.kms_key = "key/a"
    reads_under(world)
    runs(world, 3)
    world.store.kms_key = "key/b"
    assert runs(world, 6) == ["failed failed"] * 6
    assert keys_of(world, "alb") == ["key/a", "key/a", "key/b"]


def test_a_key_that_is_added_puts_nothing_anew() -> None:
    world = SmallWorld()
    reads_under(world)
    runs(world, 2)
    world.store.kms_key = "key/a"
    runs(world, 2)
    assert keys_of(world, "alb") == ["", ""], "it can be read without a key"


def test_drift_is_healed_with_what_lies_under_todays_key() -> None:
    world = SmallWorld()
    world.store.kms_key = "key/a"
    assert runs(world, 1) == ["updated updated"]
    world.store.kms_key = "key/b"
    reads_under(world, "key/b")
    world.adapter("alb").held[ARNS["alb"]].bundle = issued("Other").pem
    assert runs(world, 2) == ["updated unchanged", "unchanged unchanged"]
    assert keys_of(world, "alb") == ["key/a", "key/a", "key/b"]


def test_a_person_goes_back_to_what_lies_under_a_former_key_by_a_new_version() -> None:
    world = SmallWorld()
    world.store.kms_key = "key/a"
    runs(world, 1)
    world.widen("Extra")
    runs(world, 1)
    first = world.record("alb").versions[-2]
    world.store.kms_key = "key/b"
    reads_under(world, "key/b")
    assert world.publish(rollback="alb").targets["alb"].outcome == Outcome.ROLLED_BACK
    applied = world.record("alb").applied
    assert applied is not None
    assert applied.sha256 == first.sha256
    assert keys_of(world, "alb")[-1] == "key/b"
    assert applied.version == world.store.versions[BUNDLE["alb"]][-1].version
    assert root("Extra") not in world.live("alb")
