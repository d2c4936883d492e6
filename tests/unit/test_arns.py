"""What a target's ARN says."""

import re

import pytest

from rotation_watcher.arns import TargetArn, TargetKind, message_group, parse_target, target_id

STORE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/Main-1/73e2d6bc24d8a067"
DOMAIN = "arn:aws:apigateway:eu-central-1::/domainnames/api.example.com"


def test_a_trust_store_is_taken_apart() -> None:
    parsed = parse_target(STORE)

    assert parsed == TargetArn(STORE, TargetKind.ALB_TRUST_STORE, "aws", "us-east-1", "123456789012", "Main-1")
    assert parsed.label == "ALB trust store Main-1"


def test_a_domain_is_taken_apart_and_has_no_account() -> None:
    parsed = parse_target(DOMAIN)

    assert parsed == TargetArn(DOMAIN, TargetKind.API_GATEWAY_DOMAIN, "aws", "eu-central-1", None, "api.example.com")
    assert parsed.label == "API Gateway domain api.example.com"


@pytest.mark.parametrize(
    ("partition", "region"),
    [
        ("aws-cn", "cn-north-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-eusc", "eusc-de-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
    ],
)
def test_every_partition_of_aws_is_known(partition: str, region: str) -> None:
    for arn in (STORE, DOMAIN):
        elsewhere = re.sub(r"^arn:aws:(\w+):[^:]+", rf"arn:{partition}:\1:{region}", arn)
        parsed = parse_target(elsewhere)
        assert (parsed.partition, parsed.region) == (partition, region)


def test_a_wildcard_domain_is_a_domain() -> None:
    assert parse_target("arn:aws:apigateway:us-east-1::/domainnames/*.example.com").name == "*.example.com"


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        ("", "no ARN"),
        ("main", "no ARN"),
        (STORE.replace("arn:", "ARN:"), "no ARN"),
        (STORE.replace(":aws:", ":gcp:"), "'gcp' is no AWS partition"),
        (STORE.replace(":aws:", ":awsome:"), "'awsome' is no AWS partition"),
        (STORE.replace("elasticloadbalancing", "s3"), "the service 's3'"),
        (STORE.replace("us-east-1", ""), "'' is no region"),
        (STORE.replace("us-east-1", "us-east"), "'us-east' is no region"),
        (STORE.replace("123456789012", "12345"), "'12345' is no account"),
        (STORE.replace("123456789012", "1234567890123"), "'1234567890123' is no account"),
        (STORE.replace("truststore", "targetgroup"), "is no trust store"),
        (STORE.rpartition("/")[0], "is no trust store"),
        (STORE.replace("Main-1", "-main"), "is no trust store"),
        (STORE.replace("Main-1", "m" * 33), "is no trust store"),
        (STORE + "\n", "is no trust store"),
        (STORE.replace("73e2", "73E2"), "is no trust store"),
        (DOMAIN.replace("::", ":123456789012:"), "holds no account"),
        (DOMAIN.replace("/domainnames", "domainnames"), "is no domain name"),
        (DOMAIN + "/basepathmappings", "is no domain name"),
        (DOMAIN + "+abc123", "is no domain name"),
        (DOMAIN.replace("api.", "*"), "is no domain name"),
        (DOMAIN.replace("api.example.com", ".".join(["a" * 60] * 5)), "is no domain name"),
    ],
)
def test_what_is_no_target_is_refused_with_the_reason_and_both_shapes(arn: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)) as caught:
        parse_target(arn)

    assert "arn:<partition>:elasticloadbalancing:<region>:<account>:truststore/<name>/<id>" in str(caught.value)
    assert "arn:<partition>:apigateway:<region>::/domainnames/<name>" in str(caught.value)


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (STORE, "main-1"),
        (DOMAIN, "api-example-com"),
        (DOMAIN.replace("api.", "*."), "example-com"),
        (DOMAIN.replace("api.", "a" * 62 + "-b."), "a" * 62),
        ("arn:aws:s3:::some/Thing_else", "thing-else"),
        ("", "target"),
        ("arn:x:/-", "target"),
    ],
)
def test_a_target_gets_an_id_that_the_watch_file_accepts(arn: str, expected: str) -> None:
    assert target_id(arn) == expected
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", expected)


def test_each_trust_store_has_a_message_group_of_its_own() -> None:
    assert message_group(STORE) == "Main-1-73e2d6bc24d8a067"
    assert message_group(STORE) != message_group(STORE.replace("a067", "a068"))


def test_all_domains_of_a_region_share_one_message_group_for_their_common_pace() -> None:
    assert message_group(DOMAIN) == message_group(DOMAIN.replace("api.", "www.")) == "apigateway-eu-central-1"
    assert message_group(DOMAIN) != message_group(DOMAIN.replace("eu-central-1", "us-east-1"))
