"""An approval with the name or the reason of the alert's command says neither who nor why: it lifts nothing."""

import json

import pytest

from rotation_watcher import keys
from tests.support import certs
from tests.support.small_collect import SmallCollect, entity, leaf
from tests.support.small_world import START, issued

OTHER = certs.issue(issued("Root 0"), "other.example.com", not_before=START)


def approve(world: SmallCollect, **changed: str) -> None:
    document = {"by": "Ada", "why": "case 4711", "reasons": ["name-mismatch"], **changed}
    world.store.seed(keys.approval(OTHER.fingerprint), json.dumps(document).encode())


def world_with_another() -> SmallCollect:
    world = SmallCollect()
    world.answers["one"] = [leaf(), entity(OTHER.pem + issued("Root 0").pem, "Upcoming")]
    world.look()
    return world


def trusted(world: SmallCollect) -> bool:
    return OTHER.fingerprint in world.state().authorities["Genesys"].leaves


@pytest.mark.parametrize("left", [{"by": "YOUR NAME"}, {"why": "YOUR REASON"}, {"by": " your name "}], ids=str)
def test_an_approval_with_a_placeholder_lifts_nothing_and_says_why(left: dict[str, str]) -> None:
    world = world_with_another()
    approve(world, **left)
    world.look()
    world.look()
    assert not trusted(world)
    (told,) = [one for one in world.sink.delivered if any("approval-invalid" in label for label in one.facts)]
    assert any(next(iter(left)) in words and "still" in words for words in told.facts.values())
    approve(world)
    world.look()
    assert trusted(world)


def test_one_that_was_honoured_before_goes_on_counting() -> None:
    """A release that knew no such rule has let the leaf in: an update of the stack must not shut it out."""
    world = world_with_another()
    approve(world)
    world.look()
    approve(world, by="YOUR NAME", why="YOUR REASON")
    for _ in range(3):
        world.look()
    assert trusted(world)
