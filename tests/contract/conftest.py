"""The embedded AWS as the adapters meet it. A module may say with ``knobs`` what it needs, and with ``clock`` when.

A start costs milliseconds, and moto's state is one per process: so each module has a server of its own.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.aws.server import EmbeddedAws
from tests.support.fakes import ManualClock
from tests.support.plain_http import NO_ROOTS

_numbers = itertools.count()


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    """The time of the module's AWS."""
    return ManualClock()


@pytest.fixture(scope="module")
def knobs() -> dict[str, Any]:
    """What to turn at the module's AWS; the fields of ``local.aws.knobs.Knobs``."""
    return {}


@pytest.fixture(scope="module")
def aws(clock: ManualClock, knobs: dict[str, Any]) -> Iterator[EmbeddedAws]:
    """A running AWS, with the environment of a function that is to speak to it."""
    with EmbeddedAws(clock, **knobs) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment().items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(autouse=True)
def forget(request: pytest.FixtureRequest) -> None:
    """Nothing is left of the faults and calls of the test before, in whatever order tests run."""
    if "aws" in request.fixturenames:
        aws: EmbeddedAws = request.getfixturevalue("aws")
        aws.faults.clear()
        aws.calls.clear()


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """How trust stores are downloaded."""
    with httpx.Client(trust_env=False, verify=NO_ROOTS) as client:
        yield client


@pytest.fixture
def unused() -> Callable[[str], str]:
    """A name that no other test has: ``unused("bucket")``."""
    return lambda what: f"{what}-{next(_numbers)}"
