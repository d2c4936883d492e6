"""API Gateway's custom domains with mutual TLS in the embedded AWS, through v1 and v2."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.support import certs
from tests.support.embedded import START, Bundles

NAME = "api.example.com"
ARN = f"arn:aws:apigateway:us-east-1::/domainnames/{NAME}"
HALF_A_MINUTE = timedelta(seconds=30)
OLD, NEW = certs.self_signed_ca("Old Root").pem, certs.self_signed_ca("New Root").pem
CONFIGURATIONS = [{"EndpointType": "REGIONAL", "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/edge"}]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def aws(clock: VirtualClock) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(clock) as running:
        yield running


@pytest.fixture
def bundles(aws: EmbeddedAws) -> Bundles:
    return Bundles(aws)


def rest_domain(aws: EmbeddedAws, bundles: Bundles, content: bytes = OLD, name: str = NAME) -> dict[str, Any]:
    version = bundles.put(content)
    created: dict[str, Any] = aws.client("apigateway").create_domain_name(
        domainName=name,
        regionalCertificateArn=CONFIGURATIONS[0]["CertificateArn"],
        endpointConfiguration={"types": ["REGIONAL"]},
        mutualTlsAuthentication={"truststoreUri": "s3://bundles/bundle.pem", "truststoreVersion": version},
    )
    return created


def http_domain(aws: EmbeddedAws, bundles: Bundles, content: bytes = OLD, name: str = NAME) -> dict[str, Any]:
    version = bundles.put(content)
    created: dict[str, Any] = aws.client("apigatewayv2").create_domain_name(
        DomainName=name,
        DomainNameConfigurations=CONFIGURATIONS,
        MutualTlsAuthentication={"TruststoreUri": "s3://bundles/bundle.pem", "TruststoreVersion": version},
    )
    return created


def patch(aws: EmbeddedAws, name: str = NAME, **values: str) -> dict[str, Any]:
    operations = [
        {"op": "replace", "path": f"/mutualTlsAuthentication/{key}", "value": value} for key, value in values.items()
    ]
    answer: dict[str, Any] = aws.client("apigateway").update_domain_name(domainName=name, patchOperations=operations)
    return answer


def seen(aws: EmbeddedAws, name: str = NAME) -> dict[str, Any]:
    answer: dict[str, Any] = aws.client("apigateway").get_domain_name(domainName=name)
    return answer


def test_a_rest_domain_gives_its_truststore_back(aws: EmbeddedAws, bundles: Bundles) -> None:
    created = rest_domain(aws, bundles)
    assert created["mutualTlsAuthentication"]["truststoreUri"] == "s3://bundles/bundle.pem"
    assert created["mutualTlsAuthentication"]["truststoreWarnings"] == []
    assert created["domainNameArn"] == ARN
    assert created["domainNameStatus"] == "AVAILABLE"
    assert seen(aws)["mutualTlsAuthentication"] == created["mutualTlsAuthentication"]
    assert aws.live_bundle(ARN) == OLD


def test_an_update_goes_through_updating_to_available(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles)
    version = bundles.put(NEW)
    assert patch(aws, truststoreVersion=version)["domainNameStatus"] == "UPDATING"
    assert aws.live_bundle(ARN) == OLD
    assert [seen(aws)["domainNameStatus"] for _ in range(3)] == ["UPDATING", "AVAILABLE", "AVAILABLE"]
    assert seen(aws)["mutualTlsAuthentication"]["truststoreVersion"] == version
    assert aws.live_bundle(ARN) == NEW


def test_how_long_a_domain_stays_updating_can_be_turned(
    aws: EmbeddedAws, bundles: Bundles, clock: VirtualClock
) -> None:
    rest_domain(aws, bundles)
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
    rest_domain(aws, bundles)
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
    rest_domain(aws, bundles)
    http_domain(aws, bundles, name="other.example.com")
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
    rest_domain(aws, bundles)
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
    created = rest_domain(aws, bundles)
    v1 = aws.client("apigateway")
    with pytest.raises(v1.exceptions.BadRequestException):
        patch(aws, **values)
    after = seen(aws)
    assert after["domainNameStatus"] == "AVAILABLE"
    assert after["mutualTlsAuthentication"] == created["mutualTlsAuthentication"]
    assert aws.live_bundle(ARN) == OLD


def test_only_replace_is_taken(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles)
    v1 = aws.client("apigateway")
    operation = {"op": "remove", "path": "/mutualTlsAuthentication/truststoreUri"}
    with pytest.raises(v1.exceptions.BadRequestException):
        v1.update_domain_name(domainName=NAME, patchOperations=[operation])
    assert "mutualTlsAuthentication" in seen(aws)


def test_a_version_needs_a_versioned_bucket(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles)
    v1, s3 = aws.client("apigateway"), aws.client("s3")
    aws.make_bucket("plain-bucket", versioned=False)
    s3.put_object(Bucket="plain-bucket", Key="bundle.pem", Body=NEW)
    with pytest.raises(v1.exceptions.BadRequestException):
        patch(aws, truststoreUri="s3://plain-bucket/bundle.pem", truststoreVersion="null")


def test_a_new_object_version_is_not_picked_up_by_itself(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles)
    before = seen(aws)["mutualTlsAuthentication"]
    bundles.put(NEW)
    assert seen(aws)["mutualTlsAuthentication"] == before
    assert aws.live_bundle(ARN) == OLD


def test_an_empty_uri_turns_mutual_tls_off(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles)
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
            root.pem,
            root.key_pem,
        ]
    )
    shown = rest_domain(aws, bundles, content)["mutualTlsAuthentication"]
    said = [
        "(CN=leaf.example.com) is not a CA",
        "is signed with sha1",
        "(CN=Expired Root) has expired",
        "has the subject of another",
        "Block 6 is not a certificate",
    ]
    assert [wanted in warning for wanted, warning in zip(said, shown["truststoreWarnings"], strict=True)] == [True] * 5
    assert shown["truststoreUri"] == "s3://bundles/bundle.pem"


def test_a_truststore_has_a_largest_size(aws: EmbeddedAws, bundles: Bundles) -> None:
    aws.knobs.max_truststore_certificates = 1
    v1 = aws.client("apigateway")
    with pytest.raises(v1.exceptions.BadRequestException, match="larger"):
        rest_domain(aws, bundles, OLD + NEW)
    assert v1.get_domain_names()["items"] == []


def test_an_http_domain_is_seen_and_patched_through_v1(aws: EmbeddedAws, bundles: Bundles) -> None:
    created = http_domain(aws, bundles)
    assert created["DomainNameConfigurations"][0]["DomainNameStatus"] == "AVAILABLE"
    version = bundles.put(NEW)
    assert seen(aws)["mutualTlsAuthentication"]["truststoreUri"] == "s3://bundles/bundle.pem"
    patch(aws, truststoreVersion=version)
    v2 = aws.client("apigatewayv2")
    first, second = (v2.get_domain_name(DomainName=NAME) for _ in range(2))
    assert first["DomainNameConfigurations"][0]["DomainNameStatus"] == "UPDATING"
    assert second["DomainNameConfigurations"][0]["DomainNameStatus"] == "AVAILABLE"
    assert second["MutualTlsAuthentication"]["TruststoreVersion"] == version


def test_an_http_domain_can_be_hidden_from_v1(aws: EmbeddedAws, bundles: Bundles) -> None:
    aws.knobs.http_domains_visible_in_v1 = False
    http_domain(aws, bundles)
    v1 = aws.client("apigateway")
    with pytest.raises(v1.exceptions.NotFoundException):
        seen(aws)
    with pytest.raises(v1.exceptions.NotFoundException):
        patch(aws, truststoreUri="")
    assert aws.client("apigatewayv2").get_domain_name(DomainName=NAME)["MutualTlsAuthentication"]


def test_v2_updates_the_truststore_and_wants_the_configurations_along(
    aws: EmbeddedAws, bundles: Bundles, clock: VirtualClock
) -> None:
    http_domain(aws, bundles)
    v2, version = aws.client("apigatewayv2"), bundles.put(NEW)
    wanted = {"TruststoreUri": "s3://bundles/bundle.pem", "TruststoreVersion": version}
    with pytest.raises(v2.exceptions.BadRequestException, match="DomainNameConfigurations"):
        v2.update_domain_name(DomainName=NAME, MutualTlsAuthentication=wanted)
    clock.advance(HALF_A_MINUTE)
    answer = v2.update_domain_name(
        DomainName=NAME, DomainNameConfigurations=CONFIGURATIONS, MutualTlsAuthentication=wanted
    )
    assert answer["DomainNameConfigurations"][0]["DomainNameStatus"] == "UPDATING"
    assert answer["MutualTlsAuthentication"] == wanted | {"TruststoreWarnings": []}
    aws.settle()
    assert aws.live_bundle(ARN) == NEW


def test_v2_refuses_a_version_that_does_not_exist(aws: EmbeddedAws, bundles: Bundles) -> None:
    http_domain(aws, bundles)
    v2 = aws.client("apigatewayv2")
    wanted = {"TruststoreUri": "s3://bundles/bundle.pem", "TruststoreVersion": "no-such-version"}
    with pytest.raises(v2.exceptions.BadRequestException):
        v2.update_domain_name(DomainName=NAME, DomainNameConfigurations=CONFIGURATIONS, MutualTlsAuthentication=wanted)
    assert aws.live_bundle(ARN) == OLD


def test_an_unknown_domain_is_not_found(aws: EmbeddedAws) -> None:
    aws.knobs.update_interval = timedelta(0)
    v1, v2 = aws.client("apigateway"), aws.client("apigatewayv2")
    for call in (v1.get_domain_name, v1.get_base_path_mappings, v1.update_domain_name, v1.delete_domain_name):
        with pytest.raises(v1.exceptions.NotFoundException):
            call(domainName=NAME)
    for call in (v2.get_domain_name, v2.get_api_mappings, v2.update_domain_name, v2.delete_domain_name):
        with pytest.raises(v2.exceptions.NotFoundException):
            call(DomainName=NAME)


def test_a_deleted_domain_is_gone_from_both_apis_and_can_be_made_again(aws: EmbeddedAws, bundles: Bundles) -> None:
    v1, v2 = aws.client("apigateway"), aws.client("apigatewayv2")
    rest_domain(aws, bundles)
    with pytest.raises(v1.exceptions.BadRequestException):
        rest_domain(aws, bundles)
    with pytest.raises(v2.exceptions.ConflictException):
        http_domain(aws, bundles)
    v1.delete_domain_name(domainName=NAME)
    assert (v1.get_domain_names()["items"], v2.get_domain_names()["Items"]) == ([], [])
    http_domain(aws, bundles)
    v2.delete_domain_name(DomainName=NAME)
    assert (v1.get_domain_names()["items"], v2.get_domain_names()["Items"]) == ([], [])


def test_mutual_tls_needs_a_regional_domain(aws: EmbeddedAws, bundles: Bundles) -> None:
    bundles.put(OLD)
    v1 = aws.client("apigateway")
    wanted = {"truststoreUri": "s3://bundles/bundle.pem"}
    with pytest.raises(v1.exceptions.BadRequestException):
        v1.create_domain_name(domainName=NAME, mutualTlsAuthentication=wanted)
    assert v1.get_domain_names()["items"] == []


def test_rest_apis_are_found_by_their_mappings_with_their_default_endpoint(aws: EmbeddedAws, bundles: Bundles) -> None:
    rest_domain(aws, bundles)
    v1 = aws.client("apigateway")
    assert v1.get_base_path_mappings(domainName=NAME)["items"] == []
    api = v1.create_rest_api(name="rest", disableExecuteApiEndpoint=True)["id"]
    v1.create_base_path_mapping(domainName=NAME, restApiId=api, basePath="orders")
    (mapping,) = v1.get_base_path_mappings(domainName=NAME)["items"]
    assert (mapping["restApiId"], mapping["basePath"]) == (api, "orders")
    for value in (False, True):
        assert v1.get_rest_api(restApiId=api)["disableExecuteApiEndpoint"] is not value
        text = str(value).lower()
        operation = {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": text}
        v1.update_rest_api(restApiId=api, patchOperations=[operation])
        assert v1.get_rest_api(restApiId=api)["disableExecuteApiEndpoint"] is value
    (shown,) = aws.client("apigatewayv2").get_api_mappings(DomainName=NAME)["Items"]
    assert (shown["ApiId"], shown["ApiMappingKey"]) == (api, "orders")


def test_http_apis_are_found_by_their_mappings_with_their_default_endpoint(aws: EmbeddedAws, bundles: Bundles) -> None:
    http_domain(aws, bundles)
    v1, v2 = aws.client("apigateway"), aws.client("apigatewayv2")
    api = v2.create_api(Name="http", ProtocolType="HTTP")["ApiId"]
    v2.create_stage(ApiId=api, StageName="$default")
    v2.create_api_mapping(DomainName=NAME, ApiId=api, Stage="$default")
    rest = v1.create_rest_api(name="rest")["id"]
    v2.create_api_mapping(DomainName=NAME, ApiId=rest, Stage="prod", ApiMappingKey="orders/v1")
    assert [each["ApiId"] for each in v2.get_api_mappings(DomainName=NAME)["Items"]] == [api, rest]
    assert v2.get_api(ApiId=api)["DisableExecuteApiEndpoint"] is False
    for value in (True, False):
        v2.update_api(ApiId=api, DisableExecuteApiEndpoint=value)
        assert v2.get_api(ApiId=api)["DisableExecuteApiEndpoint"] is value
    closed = v2.create_api(Name="closed", ProtocolType="HTTP", DisableExecuteApiEndpoint=True)["ApiId"]
    assert v2.get_api(ApiId=closed)["DisableExecuteApiEndpoint"] is True
