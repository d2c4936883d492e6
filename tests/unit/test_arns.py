"""What a target's ARN says."""

import hashlib
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.arns import SecretArn, TargetArn, message_group, parse_secret, parse_target, target_ids
from rotation_watcher.kinds import ALB_TRUST_STORE, API_GATEWAY_DOMAIN, NLB_LISTENER

STORE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/Main-1/73e2d6bc24d8a067"
EUSC = "eusc-de-east-1"
DOMAIN = "arn:aws:apigateway:eu-central-1::/domainnames/api.example.com"


def test_a_trust_store_is_taken_apart() -> None:
    parsed = parse_target(STORE)

    assert parsed == TargetArn(STORE, ALB_TRUST_STORE, "aws", "us-east-1", "123456789012", "Main-1")
    assert parsed.label == "ALB trust store Main-1"


DOOR = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/net/Door-1/73e2d6bc24d8a067/0a1b2c3d4e5f6071"


def test_what_is_wrong_with_an_arn_is_said_each_time_and_what_is_right_is_found_once() -> None:
    arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/once/38949f302bbffd3a"
    assert parse_target(arn) is parse_target(arn)
    for _ in range(2):
        with pytest.raises(ValueError, match="no account number"):
            parse_target(arn.replace("123456789012", "1"))


def test_a_listener_of_an_nlb_is_taken_apart_and_an_albs_is_none() -> None:
    parsed = parse_target(DOOR)

    assert parsed == TargetArn(DOOR, NLB_LISTENER, "aws", "us-east-1", "123456789012", "Door-1")
    assert message_group(DOOR) != message_group(DOOR.replace("6071", "6072"))
    for wrong in (
        DOOR.replace("/net/", "/app/"),
        DOOR.rpartition("/")[0],
        DOOR.replace(":listener/", ":listener-rule/"),
    ):
        with pytest.raises(
            ValueError, match=r"no listener of a Network Load Balancer|listener of an Application Load Balancer: name"
        ):
            parse_target(wrong)


def test_listeners_of_one_load_balancer_have_ids_of_their_own_listed_alone_or_together() -> None:
    other = DOOR[:-1] + "2"

    assert target_ids([DOOR, other]) == [*target_ids([DOOR]), *target_ids([other])]
    assert len({*target_ids([DOOR, other])}) == 2


def test_a_domain_is_taken_apart_and_has_no_account() -> None:
    parsed = parse_target(DOMAIN)

    assert parsed == TargetArn(DOMAIN, API_GATEWAY_DOMAIN, "aws", "eu-central-1", None, "api.example.com")
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
        (STORE.replace("elasticloadbalancing", "s3control"), "the service 's3control'"),
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


def digest(arn: str) -> str:
    return hashlib.sha256(arn.encode()).hexdigest()[:8]


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (DOMAIN, "api-example-com"),
        (STORE.replace("Main-1", "genesys-clients"), "genesys-clients"),
        (STORE, "main-1-#"),
        (DOMAIN.replace("api.", "*."), "wildcard-example-com-#"),
        (DOMAIN.replace("api.", "data-actions."), "data-actions-example-com-#"),
        (DOMAIN.replace("api.", "API."), "api-example-com-#"),
        (DOMAIN.replace("api.", f"{'a' * 53}.{'b' * 53}."), f"{'a' * 53}-#"),
        ("arn:aws:s3:::some/Thing_else", "thing-else"),
        ("", "target"),
        ("arn:x:/-", "target"),
    ],
)
def test_a_target_gets_an_id_that_the_watch_file_accepts(arn: str, expected: str) -> None:
    (found,) = target_ids([arn])
    assert found == expected.replace("#", digest(arn))
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", found)


LOOK_ALIKE = [
    *(DOMAIN.replace("api.example.com", name) for name in ("example.com", "*.example.com", "wildcard.example.com")),
    *(DOMAIN.replace("api.example.com", name) for name in ("a-b.example.com", "a.b.example.com", "a.b-example.com")),
    *(STORE.replace("Main-1", name) for name in ("main", "Main", "MAIN", "a-b")),
]


