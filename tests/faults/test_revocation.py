"""Each fault of the way of a revocation, alone: nothing that was in force is lost, people hear once, and it passes.

The script of every row: Genesys has replaced its leaf, and the CA revokes the old one while the fault lasts; then it
ends. In the end the list is in force and in the trust store, the pin is gone, and people were told once.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509

from local.environment import BUCKET
from local.genesys.issuing import Identity
from local.genesys.revocation import WorldLists
from rotation_watcher.bundles import pins
from rotation_watcher.errors import FetchCode, FetchError, StoreError
from rotation_watcher.ports import Fetched, NotModified, Validators
from rotation_watcher.revocation.kept import DER, INDEX, MANIFEST, PEM, decode
from tests.faults.environment import FaultyEnvironment, open_faulty
from tests.faults.rows import Injection, error
from tests.support.crls import crl_der
from tests.support.pki import Pair
from tests.support.words import word

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
STALE, BEHIND = "crl-stale", "revocations-behind"

type Answer = Callable[[WorldLists, str], bytes]


class Row(NamedTuple):
    """A fault. ``runs``: how many hourly runs meet it; ``kind`` and ``reason``: of its one alert, empty: there is none.

    ``loud``: refresh_crls fails meanwhile, which the stack's alarms count. ``answers``: what the CA's server gives.
    """

    name: str
    inject: Injection | None = None
    answers: Answer | None = None
    runs: int = 2
    kind: str = ""
    reason: str = ""
    loud: bool = False


def failing(code: FetchCode, status: int | None = None) -> Answer:
    """Nothing is got."""

    def answer(_: WorldLists, url: str) -> bytes:
        raise FetchError(code, f"{url}: {code}", status=status)

    return answer


def forged(real: WorldLists, url: str) -> bytes:
    """A list of the right name and place, by another key."""
    issuer = real._authority(url)
    other = next(one for place, one in real._world.authorities() if place != url)
    pair, now = Pair(issuer.certificate, other.key), real._now
    return crl_der(pair, (1,), number=99, this_update=now, next_update=now + 9 * HOUR)


def replayed(real: WorldLists, url: str) -> bytes:
    """A list that the CA made before the one that is in force."""
    issuer, made = real._authority(url), real._now - timedelta(days=6)
    pair = Pair(issuer.certificate, issuer.key)
    return crl_der(pair, number=0, this_update=made, next_update=made + timedelta(days=30))


FETCHING = (
    Row(
        "the CA's server is not reached",
        answers=failing(FetchCode.UNREACHABLE),
        runs=4,
        kind=STALE,
        reason="unreachable",
    ),
    Row(
        "the CA's server answers 500",
        answers=failing(FetchCode.STATUS_UNEXPECTED, 500),
        runs=4,
        kind=STALE,
        reason="status-unexpected",
    ),
    Row("the CA's server drips", answers=failing(FetchCode.TIMED_OUT), runs=4, kind=STALE, reason="timed-out"),
    Row("the CA's server gives a page", answers=lambda *_: b"<html>", runs=3, kind=STALE, reason="unparsable"),
    Row("a list by another key", answers=forged, runs=3, kind=STALE, reason="wrong-issuer"),
    Row("an earlier list", answers=replayed, runs=3, kind=STALE, reason="older"),
)
KEEPING = (
    Row("S3 denies every write", error("s3", "PutObject", "AccessDenied", 403), loud=True),
    Row("S3 fails at every write", error("s3", "PutObject", "InternalError", 500), loud=True),
    Row("S3 slows every read down", error("s3", "GetObject", "SlowDown", 503), loud=True),
    Row("the queue denies", error("sqs", "SendMessage", "AccessDenied", 403), loud=True),
    Row("the topic denies", error("sns", "Publish", "AuthorizationError", 403), loud=True),
)
_ADD, _REMOVE = "AddTrustStoreRevocations", "RemoveTrustStoreRevocations"
_SHOW, _CONTENT = "DescribeTrustStoreRevocations", "GetTrustStoreRevocationContent"
LOADING = (
    Row("adding is denied", error("elbv2", _ADD, "AccessDenied", 403), kind=BEHIND, reason="target-denied"),
    Row("adding is throttled", error("elbv2", _ADD, "Throttling", 400), kind=BEHIND, reason="target-busy"),
    Row(
        "the list is refused",
        error("elbv2", _ADD, "InvalidRevocationContent", 400),
        kind=BEHIND,
        reason="revocation-rejected",
    ),
    Row("the lists are not shown", error("elbv2", _SHOW, "AccessDenied", 403), kind=BEHIND, reason="target-denied"),
    Row(
        "their content is not shown", error("elbv2", _CONTENT, "AccessDenied", 403), kind=BEHIND, reason="target-denied"
    ),
    Row("removing is denied", error("elbv2", _REMOVE, "AccessDenied", 403), kind=BEHIND, reason="target-denied"),
)


class Served:
    """The CAs' servers, which give something else (``instead``) while a fault lasts."""

    def __init__(self, real: WorldLists) -> None:
        self.real = real
        self.instead: Answer | None = None

    def fetch(self, url: str, *, known: Validators | None = None) -> Fetched | NotModified:
        """See ``ports.DistributionPoints``."""
        if self.instead is None:
            return self.real.fetch(url, known=known)
        return Fetched(self.instead(self.real, url), Validators())


