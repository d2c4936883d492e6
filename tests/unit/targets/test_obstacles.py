"""What stands beside or before a target is alerted once, and its end; it never stops what does not depend on it."""

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import override

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from rotation_watcher.alerts.model import Alert, Severity
from rotation_watcher.config import Target, Watch
from rotation_watcher.errors import StoreError
from rotation_watcher.kinds import API_GATEWAY_DOMAIN
from rotation_watcher.ports import Endpoint
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.obstacles import PASSING
from rotation_watcher.targets.summary import TargetSummary
from rotation_watcher.x509 import pem
from rotation_watcher.x509.certificates import blocks_of
from tests.support import certs
from tests.support.fake_targets import FakeTrustTarget
from tests.support.small_world import ARNS, NAME, SmallWorld, issued, leaf_of, root
from tests.support.words import word

CASES = Path(__file__).parents[1] / "x509" / "cases" / "extra"
KEY = "extra/partner.pem"
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/net/edge/0123456789abcdef/1"
ODD = sorted(path.stem for path in CASES.iterdir())
TARGETS = pytest.mark.parametrize("target", ["alb", "api"])


def world_with(body: bytes | None) -> SmallWorld:
    world = SmallWorld()
    world.extra = (KEY,)
    if body is not None:
        world.store.seed(KEY, body)
    return world


def run(world: SmallWorld, target: str = "alb", *, after: timedelta = timedelta(minutes=5)) -> TargetSummary:
    world.clock.advance(after)
    return world.publish(targets=[target]).targets[target]


def told(world: SmallWorld, kind: str) -> list[Alert]:
    return [alert for alert in world.sink.delivered if word(alert) == kind]


def kinds(alerts: Iterable[Alert]) -> list[str]:
    return [word(alert) for alert in alerts]


# Files


@TARGETS
@pytest.mark.parametrize("case", ODD)
def test_a_ca_that_cryptography_refuses_is_added_from_extra_and_alerted_once(case: str, target: str) -> None:
    body = (CASES / f"{case}.pem").read_bytes()
    world = world_with(body)
    summary = run(world, target)

    assert summary.outcome is Outcome.UPDATED
    assert world.live(target) >= {root("Root 0"), *blocks_of(body)}
    unusual = next(iter(blocks_of(body).values())).certificate is None
    assert len(told(world, "unusual-certificate")) == unusual
    assert any("in an unusual form" in problem for problem in summary.problems) == unusual
    for _ in range(3):
        assert run(world, target).outcome is Outcome.UNCHANGED
    assert len(told(world, "unusual-certificate")) == unusual
    assert len([call for call in world.adapter(target).calls if call[0] == "update"]) == 1


def test_files_of_a_bundle_name_a_ca_that_cryptography_refuses() -> None:
    body = (CASES / "ampersand-printable-root.pem").read_bytes()
    world = world_with(body)
    run(world)

    assert {*blocks_of(world.store.body("bundles/main/wanted.pem"))} == {root("Root 0"), *blocks_of(body)}
    assert b"O=smith & sons *_@, CN=root" in world.store.body("bundles/main/manifest.json")


@pytest.mark.parametrize(
    ("body", "severity", "words"),
    [
        (None, Severity.WARNING, "does not exist"),
        (b"", Severity.WARNING, "empty"),
        (issued("Partner").pem + issued("Second").pem[:200], Severity.WARNING, "line 11: the last block has no END"),
        (issued("Partner").pem + leaf_of("Partner").pem, Severity.WARNING, "line 11: this is no CA certificate"),
        (
            issued("Partner").pem + issued("Partner").key_pem,
            Severity.CRITICAL,
            "There is a private key",
        ),
        (issued("Partner").pem.decode().encode("utf-16-le"), Severity.WARNING, "without a CERTIFICATE block"),
    ],
    ids=["missing", "empty", "no END", "a leaf", "a private key", "UTF-16 without a mark"],
)
def test_a_bad_file_has_one_alert_and_an_all_clear_and_stops_nothing(
    body: bytes | None, severity: Severity, words: str
) -> None:
    world = world_with(body)

    assert run(world).outcome is Outcome.UPDATED
    assert root("Root 0") in world.live("alb")
    run(world)
    (alert,) = told(world, "file-damaged")
    assert alert.severity is severity
    assert words in alert.what_happened
    assert KEY in alert.what_happened
    assert f"aws s3 cp corrected.pem s3://{world.store.bucket}/{KEY}" in alert.what_to_do
    assert issued("Partner").key_pem.decode().splitlines()[1][:20] not in repr(world.sink.delivered)
    world.store.seed(KEY, issued("Partner").pem)
    for _ in range(4):
        run(world)
    assert len(told(world, "over: file-damaged")) == 1
    assert root("Partner") in world.live("alb")


