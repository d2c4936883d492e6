"""Whom the policy of a key lets in, held to the one that accounts/data-key.yaml makes."""

import json
from typing import Any

import pytest

from genesys_certs import key_policy
from genesys_certs.key_policy import Answer
from tests.stack.template import ROOT, load
from tests.support.roles import Resolver

TEMPLATE = load(ROOT / "accounts" / "data-key.yaml")
ROOT_ARN = "arn:aws:iam::123456789012:root"
ROLE = "arn:aws:iam::123456789012:role/watcher-Collect"


def proposed() -> list[dict[str, Any]]:
    """The statements of the key that accounts/data-key.yaml makes."""
    resolver = Resolver({"StackName": "watcher"}, {}, TEMPLATE)
    found: list[dict[str, Any]] = resolver.of(TEMPLATE["Resources"]["Key"]["Properties"]["KeyPolicy"])["Statement"]
    return found


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(service: str, *actions: str, **more: Any) -> dict[str, Any]:
    given = [*actions] or [*key_policy.NEEDED]
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": given, "Resource": "*"} | more


NAMES = {one.sid: one.name.format(region="us-east-1", suffix="amazonaws.com") for one in key_policy.SERVICES}


def test_the_services_are_those_of_the_key_that_we_propose() -> None:
    said = {one["Sid"]: one["Principal"]["Service"] for one in proposed() if "Service" in one["Principal"]}
    assert said == NAMES


@pytest.mark.parametrize("sid", NAMES)
def test_each_service_is_admitted_by_its_statement_and_by_no_other(sid: str) -> None:
    whole, rest = proposed(), [one for one in proposed() if one["Sid"] != sid]
    conditions = tuple(
        sorted(key for one in whole if one["Sid"] == sid for each in one.get("Condition", {}).values() for key in each)
    )
    assert key_policy.of_service(policy(*whole), NAMES[sid]) == Answer(True, conditions)
    assert key_policy.of_service(policy(*rest), NAMES[sid]) == Answer(False)


@pytest.mark.parametrize(
    ("statements", "admitted"),
    [
        ([allow("s3.amazonaws.com", "kms:*")], True),
        ([allow("s3.amazonaws.com", "KMS:decrypt", "kms:generatedatakey*")], True),
        ([allow("s3.amazonaws.com", "kms:Decrypt"), allow("s3.amazonaws.com", "kms:GenerateDataKey")], True),
        ([allow("s3.amazonaws.com", "kms:Decrypt")], False),
        ([allow("s3.amazonaws.com", "kms:GenerateDataKeyPair", "kms:Decrypt")], False),
        ([allow("sns.amazonaws.com")], False),
        ([allow("s3.amazonaws.com", Principal={"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]})], True),
        ([allow("", Principal="*")], True),
        ([allow("", Principal={"AWS": "*"})], True),
        ([allow("", Principal={"AWS": ROOT_ARN})], False),
        ([allow("s3.amazonaws.com"), allow("s3.amazonaws.com", "kms:Decrypt", Effect="Deny")], False),
        ([allow("s3.amazonaws.com"), allow("", Effect="Deny", Principal="*")], False),
        ([allow("s3.amazonaws.com"), allow("s3.amazonaws.com", "kms:ScheduleKeyDeletion", Effect="Deny")], True),
        ([], False),
    ],
)
def test_what_a_policy_says_of_a_service(statements: list[dict[str, Any]], *, admitted: bool) -> None:
    assert key_policy.of_service(policy(*statements), "s3.amazonaws.com") == Answer(admitted)


def test_what_conditions_hold_back_is_named_and_not_judged() -> None:
    theirs = {"StringEquals": {"aws:SourceAccount": "999999999999"}}
    under = allow("s3.amazonaws.com", Condition=theirs)
    assert key_policy.of_service(policy(under), "s3.amazonaws.com") == Answer(True, ("aws:SourceAccount",))
    assert key_policy.of_service(policy(under, allow("s3.amazonaws.com")), "s3.amazonaws.com") == Answer(True)
    denied = allow("s3.amazonaws.com", Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
    found = key_policy.of_service(policy(denied, allow("s3.amazonaws.com")), "s3.amazonaws.com")
    assert found == Answer(True, ("aws:SecureTransport",))


def test_notaction_speaks_of_what_it_leaves_over() -> None:
    all_but = {"Effect": "Allow", "Principal": {"AWS": ROOT_ARN}, "NotAction": "kms:ScheduleKeyDeletion"}
    assert key_policy.of_role(policy(all_but), ROLE, [ROOT_ARN]).admitted
    assert not key_policy.of_role(policy(all_but | {"NotAction": "kms:*"}), ROLE, [ROOT_ARN]).admitted


@pytest.mark.parametrize(
    ("denied", "admitted"),
    [
        ({"Principal": {"AWS": ROLE}}, False),
        ({"Principal": {"AWS": ROOT_ARN}}, False),
        ({"Principal": "*"}, False),
        ({"NotPrincipal": {"AWS": ["arn:aws:iam::123456789012:role/KeyAdministrators", ROOT_ARN]}}, False),
        ({"NotPrincipal": {"AWS": [ROLE, ROOT_ARN]}}, True),
        ({"NotPrincipal": {"AWS": ROLE}, "Action": "kms:ScheduleKeyDeletion"}, True),
        ({"Principal": {"AWS": f"{ROLE}-other"}}, True),
    ],
)
def test_what_denies_a_role_outweighs_that_its_account_may_decide(denied: dict[str, Any], *, admitted: bool) -> None:
    decides = {"Effect": "Allow", "Principal": {"AWS": ROOT_ARN}, "Action": "kms:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"} | denied
    assert key_policy.of_role(policy(decides, deny), ROLE, [ROOT_ARN]).admitted is admitted


def test_a_service_that_no_exception_names_is_denied_too() -> None:
    deny = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}
    all_but = deny | {"NotPrincipal": {"AWS": ROOT_ARN}}
    assert not key_policy.of_service(policy(allow("s3.amazonaws.com"), all_but), "s3.amazonaws.com").admitted
    but_it = deny | {"NotPrincipal": {"Service": "s3.amazonaws.com"}}
    assert key_policy.of_service(policy(allow("s3.amazonaws.com"), but_it), "s3.amazonaws.com").admitted
