"""Options of all tests, what each must leave as it was, and service models that a process reads once."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from local.aws import shared_models

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("load")

shared_models.share()  # before moto is imported, which reads many


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sockets", action="store_true", help="run every script with the real adapters, over HTTP")


@pytest.fixture(autouse=True)
def variables_are_left_as_they_were() -> Iterator[None]:
    """A variable that a test leaves behind fails that test, and not another one that reads it later.

    It is set up before ``monkeypatch`` and looks after it: where that was set up before an ``Environment``, it puts
    back what the environment had set.
    """
    before = dict(os.environ)
    yield
    left = {name for name, value in os.environ.items() if before.get(name) != value} - {"PYTEST_CURRENT_TEST"}
    gone = before.keys() - os.environ.keys()
    for name in left | gone:  # the tests after this one are not to fail for it
        os.environ.pop(name, None)
    os.environ.update({name: before[name] for name in (left | gone) & before.keys()})
    assert not left | gone, "this test leaves other variables behind than it found"


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what stays to the end: modules, service models and 8,500 tests."""
    gc.collect()
    gc.freeze()
