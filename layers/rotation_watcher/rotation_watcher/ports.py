"""The Protocols over which the use cases work; ``tests/contract`` holds adapters and fakes to one suite.

Every method that does I/O raises a subclass of ``errors.WatcherError`` for expected failures, and nothing else. Times
are aware UTC. No returned value (but ``Secrets.get``) and no error text holds a secret or a pre-signed URL.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from rotation_watcher.kinds import Door, DoorKind, Kind, Proof
from rotation_watcher.reach import Reach


class StoredObject(msgspec.Struct, frozen=True):
    """An object as read from the store: its bytes, its ETag in quotes, and its version id.

    ``version`` is None in a bucket without versioning.
    """

    body: bytes
    etag: str
    version: str | None


class Written(msgspec.Struct, frozen=True):
    """The ETag and the version id of a written object; ``version`` is None in a bucket without versioning."""

    etag: str
    version: str | None


class Listed(msgspec.Struct, frozen=True):
    """An object as a listing shows it: the ETag of its newest version, and when that was written (whole seconds)."""

    etag: str
    modified: datetime


class Version(msgspec.Struct, frozen=True):
    """One version of an object, or the mark of a deletion, which has no ETag; ``id`` None: it is overwritten in place.

    ``size`` is in bytes.
    """

    id: str | None
    etag: str
    modified: datetime
    size: int = 0
    deleted: bool = False


class ObjectStore(Protocol):
    """One S3 bucket. Keys have no leading slash; nothing is ever deleted."""

    @property
    def bucket(self) -> str:
        """The bucket's name, for target updates and commands shown to people."""

    @property
    def region(self) -> str:
        """The AWS region of the bucket."""

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """The object, or None where there is none (404, or 403 for a role without ListBucket). Raises StoreError."""

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """Write unconditionally. Raises StoreError."""

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """Write only if the object has this ETag (None: if there is none yet). Raises Conflict, StoreError."""

    def list(self, prefix: str) -> Sequence[str]:
        """The keys below a prefix, sorted. Raises StoreError."""

    def listed(
        self, prefix: str, *, after: str = "", skip: Sequence[tuple[str, str]] = (), most: int | None = None
    ) -> Mapping[str, Listed]:
        """The keys below a prefix, each with how its newest version is listed; of those in order, behind ``after``.

        What lies from the first to the second of a pair of ``skip`` may be left out: where it is more than an answer
        holds, it is not asked for. Raises StoreError, also where there are more than ``most``: then no more of them
        were asked for than a page beyond that.
        """

    def versions_of(self, key: str, *, until: datetime | None = None) -> Sequence[Version]:
        """The newest versions of exactly this object and the marks of its deletion, the newest first; 1,000 or so.

        ``until``: go on to those of that time, ten times as many at most. Raises StoreError.
        """

    def deleted(self, key: str) -> bool:
        """Whether an object was there, and somebody has deleted it. Raises StoreError.

        Not known, and so False: where all its versions are gone too, and to a role without ListBucket.
        """

    def under_former_key(self, key: str, version: str) -> bool:
        """Whether a version lies under a KMS key that the bucket gives to nothing any more. Raises StoreError.

        False too where the bucket's key is not told, or told in another form than the version's.
        """


class ForwardingStore:
    """An ObjectStore over another one, for those that change some answers: the rest goes on to ``_inner``."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._store.bucket

    @property
    def region(self) -> str:
        """The AWS region of the bucket."""
        return self._store.region

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ObjectStore."""
        return self._inner(key).get(key, version=version)

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ObjectStore."""
        return self._inner(key).put(key, body, content_type=content_type)

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ObjectStore."""
        return self._inner(key).put_if(key, body, etag=etag, content_type=content_type)

    def list(self, prefix: str) -> Sequence[str]:
        """See ObjectStore."""
        return self._inner(prefix).list(prefix)

    def listed(
        self, prefix: str, *, after: str = "", skip: Sequence[tuple[str, str]] = (), most: int | None = None
    ) -> Mapping[str, Listed]:
        """See ObjectStore."""
        return self._inner(prefix).listed(prefix, after=after, skip=skip, most=most)

    def versions_of(self, key: str, *, until: datetime | None = None) -> Sequence[Version]:
        """See ObjectStore."""
        return self._inner(key).versions_of(key, until=until)

    def deleted(self, key: str) -> bool:
        """See ObjectStore."""
        return self._inner(key).deleted(key)

    def under_former_key(self, key: str, version: str) -> bool:
        """See ObjectStore."""
        return self._inner(key).under_former_key(key, version)

    def _inner(self, _key: str) -> ObjectStore:
        """The store that a call with this key goes on to. Raises StoreError where it may not."""
        return self._store


class FileEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What S3 said of one write or deletion below a folder of the operator's. All of it is a stranger's words.

    ``who`` is the principal's id (``AWS:AROA…:session`` of a role's session, ``AWS:AIDA…`` of a user), ``address`` the
    one that the request came from; both are empty where S3 does not say. ``at`` is when the request was done.
    """

    key: str
    at: datetime
    who: str = ""
    address: str = ""


class FileEvents(Protocol):
    """What S3 says of the operator's files, until it is taken. It may come late, twice or not at all."""

    def receive(self, *, wait: bool) -> Sequence[FileEvent] | None:
        """The next few, which may be none of use; None: there are no more for now. Raises StoreError.

        ``wait``: up to two seconds for the first; who does not wait may be given a part of what there is, or none. Each
        comes again after some minutes until it was taken.
        """

    def take(self, *, leave: Collection[str] = (), in_time: Callable[[], bool] = lambda: True) -> None:
        """Take off the queue what was received, but of these keys nothing, and no more than in time. Raises StoreError.

        What was received and not taken comes again.
        """


class Credentials(msgspec.Struct, frozen=True):
    """An OAuth client's id and secret. Its repr hides the secret."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r}, client_secret=…)"


class Secrets(Protocol):
    """SSM SecureStrings and Secrets Manager secrets, by ARN."""

    def get(self, arn: str) -> str:
        """The secret's text. Raises SourceError (CREDENTIALS_MISSING) that names the ARN if it cannot be read."""


class GenesysApi(Protocol):
    """The certificates endpoint of a Genesys Cloud region, read with an OAuth client."""

    def certificates(self, *, api_url: str, login_url: str, credentials: Credentials) -> Sequence[bytes]:
        """Every entity of the answer (Current and Upcoming, all pages), each as raw JSON. Raises SourceError.

        Raw, because one malformed entity must not hide the others: ``observation.observe`` decodes each separately.
        """


class Validators(msgspec.Struct, frozen=True):
    """What names one version of a file at its server, to ask for another one only. Both may be missing.

    ``etag`` is in quotes, with ``W/`` before them where it is weak; ``last_modified`` is an HTTP date. Both are short,
    printable ASCII: a server's answer in another form counts as none.
    """

    etag: str | None = None
    last_modified: str | None = None


class Fetched(msgspec.Struct, frozen=True):
    """A file as its server gave it, unverified, and the validators to ask with next time."""

    body: bytes
    validators: Validators


class NotModified(msgspec.Struct, frozen=True):
    """The server says that the file is still the one that the validators name."""


class DistributionPoints(Protocol):
    """The hosts that certificates name, where CRLs lie. Whoever issues a certificate chooses them: none is trusted."""

    def fetch(self, url: str, *, known: Validators | None = None) -> Fetched | NotModified:
        """The file at an http or https URL, or NotModified where ``known`` still names it. Raises FetchError.

        A server may answer NotModified for ever. So who holds a file that is due to be replaced asks without ``known``.
        """


class PublishRequest(msgspec.Struct, frozen=True):
    """The message that asks publish to reconcile one target.

    ``target`` is its id, ``group`` the FIFO message group (``arns.message_group``), ``deduplication`` equal for
    requests of which one is enough within five minutes. ``until`` is when the next request of the same schedule is due,
    which makes this one idle (None: it never is).
    """

    target: str
    group: str
    deduplication: str
    until: datetime | None = None


class PublishQueue(Protocol):
    """The FIFO queue in front of publish."""

    def send(self, request: PublishRequest) -> None:
        """Enqueue one request. Raises StoreError if the queue does not take it."""


class ReceivedMessages(Protocol):
    """The messages of that queue that were handed over to this run."""

    def acknowledge(self, receipt: str) -> None:
        """Delete a message that was received, so that its group goes on. Raises StoreError."""

    def postpone(self, receipt: str, seconds: int) -> None:
        """Have a message that was received come back after so many seconds; its group waits. Raises StoreError."""


class Unknown(Enum):
    """The type of ``UNKNOWN``: the service does not say. None means something else: there is none."""

    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("UNKNOWN is neither true nor false: compare with `is UNKNOWN`")


UNKNOWN: Final = Unknown.UNKNOWN


