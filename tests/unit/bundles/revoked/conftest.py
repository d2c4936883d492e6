"""A world in which everything is published, and one in which the leaf is revoked."""

import pytest

from tests.support.small_refresh import SmallRefresh, leaf


@pytest.fixture
def world() -> SmallRefresh:
    """Everything is published, and nothing is revoked."""
    world = SmallRefresh()
    world.refresh()
    assert world.publish() == "updated"
    assert world.pinned == {leaf().fingerprint}
    world.heard()
    return world


@pytest.fixture
def struck(world: SmallRefresh) -> SmallRefresh:
    """The leaf is revoked, and its pin is gone."""
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    assert world.pinned == set()
    world.heard()
    return world
