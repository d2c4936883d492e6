from collections.abc import Iterator
from pathlib import Path

import pytest

from local.edge import TlsEdge
from local.genesys.issuing import Identity
from tests.handshake.edge.certificates import new_authority


@pytest.fixture(scope="module")
def root() -> Identity:
    return new_authority("Root")


@pytest.fixture(scope="module")
def other_root() -> Identity:
    return new_authority("Root")  # the same name, another key


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[TlsEdge]:
    with TlsEdge(tmp_path / "edge") as each:
        yield each