class Endpoint(msgspec.Struct, frozen=True):
    """A way in for clients, through the target or past it: a listener, or a default execute-api endpoint.

    ``verifies``: it asks for a client certificate; ``detail`` says in a sentence what it does. ``filters`` are identity
    filters, one of which a client certificate must match (``x509.identity_filters``); empty: there are none.
    ``authorized``: each of its requests is decided by the stack's own authorizer. ``door`` says what would close it,
    where it does not verify.
    """

    name: str
    verifies: bool
    detail: str
    filters: tuple[str, ...] = ()
    authorized: bool = False
    door: Door = Door(DoorKind.UNREAD)


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The live state of a target. UNKNOWN: the service does not say; None: there is none.

    ``bundle`` is the PEM that it has loaded (None: no truststore is configured, mTLS is off). ``location`` is the
    ``s3://bucket/key`` that it loaded (None: no truststore), ``version`` the object version to which it is pinned
    (None: no truststore, or not pinned). ``etag`` names this state, so that an update can refuse to replace another
    (None: the kind has no compare-and-set). ``settled`` is False while an update is under way, or while the service
    takes none; ``state`` is the service's word for it (``UPDATING``, ``PENDING_CERTIFICATE_REIMPORT``), empty where it
    is settled. ``warnings`` are the service's, as text. ``endpoints``: verify-mode listeners of a trust store; default
    endpoints of the APIs behind a domain; distributions. ``certificates`` is how many the service counts, where it
    does not give them back. ``refused``: why it did not load what it was asked to load last, in its words (empty: it
    did). ``asks_ocsp``: it asks the OCSP responder that each certificate of a client's chain names. ``mark``: see
    ``MarkedTarget``.
    """

    bundle: bytes | Unknown | None
    location: str | Unknown | None
    version: str | Unknown | None
    etag: str | None = None
    settled: bool
    warnings: tuple[str, ...]
    endpoints: tuple[Endpoint, ...] | Unknown
    proof: Proof
    state: str = ""
    certificates: int | None = None
    refused: str = ""
    asks_ocsp: bool = False
    mark: str | Unknown | None = UNKNOWN

    @property
    def known_endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints; empty where the service does not say."""
        return () if self.endpoints is UNKNOWN else self.endpoints


class BundleObject(msgspec.Struct, frozen=True):
    """What a target loads from the stack's bucket: an exact object version, and the bucket's region."""

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
        """Its live state. Raises TargetNotFound, TargetDenied, TargetBusy, TargetError.

        ``known_endpoints`` are names of endpoints seen earlier: a listener switched to passthrough is no longer
        associated with its trust store, and would otherwise just vanish from the answer.
        """

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> str | None:
        """Point it at an exact object version. Returns when the service has accepted the request; it settles later.

        Gives the ``etag`` of the state that it leaves; None where the kind has none. ``expected`` is that of the read
        which the update rests on; a kind without compare-and-set ignores it. Raises BundleRejected, TargetBusy (also
        where somebody changed the target since that read), TargetNotFound, TargetDenied, TargetError; after any of them
        the target still holds what it held.
        """


@runtime_checkable
class ThriftyTarget(Protocol):
    """The targets of one kind that can be asked for less (``TrustTarget``)."""

    def expect(self, arns: Sequence[str]) -> None:
        """A run begins, which will read these: what the service says of several at once may be asked for once.

        What was got so answers the first ``read`` of a target and no later one. Raises nothing.
        """

    def read_back(self, arn: str) -> Live:
        """What proves an update, and no more: ``endpoints`` is UNKNOWN. Raises as ``read``."""


@runtime_checkable
class MarkedTarget(Protocol):
    """The targets of one kind that can bear a mark: the bucket of the stack that keeps them up to date (``Live``)."""

    def mark(self, arn: str, bucket: str) -> None:
        """Set the mark. Raises TargetNotFound, TargetDenied, TargetBusy, TargetError."""


class RevocationFile(msgspec.Struct, frozen=True):
    """A revocation list that a trust store has loaded: the service's id, and how many entries it counts."""

    id: int
    entries: int


@runtime_checkable
class RevocationTarget(Protocol):
    """The targets of one kind that takes revocation lists (``kinds.Kind.revocations``).

    Each method raises TargetNotFound, TargetDenied, TargetBusy, TargetError.
    """

    def revocations(self, arn: str) -> Sequence[RevocationFile]:
        """What is loaded, in the order of the ids."""

    def revocation_content(self, arn: str, number: int) -> bytes:
        """A loaded list, as the service gives it back; empty where there is none with this id."""

    def add_revocation(self, arn: str, place: BundleObject) -> RevocationFile:
        """Load one list more (PEM), from an exact object version. Raises RevocationRejected, RevocationsFull too."""

    def remove_revocation(self, arn: str, number: int) -> None:
        """Unload one; one that is not there is no error."""


