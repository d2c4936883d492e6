"""S3 and Lambda for the authorizer: botocore's signer and urllib3, which the layer has anyway, and no client.

boto3 with an S3 client takes twice as long to start (docs/decisions/0035). Nothing is tried again here: a door asks
again at the next request, and the request that waits has no time for a second try.
"""

import json
from collections.abc import Mapping
from threading import Thread
from typing import NamedTuple
from urllib.parse import quote

import urllib3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from rotation_watcher.errors import Conflict, StoreError
from rotation_watcher.identity.ports import Got

MOST = 8 << 20
"""The most bytes that are read of an answer."""
_OK, _PARTIAL, _ACCEPTED, _NOT_MODIFIED = 200, 206, 202, 304
_HIDDEN, _ABSENT, _CONFLICTS = 403, 404, {409, 412}


class Access(NamedTuple):
    """Where AWS is asked, and as whom. ``endpoints``: by service, other URLs than AWS's own. ``fips``: of FIPS."""

    region: str
    credentials: ReadOnlyCredentials
    endpoints: Mapping[str, str]
    fips: bool = False

    def host(self, service: str) -> str:
        """AWS's own host of a service (botocore's endpoint rules)."""
        return f"{service}{'-fips' if self.fips else ''}.{self.region}.{_suffix(self.region)}"


class _Answer(NamedTuple):
    status: int
    body: bytes
    etag: str


class SignedS3:
    """``identity.ports.Objects`` for one bucket.

    ``owner``: the account to which the bucket must belong, or S3 refuses every call (None: to whatever account).
    """

    def __init__(self, access: Access, bucket: str, *, owner: str | None = None) -> None:
        self._http = _Http()
        self._signer = S3SigV4Auth(access.credentials, "s3", access.region)
        self._base = _base(access, bucket)
        self._bucket = bucket
        self._owned = {"X-Amz-Expected-Bucket-Owner": owner} if owner else {}

    def get(self, key: str, *, etag: str | None, within: float) -> Got:
        """See ``ports.Objects``."""
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._ask("GET", self._url(key), headers, b"", within)
        if answer.status == _NOT_MODIFIED and etag:
            return Got(None, etag)
        if answer.status in {_HIDDEN, _ABSENT}:
            return Got(None, "")
        self._expect(answer, {_OK}, "read", key)
        return Got(answer.body, answer.etag)

    def part(self, key: str, *, version: str | None, begin: int, length: int, within: float) -> bytes:
        """See ``ports.Objects``."""
        url = self._url(key) + (f"?versionId={quote(version, safe='')}" if version else "")
        headers = {"Range": f"bytes={begin}-{begin + length - 1}"}
        answer = self._ask("GET", url, headers, b"", within)
        self._expect(answer, {_PARTIAL, _OK}, "read", key)
        # A server may answer a range with the whole, above all one that is all of it (RFC 9110, 14.2).
        return answer.body if answer.status == _PARTIAL else answer.body[begin : begin + length]

    def put_if(self, key: str, body: bytes, *, etag: str | None, within: float) -> None:
        """See ``ports.Objects``."""
        headers = {"If-Match": etag} if etag else {"If-None-Match": "*"}
        answer = self._ask("PUT", self._url(key), headers, body, within)
        if answer.status in _CONFLICTS:
            raise Conflict(f"s3://{self._bucket}/{key} was written by somebody else")
        self._expect(answer, {_OK}, "write", key)

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes, within: float) -> _Answer:
        return self._http.ask(self._signer, method, url, {**self._owned, **headers}, body, within)

    def _url(self, key: str) -> str:
        return f"{self._base}/{quote(key, safe='/~')}"

    def _expect(self, answer: _Answer, statuses: set[int], verb: str, key: str) -> None:
        if answer.status not in statuses:
            raise StoreError(f"cannot {verb} s3://{self._bucket}/{key}: S3 answers {answer.status}")


class InvokedCollect:
    """``identity.ports.Looks`` by an asynchronous invocation of the function with that name."""

    def __init__(self, access: Access, function: str) -> None:
        self._http = _Http()
        self._signer = SigV4Auth(access.credentials, "lambda", access.region)
        base = access.endpoints.get("lambda") or f"https://{access.host('lambda')}"
        self._url = f"{base}/2015-03-31/functions/{quote(function, safe='')}/invocations"

    def look(self, source: str, *, within: float) -> None:
        """See ``ports.Looks``."""
        body = json.dumps({"sources": [source]}).encode()
        headers = {"X-Amz-Invocation-Type": "Event"}
        answer = self._http.ask(self._signer, "POST", self._url, headers, body, within)
        if answer.status != _ACCEPTED:
            raise StoreError(f"collect cannot be invoked: Lambda answers {answer.status}")


class _Http:
    """Signed requests over connections that are kept open."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(retries=False, maxsize=2)
        self._waiting: Thread | None = None

    def ask(
        self, signer: SigV4Auth, method: str, url: str, headers: Mapping[str, str], body: bytes, within: float
    ) -> _Answer:
        request = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
        signer.add_auth(request)
        # A time-out of a socket bounds a pause, and not an answer that comes drop by drop: so the call has a thread.
        if self._waiting is not None and self._waiting.is_alive():
            raise StoreError(f"{method} fails: the answer to the call before is still on its way")
        outcome: list[_Answer | StoreError] = []
        self._waiting = Thread(target=self._call, args=(request, body, within, outcome), name="door", daemon=True)
        self._waiting.start()
        self._waiting.join(within)
        if not outcome:
            raise StoreError(f"{method} fails: no whole answer within {within:.2f} s")
        if isinstance(outcome[0], StoreError):
            raise outcome[0]
        return outcome[0]

    def _call(self, request: AWSRequest, body: bytes, within: float, outcome: "list[_Answer | StoreError]") -> None:
        try:
            outcome.append(self._answer(request, body, within))
        except StoreError as error:
            outcome.append(error)
        except Exception as error:  # noqa: BLE001  # nothing may be lost in a thread
            outcome.append(StoreError(f"{request.method} fails: {type(error).__name__}"))

    def _answer(self, request: AWSRequest, body: bytes, within: float) -> _Answer:
        answer = self._pool.request(
            str(request.method),
            str(request.url),
            body=body or None,
            headers=dict(request.headers.items()),
            timeout=urllib3.Timeout(total=within),
            redirect=False,
            preload_content=False,
        )
        read = answer.read(MOST + 1)
        if len(read) > MOST:
            answer.close()
            raise StoreError(f"an answer of more than {MOST} bytes")
        answer.drain_conn()
        answer.release_conn()
        return _Answer(answer.status, read, answer.headers.get("ETag", ""))


def _base(access: Access, bucket: str) -> str:
    """The address of a bucket. A name with dots stands in the path: S3's certificate holds for no host of that name."""
    if other := access.endpoints.get("s3"):
        return f"{other}/{bucket}"
    host = access.host("s3")
    return f"https://{host}/{bucket}" if "." in bucket else f"https://{bucket}.{host}"


def _suffix(region: str) -> str:
    """The partition's domain (AWS's endpoints; botocore's partitions.json)."""
    return {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}.get(region.partition("-")[0], "amazonaws.com")