class Way:
    """The way of a revocation, from the CA to the trust store, over sockets and through the proxy."""

    def __init__(self, faulty: FaultyEnvironment) -> None:
        self.faulty, self.environment = faulty, faulty.environment
        self.served = Served(self.environment.world.lists)
        self.environment.crl_servers = self.served
        self.old: Identity = faulty.region.presented("Genesys")

    def go(self) -> bool:
        """An hour goes by, with a run of everything; whether refresh_crls failed in it."""
        self.environment.clock.advance(HOUR)
        try:
            summary = self.environment.refresh_crls()
            loud = bool(summary.broken or summary.undelivered)
        except StoreError:
            loud = True
        self.faulty.look(timedelta(0))
        assert self.faulty.harmed() == ""
        self.check_what_is_in_force()
        return loud

    def check_what_is_in_force(self) -> None:
        """Each manifest names versions that are there, and they are what it says."""
        s3 = self.environment.s3
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="crls/").get("Contents", [])
        for folder in {one["Key"].removesuffix(MANIFEST) for one in listed if one["Key"].endswith(MANIFEST)}:
            manifest = decode(self.environment.read(f"{folder}{MANIFEST}"))
            for name, part in ((DER, manifest.der), (PEM, manifest.pem), (INDEX, manifest.index)):
                place = {"Bucket": BUCKET, "Key": f"{folder}{name}", "VersionId": part.version}
                assert sha256(s3.get_object(**place)["Body"].read()).hexdigest() == part.sha256

    def lists_that_name(self, leaf: Identity) -> int:
        """How many lists of the trust store name a leaf."""
        crls = map(x509.load_pem_x509_crl, self.environment.aws.live_lists(self.environment.arn("alb")))
        serial = leaf.certificate.serial_number
        return sum(one.get_revoked_certificate_by_serial_number(serial) is not None for one in crls)

    @property
    def loaded(self) -> int:
        """How many lists the trust store has."""
        return len(self.environment.aws.live_lists(self.environment.arn("alb")))

    @property
    def pinned(self) -> set[str]:
        """The leaves that are pinned."""
        return {
            one.certificate.fingerprint for one in pins.decode(self.environment.read("bundles/main/pins.json")).pins
        }


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    """Genesys has just replaced its leaf; the lists of both leaves' CA are in force and loaded."""
    with open_faulty(START, "alb", tmp_path) as faulty:
        way = Way(faulty)
        faulty.route(proxied=True)
        faulty.look()
        way.old = faulty.region.presented("Genesys")
        faulty.region.schedule_emergency("Genesys")
        for _ in range(3):
            assert not way.go()
        assert way.loaded >= 1
        assert len(way.pinned) == 2
        faulty.alerts.clear()
        yield way


@pytest.mark.parametrize("row", [*FETCHING, *KEEPING, *LOADING], ids=lambda row: row.name)
def test_a_fault_loses_no_list_is_told_once_and_passes(row: Row, way: Way) -> None:
    faulty, region = way.faulty, way.faulty.region
    before = way.loaded
    end = row.inject(faulty) if row.inject else None
    way.served.instead = row.answers
    if row.answers is None:
        way.environment.world.lists.revoke(way.old)
    loud = [way.go() for _ in range(row.runs)]
    assert all(loud) is any(loud) is row.loud
    assert way.loaded >= before, "what was loaded stays until what replaces it is there"
    told = Counter((alert.kind.value, alert.facts.get("reason", "")) for alert in faulty.alerts)
    assert {key: told[key] for key in told if key[0] in {STALE, BEHIND}} == (
        {(row.kind, row.reason): 1} if row.kind else {}
    )
    if end:
        end()
    way.served.instead = None
    if row.answers is not None:
        way.environment.world.lists.revoke(way.old)
    assert [way.go() for _ in range(3)] == [False] * 3
    assert way.pinned == {region.presented("Genesys").fingerprint}
    assert (way.loaded, way.lists_that_name(way.old)) == (before, 1)
    ids = [alert.key for alert in faulty.alerts]
    assert [word(one) for one in faulty.alerts].count("revoked") == 1
    assert len({*ids}) == len(ids), "nothing is told twice"
    assert faulty.leaks() == []
