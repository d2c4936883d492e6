"""A trust store that is in step: two lists of the watcher's, and one of somebody else."""

import pytest

from tests.support.loaded_lists import ALB, news, state, theirs
from tests.support.small_refresh import CAS, LEAVES, SmallRefresh


@pytest.fixture
def world() -> SmallRefresh:
    """Everything is published, and two lists are in force: of leaves, and of CAs."""
    world = SmallRefresh()
    world.target.load_list(ALB, theirs())
    world.refresh()
    world.publish()
    assert state(world).leaving == ()
    assert {one.url for one in state(world).loaded.values()} == {LEAVES, CAS}
    news(world)
    return world