def test_targets_whose_names_look_alike_have_the_ids_that_each_has_alone() -> None:
    ids = target_ids(LOOK_ALIKE)

    assert len({*ids}) == len(LOOK_ALIKE)
    assert ids == [each for arn in LOOK_ALIKE for each in target_ids([arn])]
    assert ids == target_ids(LOOK_ALIKE[::-1])[::-1]


def test_trust_stores_of_one_name_and_one_called_as_a_domain_are_distinguished_by_their_arns() -> None:
    twins = [STORE.replace("Main-1", "main"), STORE.replace("Main-1", "main").replace("73e2", "84f3")]
    named = [STORE.replace("Main-1", "api-example-com"), DOMAIN.replace("eu-central-1", "us-east-1")]

    assert target_ids([*twins, *named]) == [
        *(f"main-{digest(arn)}" for arn in twins),
        *(f"api-example-com-{digest(arn)}" for arn in named),
    ]


def test_an_arn_that_is_listed_twice_keeps_its_id_so_that_validation_can_say_so() -> None:
    assert target_ids([DOMAIN, DOMAIN]) == ["api-example-com"] * 2


# Built of texts: by a regular expression the same takes four times as long.
PLAIN = string.ascii_letters + string.digits
labels = st.lists(st.text(f"{PLAIN}-", min_size=1, max_size=5), min_size=2, max_size=4).map(".".join)
names = st.builds("{}{}".format, st.sampled_from(["", "*."]), labels)
ends = st.text(PLAIN, min_size=1, max_size=1)
words = ends | st.builds("{}{}{}".format, ends, st.text(f"{PLAIN}-", max_size=30), ends)
stores = st.builds("{}/{}".format, words, st.text("0123456789abcdef", min_size=8, max_size=16))
targets = st.one_of(
    names.map(lambda name: f"arn:aws:apigateway:us-east-1::/domainnames/{name}"),
    stores.map(lambda name: f"arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/{name}"),
)


@given(st.lists(targets, min_size=2, max_size=12, unique=True))
def test_no_two_targets_share_an_id_and_each_id_fits_the_watch_file(arns: list[str]) -> None:
    ids = target_ids(arns)
    assert len({*ids}) == len(arns)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", each) for each in ids)


@pytest.mark.parametrize(
    ("arn", "place"),
    [
        ("arn:aws:ssm:eu-west-1:111122223333:parameter/a", SecretArn("eu-west-1", "111122223333")),
        (
            f"arn:aws-eusc:secretsmanager:{EUSC}:111122223333:secret:a",
            SecretArn("eusc-de-east-1", "111122223333"),
        ),
    ],
)
def test_a_secrets_arn_says_where_it_lies(arn: str, place: SecretArn) -> None:
    assert parse_secret(arn) == place


@pytest.mark.parametrize("arn", ["", "secret", "arn:aws:s3:::a", "arn:aws:ssm:eu-west-1:1:parameter/a"])
def test_what_is_no_secret_is_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="no ARN of an SSM parameter or Secrets Manager secret"):
        parse_secret(arn)


def test_each_trust_store_has_a_message_group_of_its_own() -> None:
    assert message_group(STORE) != message_group(STORE.replace("a067", "a068"))


def test_each_domain_has_a_message_group_of_its_own_so_that_none_waits_for_another() -> None:
    assert message_group(DOMAIN).startswith("api-example-com-")
    assert message_group(DOMAIN) != message_group(DOMAIN.replace("api.", "www."))


def test_the_same_domain_in_two_regions_is_two_targets_and_two_message_groups() -> None:
    assert message_group(DOMAIN) != message_group(DOMAIN.replace("eu-central-1", "us-east-1"))


@pytest.mark.parametrize("end", ["a/", "b/"])
def test_a_long_name_is_no_others_message_group(end: str) -> None:
    place = f"arn:aws:s3:::the-bucket/{'folder/' * 20}"
    assert message_group(place + end) != message_group(place + "c/")
    assert len(message_group(place + end)) <= 128
