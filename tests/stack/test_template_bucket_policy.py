"""Whoever may only write objects must not reach a truststore: the bucket policy, asked as IAM would ask it.

It only denies. So each case stands for a principal to whom IAM policies allow everything on the bucket.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data, get_actions_for_service

from tests.stack.template import RESOURCES, ROOT, as_list, load, refuses_http
from tests.support.functions import CHATS
from tests.support.roles import Resolver

ACCOUNT = "arn:aws:iam::123456789012"
CHAT_ROLES = [f"{chat}Role" for chat in CHATS]
ROLES = {
    name: f"{ACCOUNT}:role/stack-{name}"
    for name in ("CollectRole", "PublishRole", "RefreshCrlsRole", "ReportRole", "SchedulerRole", *CHAT_ROLES)
}
COLLECT, PUBLISH, REFRESH = ROLES["CollectRole"], ROLES["PublishRole"], ROLES["RefreshCrlsRole"]
REPORT = ROLES["ReportRole"]
WRITERS = {COLLECT, PUBLISH, REFRESH, REPORT}
OPERATOR, SECOND = f"{ACCOUNT}:role/platform/Operators", f"{ACCOUNT}:user/alice"
OTHERS = [
    f"{ACCOUNT}:role/Administrator",
    f"{ACCOUNT}:root",
    *(ROLES[name] for name in CHAT_ROLES),
    "arn:aws:iam::999999999999:role/x",
    None,
]
"""None: a service, or nobody in particular; such a request carries no aws:PrincipalArn."""
PLACES = {"State": ("state", "arn:aws:s3:::state")} | {name: (name, arn) for name, arn in ROLES.items()}
TLS = {"aws:SecureTransport": "true"}
WHAT_WAS_TOLD = "status/files.json"
ALERT, TOLD = "alerts/0a", "alerts/log/2026-11-26/140500-0a.json"
STATE = {
    "sources/use1/history.json": COLLECT,
    "sources/use1/seen/0a.pem": COLLECT,
    "bundles/main/pins.json": PUBLISH,
    "bundles/.added/0b/0a.pem": PUBLISH,
    "targets/alb/bundle.pem": PUBLISH,
    "targets/alb/record.json": PUBLISH,
    "bundles/main/revocations.json": PUBLISH,
    "crls/0a/list.der": REFRESH,
    "crls/0a/manifest.json": REFRESH,
    "status/index.html": REPORT,
    "status/status.json": REPORT,
    "status/expiry.json": REPORT,
    WHAT_WAS_TOLD: REPORT,
}
TRUSTED = ["anchors/us-east-1.pem", "approvals/0a.json", "extra/partner.pem", "watch.json", "watch.yaml"]
NO_CONTENT = {
    "s3:AbortMultipartUpload": "an upload that was never completed is no object",
    "s3:InitiateReplication": "it copies out of this bucket, into another",
    "s3:ObjectOwnerOverrideToBucketOwner": "the owner of a replica; ReplicateObject is denied",
}
"""What changes no object that is there."""
ENCRYPTS = "s3:UpdateObjectEncryption"
KNOWN = {"s3:PutObject", "s3:DeleteObject", "s3:RestoreObject", "s3:ReplicateObject", "s3:BypassGovernanceRetention"}
"""Actions of every partition. A policy that names one which the partition does not know is refused."""


def written() -> list[str]:
    """Every action that AWS describes on an object and that is more than reading."""
    found = set()
    for action in get_actions_for_service("s3"):
        for row in get_action_data("s3", action.removeprefix("s3:"))["s3"]:
            on_object = row["resource_arn_format"] == "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
            if on_object and row["access_level"] not in {"Read", "List"}:
                found.add(action)
    assert "s3:PutObject" in found
    return sorted(found)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", pattern)))


def matches(pattern: str, value: str) -> bool:
    return compiled(pattern).fullmatch(value) is not None


def holds(condition: Mapping[str, Mapping[str, Any]], request: Mapping[str, str]) -> bool:
    """Whether every operator holds. As in IAM, a negated one holds where the request lacks the key."""
    for operator, keys in condition.items():
        for key, values in keys.items():
            listed, given = as_list(values), request.get(key)
            match operator:
                case "Bool" | "ArnEquals":
                    true = given in listed
                case "BoolIfExists":
                    true = given is None or given in listed
                case "ArnNotEquals":
                    true = given not in listed
                case "Null":
                    true = (given is None) == (listed == ["true"])
                case _:
                    raise KeyError(operator)
            if not true:
                return False
    return True


@cache
def policy(**parameters: str) -> Any:
    """The bucket policy of a stack with these parameters."""
    return Resolver(parameters, PLACES).of(RESOURCES["BucketPolicy"]["Properties"]["PolicyDocument"])


def denied(action: str, key: str, principal: str | None, operators: str = "", **headers: str) -> set[str]:
    """The statements that deny a request over TLS."""
    return denied_by(policy(OperatorArns=operators), action, key, principal, headers)


MFA, NO_MFA = {"aws:MultiFactorAuthPresent": "true"}, {"aws:MultiFactorAuthPresent": "false"}


def without_factor(
    action: str, key: str, principal: str | None, session: Mapping[str, str], operators: str = ""
) -> set[str]:
    """The same where a second factor is asked for; ``session`` is what the request says of it."""
    document = policy(OperatorArns=operators, OperatorMfa="yes")
    return denied_by(document, action, key, principal, {"if_match": '"0c"'}, session)


def denied_by(
    document: Mapping[str, Any],
    action: str,
    key: str,
    principal: str | None,
    headers: Mapping[str, str],
    session: Mapping[str, str] | None = None,
) -> set[str]:
    """The same of any policy of a bucket called ``state``."""
    request = TLS | ({"aws:PrincipalArn": principal} if principal else {}) | dict(session or {})
    request |= {f"s3:{name.replace('_', '-')}": value for name, value in headers.items()}
    found = set()
    for statement in document["Statement"]:
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*"), "the policy lets nobody in"
        speaks = any(matches(each, action) for each in as_list(statement["Action"]))
        there = any(matches(each, f"arn:aws:s3:::state/{key}") for each in as_list(statement["Resource"]))
        if speaks and there and holds(statement["Condition"], request):
            found.add(statement["Sid"])
    return found


@pytest.mark.parametrize("operators", ["", f"{OPERATOR},{SECOND}"])
@pytest.mark.parametrize("action", [each for each in written() if each not in NO_CONTENT])
def test_what_functions_keep_is_changed_by_no_one_else(action: str, operators: str) -> None:
    for key, owner in STATE.items():
        for principal in [*OTHERS, *(WRITERS - {owner})]:
            assert denied(action, key, principal, operators, if_none_match="*"), (key, principal)
        assert not denied(action, key, owner, operators, if_none_match="*"), key
    for key in (ALERT, TOLD):
        assert all(denied(action, key, principal, operators) for principal in OTHERS)
        assert not any(denied(action, key, function, operators) for function in WRITERS)


@pytest.mark.parametrize("action", [each for each in written() if each not in NO_CONTENT])
def test_functions_do_not_decide_what_is_trusted(action: str) -> None:
    for key in TRUSTED:
        assert all(denied(action, key, function) for function in WRITERS)
        assert not denied(action, key, f"{ACCOUNT}:role/Administrator"), "without named operators IAM alone decides"


def test_named_operators_alone_decide_what_is_trusted_and_may_restore_state() -> None:
    operators = f"{OPERATOR},{SECOND}"
    for key in TRUSTED:
        assert all(denied("s3:PutObject", key, principal, operators) for principal in [*OTHERS, *WRITERS])
        assert not denied("s3:PutObject", key, OPERATOR, operators)
        assert not denied("s3:DeleteObject", key, SECOND, operators)
    for key in [*STATE.keys() - {WHAT_WAS_TOLD}, ALERT]:
        assert not denied("s3:PutObject", key, OPERATOR, operators, if_match='"0c"')
        assert denied("s3:PutObject", key, OPERATOR), "an operator that is not named is anybody"


@pytest.mark.parametrize("action", [each for each in written() if each not in {*NO_CONTENT, ENCRYPTS}])
def test_who_may_decide_what_is_trusted_cannot_note_that_it_was_told(action: str) -> None:
    for principal in (OPERATOR, SECOND):
        assert denied(action, WHAT_WAS_TOLD, principal, f"{OPERATOR},{SECOND}") == {"OnlyReportNotesWhatItTold"}
    assert not denied(action, WHAT_WAS_TOLD, REPORT, OPERATOR)


@pytest.mark.parametrize("action", [each for each in written() if each not in NO_CONTENT])
def test_where_a_second_factor_is_asked_for_nobody_but_the_functions_writes_without_it(action: str) -> None:
    """A session without one says so, or says nothing: an access key, or a role that was taken on without its code."""
    for key in [*TRUSTED, *STATE, ALERT]:
        for session in (NO_MFA, {}):
            for operators in ("", f"{OPERATOR},{SECOND}"):
                for principal in (OPERATOR, SECOND, *OTHERS):
                    found = without_factor(action, key, principal, session, operators)
                    assert "PeopleWriteWithMfa" in found, (key, principal, session)
    for key, owner in STATE.items():
        assert not without_factor(action, key, owner, {}), "a function has no second factor"
        assert not without_factor(action, key, owner, {}, OPERATOR)


def test_a_second_factor_lets_in_whom_the_list_names_and_nobody_else() -> None:
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectTagging"):
        for key in TRUSTED:
            assert not without_factor(action, key, OPERATOR, MFA, OPERATOR)
            assert not without_factor(action, key, OTHERS[0], MFA), "without a list IAM decides, and the factor"
            for principal in [*OTHERS, *WRITERS]:
                assert without_factor(action, key, principal, MFA, OPERATOR)


def test_without_a_factor_the_bucket_is_still_read_repaired_and_asked_for_looks() -> None:
    for action in ("s3:GetObject", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:ListBucketVersions"):
        for principal in [*OTHERS, OPERATOR]:
            assert not without_factor(action, "anchors/us-east-1.pem", principal, NO_MFA, OPERATOR)
    assert not without_factor("s3:PutObject", "wakes/use1.json", f"{ACCOUNT}:role/stack-AuthorizeRole", {})


def test_a_seen_certificate_is_not_written_over_blindly_even_by_collect() -> None:
    seen = "sources/use1/seen/0a.pem"
    assert denied("s3:PutObject", seen, COLLECT) == {"SeenCertificatesAreWrittenOnce"}
    assert not denied("s3:PutObject", seen, COLLECT, if_none_match="*")
    assert not denied("s3:PutObject", seen, COLLECT, if_match='"0c"'), "one that was tampered with is repaired"
    assert not denied("s3:PutObject", "sources/use1/history.json", COLLECT)


def test_everybody_may_still_read_and_repair_the_bucket_itself() -> None:
    for action in (
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
    ):
        for principal in [*OTHERS, *WRITERS, OPERATOR]:
            assert not denied(action, "targets/alb/bundle.pem", principal, OPERATOR)
    assert {"s3:PutObject", "s3:DeleteObjectVersion"} <= {*written()} - NO_CONTENT.keys()
    assert NO_CONTENT.keys() <= {*written()}


def test_whoever_may_only_change_an_objects_encryption_makes_nothing_unreadable() -> None:
    """Under a key that no function may use it is lost to them, in place: with its version, its date and its ETag."""
    for key in STATE:
        assert all(denied(ENCRYPTS, key, principal) for principal in OTHERS)
        assert not denied(ENCRYPTS, key, OPERATOR, OPERATOR), "who retires a key moves what lies under it"
    assert of_region_bucket(ENCRYPTS, "targets/alb/bundle.pem", OTHERS[0]) == {"OnlyPublishWrites"}


def test_what_is_denied_is_known_in_every_partition() -> None:
    for document in (policy(OperatorArns=OPERATOR, OperatorMfa="yes"), policy_of_region_bucket()):
        patterns = {each for one in document["Statement"] for each in as_list(one["Action"])}
        assert all(any(matches(each, action) for action in KNOWN) for each in patterns), patterns


REGION_BUCKET = load(ROOT / "accounts" / "region-bucket.yaml")


def of_region_bucket(action: str, key: str, principal: str | None) -> set[str]:
    return denied_by(policy_of_region_bucket(), action, key, principal, {})


@cache
def policy_of_region_bucket() -> Any:
    given = {"BucketPrefix": "state", "PublishRoleArn": PUBLISH}
    resolver = Resolver(given, {"Bucket": ("state", "arn:aws:s3:::state")}, REGION_BUCKET)
    return resolver.of(REGION_BUCKET["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"])


@pytest.mark.parametrize("action", [each for each in written() if each not in NO_CONTENT])
def test_into_a_bucket_of_another_region_publish_alone_writes(action: str) -> None:
    for key in ("targets/alb/bundle.pem", "crls/0a/list.pem", "anything"):
        for principal in (COLLECT, REFRESH, REPORT, OPERATOR, *OTHERS):
            assert of_region_bucket(action, key, principal) == {"OnlyPublishWrites"}
        assert of_region_bucket(action, key, PUBLISH) == set()
    assert of_region_bucket("s3:GetObject", "targets/alb/bundle.pem", OTHERS[0]) == set()


def test_no_bucket_takes_a_request_over_plain_http() -> None:
    for resources in (RESOURCES, REGION_BUCKET["Resources"]):
        assert refuses_http(resources["BucketPolicy"])
