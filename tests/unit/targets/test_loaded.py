"""What a target holds whose service does not give it back: by the ETag of our update, or by an operator's word."""

from datetime import UTC, datetime

import msgspec
import pytest

from rotation_watcher import config, keys
from rotation_watcher.config import Target
from rotation_watcher.errors import ContentUnknown, NewerFormat
from rotation_watcher.kinds import Proof
from rotation_watcher.ports import UNKNOWN, Live
from rotation_watcher.targets import loaded
from rotation_watcher.targets.plan import digest
from rotation_watcher.targets.record import Applied, Record
from tests.support import pki
from tests.support.fakes import InMemoryStore

ARN = "arn:aws:cloudfront::123456789012:trust-store/ts_1"
ALB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/alb/0123456789abcdef"
ONE = pki.root("A").pem.encode()
TWO = ONE + pki.root("B").pem.encode()

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def version(body: bytes) -> Applied:
    return Applied(version="v", sha256=digest(body), fingerprints=(), at=AT, proof="etag")


RECORD = Record(target="edge", arn=ARN, applied=version(TWO), versions=(version(ONE),))


def target(arn: str = ARN) -> Target:
    watch = config.from_document(
        {
            "sources": [
                {
                    "id": "use1",
                    "region": "us-east-1",
                    "credentials": "arn:aws:ssm:us-east-1:123456789012:parameter/genesys/oauth",
                }
            ],
            "bundles": [{"id": "main", "sources": ["use1"]}],
            "targets": [{"id": "edge", "arn": arn, "bundle": "main"}],
        },
        stack_region="us-east-1",
        stack_account="123456789012",
    )
    return watch.targets[0]


def live(etag: str | None, count: int = 1, *, settled: bool = True, refused: str = "") -> Live:
    return Live(
        bundle=UNKNOWN,
        location=UNKNOWN,
        version=UNKNOWN,
        etag=etag,
        settled=settled,
        warnings=(),
        endpoints=UNKNOWN,
        proof=Proof.ETAG,
        certificates=count,
        refused=refused,
    )


@pytest.fixture
def store() -> InMemoryStore:
    store = InMemoryStore()
    before = msgspec.structs.replace(live("E1"), bundle=ONE)
    loaded.note(store, ARN, before, TWO, "E2")
    return store


def test_the_etag_of_our_update_stands_for_what_was_sent(store: InMemoryStore) -> None:
    assert loaded.resolved(store, target(), RECORD, live("E2", 2)).bundle == TWO
    assert loaded.asked(store, ARN, "E2") == TWO


def test_the_etag_before_it_stands_for_what_was_there(store: InMemoryStore) -> None:
    assert loaded.resolved(store, target(), RECORD, live("E1", 1)).bundle == ONE
    assert loaded.asked(store, ARN, "E1") is None


def test_what_was_refused_is_not_held(store: InMemoryStore) -> None:
    assert loaded.resolved(store, target(), RECORD, live("E2", 1, refused="too deep")).bundle == ONE


def test_while_it_is_pending_the_number_says_nothing_yet(store: InMemoryStore) -> None:
    assert loaded.resolved(store, target(), RECORD, live("E2", 1, settled=False)).bundle == TWO


@pytest.mark.parametrize(
    ("etag", "count", "why"),
    [
        ("E3", 2, "somebody else has changed it"),
        ("E2", 3, "it says that it holds 3 CA certificates, and what the watcher loaded has 2"),
        ("E3/../E2", 2, "is not of the known form"),
    ],
)
def test_everything_else_is_unknown(store: InMemoryStore, etag: str, count: int, why: str) -> None:
    with pytest.raises(ContentUnknown, match=why):
        loaded.resolved(store, target(), RECORD, live(etag, count))


def test_an_operators_word_counts_for_its_etag_where_nothing_is_known(store: InMemoryStore) -> None:
    store.seed(keys.adopted("ts_1", "E3"), ONE)
    store.seed(keys.adopted("ts_1", "E2"), ONE)
    assert loaded.resolved(store, target(), RECORD, live("E3", 1)).bundle == ONE
    assert loaded.resolved(store, target(), RECORD, live("E2", 2)).bundle == TWO
    with pytest.raises(ContentUnknown) as caught:
        loaded.resolved(store, target(), RECORD, live("E4", 1))
    assert caught.value.adopt == "extra/adopted/ts_1/E4.pem"


@pytest.mark.parametrize(
    ("etag", "count", "refused"),
    [("E2", 2, ""), ("E1", 1, ""), ("E2", 1, "too deep")],
    ids=["ours", "before", "failed"],
)
def test_a_note_that_the_record_does_not_bear_out_counts_for_nothing(
    store: InMemoryStore, etag: str, count: int, refused: str
) -> None:
    forged = msgspec.structs.replace(RECORD, applied=version(b"other"), versions=())
    with pytest.raises(ContentUnknown):
        loaded.resolved(store, target(), forged, live(etag, count, refused=refused))


def test_what_was_there_before_is_borne_out_by_an_operators_word_too(store: InMemoryStore) -> None:
    store.seed(keys.adopted("ts_1", "E1"), ONE)
    fresh = msgspec.structs.replace(RECORD, versions=())
    assert loaded.resolved(store, target(), fresh, live("E2", 1, refused="too deep")).bundle == ONE


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff"])
def test_a_note_that_is_none_counts_for_nothing(store: InMemoryStore, body: bytes) -> None:
    store.seed(keys.loaded(ARN), body)
    with pytest.raises(ContentUnknown, match="nobody has said"):
        loaded.resolved(store, target(), RECORD, live("E2", 2))


def test_the_note_of_a_newer_release_is_refused_with_the_way_out(store: InMemoryStore) -> None:
    stored = store.get(keys.loaded(ARN))
    assert stored is not None
    store.seed(keys.loaded(ARN), stored.body.replace(b'"format": "1"', b'"format": "2"'))
    with pytest.raises(NewerFormat, match="deploy that release again"):
        loaded.resolved(store, target(), RECORD, live("E2", 2))


def test_the_note_of_another_target_counts_for_nothing(store: InMemoryStore) -> None:
    stored = store.get(keys.loaded(ARN))
    assert stored is not None
    other = ARN.replace("ts_1", "ts_2")
    store.seed(keys.loaded(other), stored.body)
    with pytest.raises(ContentUnknown):
        loaded.resolved(store, target(other), RECORD, live("E2", 2))


def test_what_a_service_gives_back_is_taken_as_it_is_and_nothing_is_noted(store: InMemoryStore) -> None:
    given = msgspec.structs.replace(live(None), bundle=ONE)
    assert loaded.resolved(store, target(ALB), RECORD, given) is given
    loaded.note(store, ALB, given, TWO, None)
    loaded.note(store, ALB, given, TWO, "E9")
    assert store.get(keys.loaded(ALB)) is None


@pytest.mark.parametrize("count", [2, 3])
def test_what_lies_there_twice_is_counted_once_or_twice(store: InMemoryStore, count: int) -> None:
    # Nobody knows which the service does; others may have put a certificate there twice.
    told = TWO + ONE
    store.seed(keys.adopted("ts_1", "E9"), told)
    assert loaded.resolved(store, target(), RECORD, live("E9", count)).bundle == told
    with pytest.raises(ContentUnknown, match=r"holds 4 CA certificates, and .* has 3"):
        loaded.resolved(store, target(), RECORD, live("E9", 4))
