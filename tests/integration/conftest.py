"""A stage with the usual scenery: us-east-1 with both authorities, eu-central-1, and a target of each kind."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.genesys.keys import DEFAULT_CACHE
from local.stage import Stage

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

type MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(tmp_path: Path) -> Iterator[MakeStage]:
    """Open stages that are closed after the test. Small roots: their size is not what these tests are about."""
    del tmp_path
    with ExitStack() as opened:

        def make(**aws: Any) -> Stage:
            return opened.enter_context(Stage(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws=aws))

        yield make


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """Two regions, three targets, nothing looked at yet. Each target holds a root of somebody else already."""
    stage = make_stage()
    stage.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 92})
    stage.world.region("eu-central-1", days_left=250)
    others = stage.world.region("sa-east-1").root_pem()
    stage.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
    stage.add_source("euc1", "eu-central-1")
    stage.add_bundle("genesys", ["use1", "euc1"])
    stage.add_bundle("digicert", ["use1"], ["DigiCert"])
    stage.add_trust_store("alb", "genesys", others)
    stage.add_rest_domain("rest", "genesys", others)
    stage.add_http_domain("http", "digicert", others)
    stage.configure()
    return stage
