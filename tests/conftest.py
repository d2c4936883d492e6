"""Options of all tests."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sockets", action="store_true", help="run every script with the real adapters, over HTTP")
