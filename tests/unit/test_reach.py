"""From where a target is reached, and what a watch file must not say of it."""

from typing import Any

import pytest

from rotation_watcher import config
from rotation_watcher.adapters.connections import Connections
from rotation_watcher.config import Elsewhere
from rotation_watcher.errors import ConfigurationError
from rotation_watcher.reach import HOME, Reach, is_in, parse_role

HERE, THERE = "123456789012", "222222222222"
ROLE = f"arn:aws:iam::{THERE}:role/platform/watcher-targets"
BUCKETS, ROLES = ("watcher-eu-west-1",), (ROLE,)


def store(region: str = "us-east-1", account: str = HERE) -> str:
    return f"arn:aws:elasticloadbalancing:{region}:{account}:truststore/main/73e2d6bc24d8a067"


def read(elsewhere: Elsewhere = config.NOWHERE, **target: Any) -> config.Watch:
    source = {
        "id": "use1",
        "region": "us-east-1",
        "credentials": f"arn:aws:ssm:us-east-1:{HERE}:parameter/genesys/oauth",
    }
    document = {
        "sources": [source],
        "bundles": [{"id": "main", "sources": ["use1"]}],
        "targets": [{"id": "alb", "bundle": "main", **target}],
    }
    return config.from_document(document, stack_region="us-east-1", stack_account=HERE, elsewhere=elsewhere)


def mistake(elsewhere: Elsewhere = config.NOWHERE, **target: Any) -> str:
    with pytest.raises(ConfigurationError) as error:
        read(elsewhere, **target)
    (only,) = error.value.mistakes
    return only


def test_a_target_at_home_is_reached_from_home() -> None:
    (target,) = read(arn=store()).targets
    assert target.reach.seen_from("us-east-1") == HOME
    assert HOME.name == ""


def test_region_and_role_say_where_a_target_is() -> None:
    (target,) = read(
        Elsewhere(BUCKETS, ROLES), arn=store("eu-west-1", THERE), role_arn=ROLE, external_id="acme/payments"
    ).targets
    assert target.reach == Reach("eu-west-1", ROLE, "acme/payments")
    assert target.reach.seen_from("us-east-1").name == f"{THERE}-eu-west-1"
    assert target.reach.seen_from("eu-west-1").name == THERE


def test_a_region_without_a_bucket_is_told_and_what_it_needs() -> None:
    said = mistake(arn=store("eu-west-1"))
    assert "is in eu-west-1, this stack is in us-east-1, and RegionBucketArns names no bucket" in said
    assert "ends with -eu-west-1: add one (docs/accounts.md)" in said
    assert "several buckets there: a-eu-west-1, b-eu-west-1" in mistake(
        Elsewhere(("a-eu-west-1", "b-eu-west-1")), arn=store("eu-west-1")
    )


def test_what_loads_nothing_needs_no_bucket_there() -> None:
    listener = f"arn:aws:elasticloadbalancing:eu-west-1:{HERE}:listener/net/door/73e2d6bc24d8a067/73e2d6bc24d8a067"
    assert read(arn=listener).targets


def test_another_account_needs_a_role_of_its_own_that_the_stack_lists() -> None:
    assert "name the role there as role_arn" in mistake(arn=store(account=THERE))
    assert "is not in the parameter TargetRoleArns" in mistake(arn=store(account=THERE), role_arn=ROLE)
    another = ROLE.replace(THERE, "333333333333")
    assert "name a role of the target's account" in mistake(
        Elsewhere((), (another,)), arn=store(account=THERE), role_arn=another
    )
    china = ROLE.replace("arn:aws:", "arn:aws-cn:")
    assert "no role reaches across" in mistake(Elsewhere((), (china,)), arn=store(account=THERE), role_arn=china)


def test_an_external_id_without_a_role_is_a_mistake() -> None:
    assert "there is no role_arn that would ask for it" in mistake(arn=store(), external_id="acme")


@pytest.mark.parametrize(
    ("target", "owner"),
    [
        ({}, HERE),
        ({"role_arn": ROLE}, THERE),
        ({"bucket_account": "333333333333"}, "333333333333"),
        ({"role_arn": ROLE, "bucket_account": "333333333333"}, "333333333333"),
    ],
)
def test_the_bucket_of_a_place_for_files_is_of_the_account_in_which_it_is_reached_or_of_the_named_one(
    target: dict[str, Any], owner: str
) -> None:
    (place,) = read(Elsewhere((), ROLES), arn="arn:aws:s3:::edge-bucket/prod/", **target).targets
    assert Connections(account=HERE).at(place.reach).account == owner


def test_a_bucket_account_is_one_and_stands_at_places_for_files_alone() -> None:
    assert "only a place for files lies in a bucket" in mistake(arn=store(), bucket_account=THERE)
    assert "an account number of 12 digits" in mistake(arn="arn:aws:s3:::edge-bucket/prod/", bucket_account="2222")


def test_without_the_stack_nothing_is_refused_for_what_it_may_reach() -> None:
    assert read(config.UNKNOWN_STACK, arn=store("eu-west-1", THERE), role_arn=ROLE).targets


@pytest.mark.parametrize(
    "wrong", ["", "arn:aws:iam::22:role/x", f"arn:aws:iam::{THERE}:user/x", f"arn:aws:iam::{THERE}:role/", f"{ROLE} "]
)
def test_what_is_no_role_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no ARN of an IAM role"):
        parse_role(wrong)


def test_a_bucket_is_in_the_region_with_which_its_name_ends() -> None:
    assert is_in("watcher-eu-west-1", "eu-west-1")
    assert not is_in("watcher-us-gov-east-1", "us-east-1")
    assert not is_in("eu-west-1", "eu-west-1")
