"""The embedded AWS as the adapters meet it. A module may say with ``knobs`` what it needs, and with ``clock`` when.

The adapters reach it directly, but for the modules in OVER_SOCKETS; with ``--sockets`` all do over sockets
(``make attack``).

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

OVER_SOCKETS = {"test_clients", "test_object_store", "test_publish_queue", "test_secrets"}
"""Conditional writes, what a queue keeps, and how long the SDK tries, as the network's own library has them."""

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
def aws(clock: ManualClock, knobs: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[EmbeddedAws]:
    """A running AWS, with the environment of a function that is to speak to it."""
    module = request.module.__name__.rpartition(".")[2]
    direct = module not in OVER_SOCKETS and not request.config.getoption("--sockets")
    with EmbeddedAws(clock, direct=direct, **knobs) as running, pytest.MonkeyPatch.context() as patch:
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