def test_a_file_that_changes_its_fault_is_alerted_again_and_is_not_called_whole() -> None:
    world = world_with(issued("Partner").pem + issued("Second").pem[:200])
    run(world)
    world.store.seed(KEY, issued("Partner").pem + issued("Partner").key_pem)
    for _ in range(5):
        run(world)

    first, second = told(world, "file-damaged")
    assert (first.severity, second.severity) == (Severity.WARNING, Severity.CRITICAL)
    (over,) = told(world, "over: file-damaged")
    assert over.id == first.id
    assert f"It goes on in another way, as the alert {second.id}" in over.what_it_means
    assert over.title.endswith("; another alert goes on")


def test_a_file_that_the_store_does_not_give_is_alerted_after_half_an_hour_and_nothing_is_removed() -> None:
    world = world_with(issued("Partner").pem)
    run(world)
    refuse(world)
    run(world)
    assert run(world, after=timedelta(minutes=29)).outcome is Outcome.UNCHANGED
    assert told(world, "file-damaged") == []
    run(world, after=timedelta(minutes=1))
    (alert,) = told(world, "file-damaged")
    assert "KMS" in alert.what_happened
    assert root("Partner") in world.live("alb")


def refuse(world: SmallWorld) -> None:
    def before(what: str, key: str) -> None:
        if (what, key) == ("get", KEY):
            raise StoreError("kms:Decrypt is not allowed by this KMS key")

    world.store.before = before


def test_wanted_pem_names_first_what_leaves_need() -> None:
    others = [issued(name) for name in ("Partner", "Second", "Third", "Fourth")]
    world = world_with(b"".join(one.pem for one in others))
    run(world)

    written = world.store.body("bundles/main/wanted.pem")
    assert written.startswith(issued("Root 0").pem)
    assert len(blocks_of(written)) == 5


@pytest.mark.parametrize("key", [KEY, "anchors/us-east-1.pem"])
def test_what_a_file_lost_by_damage_stays_where_it_is_deployed(key: str) -> None:
    both = issued("Root 0").pem + issued("Second").pem
    world = world_with(issued("Third").pem)
    world.store.seed(key, both)
    run(world)
    assert root("Second") in world.live("alb")
    world.store.seed(key, both[: -len(issued("Second").pem) + 200])
    run(world)
    run(world)
    summary = run(world)

    assert root("Second") in world.live("alb")
    assert any("unterminated" in reason for reason in summary.removal_waits_for)


# What a target refuses


WEAK = certs.self_signed_ca("Weak", key=certs.rsa_key(1024))
CURVE = certs.self_signed_ca("Curve", key=ec.generate_private_key(ec.SECP256K1()))
LARGE = certs.oversized_ca()


@pytest.mark.parametrize(
    ("weak", "rule"),
    [(WEAK, "its RSA key has 1024 bits"), (CURVE, "on the curve secp256k1"), (LARGE, "bytes long as PEM")],
    ids=["a short key", "another curve", "too large"],
)
@pytest.mark.parametrize("key", [KEY, "anchors/us-east-1.pem"])
def test_what_a_target_refuses_is_left_out_and_alerted_and_the_rest_is_deployed(
    weak: certs.Issued, rule: str, key: str
) -> None:
    world = world_with(issued("Partner").pem)
    world.store.seed(key, (issued("Root 0").pem if key != KEY else issued("Partner").pem) + weak.pem)

    assert run(world).outcome is Outcome.UPDATED
    assert run(world).outcome is Outcome.UNCHANGED
    assert world.live("alb") == {root("Other"), root("Root 0"), root("Partner")}
    (alert,) = told(world, "left-out")
    assert alert.severity is Severity.WARNING
    assert rule in alert.what_happened
    assert key in alert.what_happened
    assert told(world, "truststore-update-failed") == []
    world.store.seed(key, issued("Root 0" if key != KEY else "Partner").pem)
    for _ in range(4):
        run(world)
    assert len(told(world, "over: left-out")) == 1


