"""An environment as most tests need it: us-east-1 with both authorities, eu-central-1, and a target of each kind."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

type MakeEnvironment = Callable[..., Environment]


@pytest.fixture
def make_environment(tmp_path: Path) -> Iterator[MakeEnvironment]:
    """Open environments that are closed after the test. Small roots: their size is not what these tests are about."""
    del tmp_path
    with ExitStack() as opened:

        def make(**aws: Any) -> Environment:
            return opened.enter_context(Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws=aws))

        yield make


@pytest.fixture
def environment(make_environment: MakeEnvironment) -> Environment:
    """Two regions, three targets, nothing looked at yet. Each target holds a root of somebody else already."""
    environment = make_environment()
    environment.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 92})
    environment.world.region("eu-central-1", days_left=250)
    others = environment.world.region("sa-east-1").root_pem()
    environment.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
    environment.add_source("euc1", "eu-central-1")
    environment.add_bundle("genesys", ["use1", "euc1"])
    environment.add_bundle("digicert", ["use1"], ["DigiCert"])
    environment.add_trust_store("alb", "genesys", others)
    environment.add_rest_domain("rest", "genesys", others)
    environment.add_http_domain("http", "digicert", others)
    environment.configure()
    return environment
