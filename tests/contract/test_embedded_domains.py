"""API Gateway's custom domains with mutual TLS in the embedded AWS, through v1 and v2."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.support import certs
from tests.support.embedded import ARN, CONFIGURATIONS, NAME, START, Bundles, http_domain, patch, rest_domain, seen

HALF_A_MINUTE = timedelta(seconds=30)
OLD, NEW = certs.self_signed_ca("Old Root").pem, certs.self_signed_ca("New Root").pem


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def aws(clock: VirtualClock) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(clock, direct=True) as running:
        yield running


@pytest.fixture
def bundles(aws: EmbeddedAws) -> Bundles:
    return Bundles(aws)


def test_a_rest_domain_gives_its_truststore_back(aws: EmbeddedAws, bundles: Bundles) -> None:
    created = rest_domain(aws, bundles, OLD)
    assert created["mutualTlsAuthentication"]["truststoreUri"] == "s3://bundles/bundle.pem"
    assert created["mutualTlsAuthentication"]["truststoreWarnings"] == []
    assert created["domainNameArn"] == ARN
    assert created["domainNameStatus"] == "AVAILABLE"
    assert seen(aws)["mutualTlsAuthentication"] == created["mutualTlsAuthentication"]
    assert aws.live_bundle(ARN) == OLD


def test_an_update_goes_through_updating_to_available(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles, OLD)
    version = bundles.put(NEW)
    assert patch(aws, truststoreVersion=version)["domainNameStatus"] == "UPDATING"
    assert aws.live_bundle(ARN) == OLD
    assert [seen(aws)["domainNameStatus"] for _ in range(3)] == ["UPDATING", "AVAILABLE", "AVAILABLE"]
    assert seen(aws)["mutualTlsAuthentication"]["truststoreVersion"] == version
    assert aws.live_bundle(ARN) == NEW


def test_how_long_a_domain_stays_updating_can_be_turned(
    aws: EmbeddedAws, bundles: Bundles, clock: VirtualClock
) -> None:
    rest_domain(aws, bundles, OLD)
    aws.knobs.settle_reads = 0
    patch(aws, truststoreVersion=bundles.put(NEW))
    assert seen(aws)["domainNameStatus"] == "AVAILABLE"
    aws.knobs.settle_delay = timedelta(minutes=2)
    clock.advance(HALF_A_MINUTE)
    patch(aws, truststoreVersion=bundles.put(OLD))
    clock.advance(timedelta(seconds=119))
    assert {seen(aws)["domainNameStatus"] for _ in range(3)} == {"UPDATING"}
    clock.advance(timedelta(seconds=1))
    assert seen(aws)["domainNameStatus"] == "AVAILABLE"


def test_no_change_is_possible_while_updating_until_it_settles(
    aws: EmbeddedAws, bundles: Bundles, clock: VirtualClock
) -> None:
    rest_domain(aws, bundles, OLD)
    v1, v2 = aws.client("apigateway"), aws.client("apigatewayv2")
    version = bundles.put(NEW)
    patch(aws, truststoreVersion=version)
    clock.advance(HALF_A_MINUTE)
    with pytest.raises(v1.exceptions.ConflictException):
        patch(aws, truststoreUri="")
    clock.advance(HALF_A_MINUTE)
    with pytest.raises(v2.exceptions.ConflictException):
        v2.update_domain_name(
            DomainName=NAME, DomainNameConfigurations=CONFIGURATIONS, MutualTlsAuthentication={"TruststoreUri": ""}
        )
    assert seen(aws)["mutualTlsAuthentication"]["truststoreVersion"] == version
    aws.settle()
    clock.advance(HALF_A_MINUTE)
    assert "mutualTlsAuthentication" not in patch(aws, truststoreUri="")


def test_the_account_may_update_one_domain_in_thirty_seconds(
    aws: EmbeddedAws, bundles: Bundles, clock: VirtualClock
) -> None:
    rest_domain(aws, bundles, OLD)
    http_domain(aws, bundles, OLD, name="other.example.com")
    v1, v2 = aws.client("apigateway"), aws.client("apigatewayv2")
    version = bundles.put(NEW)
    patch(aws, truststoreVersion=version)
    clock.advance(timedelta(seconds=29))
    with pytest.raises(v1.exceptions.TooManyRequestsException):
        patch(aws, "other.example.com", truststoreVersion=version)
    with pytest.raises(v2.exceptions.TooManyRequestsException):
        v2.update_domain_name(DomainName="other.example.com", DomainNameConfigurations=CONFIGURATIONS)
    clock.advance(timedelta(seconds=1))
    assert patch(aws, "other.example.com", truststoreVersion=version)["domainNameStatus"] == "UPDATING"
    aws.knobs.update_interval = timedelta(0)
    aws.settle()
    assert patch(aws, truststoreVersion=version)["domainNameStatus"] == "UPDATING"


def test_a_refused_update_has_used_its_turn(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles, OLD)
    v1 = aws.client("apigateway")
    with pytest.raises(v1.exceptions.BadRequestException):
        patch(aws, truststoreVersion="no-such-version")
    with pytest.raises(v1.exceptions.TooManyRequestsException):
        patch(aws, truststoreVersion=bundles.put(NEW))


@pytest.mark.parametrize(
    "values",
    [
        {"truststoreVersion": "no-such-version"},
        {"truststoreUri": "s3://bundles/none.pem", "truststoreVersion": ""},
        {"truststoreUri": "s3://no-such-bucket/bundle.pem", "truststoreVersion": ""},
        {"truststoreUri": "https://bundles/bundle.pem"},
        {"truststoreUri": "", "truststoreVersion": "some-version"},
        {"somethingElse": "x"},
    ],
)
def test_an_update_that_cannot_be_is_refused_and_nothing_changes(
    aws: EmbeddedAws, bundles: Bundles, values: dict[str, str]
) -> None:
    created = rest_domain(aws, bundles, OLD)
    v1 = aws.client("apigateway")
    with pytest.raises(v1.exceptions.BadRequestException):
        patch(aws, **values)
    after = seen(aws)
    assert after["domainNameStatus"] == "AVAILABLE"
    assert after["mutualTlsAuthentication"] == created["mutualTlsAuthentication"]
    assert aws.live_bundle(ARN) == OLD


def test_only_replace_is_taken(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles, OLD)
    v1 = aws.client("apigateway")
    operation = {"op": "remove", "path": "/mutualTlsAuthentication/truststoreUri"}
    with pytest.raises(v1.exceptions.BadRequestException):
        v1.update_domain_name(domainName=NAME, patchOperations=[operation])
    assert "mutualTlsAuthentication" in seen(aws)


def test_a_version_needs_a_versioned_bucket(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles, OLD)
    v1, s3 = aws.client("apigateway"), aws.client("s3")
    aws.make_bucket("plain-bucket", versioned=False)
    s3.put_object(Bucket="plain-bucket", Key="bundle.pem", Body=NEW)
    with pytest.raises(v1.exceptions.BadRequestException):
        patch(aws, truststoreUri="s3://plain-bucket/bundle.pem", truststoreVersion="null")


def test_a_new_object_version_is_not_picked_up_automatically(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles, OLD)
    before = seen(aws)["mutualTlsAuthentication"]
    bundles.put(NEW)
    assert seen(aws)["mutualTlsAuthentication"] == before
    assert aws.live_bundle(ARN) == OLD


def test_an_empty_uri_turns_mutual_tls_off(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles, OLD)
    patch(aws, truststoreUri="")
    aws.settle()
    assert "mutualTlsAuthentication" not in seen(aws)
    assert aws.live_bundle(ARN) is None


def test_bad_certificates_only_raise_warnings(aws: EmbeddedAws, bundles: Bundles) -> None:
    root = certs.self_signed_ca("Root Beside")
    expired = certs.self_signed_ca("Expired Root", not_after=START)
    content = b"".join(
        [
            b"text before\n\n",
            root.pem,
            certs.issue(root).pem,
            certs.sha1_signed(root),
            expired.pem,
            certs.self_signed_ca("Root Beside").pem,
            root.key_pem,
        ]
    )
    shown = rest_domain(aws, bundles, content)["mutualTlsAuthentication"]
    said = [
        "(CN=leaf.example.com) is not a CA",
        "is signed with sha1",
        "(CN=Expired Root) has expired",
        "Block 6 is not a certificate",
    ]
    assert [wanted in warning for wanted, warning in zip(said, shown["truststoreWarnings"], strict=True)] == [True] * 4
    assert shown["truststoreUri"] == "s3://bundles/bundle.pem"


def test_a_change_reaches_every_client_some_time_after_the_domain_is_available(
    aws: EmbeddedAws, bundles: Bundles, clock: VirtualClock
) -> None:
    aws.knobs.settle_delay, aws.knobs.edge_lag = timedelta(seconds=10), timedelta(seconds=60)
    rest_domain(aws, bundles, OLD)
    patch(aws, truststoreVersion=bundles.put(NEW))
    clock.advance(timedelta(seconds=20))
    assert (seen(aws)["domainNameStatus"], aws.live_bundle(ARN)) == ("AVAILABLE", OLD)
    clock.advance(timedelta(seconds=50))
    assert aws.live_bundle(ARN) == NEW


def test_a_truststore_has_a_largest_size(aws: EmbeddedAws, bundles: Bundles) -> None:
    aws.knobs.max_truststore_certificates = 1
    v1 = aws.client("apigateway")
    with pytest.raises(v1.exceptions.BadRequestException, match="larger"):
        rest_domain(aws, bundles, OLD + NEW)
    assert v1.get_domain_names()["items"] == []