@TARGETS
def test_a_ca_of_the_same_name_among_many_of_a_file_does_not_shut_the_leaf_out(target: str) -> None:
    anchor = certs.self_signed_ca("Same")
    many = b"".join(issued(f"Partner {number}").pem for number in range(20))
    world = world_with(unreadable_before(anchor) + many)
    world.present_issued(anchor, certs.issue(anchor, NAME))

    assert run(world, target).outcome is Outcome.UPDATED
    assert len(world.live(target)) == 23
    assert run(world, target).outcome is Outcome.UNCHANGED


def unreadable_before(anchor: certs.Issued) -> bytes:
    """A CA of the same name that we cannot read (its serial number is negative), sorted before the anchor."""
    der = anchor.der
    serial = der.index(b"\xa0\x03\x02\x01\x02\x02") + 7  # behind version 3, the tag and the length
    negative = (der[:serial] + bytes([high, low]) + der[serial + 2 :] for high in range(128, 256) for low in range(256))
    return pem.armour(next(one for one in negative if sha256(one).hexdigest() < anchor.fingerprint)).encode()


def test_a_domain_takes_what_a_trust_store_refuses() -> None:
    world = world_with(WEAK.pem)
    run(world, "api")

    assert WEAK.fingerprint in world.live("api")
    assert told(world, "left-out") == []


def test_an_odd_ca_with_a_weak_hash_is_left_out_too() -> None:
    with_256, with_224 = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040301")
    der = next(iter(blocks_of((CASES / "ampersand-printable-root.pem").read_bytes()).values())).der
    assert der.count(with_256) == 2
    world = world_with(pem.armour(der.replace(with_256, with_224)).encode())

    assert run(world).outcome is Outcome.UPDATED
    assert "signed with sha224" in told(world, "left-out")[0].what_happened


def test_where_a_leaf_needs_what_the_target_refuses_that_is_critical_and_nothing_else_waits() -> None:
    world = world_with(issued("Partner").pem)
    world.present_issued(LARGE, certs.issue(LARGE, NAME))
    summary = run(world)

    assert summary.outcome is Outcome.UPDATED
    assert world.live("alb") == {root("Other"), root("Partner")}
    (alert,) = told(world, "left-out")
    assert alert.severity is Severity.CRITICAL
    assert "bytes long as PEM" in alert.what_happened
    assert "cannot be let in" in alert.what_it_means
    assert run(world).outcome is Outcome.UNCHANGED


# A service that takes no change


def lock(world: SmallWorld, state: str) -> None:
    world.adapter("api").held[ARNS["api"]].state = state


@pytest.mark.parametrize(
    ("state", "cure"),
    [
        ("PENDING_CERTIFICATE_REIMPORT", "Reimport the domain's server certificate"),
        ("PENDING_OWNERSHIP_VERIFICATION", "Renew the ownership verification certificate"),
        ("FAILED", "AWS support"),
        ("SOMETHING_NEW", "AWS support"),
    ],
)
def test_a_locked_domain_that_refuses_a_needed_leaf_is_critical_at_once_and_names_the_cure(
    state: str, cure: str
) -> None:
    world = SmallWorld()
    lock(world, state)

    for _ in range(5):
        assert run(world, "api").outcome is Outcome.WAITING
    (alert,) = told(world, "target-locked")
    assert (alert.severity, state in alert.title) == (Severity.CRITICAL, True)
    assert cure in alert.what_to_do
    lock(world, "")
    for _ in range(5):
        run(world, "api")
    assert len(told(world, "over: target-locked")) == 1


def test_an_update_of_somebody_elses_is_given_half_an_hour_before_it_is_critical() -> None:
    world = SmallWorld()
    lock(world, "UPDATING")

    run(world, "api")
    run(world, "api", after=timedelta(minutes=29))
    assert told(world, "target-locked") == []
    run(world, "api", after=timedelta(minutes=1))
    (alert,) = told(world, "target-locked")
    assert alert.severity is Severity.CRITICAL


