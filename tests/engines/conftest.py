from pathlib import Path

import pytest

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
