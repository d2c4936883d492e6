"""A simulated region eighty days before its DigiCert rotation, and lookers at it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from local.genesys.keys import DEFAULT_CACHE
from local.genesys.server import Simulator
from local.genesys.world import World
from tests.support.fakes import ManualClock
from tests.support.observer import REGION, SECRET, Observer

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def world(clock: ManualClock) -> World:
    world = World(clock, DEFAULT_CACHE, root_key_bits=2048)
    world.region(REGION, days_left=80)
    return world


@pytest.fixture
def start(world: World, clock: ManualClock) -> Iterator[Callable[..., Observer]]:
    """Start a simulator with these settings and give its observer."""
    with ExitStack() as running:

        def starting(*, budget: float = 30.0, **settings: Any) -> Observer:
            simulator = running.enter_context(Simulator(world, **settings))
            simulator.add_client(simulator.client_id, SECRET)
            return Observer(simulator, clock, budget=budget)

        yield starting


@pytest.fixture
def observer(start: Callable[..., Observer]) -> Observer:
    return start()
