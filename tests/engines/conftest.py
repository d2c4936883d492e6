from pathlib import Path

import pytest

from tests.engines.story import Story, tell


@pytest.fixture(scope="session")
def story() -> Story:
    """What the watcher published by now, and who knocks."""
    return tell()


@pytest.fixture(scope="session")
def files(story: Story, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The published truststores as files."""
    folder = tmp_path_factory.mktemp("published")
    paths = {name: folder / f"{name}.pem" for name in story.published}
    for name, path in paths.items():
        path.write_bytes(story.published[name])
    return paths
