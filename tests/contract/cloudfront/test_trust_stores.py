"""CloudFront trust stores: ETag, status, keys, and the distributions in front of them."""

from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import ec

from local.aws.distributions import make_distribution, set_mode
from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.cloudfront import CloudFrontTrustStores
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetDenied, TargetError, TargetNotFound
from rotation_watcher.kinds import DoorKind, Proof
from rotation_watcher.ports import UNKNOWN, BundleObject, ThriftyTarget
from tests.support import contract_targets, pki
from tests.support.contract_targets import KEY, SETTLE, ContractTarget
from tests.support.fakes import ManualClock

ONE = pki.root("A").pem.encode()
TWO = ONE + pki.root("B").pem.encode()
THREE = TWO + pki.root("C").pem.encode()


@pytest.fixture(scope="module")
def knobs() -> dict[str, Any]:
    return {"settle_delay": SETTLE, "max_trust_stores": 1000, "cloudfront_page": 2}


@pytest.fixture
def store(aws: EmbeddedAws, clock: ManualClock) -> ContractTarget:
    aws.knobs.cloudfront_judges = "at-once"
    aws.knobs.cloudfront_keeps_ocsp = True
    aws.trust_stores_of_cloudfront.reasons.clear()
    return contract_targets.cloudfront_store(aws, ONE, clock)


def update(store: ContractTarget, version: str, expected: str | None, region: str = "us-east-1") -> str | None:
    return store.adapter.update(store.arn, BundleObject(store.bucket, KEY, version, region), expected=expected)


def test_it_shows_status_number_and_etag_and_neither_content_nor_place(store: ContractTarget) -> None:
    live = store.read()
    assert (live.bundle, live.location, live.version, live.proof) == (UNKNOWN, UNKNOWN, UNKNOWN, Proof.ETAG)
    assert (live.settled, live.state, live.certificates, live.refused, live.asks_ocsp) == (True, "", 1, "", False)
    assert live.etag


def test_an_update_answers_the_etag_that_is_shown_from_then_on(store: ContractTarget) -> None:
    before = store.read().etag
    etag = update(store, store.put(TWO), before)
    pending = store.read()
    store.clock.advance(SETTLE)
    live = store.read()
    assert etag != before
    assert (pending.etag, pending.settled, pending.state, pending.certificates) == (etag, False, "PENDING", 1)
    assert (live.etag, live.settled, live.state, live.certificates) == (etag, True, "", 2)


def test_what_somebody_changed_since_the_read_is_not_overwritten(store: ContractTarget) -> None:
    seen = store.read().etag
    store.load(THREE)
    with pytest.raises(TargetBusy, match="PreconditionFailed"):
        update(store, store.put(TWO), seen)
    store.clock.advance(SETTLE)
    assert store.content == THREE


def test_an_update_that_rests_on_no_etag_is_not_sent(aws: EmbeddedAws, store: ContractTarget) -> None:
    aws.calls.clear()
    with pytest.raises(TargetError, match="without an ETag"):
        update(store, store.put(TWO), None)
    assert aws.calls.of("cloudfront") == []


def test_what_cloudfront_could_not_load_is_told_with_its_reason(aws: EmbeddedAws, store: ContractTarget) -> None:
    aws.trust_stores_of_cloudfront.reasons.append("The certificate chain is too deep.")
    store.load(TWO)
    live = store.read()
    assert (live.settled, live.refused, store.content) == (True, "The certificate chain is too deep.", ONE)
    store.load(TWO)
    assert (store.read().refused, store.content) == ("", TWO)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (pki.root("RSA 2560", key=pki.rsa_key(2560)), "2560"),
        (pki.root("P-521", key=pki.ec_key(ec.SECP521R1())), "secp521r1"),
    ],
    ids=["RSA between", "P-521"],
)
def test_keys_that_a_load_balancer_takes_and_cloudfront_does_not_are_refused(
    store: ContractTarget, made: Any, why: str
) -> None:
    with pytest.raises(BundleRejected, match=why):
        store.update(store.put(ONE + made.pem.encode()))


def test_a_bundle_that_is_too_large_is_refused(store: ContractTarget) -> None:
    comment = b"# " + b"x" * (64 * 1024) + b"\n"
    with pytest.raises(BundleRejected, match="65536"):
        store.update(store.put(comment + ONE))


def test_the_buckets_region_is_sent_and_must_be_one_that_cloudfront_loads_from(
    aws: EmbeddedAws, store: ContractTarget
) -> None:
    bucket = aws.make_bucket("in-frankfurt", region="eu-central-1")
    version = aws.client("s3", "eu-central-1").put_object(Bucket=bucket, Key=KEY, Body=TWO)["VersionId"]
    place = BundleObject(bucket, KEY, version, "eu-central-1")
    store.adapter.update(store.arn, place, expected=store.read().etag)
    store.clock.advance(SETTLE)
    assert store.content == TWO
    with pytest.raises(TargetError, match="InvalidArgument") as caught:
        store.adapter.update(store.arn, BundleObject(bucket, KEY, version, "eu-west-1"), expected=store.read().etag)
    assert not isinstance(caught.value, BundleRejected)
    with pytest.raises(TargetError, match="no bucket in the region us-gov-west-1"):
        update(store, version, store.read().etag, "us-gov-west-1")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDenied", 403, TargetDenied),
        ("EntityNotFound", 404, TargetNotFound),
        ("Throttling", 400, TargetBusy),
        ("InvalidArgument", 400, TargetError),
    ],
)
def test_a_refused_read_is_an_error_of_its_kind(
    aws: EmbeddedAws, store: ContractTarget, code: str, status: int, kind: type[TargetError]
) -> None:
    aws.fail_next("cloudfront", "GetTrustStore", code, status)
    with pytest.raises(kind, match=store.arn) as caught:
        store.read()
    assert type(caught.value) is kind


