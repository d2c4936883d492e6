"""An embedded AWS whose time is the test's."""

from collections.abc import Iterator

import pytest

from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.support.embedded import START


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def aws(clock: VirtualClock) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(clock) as embedded:
        yield embedded
