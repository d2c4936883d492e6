"""A domain of the embedded AWS is one thing, seen through API Gateway v1 and v2, and so are its mappings."""

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


def test_an_http_domain_is_seen_and_patched_through_v1(aws: EmbeddedAws, bundles: Bundles) -> None:
    created = http_domain(aws, bundles, OLD)
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
    http_domain(aws, bundles, OLD)
    v1 = aws.client("apigateway")
    with pytest.raises(v1.exceptions.NotFoundException):
        seen(aws)
    with pytest.raises(v1.exceptions.NotFoundException):
        patch(aws, truststoreUri="")
    assert aws.client("apigatewayv2").get_domain_name(DomainName=NAME)["MutualTlsAuthentication"]


def test_v2_updates_the_truststore_and_wants_the_configurations_along(
    aws: EmbeddedAws, bundles: Bundles, clock: VirtualClock
) -> None:
    http_domain(aws, bundles, OLD)
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
    http_domain(aws, bundles, OLD)
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
    rest_domain(aws, bundles, OLD)
    with pytest.raises(v1.exceptions.BadRequestException):
        rest_domain(aws, bundles, OLD)
    with pytest.raises(v2.exceptions.ConflictException):
        http_domain(aws, bundles, OLD)
    v1.delete_domain_name(domainName=NAME)
    assert (v1.get_domain_names()["items"], v2.get_domain_names()["Items"]) == ([], [])
    http_domain(aws, bundles, OLD)
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
    rest_domain(aws, bundles, OLD)
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
    http_domain(aws, bundles, OLD)
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