def test_a_locked_domain_that_refuses_nobody_is_a_warning_after_an_hour_and_critical_once_it_does() -> None:
    world = SmallWorld()
    run(world, "api")
    lock(world, "FAILED")
    run(world, "api")
    run(world, "api", after=timedelta(minutes=59))
    assert told(world, "target-locked") == []
    run(world, "api", after=timedelta(minutes=1))
    assert [alert.severity for alert in told(world, "target-locked")] == [Severity.WARNING]
    world.present("Root 1")
    run(world, "api")
    run(world, "api", after=timedelta(hours=1))
    first, second = told(world, "target-locked")
    assert (first.severity, second.severity) == (Severity.WARNING, Severity.CRITICAL)
    assert first.id == second.id
    assert told(world, "over: target-locked") == []


def test_an_update_of_ours_that_is_under_way_is_no_lock() -> None:
    world = SmallWorld()
    slow = FakeTrustTarget(API_GATEWAY_DOMAIN, world.store, world.clock, settle=timedelta(hours=3))
    slow.add(ARNS["api"], issued("Other").pem)
    world.adapters[API_GATEWAY_DOMAIN] = slow
    outcomes = {run(world, "api", after=timedelta(minutes=20)).outcome for _ in range(6)}

    assert outcomes == {Outcome.STILL_UPDATING}
    assert told(world, "target-locked") == []
    assert len(told(world, "truststore-update-failed")) == 1


def test_a_locked_domain_whose_leaf_expires_soon_is_critical() -> None:
    world = SmallWorld()
    soon = certs.issue(issued("Root 0"), NAME, not_after=world.clock() + timedelta(days=13))
    world.present_issued(issued("Root 0"), soon)
    run(world, "api")
    lock(world, "FAILED")
    run(world, "api")

    (alert,) = told(world, "target-locked")
    assert alert.severity is Severity.CRITICAL
    assert "will be replaced soon" in alert.what_it_means


# Listeners


def listen(world: SmallWorld, *filters: str) -> None:
    world.adapter("alb").held[ARNS["alb"]].endpoints = [Endpoint(LISTENER, verifies=True, detail="", filters=filters)]


def test_a_listener_whose_filters_shut_the_leaf_out_is_critical_and_has_an_end() -> None:
    world = SmallWorld()
    listen(world, "san-dns exact partner.example.com")
    for _ in range(3):
        run(world)

    (alert,) = told(world, "filtered-out")
    assert alert.severity is Severity.CRITICAL
    assert alert.facts["listener"] == LISTENER
    assert alert.facts["filters"] == "san-dns exact partner.example.com"
    assert alert.facts["names"] == NAME
    listen(world, "san-dns prefix dataactions")
    for _ in range(3):
        run(world)
    summary = run(world)
    assert len(told(world, "filtered-out")) == 1
    assert len(told(world, "over: filtered-out")) == 1
    assert summary.problems == []


class TendedListener(SmallWorld):
    """The listener before the trust store is a target too, whose filters the watcher keeps."""

    @property
    @override
    def watch(self) -> Watch:
        watch = super().watch
        door = Target(id="door", arn=LISTENER, bundle="main")
        return msgspec.structs.replace(watch, targets=(*watch.targets, door))


def test_filters_that_the_watcher_keeps_itself_are_critical_only_where_it_does_not_mend_them_soon() -> None:
    world = TendedListener()
    listen(world, "san-dns exact partner.example.com")
    run(world)
    begun = world.clock()
    for _ in range(3):
        run(world, after=timedelta(minutes=15))
    (alert,) = told(world, "filtered-out")
    assert alert.at - begun == PASSING


def test_filters_that_the_watcher_has_mended_by_the_next_look_are_no_news() -> None:
    world = TendedListener()
    listen(world, "san-dns exact partner.example.com")
    run(world)
    listen(world, f"san-dns exact {NAME}")
    for _ in range(3):
        run(world)
    assert not [*told(world, "filtered-out"), *told(world, "over: filtered-out")]


def test_filters_that_nobody_understands_are_a_remark_and_no_alert() -> None:
    world = SmallWorld()
    listen(world, "issuer-cn exact Somebody")

    assert any("it is unknown whether" in problem for problem in run(world).problems)
    assert told(world, "filtered-out") == []


def test_a_listener_without_filters_is_no_remark() -> None:
    world = SmallWorld()
    listen(world)

    assert run(world).problems == []
    assert told(world, "filtered-out") == []
