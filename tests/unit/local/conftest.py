from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from local.genesys.clock import VirtualClock
from local.genesys.keys import DEFAULT_CACHE, KeyStore
from local.genesys.region import Region
from local.genesys.world import World

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def keys() -> KeyStore:
    return KeyStore(DEFAULT_CACHE)


@pytest.fixture
def world(clock: VirtualClock) -> World:
    return World(clock, DEFAULT_CACHE, root_key_bits=2048)


@pytest.fixture
def make_region(world: World) -> Callable[[float], Region]:
    return lambda days_left: world.region("us-east-1", days_left=days_left)
