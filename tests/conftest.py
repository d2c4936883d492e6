"""Options of all tests, and service models that a process reads once."""

import gc

import pytest
from hypothesis import HealthCheck, settings

from local.aws import shared_models

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("load")

gc.disable()  # until all is collected: a fifth of the time of collecting goes into looking at what stays to the end

shared_models.share()  # before moto is imported, which reads many


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sockets", action="store_true", help="run every script with the real adapters, over HTTP")


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what stays to the end: modules, service models and 10,000 tests."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # each client of an SDK leaves circles, and they are not many
    gc.enable()
