"""docs/security/partitions-and-quotas.md: made of what botocore knows; FIPS endpoints are asked where one says so."""

import importlib
import json
import re
import sys
from types import ModuleType
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import EndpointResolutionError

from rotation_watcher import bootstrap_door
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.signed_http import Access
from tests.stack.template import FUNCTIONS, ROOT, TEMPLATE
from tests.support.roles import Resolver

TEXT = (ROOT / "docs" / "security" / "partitions-and-quotas.md").read_text()
ACCOUNT = "us-east-1:123456789012"
REGIONS = ("us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1")
KEYS = ReadOnlyCredentials("AKIDEXAMPLE", "example", None)
LARGEST_POLICIES, LARGEST_ENVIRONMENT = 10_240, 4_096


@pytest.fixture(scope="module")
def partitions() -> ModuleType:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return importlib.import_module("partitions")
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def test_the_table_is_made_of_what_the_sdk_knows(partitions: ModuleType) -> None:
    assert partitions.page(TEXT) == TEXT, "run .venv/bin/python scripts/partitions.py"
    assert {"s3", "elbv2", "apigateway", "cloudfront", "sts"} <= set(partitions.CALLED)
    assert partitions.there("aws-us-gov", "cloudfront") == "**not known**"
    assert "us-gov-west-1" in partitions.there("aws-us-gov", "s3")


