"""The ports, in memory: exact enough that ``tests/contract`` holds fakes and real adapters to the same sentences.

Every fake that reaches out for somebody keeps ``calls``, a list of (operation, subject), and asks ``before`` and
``after`` at each call: a test hangs a function there that raises, or stops the world, at one exact point. The targets
have a file of their own, ``fake_targets``.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from local.genesys.clock import VirtualClock
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import Conflict, SourceError, SourceReason, StoreError
from rotation_watcher.ports import FileEvent, Listed, PublishRequest, StoredObject, Version, Written

_PAGE = 1000
"""The keys that S3 gives in one answer."""
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class ManualClock(VirtualClock):
    """``ports.Clock``; its ``wait`` is a ``ports.Wait`` that lets virtual time pass and remembers how long."""

    def __init__(self, start: datetime = NOON) -> None:
        super().__init__(start)
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        self.waited.append(seconds)
        self.advance(timedelta(seconds=seconds))


def _nothing(_operation: str, _subject: str) -> None:
    """What happens at a call by default."""


class Watched:
    """Remembers calls, and lets a test step in."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = _nothing
        self.after: Callable[[str, str], None] = _nothing

    def _enter(self, operation: str, subject: str) -> None:
        self.calls.append((operation, subject))
        self.before(operation, subject)


@dataclass(frozen=True)
class Stored:
    """One version of an object; ``deleted``: the mark of a deletion."""

    version: str
    etag: str
    body: bytes
    content_type: str
    modified: datetime = NOON
    deleted: bool = False
    kms_key: str = ""


