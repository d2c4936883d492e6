"""``ports.DistributionPoints`` in memory, held to the same sentences as the real one (``tests/contract/crl``)."""

from typing import NamedTuple

from rotation_watcher.adapters.crl_http import MAX_BYTES, PORTS, kept
from rotation_watcher.adapters.fetch_urls import parse
from rotation_watcher.errors import FetchCode, FetchError
from rotation_watcher.ports import Fetched, NotModified, Validators
from tests.support.fakes import Watched


class ServedFile(NamedTuple):
    """A file at a server, with the validators that the server tells, however odd."""

    body: bytes
    etag: str | None = None
    last_modified: str | None = None

    def is_named_by(self, etag: str | None, last_modified: str | None) -> bool:
        """Whether it is unchanged for who asks with these: an ETag outranks a date (RFC 9110, 13.2.2)."""
        if etag is not None:
            return etag == self.etag
        return last_modified is not None and last_modified == self.last_modified


class FakeDistributionPoints(Watched):
    """Files by URL; ``failures`` are raised instead. Each fetch is a call ("fetch", url)."""

    def __init__(self, *, limit: int = MAX_BYTES) -> None:
        super().__init__()
        self.files: dict[str, ServedFile] = {}
        self.failures: dict[str, FetchError] = {}
        self._limit = limit

    def publish(self, url: str, body: bytes, *, etag: str | None = None, last_modified: str | None = None) -> None:
        """Put a file at a URL, in place of the one there and of a failure."""
        self.failures.pop(url, None)
        self.files[url] = ServedFile(body, etag, last_modified)

    def fail(self, url: str, code: FetchCode, status: int | None = None) -> None:
        """Have the fetches of a URL fail until a file is published there."""
        self.failures[url] = FetchError(code, f"{parse(url).host} fails: {code}", status=status)

    def fetch(self, url: str, *, known: Validators | None = None) -> Fetched | NotModified:
        """See ``ports.DistributionPoints``."""
        self._enter("fetch", url)
        fetched = self._fetch(url, known or Validators())
        self.after("fetch", url)
        return fetched

    def _fetch(self, url: str, known: Validators) -> Fetched | NotModified:
        try:
            place = parse(url)
        except ValueError as error:
            raise FetchError(FetchCode.URL_REFUSED, f"the URL {error}") from None
        if place.port not in PORTS:
            raise FetchError(FetchCode.URL_REFUSED, f"{place.host} is to be asked at port {place.port}")
        if url in self.failures:
            raise self.failures[url]
        if place.host not in {parse(each).host for each in self.files}:
            raise FetchError(FetchCode.UNRESOLVABLE, f"the name {place.host} cannot be resolved")
        if url not in self.files:
            raise FetchError(FetchCode.STATUS_UNEXPECTED, f"{place.host} answered with status 404", status=404)
        file = self.files[url]
        sent = kept(known.etag, known.last_modified)
        if file.is_named_by(sent.etag, sent.last_modified):
            return NotModified()
        if len(file.body) > self._limit:
            raise FetchError(FetchCode.ANSWER_TOO_LARGE, f"{place.host} answered with more than {self._limit} bytes")
        return Fetched(file.body, kept(file.etag, file.last_modified))
