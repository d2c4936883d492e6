"""What a run saw and left to another one to act upon is no knowledge yet: where mutual TLS is turned off then, or a
listener emptied, what was written down last comes back.
"""

from contextlib import suppress

from rotation_watcher.ports import Filter
from tests.support.listener_world import ARN, OTHERS, ListenerWorld, ours
from tests.support.small_world import ARNS, CLAIM, SmallWorld, issued, root

THEIRS = Filter("subject-ou", "exact", "Later")


def closed_domain() -> SmallWorld:
    world = SmallWorld()
    world.publish(targets=["api"])
    world.wait(600)
    world.publish(targets=["api"])
    return world


def others_take_ours_out(world: SmallWorld) -> None:
    held = world.adapter("api").held[ARNS["api"]]
    held.bundle = issued("Other").pem
    held.version = world.store.seed("elsewhere.pem", held.bundle)
    held.location = f"s3://{world.store.bucket}/elsewhere.pem"


def test_a_domain_that_a_sweep_saw_changed_and_that_is_turned_off_then_is_closed_again() -> None:
    world = closed_domain()
    others_take_ours_out(world)
    assert world.publish(sweep=True).targets["api"].outcome == "enqueued"
    world.adapter("api").turn_off(ARNS["api"])
    world.wait(60)
    assert world.publish(targets=["api"]).targets["api"].outcome == "updated"
    assert world.live("api") == {root("Other"), root("Root 0")}


def test_a_domain_seen_under_anothers_claim_and_turned_off_then_is_closed_again() -> None:
    world = closed_domain()
    killed_with_the_claim(world, "api")
    others_take_ours_out(world)
    assert world.publish(targets=["api"]).targets["api"].outcome == "claimed-by-another"
    world.wait(60)
    world.adapter("api").turn_off(ARNS["api"])
    world.wait(CLAIM.total_seconds())
    assert world.publish(targets=["api"]).targets["api"].outcome == "updated"
    assert {root("Other"), root("Root 0")} <= world.live("api")


def listener() -> ListenerWorld:
    world = ListenerWorld(OTHERS)
    world.run()
    world.run()
    return world


def test_a_listener_that_a_sweep_saw_changed_and_that_is_emptied_then_is_closed_again() -> None:
    world = listener()
    world.doors.put(ARN, OTHERS, THEIRS)
    assert world.run(sweep=True).outcome == "enqueued"
    world.doors.put(ARN)
    assert world.run().outcome == "updated"
    assert {OTHERS, ours()} <= {*world.filters}


class Killed(BaseException):
    """The process is gone: nothing that the watcher does can catch it."""


def killed_with_the_claim(world: SmallWorld, target: str) -> None:
    def die(operation: str, _subject: str) -> None:
        if operation == "update":
            raise Killed

    world.widen("Extra")
    world.adapter(target).before = die
    with suppress(Killed):
        world.publish(targets=[target])
    world.adapter(target).before = lambda *_: None
