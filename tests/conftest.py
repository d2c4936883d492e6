"""Options of all tests."""

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("load")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sockets", action="store_true", help="run every script with the real adapters, over HTTP")
