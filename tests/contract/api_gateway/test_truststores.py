"""What a domain points at, and how it is pointed elsewhere."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import api_gateway
from rotation_watcher.adapters.api_gateway import MAX_BUNDLE, ApiGatewayDomains
from rotation_watcher.errors import TargetBusy, TargetDenied, TargetError
from tests.support import contract_targets, pki
from tests.support.contract_targets import KEY, PACE, ContractTarget
from tests.support.fakes import ManualClock

OTHER = pki.root("B").pem.encode()
TWICE = Config(retries={"total_max_attempts": 2, "mode": "standard"})


def test_without_a_truststore_mutual_tls_is_off(aws: EmbeddedAws, clock: ManualClock) -> None:
    target = contract_targets.rest_domain(aws, None, clock)
    live = target.read()

    assert (live.bundle, live.location, live.version, live.settled) == (None, None, None, True)


def test_mutual_tls_that_is_off_is_turned_on_by_an_update(aws: EmbeddedAws, clock: ManualClock) -> None:
    target = contract_targets.rest_domain(aws, None, clock)
    target.load(OTHER)

    assert target.read().bundle == OTHER


def test_a_domain_without_a_pinned_version_is_read_by_the_newest(rest: ContractTarget, aws: EmbeddedAws) -> None:
    rest.load(OTHER)
    patch = [{"op": "replace", "path": "/mutualTlsAuthentication/truststoreVersion", "value": ""}]
    aws.client("apigateway").update_domain_name(domainName=rest.name, patchOperations=patch)
    rest.put(OTHER + OTHER)
    live = rest.read()

    assert (live.bundle, live.version) == (OTHER + OTHER, None)
    assert live.location == f"s3://{rest.bucket}/{KEY}"


def test_a_pinned_version_is_read_once_and_another_one_anew(
    rest: ContractTarget, aws: EmbeddedAws, initial: bytes
) -> None:
    first = rest.read()
    aws.calls.clear()
    again = rest.read()
    assert (first.bundle, again.bundle, again.version) == (initial, initial, first.version)
    assert "GetObject" not in {call.operation for call in aws.calls}
    for changed in (OTHER, OTHER + OTHER):
        rest.load(changed)
        assert rest.read().bundle == changed


@pytest.mark.parametrize(("most", "reads"), [(0, 1), (None, 0)], ids=["no room", "room"])
def test_what_is_kept_of_other_places_goes_where_there_is_no_room(
    most: int | None, reads: int, rest: ContractTarget, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    if most is not None:
        monkeypatch.setattr(api_gateway, "MOST_KEPT", most)
    first = rest.read()
    version = aws.client("s3").put_object(Bucket=rest.bucket, Key="other.pem", Body=OTHER)["VersionId"]
    _point(rest, aws, f"s3://{rest.bucket}/other.pem", version)
    assert rest.read().bundle == OTHER
    _point(rest, aws, str(first.location), str(first.version))
    aws.calls.clear()
    assert rest.read().bundle == first.bundle
    assert [call.operation for call in aws.calls].count("GetObject") == reads


def _point(rest: ContractTarget, aws: EmbeddedAws, uri: str, version: str) -> None:
    patch = [
        {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": uri},
        {"op": "replace", "path": "/mutualTlsAuthentication/truststoreVersion", "value": version},
    ]
    rest.clock.advance(PACE)
    aws.client("apigateway").update_domain_name(domainName=rest.name, patchOperations=patch)
    rest.clock.advance(PACE)


@pytest.mark.parametrize("what", ["version", "bucket"])
def test_an_object_that_is_gone_is_an_error_that_names_it(what: str, rest: ContractTarget, aws: EmbeddedAws) -> None:
    version, s3 = rest.load(OTHER), aws.client("s3")
    s3.delete_object(Bucket=rest.bucket, Key=KEY, VersionId=version)
    if what == "bucket":
        for one in s3.list_object_versions(Bucket=rest.bucket)["Versions"]:
            s3.delete_object(Bucket=rest.bucket, Key=one["Key"], VersionId=one["VersionId"])
        s3.delete_bucket(Bucket=rest.bucket)
    with pytest.raises(TargetError, match=f"s3://{rest.bucket}/{KEY}") as caught:
        rest.read()

    assert type(caught.value) is TargetError
    assert version in str(caught.value)
    assert rest.arn in str(caught.value)
    assert WAY_OUT in str(caught.value)


def test_where_s3_hides_that_it_is_gone_the_way_out_is_named_too(rest: ContractTarget, aws: EmbeddedAws) -> None:
    """Without s3:ListBucket, which publish has for no bucket of others, S3 answers 403 for it."""
    aws.fail_next("s3", "GetObject", "AccessDenied", 403)
    with pytest.raises(TargetDenied) as caught:
        rest.read()
    assert "AdoptObjectArns" in str(caught.value)
    assert WAY_OUT in str(caught.value)


WAY_OUT = (
    "If it is gone, point the domain at an object that holds the same certificates: API Gateway gives back to nobody"
)

KEYS = [
    *("a#b.pem", "a?b.pem", "a?versionId=1#x", "50%.pem", "a%20b.pem", "a b.pem", "a+b.pem", "übung/根.pem"),
    *("/rooted.pem", "a//b.pem", "a/../b.pem", "a;b&c=d.pem", "s3://inner/key", "a:b@c[d].pem", "trailing/"),
]


@pytest.mark.parametrize("key", KEYS)
def test_a_truststore_is_read_whatever_its_key_holds(key: str, rest: ContractTarget, aws: EmbeddedAws) -> None:
    """What is adopted was named by others; an S3 URI is no URL, and nothing in its key is an escape or a query."""
    aws.client("s3").put_object(Bucket=rest.bucket, Key=key, Body=OTHER)
    patch = [
        {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": f"s3://{rest.bucket}/{key}"},
        {"op": "replace", "path": "/mutualTlsAuthentication/truststoreVersion", "value": ""},
    ]
    aws.client("apigateway").update_domain_name(domainName=rest.name, patchOperations=patch)
    live = rest.read()

    assert (live.bundle, live.location) == (OTHER, f"s3://{rest.bucket}/{key}")


def test_a_key_that_iam_would_take_for_a_pattern_is_reported_as_the_parameter_wants_it(
    rest: ContractTarget, aws: EmbeddedAws
) -> None:
    aws.client("s3").put_object(Bucket=rest.bucket, Key="who?/*$.pem", Body=OTHER)
    patch = [
        {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": f"s3://{rest.bucket}/who?/*$.pem"},
        {"op": "replace", "path": "/mutualTlsAuthentication/truststoreVersion", "value": ""},
    ]
    aws.client("apigateway").update_domain_name(domainName=rest.name, patchOperations=patch)
    aws.fail_next("s3", "GetObject", "AccessDenied", 403)
    with pytest.raises(TargetDenied) as caught:
        rest.read()

    assert f"arn:aws:s3:::{rest.bucket}/who${{?}}/${{*}}${{$}}.pem " in str(caught.value)


def test_an_object_that_may_not_be_read_is_reported_with_what_would_allow_it(
    rest: ContractTarget, aws: EmbeddedAws
) -> None:
    aws.fail_next("s3", "GetObject", "AccessDenied", 403)
    with pytest.raises(TargetDenied, match="AdoptObjectArns") as caught:
        rest.read()

    assert f"arn:aws:s3:::{rest.bucket}/before.pem " in str(caught.value)
    assert rest.arn in str(caught.value)


def test_an_object_too_large_to_be_a_truststore_is_not_read_to_its_end(rest: ContractTarget, aws: EmbeddedAws) -> None:
    aws.knobs.max_truststore_bytes = MAX_BUNDLE * 2
    try:
        rest.load(bytes(MAX_BUNDLE + 1))
    finally:
        aws.knobs.max_truststore_bytes = 1024 * 1024
    with pytest.raises(TargetError, match="larger than 5000000"):
        rest.read()


def shown(**fields: object) -> ApiGatewayDomains:
    """An adapter whose v1 shows a domain with these fields."""
    client: Any = boto3.client("apigateway", region_name="us-east-1")
    stub = Stubber(client)
    stub.add_response("get_domain_name", {"domainName": "a.example.com", **fields})
    stub.add_client_error("get_base_path_mappings", "NotFoundException")
    stub.activate()
    other: Any = boto3.client("apigatewayv2", region_name="us-east-1")
    stub = Stubber(other)
    stub.add_client_error("get_api_mappings", "NotFoundException")
    stub.activate()
    return ApiGatewayDomains(client, other, boto3.client("s3", region_name="us-east-1"))


@pytest.mark.parametrize(
    ("fields", "settled", "warnings"),
    [
        ({}, True, ()),
        ({"domainNameStatus": "AVAILABLE", "domainNameStatusMessage": "all is well"}, True, ()),
        ({"domainNameStatus": "UPDATING", "domainNameStatusMessage": "in progress"}, False, ()),
        (
            {"domainNameStatus": "PENDING_OWNERSHIP_VERIFICATION", "domainNameStatusMessage": "Verify it."},
            False,
            ("PENDING_OWNERSHIP_VERIFICATION: Verify it.",),
        ),
        ({"domainNameStatus": "FAILED"}, False, ("FAILED",)),
    ],
)
def test_a_status_that_waits_for_a_person_is_passed_on(
    fields: dict[str, object], *, settled: bool, warnings: tuple[str, ...]
) -> None:
    live = shown(**fields).read("arn:aws:apigateway:us-east-1::/domainnames/a.example.com")

    assert (live.settled, live.warnings) == (settled, warnings)
    assert live.state == ("" if settled else fields["domainNameStatus"])


def test_a_domain_is_changed_by_one_call_that_touches_nothing_else(rest: ContractTarget, aws: EmbeddedAws) -> None:
    before = aws.client("apigateway").get_domain_name(domainName=rest.name)
    aws.calls.clear()
    version = rest.put(OTHER)
    aws.calls.clear()
    rest.update(version)

    (call,) = aws.calls.mutating()
    assert (call.service, call.operation) == ("apigateway", "UpdateDomainName")
    after = aws.client("apigateway").get_domain_name(domainName=rest.name)
    changing = {"mutualTlsAuthentication", "domainNameStatus", "domainNameStatusMessage", "ResponseMetadata"}
    assert {key: before[key] for key in before.keys() - changing} == {
        key: after[key] for key in after.keys() - changing
    }


def test_a_domain_that_v1_does_not_know_is_changed_by_v2_with_its_configuration(
    hidden: ContractTarget, aws: EmbeddedAws
) -> None:
    sent: list[dict[str, Any]] = []
    client = aws.new_client("apigatewayv2")
    client.meta.events.register(
        "provide-client-params.apigatewayv2.UpdateDomainName", lambda params, **_: sent.append(params)
    )
    version = hidden.put(OTHER)
    aws.calls.clear()
    ApiGatewayDomains(aws.client("apigateway"), client, aws.client("s3")).update(
        hidden.arn, hidden.object(version), expected=None
    )

    assert [(call.service, call.operation) for call in aws.calls.mutating()] == [("apigatewayv2", "UpdateDomainName")]
    (configuration,) = sent[0]["DomainNameConfigurations"]
    assert {*configuration} == {"CertificateArn", "EndpointType", "SecurityPolicy"}
    assert sent[0]["MutualTlsAuthentication"] == {
        "TruststoreUri": f"s3://{hidden.bucket}/{KEY}",
        "TruststoreVersion": version,
    }


def asking_twice(target: ContractTarget) -> Callable[[str], None]:
    """The target's update through clients that ask a second time, as the functions' clients do."""
    clients: Any = [boto3.client(service, config=TWICE) for service in ("apigateway", "apigatewayv2", "s3")]
    adapter = ApiGatewayDomains(*clients)
    return lambda version: adapter.update(target.arn, target.object(version), expected=None)


@pytest.mark.parametrize("service", ["apigateway", "apigatewayv2"])
def test_an_update_whose_answer_was_lost_is_known_as_our_own(
    service: str, aws: EmbeddedAws, request: pytest.FixtureRequest
) -> None:
    target: ContractTarget = request.getfixturevalue("rest" if service == "apigateway" else "hidden")
    version = target.put(OTHER)
    aws.fail_next(service, "UpdateDomainName", "InternalFailure", 500, after=True)
    asking_twice(target)(version)

    assert len(aws.calls.of(service, "UpdateDomainName")) == 2
    assert target.read().version == version


def test_a_repeated_update_that_never_arrived_is_busy(rest: ContractTarget, aws: EmbeddedAws, initial: bytes) -> None:
    version = rest.put(OTHER)
    aws.fail_next("apigateway", "UpdateDomainName", "InternalFailure", 500)
    aws.fail_next("apigateway", "UpdateDomainName", "TooManyRequestsException", 429)
    with pytest.raises(TargetBusy):
        asking_twice(rest)(version)

    assert rest.read().bundle == initial