def test_a_lost_answer_is_no_promise_that_nothing_changed(aws: EmbeddedAws, store: ContractTarget) -> None:
    aws.fail_next("cloudfront", "UpdateTrustStore", "InternalError", 500, after=True)
    with pytest.raises(TargetError) as caught:
        store.update(store.put(TWO))
    assert type(caught.value) is TargetError


def test_an_update_is_never_sent_twice_by_the_sdk() -> None:
    made = clients.make("cloudfront", region="us-east-1")
    assert made.meta.config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize(
    ("region", "host", "signed_for"),
    [
        ("eu-central-1", "cloudfront.amazonaws.com", "us-east-1"),
        ("us-east-1", "cloudfront.amazonaws.com", "us-east-1"),
        ("cn-north-1", "cloudfront.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
    ],
)
def test_from_any_region_calls_go_to_the_one_endpoint_of_the_partition(
    monkeypatch: pytest.MonkeyPatch, region: str, host: str, signed_for: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    client: Any = boto3.client(
        "cloudfront",
        region_name=region,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1),
    )
    sent: list[AWSRequest] = []

    def stop(request: AWSRequest, **_: Any) -> Any:
        sent.append(request)
        raise RuntimeError("not sent")

    client.meta.events.register("before-send.cloudfront", stop)
    with pytest.raises(RuntimeError):
        client.get_trust_store(Identifier="ts_1")
    assert host in str(sent[0].url)
    assert f"/{signed_for}/cloudfront/" in str(sent[0].headers["Authorization"])


@pytest.mark.parametrize("mode", ["optional", "passthrough"])
def test_a_distribution_that_lets_viewers_in_without_a_certificate_is_told(
    aws: EmbeddedAws, store: ContractTarget, mode: str
) -> None:
    (before,) = store.read().known_endpoints
    client, distribution = aws.client("cloudfront"), before.name.rpartition("/")[2]
    mutual: dict[str, Any] = {"Mode": mode}
    if mode == "optional":
        mutual["TrustStoreConfig"] = {"TrustStoreId": store.name}
    set_mode(client, distribution, mutual)
    (way,) = store.read(before.name).known_endpoints
    assert before.verifies
    assert (way.name, way.verifies, way.door.kind, way.door.id) == (
        before.name,
        False,
        DoorKind.DISTRIBUTION,
        before.name,
    )
    assert mode in way.detail


def test_a_distribution_that_took_another_trust_store_is_told(
    aws: EmbeddedAws, store: ContractTarget, clock: ManualClock
) -> None:
    (before,) = store.read().known_endpoints
    other = contract_targets.cloudfront_store(aws, ONE, clock)
    mutual = {"Mode": "required", "TrustStoreConfig": {"TrustStoreId": other.name}}
    set_mode(aws.client("cloudfront"), before.name.rpartition("/")[2], mutual)
    (way,) = store.read(before.name).known_endpoints
    assert (way.verifies, way.door.kind) == (False, DoorKind.OTHER_DISTRIBUTION)
    assert other.name in way.detail


def test_expired_certificates_that_are_let_in_are_told(aws: EmbeddedAws, store: ContractTarget) -> None:
    (before,) = store.read().known_endpoints
    trusts = {"TrustStoreId": store.name, "IgnoreCertificateExpiry": True}
    mutual = {"Mode": "required", "TrustStoreConfig": trusts}
    set_mode(aws.client("cloudfront"), before.name.rpartition("/")[2], mutual)
    (way,) = store.read().known_endpoints
    assert way.verifies
    assert "expired" in way.detail


def test_every_page_of_distributions_is_read(aws: EmbeddedAws, store: ContractTarget) -> None:
    client = aws.client("cloudfront")
    made = {make_distribution(client, f"{store.name}-{number}", store.name) for number in range(4)}
    found = {way.name.rpartition("/")[2] for way in store.read().known_endpoints}
    assert made < found
    assert len(found) == 5


def test_a_distribution_that_was_deleted_is_no_way_in(store: ContractTarget) -> None:
    gone = "arn:aws:cloudfront::123456789012:distribution/EGONE"
    assert gone not in [way.name for way in store.read(gone).known_endpoints]


def test_a_read_back_asks_for_the_trust_store_alone(aws: EmbeddedAws, store: ContractTarget) -> None:
    assert isinstance(store.adapter, ThriftyTarget)
    store.adapter.expect([store.arn])
    aws.calls.clear()
    live = store.adapter.read_back(store.arn)
    assert (live.endpoints, live.settled, live.certificates) == (UNKNOWN, True, 1)
    assert [call.operation for call in aws.calls] == ["GetTrustStore"]


@pytest.mark.parametrize("keeps", [True, False])
def test_what_is_asked_of_ocsp_stays_as_it_is(aws: EmbeddedAws, store: ContractTarget, *, keeps: bool) -> None:
    """Also where an update that does not name it turns it off: a revoked client would come in."""
    aws.knobs.cloudfront_keeps_ocsp = keeps
    client = aws.client("cloudfront")
    client.update_trust_store(Id=store.name, IfMatch=store.read().etag, UseClientCertificateOCSPEndpoint=True)
    store.clock.advance(timedelta(minutes=1))
    assert store.read().asks_ocsp
    store.load(TWO)
    assert store.read().asks_ocsp
    client.update_trust_store(Id=store.name, IfMatch=store.read().etag, UseClientCertificateOCSPEndpoint=False)
    store.clock.advance(timedelta(minutes=1))
    assert not store.read().asks_ocsp
    store.load(THREE)
    assert not store.read().asks_ocsp, "what somebody has turned off is not turned on again"
    assert isinstance(store.adapter, CloudFrontTrustStores)
