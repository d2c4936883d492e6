"""What the watcher published, as files; and a world with its doors."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from tests.engines.backend import Backend
from tests.engines.door_servers import Envoy, HaProxy, Nginx, Proxy
from tests.engines.door_world import World
from tests.engines.edge_machine import Machine
from tests.engines.script import Outcome, run_script


@pytest.fixture(scope="session")
def outcome() -> Outcome:
    """What the watcher published by now, and who knocks."""
    return run_script()


@pytest.fixture(scope="session")
def files(outcome: Outcome, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The published truststores as files."""
    folder = tmp_path_factory.mktemp("published")
    paths = {name: folder / f"{name}.pem" for name in outcome.published}
    for name, path in paths.items():
        path.write_bytes(outcome.published[name])
    return paths


@pytest.fixture
def world() -> Iterator[World]:
    with Environment(
        datetime.now(UTC), DEFAULT_CACHE, world={"root_key_bits": 2048, "backdate": timedelta(days=9)}
    ) as at:
        yield World(at)


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as running:
        yield running
        running.shutdown()


@pytest.fixture(params=[Nginx, HaProxy, Envoy])
def proxy(request: pytest.FixtureRequest, tmp_path: Path, backend: Backend) -> Proxy:
    kind: Any = request.param
    if kind.lacking:
        pytest.skip(kind.lacking)
    made: Proxy = kind(tmp_path, backend)
    return made


@pytest.fixture
def edge(world: World) -> World:
    """A world whose watcher keeps a place for files."""
    environment = world.environment
    environment.add_file_place("edge", "main")
    environment.configure()
    assert environment.publish("edge").targets["edge"].outcome == "updated"
    return world


@pytest.fixture
def machine(edge: World, tmp_path: Path) -> Machine:
    return Machine(edge, tmp_path)
