"""One deployment for all tests of a module, made by the commands of the README in a copy of the checkout.

Of a module, not of the folder: only one AWS may run in a process, and a release is deployed to one of its own.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.cloud.cloud import checkout
from tests.deployed.site import Site


@pytest.fixture(scope="session")
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say how far the script is, while it runs, with the seconds since it began."""
    plugins = request.config.pluginmanager
    reporter, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
    started = time.monotonic()

    def say(words: str) -> None:
        if reporter is not None and capture is not None:
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(f"{time.monotonic() - started:6.1f} s  {words}")

    return say


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tell: Callable[[str], None]) -> Iterator[Site]:
    with Site(checkout(tmp_path_factory.mktemp("checkout")), tell) as opened:
        yield opened


@pytest.fixture(scope="module")
def readme(site: Site) -> str:
    """The part of the README that an operator follows."""
    text = Path(site.folder, "README.md").read_text()
    start = text.index("## Deploy\n")
    return text[start : text.index("\n## ", start)]