@pytest.fixture
def fips(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a deployer sets for the functions; nothing stands in for AWS."""
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.mark.usefixtures("fips")
def test_every_client_asks_the_fips_endpoint_where_the_environment_says_so(partitions: ModuleType) -> None:
    for service in partitions.CALLED:
        url = clients.make(service, region="us-east-1").meta.endpoint_url
        assert "-fips." in url, (service, url)


@pytest.mark.usefixtures("fips")
def test_in_govcloud_the_plain_names_are_those_that_the_page_says(partitions: ModuleType) -> None:
    said = re.search(r"In GovCloud the plain names of (.+?) are the FIPS endpoints", TEXT)
    assert said is not None
    urls = {one: clients.make(one, region="us-gov-west-1").meta.endpoint_url for one in partitions.CALLED}
    assert {one for one, url in urls.items() if "-fips." not in url} == set(re.findall(r"`(\w+)`", said[1]))
    assert urls["apigateway"] == "https://apigateway-fips.us-gov-west-1.amazonaws.com"
    assert "none known" in partitions.there("aws-us-gov", "apigateway")


@pytest.mark.usefixtures("fips")
def test_in_china_the_sdk_refuses() -> None:
    with pytest.raises(EndpointResolutionError):
        clients.make("s3", region="cn-north-1").list_buckets()


def test_no_client_does_without_it(partitions: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_USE_FIPS_ENDPOINT", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for service in partitions.CALLED:
        assert "fips" not in clients.make(service, region="us-east-1").meta.endpoint_url


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("flag", [False, True])
@pytest.mark.parametrize("service", ["s3", "lambda"])
def test_the_authorizers_own_requests_go_where_the_sdks_would(
    service: str, region: str, monkeypatch: pytest.MonkeyPatch, *, flag: bool
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session = botocore.session.get_session()
    sdk = session.create_client(
        service,
        region_name=region,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="example",
        config=clients.CONFIG.merge(Config(use_fips_endpoint=flag)),
    )
    assert f"https://{Access(region, KEYS, {}, flag).host(service)}" == sdk.meta.endpoint_url


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_s3_is_asked_by_its_regional_name_which_an_interface_endpoint_answers_for(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    client, asked = clients.make("s3", region=region), []

    def keep(request: AWSRequest, **_: Any) -> None:
        asked.append(request.url)
        raise ConnectionAbortedError

    client.meta.events.register("before-send.s3.HeadBucket", keep)
    with pytest.raises(ConnectionAbortedError):
        client.head_bucket(Bucket="bucket")
    assert {*asked} == {f"https://bucket.s3.{region}.amazonaws.com/"}
    assert client.meta.endpoint_url == f"https://s3.{region}.amazonaws.com"


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("TRUE", True), ("false", False), (None, False)])
def test_the_authorizer_reads_the_variable_as_the_sdk_does(value: str | None, *, expected: bool) -> None:
    given = {
        "BUCKET": "b",
        "BUNDLE": "main",
        "COLLECT_FUNCTION": "c",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
    }
    ports = bootstrap_door.build(given | ({"AWS_USE_FIPS_ENDPOINT": value} if value else {}))
    assert ("s3-fips." in str(vars(ports.door._objects))) is expected


class Places(dict[str, tuple[str, str]]):
    """Ref and Arn of whatever the template names, as long as CloudFormation makes them."""

    def __missing__(self, name: str) -> tuple[str, str]:
        long = f"genesys-certificate-watcher-{name}-0a1b2c3d4e5f"
        return long, f"arn:aws:sqs:{ACCOUNT}:{long}"


PARAMETERS = {
    "GenesysRegion": "us-east-1",
    "CredentialArns": f"arn:aws:ssm:{ACCOUNT}:parameter/genesys/oauth",
    "WatchFileUri": "s3://genesys-certificate-watcher-bucket-1x2y3z4a5b6c/watch.json",
}


def store(number: int) -> str:
    return f"arn:aws:elasticloadbalancing:{ACCOUNT}:truststore/genesys-{number:09}/{number:016x}"


def environment(targets: int) -> int:
    """Bytes of the largest environment of a function, with so many trust stores."""
    resolver = Resolver(PARAMETERS | {"TargetArns": ",".join(map(store, range(targets)))}, Places())
    common = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    return max(
        sum(len(name) + len(str(value)) for name, value in resolver.of(variables).items())
        for each in FUNCTIONS.values()
        for variables in [common | each["Properties"].get("Environment", {}).get("Variables", {})]
    )


def test_a_functions_environment_has_the_room_that_is_said() -> None:
    said = re.search(r"share the rest: some (\d+) targets", TEXT)
    assert said is not None
    assert environment(int(said[1])) < LARGEST_ENVIRONMENT < environment(int(said[1]) + 8)
    bare = re.search(r"Without lists `CollectFunction` takes some (\d+) characters", TEXT)
    assert bare is not None
    assert abs(environment(0) - int(bare[1])) < 50


EVERYTHING = PARAMETERS | {
    "KmsKeyArn": f"arn:aws:kms:{ACCOUNT}:key/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
    "TargetArns": ",".join(
        [
            store(1),
            f"arn:aws:elasticloadbalancing:{ACCOUNT}:listener/net/door/73e2d6bc24d8a067/0a1b2c3d4e5f6071",
            "arn:aws:cloudfront::123456789012:trust-store/ts_0a1b2c3d4e5f",
            "arn:aws:apigateway:us-east-1::/domainnames/api.example.com",
            "arn:aws:s3:::edge/genesys/prod/",
        ]
    ),
    "FileBucketArns": "arn:aws:s3:::edge",
    "AdoptObjectArns": "arn:aws:s3:::platform/mtls/others.pem",
    "AuthorizerBundle": "main",
    "AlertEventBus": "incidents",
    "TargetRoleArns": "arn:aws:iam::222222222222:role/genesys-certificate-watcher-targets",
    "RegionBucketArns": "arn:aws:s3:::watcher-eu-west-1",
    "Tracing": "yes",
}


def policies(parameters: dict[str, str]) -> int:
    documents = Resolver(parameters, Places()).policies("PublishRole").values()
    return sum(len(json.dumps(each, separators=(",", ":"))) for each in documents)


def test_publishs_role_with_everything_and_one_target_of_each_kind_fits() -> None:
    assert LARGEST_POLICIES - 1_000 < policies(EVERYTHING) < LARGEST_POLICIES
    assert policies(EVERYTHING | {"TargetsByTag": "yes"}) > LARGEST_POLICIES, "which is why a fleet lists no ARNs"
    assert policies(EVERYTHING | {"TargetsByTag": "yes", "TargetArns": "", "FileBucketArns": ""}) < LARGEST_POLICIES
