"""Trust stores and domains: one suite for the fakes and for the real adapters.

``kind`` names the target; "hidden" is a domain that API Gateway v1 does not know, so that v2 has to do it all.
"""

from datetime import timedelta
from typing import Any

import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetError, TargetNotFound
from rotation_watcher.kinds import ALB_TRUST_STORE, API_GATEWAY_DOMAIN, Proof
from rotation_watcher.ports import UNKNOWN
from tests.support import contract_targets, pki
from tests.support.contract_targets import KEY, PACE, SETTLE, ContractTarget
from tests.support.fakes import ManualClock

DOMAINS = ["fake domain", "REST domain", "HTTP domain", "hidden HTTP domain"]
STORES = ["fake trust store", "trust store"]
PLACE = "file place"
CLOUDFRONT = "CloudFront trust store"

A, B, C = (pki.root(f"Root {letter}") for letter in "ABC")
ONE, TWO, THREE = (pem.encode() for pem in (A.pem, A.pem + B.pem, A.pem + B.pem + C.pem))
LEAF = pki.leaf(A).pem.encode()


@pytest.fixture(scope="module")
def knobs() -> dict[str, Any]:
    return {"settle_delay": SETTLE, "update_interval": PACE, "max_trust_stores": 1000}


@pytest.fixture
def target(kind: str, clock: ManualClock, request: pytest.FixtureRequest) -> ContractTarget:
    clock.advance(timedelta(hours=1))
    if kind.startswith("fake"):
        which = API_GATEWAY_DOMAIN if kind in DOMAINS else ALB_TRUST_STORE
        return contract_targets.fake(which, ONE, clock)
    aws: EmbeddedAws = request.getfixturevalue("aws")
    aws.knobs.http_domains_visible_in_v1 = "hidden" not in kind
    if kind == PLACE:
        return contract_targets.file_place(aws, ONE, clock)
    if kind == CLOUDFRONT:
        return contract_targets.cloudfront_store(aws, ONE, clock)
    if kind == "trust store":
        return contract_targets.trust_store(aws, ONE, clock, request.getfixturevalue("http"))
    return (contract_targets.rest_domain if kind == "REST domain" else contract_targets.http_domain)(aws, ONE, clock)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = metafunc.definition.get_closest_marker("parametrize")
    if "kind" in metafunc.fixturenames and chosen is None:
        metafunc.parametrize("kind", [*STORES, CLOUDFRONT, *DOMAINS, PLACE])


only_stores = pytest.mark.parametrize("kind", STORES)
all_stores = pytest.mark.parametrize("kind", [*STORES, CLOUDFRONT])
only_with_ways = pytest.mark.parametrize("kind", [*STORES, CLOUDFRONT, *DOMAINS])
only_domains = pytest.mark.parametrize("kind", DOMAINS)


def test_what_a_target_held_before_is_read(target: ContractTarget) -> None:
    live = target.read()

    assert (target.content, live.settled, live.warnings) == (ONE, True, ())


def test_an_update_shows_when_it_has_settled(target: ContractTarget) -> None:
    target.update(target.put(TWO))
    target.clock.advance(SETTLE)
    live = target.read()

    assert (target.content, live.settled, live.warnings) == (TWO, True, ())


def test_the_exact_version_is_loaded_and_a_newer_one_changes_nothing(target: ContractTarget) -> None:
    meant = target.put(TWO)
    target.put(THREE)
    target.update(meant)
    target.clock.advance(SETTLE)
    target.put(ONE)

    assert target.content == TWO


def test_an_update_may_be_repeated_and_taken_back(target: ContractTarget) -> None:
    versions = [target.load(bundle) for bundle in (TWO, TWO, THREE)]
    assert target.content == THREE

    target.update(versions[0])
    target.clock.advance(SETTLE)
    assert target.content == TWO


@only_stores
def test_a_trust_store_gives_its_bytes_and_not_where_they_came_from(target: ContractTarget) -> None:
    target.load(TWO)
    live = target.read()

    assert (live.proof, live.location, live.version) == (Proof.BYTES, UNKNOWN, UNKNOWN)


@only_domains
def test_a_domain_gives_the_object_and_its_version(target: ContractTarget) -> None:
    version = target.load(TWO)
    live = target.read()

    assert (live.proof, live.location, live.version) == (Proof.VERSION, f"s3://{target.bucket}/{KEY}", version)


def test_a_target_that_does_not_exist_is_not_found(target: ContractTarget) -> None:
    other = target.arn.replace("/target", "/other").replace("/main", "/other").replace("/ts_", "/other_")
    other = other.replace(":target", ":other")
    with pytest.raises(TargetNotFound, match=other):
        target.adapter.read(other)
    with pytest.raises(TargetNotFound, match=other):
        target.adapter.update(other, target.object(target.put(TWO)), expected="E1")


def test_a_version_that_does_not_exist_is_an_error_and_changes_nothing(target: ContractTarget) -> None:
    target.put(TWO)
    with pytest.raises(TargetError) as caught:
        target.update("no-such-version")

    assert type(caught.value) is TargetError
    assert target.arn in str(caught.value)
    target.clock.advance(PACE)
    assert target.content == ONE


