"""Trust stores and domains: one suite for the fakes and for the real adapters.

``kind`` names the scene; "hidden" is a domain that API Gateway v1 does not know, so that v2 has to do it all.
"""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetError, TargetNotFound
from rotation_watcher.kinds import ALB_TRUST_STORE, API_GATEWAY_DOMAIN, Proof
from rotation_watcher.ports import UNKNOWN
from tests.support import pki, scenes
from tests.support.fakes import ManualClock
from tests.support.scenes import KEY, PACE, SETTLE, Scene

DOMAINS = ["fake domain", "REST domain", "HTTP domain", "hidden HTTP domain"]
STORES = ["fake trust store", "trust store"]

A, B, C = (pki.root(f"Root {letter}") for letter in "ABC")
ONE, TWO, THREE = (pem.encode() for pem in (A.pem, A.pem + B.pem, A.pem + B.pem + C.pem))
LEAF = pki.leaf(A).pem.encode()


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="module")
def aws(clock: ManualClock) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(clock, settle_delay=SETTLE, update_interval=PACE, max_trust_stores=1000) as running:
        yield running


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def scene(kind: str, clock: ManualClock, request: pytest.FixtureRequest) -> Scene:
    clock.advance(timedelta(hours=1))
    if kind.startswith("fake"):
        which = API_GATEWAY_DOMAIN if kind in DOMAINS else ALB_TRUST_STORE
        return scenes.fake(which, ONE, clock)
    aws: EmbeddedAws = request.getfixturevalue("aws")
    aws.knobs.http_domains_visible_in_v1 = "hidden" not in kind
    if kind == "trust store":
        return scenes.trust_store(aws, ONE, clock, request.getfixturevalue("http"))
    return (scenes.rest_domain if kind == "REST domain" else scenes.http_domain)(aws, ONE, clock)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = metafunc.definition.get_closest_marker("parametrize")
    if "kind" in metafunc.fixturenames and chosen is None:
        metafunc.parametrize("kind", [*STORES, *DOMAINS])


only_stores = pytest.mark.parametrize("kind", STORES)
only_domains = pytest.mark.parametrize("kind", DOMAINS)


def test_what_a_target_held_before_is_read(scene: Scene) -> None:
    live = scene.read()

    assert (live.bundle, live.settled, live.warnings) == (ONE, True, ())


def test_an_update_shows_when_it_has_settled(scene: Scene) -> None:
    scene.update(scene.put(TWO))
    scene.clock.advance(SETTLE)
    live = scene.read()

    assert (live.bundle, live.settled, live.warnings) == (TWO, True, ())


def test_the_exact_version_is_loaded_and_a_newer_one_changes_nothing(scene: Scene) -> None:
    meant = scene.put(TWO)
    scene.put(THREE)
    scene.update(meant)
    scene.clock.advance(SETTLE)
    scene.put(ONE)

    assert scene.read().bundle == TWO


def test_an_update_may_be_repeated_and_taken_back(scene: Scene) -> None:
    versions = [scene.load(bundle) for bundle in (TWO, TWO, THREE)]
    assert scene.read().bundle == THREE

    scene.update(versions[0])
    scene.clock.advance(SETTLE)
    assert scene.read().bundle == TWO


@only_stores
def test_a_trust_store_tells_its_bytes_and_not_where_they_came_from(scene: Scene) -> None:
    scene.load(TWO)
    live = scene.read()

    assert (live.proof, live.location, live.version) == (Proof.BYTES, UNKNOWN, UNKNOWN)


@only_domains
def test_a_domain_tells_the_object_and_its_version(scene: Scene) -> None:
    version = scene.load(TWO)
    live = scene.read()

    assert (live.proof, live.location, live.version) == (Proof.VERSION, f"s3://{scene.bucket}/{KEY}", version)


def test_a_target_that_does_not_exist_is_not_found(scene: Scene) -> None:
    other = scene.arn.replace("/scene", "/other").replace("/main", "/other")
    with pytest.raises(TargetNotFound, match=other):
        scene.adapter.read(other)
    with pytest.raises(TargetNotFound, match=other):
        scene.adapter.update(other, scene.object(scene.put(TWO)), expected=None)


def test_a_version_that_does_not_exist_is_an_error_and_changes_nothing(scene: Scene) -> None:
    scene.put(TWO)
    with pytest.raises(TargetError) as caught:
        scene.update("no-such-version")

    assert type(caught.value) is TargetError
    assert scene.arn in str(caught.value)
    scene.clock.advance(PACE)
    assert scene.read().bundle == ONE


@only_stores
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
    scene: Scene, bundle: bytes, why: str
) -> None:
    version = scene.put(bundle)
    with pytest.raises(BundleRejected, match=why):
        scene.update(version)

    assert scene.read().bundle == ONE


@only_domains
def test_a_domain_takes_a_faulty_bundle_and_warns(scene: Scene) -> None:
    version = scene.load(ONE + LEAF)
    live = scene.read()

    assert (live.bundle, live.version) == (ONE + LEAF, version)
    assert len(live.warnings) == 1
    assert "Certificate 2" in live.warnings[0]


@only_domains
def test_a_domain_is_unsettled_until_its_update_is_through(scene: Scene) -> None:
    scene.update(scene.put(TWO))
    scene.clock.advance(SETTLE - timedelta(seconds=1))
    live = scene.read()
    assert (live.settled, live.state) == (False, "UPDATING")

    scene.clock.advance(timedelta(seconds=1))
    live = scene.read()
    assert (live.settled, live.state) == (True, "")


@only_domains
@pytest.mark.parametrize("after", [timedelta(0), SETTLE - timedelta(seconds=1), PACE - timedelta(seconds=1)])
def test_a_domain_that_was_just_updated_is_busy_and_keeps_to_that_update(scene: Scene, after: timedelta) -> None:
    second = scene.put(THREE)
    scene.update(scene.put(TWO))
    scene.clock.advance(after)
    with pytest.raises(TargetBusy, match=scene.arn):
        scene.update(second)

    scene.clock.advance(PACE)
    assert scene.read().bundle == TWO
    scene.update(second)
    scene.clock.advance(SETTLE)
    assert scene.read().bundle == THREE


def test_a_way_in_that_verifies_is_named(scene: Scene) -> None:
    (way,) = scene.read().known_endpoints

    assert way.verifies
    assert way.name
    assert way.detail


def test_a_way_in_that_stops_verifying_is_shown_to_who_knew_it(scene: Scene) -> None:
    (before,) = scene.read().known_endpoints
    scene.open()
    (after,) = scene.read(before.name).known_endpoints

    assert (after.name, after.verifies) == (before.name, False)
    assert after.detail != before.detail


def test_a_way_in_that_is_gone_is_left_out(scene: Scene) -> None:
    (before,) = scene.read().known_endpoints
    scene.shut()

    assert scene.read(before.name).known_endpoints == ()