@runtime_checkable
class CompanionTarget(Protocol):
    """The targets of one kind that hold files beside the bundle (``kinds.Kind.companions``)."""

    def companions(self, arn: str) -> Mapping[str, str] | None:
        """By name, the SHA-256 (hex) of the files beside the bundle that were found as they were placed.

        None where it has no bundle yet. As the last call at this target found it. Raises as ``TrustTarget.read``.
        """

    def altered(self, arn: str) -> bool:
        """Whether somebody else has changed one of its files since it was placed, as the last call found it."""

    def place(self, arn: str, files: Mapping[str, bytes]) -> None:
        """Have it hold exactly these files beside its bundle, which stays what it is; returns when it was read back.

        Raises as ``TrustTarget.update``: readers still find what they found before.
        """


class Filter(msgspec.Struct, frozen=True):
    """One identity filter, each part exactly as the service writes it."""

    field: str
    match: str
    value: str
    action: str = "accept"

    @property
    def text(self) -> str:
        """``field match value``, as ``x509.identity_filters`` reads it; another action than accept stands before it."""
        plain = f"{self.field} {self.match} {self.value}"
        return plain if self.action == "accept" else f"{self.action}: {plain}"


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """The live state of a listener, as far as mutual TLS is concerned.

    ``mode`` is ``off`` or ``verify``; ``trust_store`` the ARN of the trust store (None: none). ``shared`` is the
    service's word for a trust store of another account (``active``, ``removed``; empty: it says nothing). ``filters``
    in the service's order; none admit every certificate that the trust store admits. ``settings`` is the rest of what
    a change has to send along, as it was read. ``mark``: as ``Live`` has it; a change says nothing of it.
    """

    protocol: str
    mode: str
    trust_store: str | None
    shared: str = ""
    filters: tuple[Filter, ...] = ()
    settings: Mapping[str, Any] = {}
    mark: str | Unknown | None = UNKNOWN


class FilterTarget(Protocol):
    """The listeners of one kind that takes names of leaves (``kinds.Payload``)."""

    def read(self, arn: str) -> Listener:
        """Its live state. Raises TargetNotFound, TargetDenied, TargetBusy, SdkTooOld, TargetError."""

    def update(self, arn: str, filters: Sequence[Filter], *, expected: Listener) -> None:
        """Replace its filters; returns when the service has taken them. All else stays as it is.

        ``expected`` is the read that the filters rest on: if the listener is another by now nothing is changed, and
        TargetBusy says so. The service has no compare-and-set, so a moment remains in which somebody else may come
        between. Raises BundleRejected (what the service refuses; an empty list; a listener that does not verify),
        TargetBusy, TargetNotFound, TargetDenied, SdkTooOld, TargetError; after any of them it holds what it held.
        """


class Adapters(msgspec.Struct, frozen=True):
    """Who speaks to the targets of one account and region, by their kind."""

    targets: Mapping[Kind, TrustTarget]
    listeners: Mapping[Kind, FilterTarget]


class Abroad(Protocol):
    """What a stack reaches in other accounts and regions than its own."""

    def adapters(self, where: Reach) -> Adapters:
        """Who speaks to the targets there. Nothing is asked before a target is."""

    def bucket(self, region: str) -> ObjectStore:
        """The stack's bucket in another region, from which targets there load.

        Its methods raise BucketUnusable, TargetBusy or TargetError instead of StoreError. Raises StoreError where the
        stack has none.
        """

    def check_bucket(self, region: str, *, prove: bool) -> None:
        """See that it can be used; ``prove``: by writing too. Raises as its methods do; StoreError: there is none."""


class Clock(Protocol):
    """The time."""

    def __call__(self) -> datetime:
        """Now, aware UTC."""


class Wait(Protocol):
    """Wait between two reads of a service whose answers lag."""

    def __call__(self, seconds: float) -> None:
        """Return when ``seconds`` have passed on the same clock."""


class Metrics(Protocol):
    """Few metrics without dimensions, written while something is wrong: each is billed in the hours that have one."""

    def count(self, name: str, value: float = 1) -> None:
        """Add to a count metric."""


class Subscribers(Protocol):
    """Who hears the alerts."""

    def confirmed(self) -> int:
        """How many subscriptions of the topic are confirmed. Raises DeliveryError."""