@all_stores
@pytest.mark.parametrize(
    ("bundle", "why"),
    [
        (b"", "empty"),
        (ONE + b"\n" + TWO, "blank"),
        (b"Our roots:\n" + ONE, "neither"),
        (ONE + LEAF, "not a CA"),
        (ONE + pki.root("weak", key=pki.rsa_key(1024)).pem.encode(), "1024"),
        (ONE + TWO.replace(b"MII", b"AAA", 1), "parsed"),
        (b"".join(pki.root(f"Root {number}").pem.encode() for number in range(26)), "26"),
    ],
    ids=["empty", "blank line", "text", "leaf", "weak key", "garbage", "too many"],
)
def test_a_trust_store_refuses_a_whole_bundle_for_one_fault_and_keeps_what_it_has(
    target: ContractTarget, bundle: bytes, why: str
) -> None:
    version = target.put(bundle)
    with pytest.raises(BundleRejected, match=why):
        target.update(version)

    assert target.content == ONE


@pytest.mark.parametrize("kind", [PLACE])
def test_a_place_for_files_gives_its_bytes_and_what_they_are_a_copy_of(target: ContractTarget) -> None:
    version = target.load(TWO)
    live = target.read()

    assert (live.proof, live.location, live.version) == (Proof.BYTES, f"s3://{target.bucket}/{KEY}", version)


@pytest.mark.parametrize("kind", [PLACE])
@pytest.mark.parametrize(
    ("bundle", "why"),
    [(b"", "empty"), (b"Our roots:\n", "empty"), (ONE + pki.leaf(A).key_pem.encode(), "private key")],
    ids=["empty", "text", "private key"],
)
def test_a_place_for_files_refuses_what_no_server_may_load(target: ContractTarget, bundle: bytes, why: str) -> None:
    version = target.put(bundle)
    with pytest.raises(BundleRejected, match=why):
        target.update(version)

    assert target.read().bundle == ONE


@pytest.mark.parametrize("kind", [PLACE])
def test_a_place_for_files_that_was_changed_since_it_was_read_is_busy_and_keeps_that(target: ContractTarget) -> None:
    before = target.read().etag
    target.load(TWO)
    with pytest.raises(TargetBusy, match="changed since it was read"):
        target.adapter.update(target.arn, target.object(target.put(THREE)), expected=before)

    assert target.read().bundle == TWO


@pytest.mark.parametrize("kind", [PLACE])
def test_a_place_for_files_is_never_in_the_stacks_own_bucket(target: ContractTarget) -> None:
    arn = f"arn:aws:s3:::{target.bucket}/anchors/"
    with pytest.raises(TargetError, match="the stack's own bucket"):
        target.adapter.update(arn, target.object(target.put(TWO)), expected=None)


@only_domains
def test_a_domain_takes_a_faulty_bundle_and_warns(target: ContractTarget) -> None:
    version = target.load(ONE + LEAF)
    live = target.read()

    assert (live.bundle, live.version) == (ONE + LEAF, version)
    assert len(live.warnings) == 1
    assert "Certificate 2" in live.warnings[0]


@only_domains
def test_a_domain_is_unsettled_until_its_update_is_through(target: ContractTarget) -> None:
    target.update(target.put(TWO))
    target.clock.advance(SETTLE - timedelta(seconds=1))
    live = target.read()
    assert (live.settled, live.state) == (False, "UPDATING")

    target.clock.advance(timedelta(seconds=1))
    live = target.read()
    assert (live.settled, live.state) == (True, "")


@only_domains
@pytest.mark.parametrize("after", [timedelta(0), SETTLE - timedelta(seconds=1), PACE - timedelta(seconds=1)])
def test_a_domain_that_was_just_updated_is_busy_and_keeps_to_that_update(
    target: ContractTarget, after: timedelta
) -> None:
    second = target.put(THREE)
    target.update(target.put(TWO))
    target.clock.advance(after)
    with pytest.raises(TargetBusy, match=target.arn):
        target.update(second)

    target.clock.advance(PACE)
    assert target.read().bundle == TWO
    target.update(second)
    target.clock.advance(SETTLE)
    assert target.read().bundle == THREE


@only_with_ways
def test_a_way_in_that_verifies_is_named(target: ContractTarget) -> None:
    (way,) = target.read().known_endpoints

    assert way.verifies
    assert way.name
    assert way.detail


@only_with_ways
def test_a_way_in_that_stops_verifying_is_shown_to_who_knew_it(target: ContractTarget) -> None:
    (before,) = target.read().known_endpoints
    target.open()
    (after,) = target.read(before.name).known_endpoints

    assert (after.name, after.verifies) == (before.name, False)
    assert after.detail != before.detail


@only_with_ways
def test_a_way_in_that_is_gone_is_left_out(target: ContractTarget) -> None:
    (before,) = target.read().known_endpoints
    target.shut()

    assert target.read(before.name).known_endpoints == ()


@only_stores
def test_a_replica_that_lags_behind_shows_what_was_held_before_and_then_what_is(target: ContractTarget) -> None:
    assert target.lag is not None
    target.load(TWO)
    target.lag(2)

    assert [target.read().bundle for _ in range(3)] == [ONE, ONE, TWO]


@pytest.mark.parametrize("kind", ["fake domain", "REST domain"])
def test_a_domain_whose_mutual_tls_was_turned_off_holds_nothing_and_keeps_its_pace(target: ContractTarget) -> None:
    assert target.turn_off is not None
    target.turn_off()
    with pytest.raises(TargetBusy):
        target.update(target.put(TWO))
    target.clock.advance(PACE)

    assert (target.read().bundle, target.read().location) == (None, None)
