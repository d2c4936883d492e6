"""What the use cases need of the world, as Protocols; ``tests/contract`` holds adapters and fakes to one suite.

Every method that reaches out raises a subclass of ``errors.WatcherError`` for what can be expected to go wrong, and
nothing else. Times are aware UTC. No value that a port returns, and no error text, holds a secret or a pre-signed URL.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Final, Protocol

import msgspec

from rotation_watcher.kinds import Proof


class StoredObject(msgspec.Struct, frozen=True):
    """An object as read from the store. ``version`` is None in a bucket without versioning."""

    body: bytes
    etag: str
    version: str | None


class Written(msgspec.Struct, frozen=True):
    """What a write left behind."""

    etag: str
    version: str | None


class ObjectStore(Protocol):
    """One S3 bucket. Keys are relative to it; nothing is ever deleted."""

    @property
    def bucket(self) -> str:
        """The bucket's name, for target updates and commands shown to people."""

    @property
    def region(self) -> str:
        """The region that the bucket lies in."""

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """The object, or None where there is none (404, or 403 for a role without ListBucket). Raises StoreError."""

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """Write unconditionally. Raises StoreError."""

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """Write only over ``etag`` (None: only if there is no object yet). Raises Conflict, StoreError."""

    def list(self, prefix: str) -> Sequence[str]:
        """The keys below a prefix, sorted. Raises StoreError."""


class Credentials(msgspec.Struct, frozen=True):
    """An OAuth client's id and secret. Its repr hides the secret."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r}, client_secret=…)"


class Secrets(Protocol):
    """SSM SecureStrings and Secrets Manager secrets, by ARN."""

    def get(self, arn: str) -> str:
        """The secret's text. Raises SourceError(CREDENTIALS_MISSING) naming the ARN where it cannot be read."""


class GenesysApi(Protocol):
    """The certificates endpoint of one Genesys Cloud region, looked at by one OAuth client."""

    async def certificates(self, *, api_url: str, login_url: str, credentials: Credentials) -> Sequence[bytes]:
        """Every entity of the answer (Current and Upcoming, all pages) as its raw JSON. Raises SourceError.

        Raw, because one malformed entity must not hide the others: ``observation.observe`` decodes each by itself.
        """


class PublishRequest(msgspec.Struct, frozen=True):
    """A wish that publish look at one target.

    ``until`` is when the next wish of the same schedule is due, which makes this one idle (None: it never is).
    """

    target: str
    group: str
    deduplication: str
    until: datetime | None = None


class PublishQueue(Protocol):
    """The FIFO queue in front of publish."""

    def send(self, look: PublishRequest) -> None:
        """Enqueue one wish. Raises StoreError if the queue does not take it."""


class ReceivedMessages(Protocol):
    """The messages of that queue that were handed over to this run."""

    def acknowledge(self, receipt: str) -> None:
        """Delete a message that was received, so that its group goes on. Raises StoreError."""

    def postpone(self, receipt: str, seconds: int) -> None:
        """Have a message that was received come back after so many seconds; its group waits. Raises StoreError."""


class Unknown(Enum):
    """The type of ``UNKNOWN``: the service does not tell. Never to be mistaken for None, which says: there is none."""

    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("what a service does not tell is neither true nor false: compare it with UNKNOWN")


UNKNOWN: Final = Unknown.UNKNOWN


class Endpoint(msgspec.Struct, frozen=True):
    """Something that clients reach through, or past, the target: a listener, or a default execute-api endpoint.

    ``filters``: identity filters, of which a client's certificate must match one (``x509.identity_filters``); none
    where there are none.
    """

    name: str
    verifies: bool
    detail: str
    filters: tuple[str, ...] = ()


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What a target holds and does at this moment. UNKNOWN: the service does not tell; None: there is none.

    ``bundle`` is the PEM that it has loaded (None: no truststore is configured, mTLS is off).
    ``location`` is ``s3://bucket/key`` of what it loaded (None: no truststore), ``version`` the object version that it
    keeps to (None: no truststore, or it keeps to no version).
    ``etag`` names this state for an update that is to replace nothing else (None: the kind has no compare-and-set).
    ``settled`` is False while an update is under way. ``warnings`` are the service's own.
    ``endpoints``: verify-mode listeners of a trust store; default endpoints of the APIs behind a domain.
    """

    bundle: bytes | Unknown | None
    location: str | Unknown | None
    version: str | Unknown | None
    etag: str | None = None
    settled: bool
    warnings: tuple[str, ...]
    endpoints: tuple[Endpoint, ...] | Unknown
    proof: Proof

    @property
    def known_endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that the service told of."""
        return () if self.endpoints is UNKNOWN else self.endpoints


class BundleObject(msgspec.Struct, frozen=True):
    """A bundle of CA certificates in the stack's bucket: an exact object version, and the region that it lies in."""

    bucket: str
    key: str
    version: str
    region: str

    @property
    def uri(self) -> str:
        """``s3://bucket/key``, without the version."""
        return f"s3://{self.bucket}/{self.key}"


class TrustTarget(Protocol):
    """The targets of one kind that takes CA certificates (``kinds.Payload``)."""

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:
        """What it holds now. Raises TargetNotFound, TargetDenied, TargetBusy, TargetError.

        ``known_endpoints`` are names of endpoints seen earlier: a listener switched to passthrough is no longer
        associated with its trust store, and would otherwise just vanish from the answer.
        """

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        """Point it at an exact object version; returns when the service has taken the request, not when it has settled.

        ``expected`` is the ``etag`` of the read that the update rests on; a kind without compare-and-set passes it
        over. Raises BundleRejected, TargetBusy (also where somebody changed the target since that read),
        TargetNotFound, TargetDenied, TargetError; after any of them the target still holds what it held.
        """


class Clock(Protocol):
    """The time."""

    def __call__(self) -> datetime:
        """Now, aware UTC."""


class Wait(Protocol):
    """Let time pass between two reads of a service that needs a moment."""

    def __call__(self, seconds: float) -> None:
        """Return when ``seconds`` have passed on the same clock."""


class Metrics(Protocol):
    """Few, undimensioned metrics: each combination is billed."""

    def count(self, name: str, value: float = 1) -> None:
        """Add to a count metric."""
