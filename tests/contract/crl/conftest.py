"""A host with files, as the adapter meets it over HTTP, and in memory."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import pytest

from rotation_watcher.errors import FetchCode
from rotation_watcher.ports import DistributionPoints
from tests.support.crl_server import HOST, Headers, Network, answer, network
from tests.support.fake_crls import FakeDistributionPoints, ServedFile

LIMIT = 1000
"""The most bytes of a file in this suite."""


class Host(Protocol):
    """A host that keeps files."""

    points: DistributionPoints

    def url(self, path: str) -> str:
        """The URL of a path."""

    def publish(self, path: str, body: bytes, *, etag: str | None = None, last_modified: str | None = None) -> str:
        """Put a file there, and give its URL."""

    def refuse(self, path: str, status: int) -> str:
        """Answer with a status there, and give the URL."""


class RealHost:
    """Over HTTP."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.points: DistributionPoints = network.points(limit=LIMIT)

    def url(self, path: str) -> str:
        return self._network.url(path)

    def publish(self, path: str, body: bytes, *, etag: str | None = None, last_modified: str | None = None) -> str:
        file = ServedFile(body, etag, last_modified)
        told = {"ETag": etag, "Last_Modified": last_modified}
        headers = {name: value for name, value in told.items() if value is not None}

        def serve(asked: Headers) -> Iterable[bytes]:
            unchanged = file.is_named_by(asked.get("If-None-Match"), asked.get("If-Modified-Since"))
            return [answer(304, b"", **headers) if unchanged else answer(200, body, **headers)]

        self._network.server.answers[path] = serve
        return self.url(path)

    def refuse(self, path: str, status: int) -> str:
        self._network.server.answers[path] = answer(status)
        return self.url(path)


class FakeHost:
    """In memory."""

    def __init__(self) -> None:
        self._fake = FakeDistributionPoints(limit=LIMIT)
        self.points: DistributionPoints = self._fake
        self._fake.publish(self.url("/"), b"")

    def url(self, path: str) -> str:
        return f"http://{HOST}{path}"

    def publish(self, path: str, body: bytes, *, etag: str | None = None, last_modified: str | None = None) -> str:
        self._fake.publish(self.url(path), body, etag=etag, last_modified=last_modified)
        return self.url(path)

    def refuse(self, path: str, status: int) -> str:
        self._fake.fail(self.url(path), FetchCode.STATUS_UNEXPECTED, status)
        return self.url(path)


@pytest.fixture
def plain() -> Iterator[Network]:
    """A server without TLS."""
    with network() as running:
        yield running


@pytest.fixture
def secured() -> Iterator[Network]:
    """A server with TLS, whose certificate bears its name."""
    with network(tls=True) as running:
        yield running


@pytest.fixture(params=["http", "memory"])
def host(request: pytest.FixtureRequest) -> Host:
    return FakeHost() if request.param == "memory" else RealHost(request.getfixturevalue("plain"))
