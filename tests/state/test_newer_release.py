"""State of a newer release stops this one, aloud, before it writes anything: at each object, in the whole watcher."""

import json

import pytest

from rotation_watcher import keys
from tests.soak.acts import Script
from tests.soak.environment import ARNS, SoakEnvironment
from tests.soak.openssl import Openssl
from tests.soak.playing import Player


@pytest.fixture(scope="module")
def known() -> SoakEnvironment:
    """A source and its targets after two runs."""
    player = Player(Script(seed=1, sources=("use1",), acts=()), Openssl())
    player.begin()
    return player.environment


@pytest.mark.parametrize("key", [keys.history("use1"), keys.record(keys.target(ARNS["alb"])), keys.pins("alb")])
def test_what_a_newer_release_wrote_is_refused_aloud_and_left_alone(known: SoakEnvironment, key: str) -> None:
    before = known.store.body(key)
    known.store.seed(key, json.dumps({**json.loads(before), "format": "99"}).encode())
    roots = known.region("use1").root_pem() + known.other(f"trusted now: {key[:40]}").pem()
    known.store.seed(known.anchors_key("use1", "Genesys"), roots.encode())  # so that there is something to do
    kept = known.store.body(key)
    try:
        looked, published = known.collect(), known.publish("alb")
        assert looked.broken == (["use1"] if key == keys.history("use1") else [])
        assert published.broken == ["alb"]
        message = published.targets["alb"].message or ""
        assert f"{key} was written by a newer release" in message
        assert "deploy that release again" in message
        assert known.store.body(key) == kept
    finally:
        known.store.seed(key, before)


def test_the_same_watcher_goes_on_with_what_it_knows(known: SoakEnvironment) -> None:
    assert (known.collect().broken, known.publish("alb").broken) == ([], [])
