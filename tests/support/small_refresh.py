"""The smallest world in which refresh_crls works: one source with one leaf under an intermediate, lists in memory."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from cryptography import x509

from rotation_watcher import config, keys
from rotation_watcher import publish as publishing
from rotation_watcher import refresh_crls as refreshing
from rotation_watcher.alerts.model import Alert
from rotation_watcher.bundles.pins import decode
from rotation_watcher.kinds import ALB_TRUST_STORE
from rotation_watcher.ports import DistributionPoints
from rotation_watcher.publish import TargetSummary
from rotation_watcher.refresh_crls import Request, Summary
from rotation_watcher.revocation import kept, state
from rotation_watcher.revocation.conditions import REVOKED
from rotation_watcher.revocation.kept import Manifest
from rotation_watcher.revocation.points import folder_of
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, Chain, History, Leaf, Status
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.record import decode as decode_record
from rotation_watcher.targets.requests import decode_request
from rotation_watcher.x509.certificates import Certificate
from tests.support import certs, crls
from tests.support.certs import Issued
from tests.support.fake_crls import FakeDistributionPoints
from tests.support.fake_targets import FakeTrustTarget
from tests.support.fakes import InMemoryStore, ManualClock, RecordingQueue
from tests.support.pki import Pair
from tests.support.small_world import ARNS, CLAIM, NAME, START, Sink, certificate, folder, issued
from tests.support.watch_files import watch_file

LEAVES = "http://crl.example.com/leaves.crl"
CAS = "http://crl.example.com/cas.crl"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def named(*urls: str) -> tuple[x509.ExtensionType, bool]:
    """The extension that names a list at these URLs, which are ways to one."""
    names = [x509.UniformResourceIdentifier(url) for url in urls]
    return x509.CRLDistributionPoints([x509.DistributionPoint(names, None, None, None)]), False


@lru_cache
def intermediate() -> Issued:
    """An intermediate below ``Root 0``, whose list is at CAS."""
    return certs.issue(issued("Root 0"), "CA 1", ca=True, extensions=[named(CAS)])


@lru_cache
def renewed_intermediate() -> Issued:
    """Another certificate for the same name and key; it ends first, so that a path through the other is preferred."""
    end, key = certs.NOT_AFTER - DAY, intermediate().key
    return certs.issue(issued("Root 0"), "CA 1", ca=True, key=key, not_after=end, extensions=[named(CAS)])


@lru_cache
def leaf(*urls: str) -> Issued:
    """A leaf with the region's name, whose list is at the URLs (LEAVES)."""
    return certs.issue(intermediate(), NAME, not_before=START - 9 * DAY, extensions=[named(*(urls or (LEAVES,)))])


def listed(issuer: Issued, *serials: int, made: datetime, number: int = 1, period: timedelta = 7 * DAY) -> bytes:
    """The DER of a list."""
    pair = Pair(issuer.certificate, issuer.key)
    return crls.crl_der(pair, serials, number=number, this_update=made, next_update=made + period)


