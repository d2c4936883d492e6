"""The template's own policies under moto's IAM: every function does its work, and needs every grant for it.

moto is trusted here for S3, SNS, SQS, SSM, Secrets Manager and the trust stores of both services; the rest is held to
AWS's own lists of actions in ``test_described.py``. What a grant is for is shown by taking it away: somebody must then
be refused.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from local.environment import BUCKET, Environment
from local.genesys.keys import DEFAULT_CACHE
from local.receiver import SlackReceiver, TeamsReceiver
from tests.roles.environment import RolesEnvironment, Run
from tests.roles.judging import allowed, idle, judged
from tests.stack.template import FUNCTIONS, ROLES

OF_A_FUNCTION = sorted(function["Properties"]["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values())


@pytest.fixture(scope="module")
def roles() -> Iterator[RolesEnvironment]:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with (
        Environment(start, DEFAULT_CACHE, world={"root_key_bits": 2048}) as environment,
        SlackReceiver() as slack,
        TeamsReceiver() as teams,
    ):
        yield RolesEnvironment(environment, slack, teams)


@pytest.fixture(scope="module")
def whole(roles: RolesEnvironment) -> Callable[[str], Run]:
    """The run of a role with all its grants, once."""
    return cache(roles.run)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_suffices_for_the_whole_work(role: str, roles: RolesEnvironment, whole: Callable[[str], Run]) -> None:
    run = whole(role)
    assert run.refused == set()
    assert {asked.action.partition(":")[0] for asked in run.asked} == {
        grant.service for grant in judged(roles.resolver, role)
    }


@pytest.mark.parametrize("role", sorted(ROLES))
def test_no_grant_is_idle(role: str, roles: RolesEnvironment, whole: Callable[[str], Run]) -> None:
    """Without any single one of them, moto would refuse something that the work asked for."""
    tried = judged(roles.resolver, role)
    assert tried
    complete = roles.documents(role).values()
    assert all(allowed(complete, asked) for asked in whole(role).asked)
    assert idle(roles.resolver, role, tried, whole(role).asked) == []


@pytest.mark.parametrize(
    ("role", "sid"),
    [
        ("CollectRole", "WriteSources"),
        ("CollectRole", "ReadWatchFile"),
        ("CollectRole", "ReadSecrets"),
        ("PublishRole", "ReadTruststoresInUse"),
        ("PublishRole", "TagRecords"),
        ("PublishRole", "ChangeTrustStores"),
        ("PublishRole", "ChangeListeners"),
        ("PublishRole", "ChangeCloudFrontTrustStores"),
        ("PublishRole", "ReadDistributions"),
        ("SlackRole", "ReadParameter"),
        ("TeamsRole", "ReadParameter"),
        ("AmazonQRole", "PublishForAmazonQ"),
        ("SchedulerRole", "ReportMissedRuns"),
    ],
)
def test_the_work_with_one_grant_less_is_refused_something(role: str, sid: str, roles: RolesEnvironment) -> None:
    """What the test before concludes from what was asked, seen for some of them in a whole run."""
    for grant in judged(roles.resolver, role):
        if grant.sid == sid:
            assert roles.run(role, without=grant).refused, grant


def test_slack_reads_its_webhook_from_secrets_manager_too(roles: RolesEnvironment) -> None:
    with patch.dict(roles.parameters, {"SlackSecretArn": roles.webhook_secret}):
        assert roles.run("SlackRole").refused == set()
        grant = next(each for each in judged(roles.resolver, "SlackRole") if each.service == "secretsmanager")
        assert roles.run("SlackRole", without=grant).refused


def putting(key: str) -> Callable[[RolesEnvironment], Any]:
    return lambda s: s.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")


def getting(key: str) -> Callable[[RolesEnvironment], Any]:
    return lambda s: s.client("s3").get_object(Bucket=BUCKET, Key=key)


def deleting(key: str, **more: str) -> Callable[[RolesEnvironment], Any]:
    return lambda s: s.client("s3").delete_object(Bucket=BUCKET, Key=key, **more)


FORBIDDEN: dict[str, tuple[str, Callable[[RolesEnvironment], Any]]] = {
    "collect changes a trust store": (
        "CollectRole",
        lambda s: s.client("elbv2").modify_trust_store(TrustStoreArn=s.store, **s.bundle),
    ),
    "collect looks for trust stores": ("CollectRole", lambda s: s.client("elbv2").describe_trust_stores()),
    "collect writes a bundle": ("CollectRole", putting("bundles/main/wanted.pem")),
    "collect writes for a target": ("CollectRole", putting("targets/alb/bundle.pem")),
    "publish writes a history": ("PublishRole", putting("sources/use1/history.json")),
    "publish reads the credential, a parameter": (
        "PublishRole",
        lambda s: s.client("ssm").get_parameter(Name="/genesys/oauth", WithDecryption=True),
    ),
    "publish reads the credential, a secret": (
        "PublishRole",
        lambda s: s.client("secretsmanager").get_secret_value(SecretId=s.secret),
    ),
    "publish changes another trust store": (
        "PublishRole",
        lambda s: s.client("elbv2").modify_trust_store(TrustStoreArn=f"{s.store[:-1]}x", **s.bundle),
    ),
    "publish changes another listener": (
        "PublishRole",
        lambda s: s.client("elbv2").modify_listener(ListenerArn=f"{s.door[:-1]}x", Port=444),
    ),
    "publish writes a list": ("PublishRole", putting("crls/0a/manifest.json")),
    "publish reads the state of refresh_crls": ("PublishRole", getting("crls/state.json")),
    "refresh_crls writes a history": ("RefreshCrlsRole", putting("sources/use1/history.json")),
    "refresh_crls writes pins": ("RefreshCrlsRole", putting("bundles/main/pins.json")),
    "refresh_crls reads a truststore": ("RefreshCrlsRole", getting("targets/alb/bundle.pem")),
    "report writes a history": ("ReportRole", putting("sources/use1/history.json")),
    "report writes a record": ("ReportRole", putting("targets/alb/record.json")),
    "report reads a truststore": ("ReportRole", getting("targets/alb/bundle.pem")),
    "refresh_crls reads the credential, a parameter": (
        "RefreshCrlsRole",
        lambda s: s.client("ssm").get_parameter(Name="/genesys/oauth", WithDecryption=True),
    ),
    "slack reads the credential, a parameter": (
        "SlackRole",
        lambda s: s.client("ssm").get_parameter(Name="/genesys/oauth", WithDecryption=True),
    ),
    "slack reads the credential, a secret": (
        "SlackRole",
        lambda s: s.client("secretsmanager").get_secret_value(SecretId=s.secret),
    ),
    "slack reads another webhook": (
        "SlackRole",
        lambda s: s.client("secretsmanager").get_secret_value(SecretId=s.webhook_secret),
    ),
    "teams reads the webhook of Slack": (
        "TeamsRole",
        lambda s: s.client("ssm").get_parameter(Name="/genesys/slack", WithDecryption=True),
    ),
    "teams reads the credential, a parameter": (
        "TeamsRole",
        lambda s: s.client("ssm").get_parameter(Name="/genesys/oauth", WithDecryption=True),
    ),
    "teams publishes an alert": (
        "TeamsRole",
        lambda s: s.client("sns").publish(TopicArn=s.environment.topic_arn, Message="no"),
    ),
    "amazon_q publishes an alert": (
        "AmazonQRole",
        lambda s: s.client("sns").publish(TopicArn=s.environment.topic_arn, Message="no"),
    ),
    "amazon_q reads the webhook of Slack": (
        "AmazonQRole",
        lambda s: s.client("ssm").get_parameter(Name="/genesys/slack", WithDecryption=True),
    ),
    "amazon_q reads the queue of Slack": (
        "AmazonQRole",
        lambda s: s.client("sqs").receive_message(QueueUrl=s.slack_url),
    ),
    "slack reads the bucket": ("SlackRole", getting("extra/partner.pem")),
    "slack publishes an alert": (
        "SlackRole",
        lambda s: s.client("sns").publish(TopicArn=s.environment.topic_arn, Message="no"),
    ),
    **{
        f"{role} writes {key}": (role, putting(key))
        for role in sorted(ROLES)
        for key in ("anchors/us-east-1.pem", "approvals/0a.json", "extra/x.pem", "watch.json", "watch.yaml")
    },
    **{f"{role} deletes an object": (role, deleting("extra/partner.pem")) for role in sorted(ROLES)},
    **{
        f"{role} deletes a version": (role, deleting("targets/alb/bundle.pem", VersionId="any"))
        for role in sorted(ROLES)
    },
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_a_role_is_not_for_is_refused_to_it(what: str, roles: RolesEnvironment) -> None:
    role, call = FORBIDDEN[what]
    with roles.acting_as(role), roles.environment.aws.enforced_iam() as asked, pytest.raises(ClientError) as refused:
        call(roles)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert len(asked) == 1, "moto looked at the policies: it was not the signature that it refused"


def test_roles_of_functions_are_all_tried(roles: RolesEnvironment) -> None:
    assert set(OF_A_FUNCTION) < set(ROLES) == set(roles.works)