class InMemoryStore(Watched):
    """``ports.ObjectStore``; every version is kept, as in the bucket of the template."""

    def __init__(self, bucket: str = "watcher", *, versioned: bool = True) -> None:
        super().__init__()
        self.versions: dict[str, list[Stored]] = {}
        self.clock: Callable[[], datetime] = lambda: NOON
        """When what is written is said to have been written."""
        self.kms_key = ""
        """What encrypts what is written from now on."""
        self._bucket = bucket
        self._versioned = versioned
        self._written = 0

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    @property
    def region(self) -> str:
        """The region that the bucket lies in."""
        return "us-east-1"

    @property
    def writes(self) -> list[str]:
        """The keys written through the port so far; a quiet run leaves none."""
        return [key for operation, key in self.calls if operation in {"put", "put_if"}]

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``."""
        self._enter("get", key)
        versions = self.versions.get(key, [])
        found = [each for each in versions if version is None or each.version == version][-1:]
        self.after("get", key)
        live = [each for each in found if not each.deleted]
        return StoredObject(live[0].body, live[0].etag, self._named(live[0])) if live else None

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        self._enter("put", key)
        stored = self._keep(key, body, content_type)
        self.after("put", key)
        return Written(stored.etag, self._named(stored))

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        self._enter("put_if", key)
        newest = self._live().get(key)
        if (newest.etag if newest else None) != etag:
            raise Conflict(f"s3://{self._bucket}/{key} was written by somebody else")
        stored = self._keep(key, body, content_type)
        self.after("put_if", key)
        return Written(stored.etag, self._named(stored))

    def list(self, prefix: str) -> Sequence[str]:
        """See ``ports.ObjectStore``."""
        self._enter("list", prefix)
        return sorted(key for key in self._live() if key.startswith(prefix))

    def listed(
        self, prefix: str, *, after: str = "", skip: Sequence[tuple[str, str]] = (), most: int | None = None
    ) -> Mapping[str, Listed]:
        """See ``ports.ObjectStore``. By pages, as S3 gives them."""
        live = self._live()
        below = sorted(key for key in live if key.startswith(prefix))
        left: list[str] = []
        begin, more = after, True
        while more:
            self._enter("list", prefix or after)
            start = bisect_right(below, begin)
            page = below[start : start + _PAGE]
            left += page
            more = start + _PAGE < len(below)
            begin = next((end for first, end in skip if page and first <= page[-1] < end), page[-1] if page else "")
            self.after("list", prefix or after)
            if most is not None and len(left) > most:
                raise StoreError(f"s3://{self._bucket}/{prefix} holds more than {most} objects")
        return {key: Listed(live[key].etag, live[key].modified) for key in left}

    def versions_of(self, key: str, *, until: datetime | None = None) -> Sequence[Version]:  # noqa: ARG002  # all
        """See ``ports.ObjectStore``."""
        self._enter("versions", key)
        held = reversed(self.versions.get(key, []))
        return [Version(self._named(one), one.etag, one.modified, len(one.body), one.deleted) for one in held]

    def deleted(self, key: str) -> bool:
        """See ``ports.ObjectStore``."""
        self._enter("deleted", key)
        found = bool(held := self.versions.get(key, [])) and held[-1].deleted
        self.after("deleted", key)
        return found

    def under_former_key(self, key: str, version: str) -> bool:
        """See ``ports.ObjectStore``."""
        self._enter("encryption", key)
        lies = next((one.kms_key for one in self.versions.get(key, []) if one.version == version), "")
        return bool(lies) and lies != self.kms_key

    def seed(self, key: str, body: bytes) -> str:
        """What an operator uploads, past the port and its ``calls``; the version."""
        return self._keep(key, body, "binary/octet-stream").version

    def remove(self, key: str) -> None:
        """What an operator deletes, all versions of it."""
        self.versions.pop(key, None)

    def mark_deleted(self, key: str) -> None:
        """What an operator deletes without naming a version, past the port and its ``calls``."""
        self._written += 1
        mark = Stored(f"version-{self._written:04}", "", b"", "", self.clock().replace(microsecond=0), deleted=True)
        self.versions[key] = [*self.versions[key], mark]

    def body(self, key: str) -> bytes:
        """The newest content, past the port and its ``calls``. Raises KeyError."""
        return self.versions[key][-1].body

    def _keep(self, key: str, body: bytes, content_type: str) -> Stored:
        self._written += 1
        said = body if not self.kms_key else f"{self._written}{self.kms_key}".encode() + body
        etag = f'"{hashlib.md5(said, usedforsecurity=False).hexdigest()}"'
        modified = self.clock().replace(microsecond=0)
        version = f"version-{self._written:04}"
        stored = Stored(version, etag, body, content_type, modified, kms_key=self.kms_key)
        self.versions[key] = [*(self.versions.get(key, []) if self._versioned else []), stored]
        return stored

    def _live(self) -> dict[str, Stored]:
        """The newest version of what is not deleted."""
        return {key: held[-1] for key, held in self.versions.items() if held and not held[-1].deleted}

    def _named(self, stored: Stored) -> str | None:
        return stored.version if self._versioned else None


class EncryptedStore(InMemoryStore):
    """A bucket under a KMS key: no ETag is a digest of the data alone."""

    def _keep(self, key: str, body: bytes, content_type: str) -> Stored:
        kept = super()._keep(key, body, content_type)
        self.versions[key][-1] = other = replace(kept, etag=f'"{kept.version}"')
        return other


class FakeFileEvents(Watched):
    """``ports.FileEvents``: ``waiting`` is what S3 has said and nobody has taken."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[FileEvent] = []
        self._received = 0

    def say(self, key: str, at: datetime, who: str = "AWS:AIDAALICE", address: str = "203.0.113.7") -> None:
        """S3 tells of a write or a deletion."""
        self.waiting.append(FileEvent(key=key, at=at, who=who, address=address))

    def receive(self, *, wait: bool) -> Sequence[FileEvent] | None:
        """See ``ports.FileEvents``."""
        self._enter("receive", "wait" if wait else "")
        some = self.waiting[self._received : self._received + 10]
        self._received += len(some)
        return some or None

    def come_back(self) -> None:
        """Minutes have passed: what was received and not taken is there again."""
        self._received = 0

    def take(self, *, leave: Collection[str] = (), in_time: Callable[[], bool] = lambda: True) -> None:
        """See ``ports.FileEvents``."""
        self._enter("take", str(self._received))
        taken = self.waiting[: self._received] if in_time() else []
        self.waiting = [*(one for one in taken if one.key in leave), *self.waiting[len(taken) :]]
        self._received = 0


class RecordingQueue(Watched):
    """``ports.PublishQueue``: ``sent`` is every request, ``waiting`` what a FIFO queue would hold of them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[PublishRequest] = []

    def send(self, request: PublishRequest) -> None:
        """See ``ports.PublishQueue``."""
        self._enter("send", request.target)
        self.sent.append(request)
        self.after("send", request.target)

    @property
    def waiting(self) -> list[PublishRequest]:
        """The wishes without those whose deduplication id came before."""
        return list({look.deduplication: look for look in reversed(self.sent)}.values())[::-1]


class InMemorySecrets:
    """``ports.Secrets``: ``held`` maps ARNs to texts."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def get(self, arn: str) -> str:
        """See ``ports.Secrets``."""
        if arn not in self.held:
            raise SourceError(SourceReason.CREDENTIALS_MISSING, f"The secret {arn} cannot be read: NotFound.")
        return self.held[arn]


class Mailbox(Watched):
    """``AlertSink`` that keeps what it is given, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.delivered: list[Alert] = []

    def deliver(self, alert: Alert) -> None:
        """See ``AlertSink``."""
        self._enter("deliver", alert.id)
        self.delivered.append(alert)
        self.after("deliver", alert.id)