class SmallRefresh:
    """``held`` are the accepted leaves, each with the intermediates that were shown above it."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.store, self.queue, self.sink = InMemoryStore(), RecordingQueue(), Sink()
        self.points = FakeDistributionPoints()
        self.outside: DistributionPoints = self.points
        """What refresh_crls asks."""
        self.target = FakeTrustTarget(ALB_TRUST_STORE, self.store, self.clock)
        self.target.add(ARNS["alb"], issued("Other").pem)
        self.target_options: dict[str, str] = {}
        self.number = 0
        self.store.seed("anchors/us-east-1.pem", issued("Root 0").pem)
        self.present((leaf(), (intermediate(),)))
        self.list_leaves()
        self.list_cas()

    @property
    def watch(self) -> config.Watch:
        """The watch file."""
        source = {
            "id": "use1",
            "region": "us-east-1",
            "credentials": "arn:aws:ssm:us-east-1:123456789012:parameter/genesys",
            "authorities": ["Genesys"],
            "client_name": NAME,
        }
        return watch_file(
            {
                "mode": "apply",
                "sources": [source],
                "bundles": [{"id": "main", "sources": ["use1"], "authorities": ["Genesys"]}],
                "targets": [{"id": "alb", "arn": ARNS["alb"], "bundle": "main"} | self.target_options],
            },
        )

    def present(
        self,
        *held: tuple[Issued, tuple[Issued, ...]],
        chains: tuple[tuple[Issued, ...], ...] = (),
        status: Status = Status.CURRENT,
        retiring: Collection[str] = (),
    ) -> None:
        """The source's history holds these leaves from now on; ``chains`` are shown above each of them in turn.

        ``retiring`` are the fingerprints of those that are shown no more.
        """
        leaves = {}
        for one, above in held:
            read = [certificate(each) for each in (one, *above, issued("Root 0"))]
            others = [[certificate(each) for each in (*chain, issued("Root 0"))] for chain in chains]
            for each in (*read, *(each for chain in others for each in chain)):
                self.store.seed(keys.seen("use1", each.fingerprint), each.pem.encode())
            key = read[0].fingerprint
            leaves[key] = self._leaf(read, others, Status.RETIRING if key in retiring else status)
        state = History(
            source="use1",
            region="us-east-1",
            fresh_at=self.clock(),
            authorities={"Genesys": AuthorityHistory(leaves=leaves)},
        )
        self.store.seed(keys.history("use1"), history.encode(state))

    def _leaf(self, read: list[Certificate], others: list[list[Certificate]], status: Status) -> Leaf:
        known = Leaf(
            facts=read[0].facts,
            chain=tuple(one.fingerprint for one in read[1:]),
            status=status,
            since=START,
            first_seen=START,
        )
        above = [known.chain, *(tuple(one.fingerprint for one in chain) for chain in others)]
        end = START + 90 * DAY
        chains = [Chain(above=one, since=START, retire_after=end) for one in above] if others else []
        until = end if status is Status.RETIRING else None
        return msgspec.structs.replace(known, chains=tuple(chains), retire_after=until)

    def list_leaves(self, *revoked: Issued, url: str = LEAVES, issuer: Issued | None = None, **more: Any) -> None:
        """Publish the intermediate's list."""
        self.publish_list(issuer or intermediate(), url, revoked, **more)

    def list_cas(self, *revoked: Issued, **more: Any) -> None:
        """Publish the root's list."""
        self.publish_list(issued("Root 0"), CAS, revoked, **more)

    def publish_list(self, issuer: Issued, url: str, revoked: Iterable[Issued], **more: Any) -> None:
        """Publish a list, one number higher than the last one, made now, with an ETag of its own."""
        self.number += 1
        given: dict[str, Any] = {"made": self.clock(), "number": self.number} | more
        body = listed(issuer, *(one.certificate.serial_number for one in revoked), **given)
        self.points.publish(url, body, etag=f'"{self.number}"')

    @property
    def ports(self) -> refreshing.Ports:
        """What refresh_crls is given."""
        return refreshing.Ports(self.store, self.outside, self.sink, self.queue, self.clock)

    def refresh(self, *, dry_run: bool = False, after: timedelta = HOUR) -> Summary:
        """One run, an hour after the last one."""
        self.clock.advance(after)
        return refreshing.refresh_crls(self.watch, Request(dry_run=dry_run), self.ports)

    def publish(self, *, dry_run: bool = False) -> str:
        """One run of publish; the outcome at the target."""
        return self.summary(dry_run=dry_run).outcome

    def summary(self, *, dry_run: bool = False) -> TargetSummary:
        """One run of publish; its answer."""
        return self.call(targets=["alb"], dry_run=dry_run)

    def call(self, **event: Any) -> TargetSummary:
        """One run of publish, as the event asks."""
        ports = publishing.Ports(
            store=self.store,
            targets={ALB_TRUST_STORE: self.target},
            sink=self.sink,
            queue=self.queue,
            clock=self.clock,
            wait=self.clock.wait,
            owner=f"run {self.clock()}",
            claim_for=CLAIM,
        )
        return publishing.publish(self.watch, decode_request(event), ports).targets["alb"]

    @property
    def record(self) -> Record:
        """The target's record."""
        return decode_record(self.store.body(keys.record(folder("alb"))))

    def folder(self, *urls: str, issuer: Issued | None = None, ca: bool = False) -> str:
        """Where the list is kept of the certificates that name these URLs (LEAVES)."""
        named = urls or (LEAVES,)
        return folder_of(certificate(issuer or intermediate()), {url: frozenset(named) for url in named}, ca=ca)

    def manifest(self, *urls: str) -> Manifest:
        """The list in force of the leaves that name these URLs (LEAVES). Raises KeyError."""
        return kept.decode(self.store.body(f"{self.folder(*urls)}/{kept.MANIFEST}"))

    def manifest_of(self, url: str, issuer: Issued) -> Manifest:
        """The list in force of the CAs that name this URL. Raises KeyError."""
        return kept.decode(self.store.body(f"{self.folder(url, issuer=issuer, ca=True)}/{kept.MANIFEST}"))

    @property
    def revoked(self) -> set[str]:
        """The certificates, by fingerprint, of which an alert says that they are revoked and none that it is over."""
        held = state.decode(self.store.body(keys.CRL_STATE)) if keys.CRL_STATE in self.store.versions else state.State()
        return {key.removeprefix(REVOKED) for key in held.conditions if key.startswith(REVOKED)}

    @property
    def pinned(self) -> set[str]:
        """The fingerprints in the bundle's pins."""
        return {pin.certificate.fingerprint for pin in decode(self.store.body(keys.pins("main"))).pins}

    def heard(self) -> list[Alert]:
        """What was delivered since the last call."""
        delivered, self.sink.delivered = self.sink.delivered, []
        return delivered
