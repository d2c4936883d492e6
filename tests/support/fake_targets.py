"""Trust stores and domains in memory, as strict as the embedded AWS: its own rules judge the bundles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.x509 import load_pem_x509_crl

from local.aws.bundle_rules import BundleRefused, trust_store_certificates, truststore_warnings
from rotation_watcher.errors import (
    BundleRejected,
    RevocationRejected,
    RevocationsFull,
    TargetBusy,
    TargetError,
    TargetNotFound,
)
from rotation_watcher.kinds import ALB_TRUST_STORE, Kind
from rotation_watcher.ports import UNKNOWN, BundleObject, Endpoint, Live, RevocationFile, Unknown
from tests.support.fakes import InMemoryStore, Watched


@dataclass
class Held:
    """What one fake target holds. ``bundle`` None: mutual TLS is off."""

    bundle: bytes | None
    location: str | Unknown | None
    version: str | Unknown | None
    settles_at: datetime | None = None
    state: str = ""
    """A status that does not pass unaided, such as PENDING_OWNERSHIP_VERIFICATION."""
    warnings: tuple[str, ...] = ()
    previous: bytes | None = None
    stale_reads: int = 0
    """How many reads still show ``previous``, as a replica that lags behind does."""
    endpoints: list[Endpoint] = field(default_factory=list)
    mark: str | None = None
    """The mark of a trust store."""
    lists: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    """The revocation lists of a trust store, by id, each with its number of entries."""


class FakeTrustTarget(Watched):
    """``ports.TrustTarget`` of one kind (of trust stores ``RevocationTarget`` too), as strict as the embedded AWS.

    A trust store settles at once; a domain is UPDATING for ``settle`` and takes one update per ``pace``.
    """

    def __init__(
        self,
        kind: Kind,
        store: InMemoryStore,
        clock: Callable[[], datetime],
        *,
        settle: timedelta = timedelta(seconds=10),
        pace: timedelta = timedelta(seconds=30),
        max_certificates: int | None = None,
    ) -> None:
        super().__init__()
        self.held: dict[str, Held] = {}
        self.warnings: tuple[str, ...] = ()
        """What a domain warns of at every update, beside what its truststore deserves."""
        self.max_certificates = max_certificates or kind.limits.certificates
        self._kind = kind
        self._is_store = kind is ALB_TRUST_STORE
        self._certificate_bytes = kind.limits.certificate_bytes or 0
        self._store = store
        self._clock = clock
        self.settle = settle
        self._pace = pace
        self._last_update: datetime | None = None
        self.max_lists = (30, 500_000)
        """The most revocation files of a trust store, and entries in all of them."""
        self._lists_made = 0

    def add(self, arn: str, bundle: bytes | None, *endpoints: Endpoint) -> None:
        """A target as the operator made it, with the listeners or default endpoints around it."""
        place: str | Unknown | None = UNKNOWN if self._is_store else None
        version = place
        if not self._is_store and bundle is not None:
            place, version = f"s3://{self._store.bucket}/before.pem", self._store.seed("before.pem", bundle)
        self.held[arn] = Held(bundle, place, version, endpoints=list(endpoints))

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:
        """See ``ports.TrustTarget``. Endpoints that do not verify show where they are known, or at a domain."""
        self._enter("read", arn)
        held = self._found(arn)
        shown = [one for one in held.endpoints if not self._is_store or one.verifies or one.name in known_endpoints]
        bundle = held.bundle
        if held.stale_reads and held.previous is not None:
            held.stale_reads, bundle = held.stale_reads - 1, held.previous
        self.after("read", arn)
        settled = self._settled(held)
        return Live(
            bundle=bundle,
            location=held.location,
            version=held.version,
            settled=settled,
            state="" if settled else held.state or "UPDATING",
            warnings=(*held.warnings, *([f"{held.state}: see the console"] if held.state else [])),
            endpoints=tuple(sorted(shown, key=lambda one: one.name)),
            proof=self._kind.proof,
            mark=held.mark if self._is_store else UNKNOWN,
        )

    def mark(self, arn: str, bucket: str) -> None:
        """See ``ports.MarkedTarget``: trust stores alone."""
        self._enter("mark", arn)
        self._found(arn).mark = bucket
        self.after("mark", arn)

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        """See ``ports.TrustTarget``."""
        del expected
        self._enter("update", arn)
        held = self._found(arn)
        if not self._is_store:
            self._hurry(arn, held)
        stored = [each for each in self._store.versions.get(bundle.key, []) if each.version == bundle.version]
        if not stored or bundle.bucket != self._store.bucket:
            raise TargetError(f"cannot change {arn}: {bundle.uri} version {bundle.version} cannot be found")
        held.warnings = self._judge(arn, stored[0].body)
        held.previous = held.previous if held.stale_reads and held.previous else held.bundle
        held.bundle = stored[0].body
        if not self._is_store:
            held.location, held.version = bundle.uri, bundle.version
            held.settles_at = self._clock() + self.settle
        self.after("update", arn)

    def revocations(self, arn: str) -> Sequence[RevocationFile]:
        """See ``ports.RevocationTarget``."""
        self._enter("revocations", arn)
        return [RevocationFile(number, entries) for number, (_, entries) in sorted(self._found(arn).lists.items())]

    def revocation_content(self, arn: str, number: int) -> bytes:
        """See ``ports.RevocationTarget``."""
        self._enter("content", arn)
        return self._found(arn).lists.get(number, (b"", 0))[0]

    def add_revocation(self, arn: str, place: BundleObject) -> RevocationFile:
        """See ``ports.RevocationTarget``."""
        self._enter("add", arn)
        lists = self._found(arn).lists
        stored = [each for each in self._store.versions.get(place.key, []) if each.version == place.version]
        if not stored or place.bucket != self._store.bucket:
            raise TargetError(f"cannot add a revocation list to {arn}: RevocationContentNotFound")
        file = self.load_list(arn, stored[0].body)
        files, entries = self.max_lists
        if len(lists) > files or sum(count for _, count in lists.values()) > entries:
            del lists[file.id]
            raise RevocationsFull(f"cannot add a revocation list to {arn}: too many")
        self.after("add", arn)
        return file

    def remove_revocation(self, arn: str, number: int) -> None:
        """See ``ports.RevocationTarget``."""
        self._enter("remove", arn)
        self._found(arn).lists.pop(number, None)
        self.after("remove", arn)

    def load_list(self, arn: str, body: bytes) -> RevocationFile:
        """Load a list, as anybody may. Raises RevocationRejected."""
        try:
            entries = len(load_pem_x509_crl(body))
        except ValueError as error:
            raise RevocationRejected(f"cannot add a revocation list to {arn}: {error}") from error
        self._lists_made += 1
        self._found(arn).lists[self._lists_made] = (body, entries)
        return RevocationFile(self._lists_made, entries)

    def turn_off(self, arn: str) -> None:
        """Somebody turns a domain's mutual TLS off, within its pace."""
        held = self._found(arn)
        self._hurry(arn, held)
        held.bundle = held.location = held.version = None
        held.warnings = ()

    def _found(self, arn: str) -> Held:
        if arn not in self.held:
            raise TargetNotFound(f"there is no {arn}")
        return self.held[arn]

    def _settled(self, held: Held) -> bool:
        return not held.state and (held.settles_at is None or self._clock() >= held.settles_at)

    def _hurry(self, arn: str, held: Held) -> None:
        """Raise TargetBusy where the domain is UPDATING, or the account's last update is too fresh."""
        now = self._clock()
        if self._last_update is not None and now - self._last_update < self._pace:
            raise TargetBusy(f"cannot change {arn}: one update in {self._pace}")
        self._last_update = now
        if not self._settled(held):
            raise TargetBusy(f"cannot change {arn}: it is being updated")

    def _judge(self, arn: str, body: bytes) -> tuple[str, ...]:
        """A domain's warnings. Raises BundleRejected where a trust store refuses the content."""
        if not self._is_store:
            return (*truststore_warnings(body, self._clock()), *self.warnings)
        try:
            trust_store_certificates(body, max_certificates=self.max_certificates, max_bytes=self._certificate_bytes)
        except BundleRefused as refusal:
            raise BundleRejected(f"cannot change {arn}: {refusal}") from refusal
        return ()
