"""The bucket of a door in memory, which can fail and be slow; and the events of API Gateway."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from rotation_watcher import keys
from rotation_watcher.authorize import Ports, authorize
from rotation_watcher.errors import Conflict, StoreError
from rotation_watcher.identity.door import Door
from rotation_watcher.identity.ports import Got
from rotation_watcher.identity.waking import Waker
from rotation_watcher.x509.revocation_index import build_index
from tests.support import crls, doors
from tests.support.fakes import ManualClock
from tests.support.pki import NOW, Pair

ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/POST/action"
SHAPES = ("rest", "http-1.0", "http-2.0-iam", "http-2.0-simple")


class FakeObjects:
    """``identity.ports.Objects``. ``takes`` is how long each call takes, by a clock that it moves."""

    def __init__(self, clock: ManualClock) -> None:
        self.held: dict[str, bytes] = {}
        self.calls: list[tuple[str, str]] = []
        self.failing: Callable[[str], bool] = lambda _key: False
        self.takes = timedelta(0)
        self.slow: dict[str, timedelta] = {}
        """How long single objects take."""
        self.sent = 0
        """Bytes that were answered with."""
        self.before_put: Callable[[], None] = lambda: None
        """What another container does between a reading and the writing."""
        self._clock = clock

    def get(self, key: str, *, etag: str | None, within: float) -> Got:
        """See ``ports.Objects``."""
        self._called("get", key, within)
        if key not in self.held:
            return Got(None, "")
        now = self.etag(key)
        self.sent += 0 if now == etag else len(self.held[key])
        return Got(None if now == etag else self.held[key], now)

    def part(self, key: str, *, version: str | None, begin: int, length: int, within: float) -> bytes:
        """See ``ports.Objects``. Versions are the digests of what they hold."""
        self._called("part", key, within)
        body = self.held[f"{key}@{version}"]
        return body[begin : begin + length]

    def put_if(self, key: str, body: bytes, *, etag: str | None, within: float) -> None:
        """See ``ports.Objects``."""
        self._called("put", key, within)
        self.before_put()
        if (self.etag(key) if key in self.held else None) != etag:
            raise Conflict(key)
        self.held[key] = body

    def etag(self, key: str) -> str:
        """The ETag of what is held."""
        return f'"{hashlib.md5(self.held[key], usedforsecurity=False).hexdigest()}"'

    def publish_index(self, folder: str, body: bytes, **wrong: Any) -> None:
        """Put an index in force, as ``revocation.manifest`` does."""
        digest = hashlib.sha256(body).hexdigest()
        part = {"version": digest, "sha256": digest, "size": len(body)} | wrong
        self.held[f"{folder}/index.bin@{part['version']}"] = body
        self.held[f"{folder}/manifest.json"] = json.dumps({"format": 1, "issuer_key": "", "index": part}).encode()

    def _called(self, what: str, key: str, within: float) -> None:
        assert within > 0
        self.calls.append((what, key))
        takes = self.slow.get(key, self.takes)
        self._clock.advance(min(takes, timedelta(seconds=within)))
        if self.failing(key) or takes.total_seconds() > within:
            raise StoreError(f"cannot read {key}")


class FakeLooks:
    """``identity.ports.Looks``."""

    def __init__(self) -> None:
        self.looked: list[str] = []
        self.failing = False

    def look(self, source: str, *, within: float) -> None:
        """See ``ports.Looks``."""
        assert within > 0
        if self.failing:
            raise StoreError("no")
        self.looked.append(source)


class DoorWorld:
    """A door over that bucket, with the policy and the lists of ``tests/support/doors.py``."""

    def __init__(self, policy: str = "strict") -> None:
        self.clock = ManualClock(NOW)
        self.objects, self.looks = FakeObjects(self.clock), FakeLooks()
        self.logged: list[dict[str, Any]] = []
        self.objects.held[keys.identity("main")] = doors.policy_bytes(policy)
        for folder, ca, revoked in zip(self.folders, doors.CAS(), ("revoked", "revoked-pinned"), strict=True):
            self.objects.publish_index(folder, index(ca, doors.leaves()[revoked].raw.serial_number))
        self.door = self.container()

    @property
    def folders(self) -> list[str]:
        """The folders of both lists."""
        return [one["folder"] for one in doors.document()["lists"]]

    def container(self) -> Door:
        """One more container of the function."""
        return Door(self.objects, "main", lambda body: body, self.clock)

    def ports(self, *, iam: bool = False, region: str | None = None, door: Door | None = None) -> Ports:
        """What authorize is given."""
        waker = Waker(self.objects, self.looks, self.clock)
        return Ports(
            door or self.door, waker, lambda entry: self.logged.append({**entry}), "iam" if iam else "simple", region
        )

    def ask(self, leaf: str, shape: str = "rest", *, region: str | None = None) -> tuple[bool, dict[str, str]]:
        """Whether a leaf of ``doors`` is let in, and the context of the answer."""
        ports = self.ports(iam="iam" in shape, region=region)
        return verdict(authorize(event(doors.presented(leaf), shape), ports), shape)


def index(ca: Pair, *serials: int, made: datetime = NOW) -> bytes:
    """The index of a list of that CA."""
    return build_index(crls.crl(ca, serials, this_update=made, next_update=made + timedelta(days=7)), ca.read)


def event(leaf: str | None, shape: str) -> dict[str, Any]:
    """What API Gateway sends."""
    certificate = {"clientCert": {"clientCertPem": leaf, "subjectDN": "CN=whoever"}} if leaf else {}
    if shape.startswith("http-2.0"):
        return {
            "version": "2.0",
            "type": "REQUEST",
            "routeArn": ARN,
            "headers": {"x-amzn-mtls-clientcert-leaf": doors.presented("genesys")},
            "requestContext": {"authentication": certificate, "identity": {}},
        }
    more = {"version": "1.0"} if shape == "http-1.0" else {}
    headers = {"x-amzn-mtls-clientcert-leaf": doors.presented("genesys")}
    return {"type": "REQUEST", "methodArn": ARN, "headers": headers, "requestContext": {"identity": certificate}} | more


def verdict(answer: dict[str, Any], shape: str) -> tuple[bool, dict[str, str]]:
    """Whether the answer lets in, and its context. Asserts that it has the form that API Gateway takes."""
    told = answer["context"]
    assert all(isinstance(text, str) for text in told.values())
    if shape == "http-2.0-simple":
        assert answer.keys() == {"isAuthorized", "context"}
        return answer["isAuthorized"], told
    assert answer.keys() == {"principalId", "policyDocument", "context"}
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"] == ARN
    return {"Allow": True, "Deny": False}[statement["Effect"]], told
