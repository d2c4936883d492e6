"""The template's own policies under moto's IAM: every function does its work, and needs every grant for it.

moto is trusted here for S3, SNS, SQS, SSM, Secrets Manager and trust stores; the rest is held to AWS's own lists of
actions in ``test_described.py``. What a grant is for is shown by taking it away: somebody must then be refused.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError

from local.genesys.keys import DEFAULT_CACHE
from local.receiver import SlackReceiver
from local.stage import BUCKET, Stage
from rotation_watcher import bootstrap
from rotation_watcher.slack import Letter, post_all
from tests.roles.exemptions import EXEMPT
from tests.stack.template import as_list
from tests.support.roles import Resolver

YEAR = timedelta(days=365)
CONF = "conf-bucket"
ENFORCED = {"s3", "sns", "sqs", "ssm", "secretsmanager", "elasticloadbalancing"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}


class Grant(NamedTuple):
    """One action on one resource, allowed to a role."""

    role: str
    sid: str
    action: str
    resource: str

    @property
    def service(self) -> str:
        return self.action.partition(":")[0]


class Scene:
    """A stage with everything that a policy may be about, and each function's work as its role does it."""

    def __init__(self, stage: Stage, slack: SlackReceiver) -> None:
        self.stage, self.slack = stage, slack
        self.bundle = {"CaCertificatesBundleS3Bucket": BUCKET, "CaCertificatesBundleS3Key": "before/alb.pem"}
        self.others = stage.world.region("sa-east-1").root_pem()
        self._furnish()
        self.arn = stage.add_trust_store("alb", "main", self.others)
        stage.watch["bundles"][0]["extra"] = ["extra/partner.pem"]
        stage.put("extra/partner.pem", self.others)
        self._watch_file()
        self.parameters = {
            "GenesysRegion": "us-east-1",
            "CredentialArns": f"{stage.secret_arn},{self.secret}",
            "TargetArns": self.arn,
            "SlackSecretArn": self.webhook,
            "WatchFileUri": f"s3://{CONF}/watch.json",
            "AdoptObjectArns": f"arn:aws:s3:::{CONF}/old.pem",
            "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/none",
            "SubnetIds": "subnet-1",
            "SecurityGroupIds": "sg-1",
        }
        self.works: dict[str, Callable[[], None]] = {
            "CollectRole": self._collect,
            "PublishRole": self._publish,
            "SlackRole": self._slack,
        }

    @property
    def resolver(self) -> Resolver:
        """The template with these parameters."""
        return Resolver(self.parameters, self._places())

    def grants(self, role: str) -> list[Grant]:
        """Every pair of action and resource that the template allows a role, without the pairs that match nothing."""
        return [
            Grant(role, statement["Sid"], action, resource)
            for document in self.resolver.policies(role).values()
            for statement in document["Statement"]
            if statement["Effect"] == "Allow"
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
            if resource == "*" or resource.split(":")[2] == action.partition(":")[0]
        ]

    def refused(self, role: str, without: Grant | None = None) -> set[str]:
        """Let the role do its work, with one grant less if one is given; the calls that were refused to it."""
        self._reset(published=role == "PublishRole")
        name = self.role(role, without)
        with self.acting_as(name), self.stage.aws.enforced_iam():
            self.stage.aws.calls.clear()
            # What a refusal does to the run is another test's matter.
            with suppress(Exception) if without else nullcontext():
                self.works[role]()
            calls = self.stage.aws.calls.snapshot()
        return {f"{call.service}:{call.operation} {call.resource}" for call in calls if call.status == 403}

    def client(self, service: str) -> Any:
        """A client with the credentials that are in the environment."""
        return boto3.client(service, endpoint_url=self.stage.aws.url)  # type: ignore[call-overload]  # any service

    @contextmanager
    def acting_as(self, role: str) -> Iterator[None]:
        """The environment and SDK of a process that has assumed the role."""
        assumed = self.stage.aws.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::123456789012:role/{role}", RoleSessionName="run"
        )["Credentials"]
        environment = {
            "AWS_ACCESS_KEY_ID": assumed["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"],
            "AWS_SESSION_TOKEN": assumed["SessionToken"],
            "WATCH_FILE_URI": f"s3://{CONF}/watch.json",
            "SLACK_SECRET_ARN": self.parameters["SlackSecretArn"],
        }
        with patch.dict(os.environ, environment), patch.object(boto3, "DEFAULT_SESSION", None):
            yield

    def role(self, role: str, without: Grant | None = None) -> str:
        """The role in moto, its statements taken apart so that a single grant can be left out."""
        iam = self.stage.aws.client("iam")
        with suppress(ClientError):
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
        for name, document in self.resolver.policies(role).items():
            apart = []
            for statement in document["Statement"]:
                for action in as_list(statement["Action"]):
                    for resource in as_list(statement["Resource"]):
                        if Grant(role, statement["Sid"], action, resource) != without:
                            bare = {key: value for key, value in statement.items() if key != "Sid"}
                            apart.append(bare | {"Action": action, "Resource": resource})
            text = json.dumps({"Version": "2012-10-17", "Statement": apart})
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)
        return role

    # The functions' work

    def _collect(self) -> None:
        self.stage.watcher = self.stage.build()
        self.stage.collect()
        self.client("sqs").send_message(QueueUrl=self.failed_url, MessageBody="Lambda reports a failed run")

    def _publish(self) -> None:
        self.stage.watcher = self.stage.build()
        self.stage.publish(enqueue="all")
        self._poll(self.stage.queue_url)
        self.stage.publish("alb")
        with self.stage.aws.unenforced_iam():
            self.stage.put("extra/partner.pem", self.others + self.stage.world.region("ap-south-1").root_pem())
        self.stage.clock.advance(timedelta(hours=1))
        self.stage.publish("alb")
        self.stage.publish(rollback="alb")
        self.client("s3").get_object(Bucket=CONF, Key="old.pem")
        self.client("s3").get_object(Bucket=CONF, Key="old.pem", VersionId=self.old_version)
        self.client("sqs").send_message(QueueUrl=self.failed_url, MessageBody="Lambda reports a failed run")

    def _slack(self) -> None:
        body = json.dumps({"AlarmName": "SilenceAlarm", "NewStateValue": "ALARM"})
        post_all([Letter("1", body)], bootstrap.build_slack())
        self._poll(self.slack_url)

    def _poll(self, url: str) -> None:
        """What Lambda does with the role's rights: look at the queue, take a message, delete it."""
        sqs = self.client("sqs")
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        message = sqs.receive_message(QueueUrl=url)["Messages"][0]
        try:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        finally:
            with self.stage.aws.unenforced_iam():  # a message in flight would hold up its group in the next run
                self.stage.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    # What is there

    def _furnish(self) -> None:
        stage = self.stage
        stage.world.region("us-east-1", days_left=92)
        stage.world.region("eu-central-1")
        stage.add_source("use1", "us-east-1")
        stage.add_source("euc1", "eu-central-1")
        stage.add_bundle("main", ["use1", "euc1"])
        region = stage.world.region("us-east-1")
        now = stage.clock()
        key = stage.world.keys.rsa("somebody")
        other = region.issuer("Genesys").leaf("somebody.example.com", key, now - YEAR, now + YEAR)
        region.extra_entities.append(region.entity(other, "Genesys", "Upcoming"))
        stage.put(f"approvals/{other.fingerprint}.json", '{"by": "Ada", "why": "a test"}')
        secrets, ssm = stage.aws.client("secretsmanager"), stage.aws.client("ssm")
        oauth = ssm.get_parameter(Name="/genesys/oauth", WithDecryption=True)["Parameter"]["Value"]
        self.secret = secrets.create_secret(Name="genesys", SecretString=oauth)["ARN"]
        stage.watch["sources"][1]["credentials"] = self.secret
        ssm.put_parameter(Name="/genesys/slack", Type="SecureString", Value=self.slack.url)
        self.webhook = ssm.get_parameter(Name="/genesys/slack")["Parameter"]["ARN"]
        self.webhook_secret = secrets.create_secret(Name="slack", SecretString=self.slack.url)["ARN"]
        stage.aws.make_bucket(CONF)
        put = stage.s3.put_object(Bucket=CONF, Key="old.pem", Body=self.others.encode())
        self.old_version = put["VersionId"]
        self.failed_url = stage.sqs.create_queue(QueueName="failed")["QueueUrl"]
        self.slack_url = stage.sqs.create_queue(QueueName="slack")["QueueUrl"]

    def _watch_file(self) -> None:
        text = json.dumps(self.stage.watch)
        self.stage.s3.put_object(Bucket=CONF, Key="watch.json", Body=text.encode())

    def _reset(self, *, published: bool) -> None:
        """The beginning again: nothing seen, a message in each queue; or a first version published, to go back to."""
        stage = self.stage
        boto3.DEFAULT_SESSION = None
        stage.watcher = stage.build()
        listed = stage.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        for prefix in ("targets/", "bundles/", "sources/"):
            for each in listed:
                if each["Key"].startswith(prefix):
                    stage.s3.delete_object(Bucket=BUCKET, Key=each["Key"])
        self._empty(stage.mailbox_url, self.slack_url)
        stage.sqs.send_message(QueueUrl=self.slack_url, MessageBody="{}")
        if not published:
            return
        stage.aws.client("elbv2").modify_trust_store(TrustStoreArn=self.arn, **self.bundle)
        watch = stage.s3.get_object(Bucket=CONF, Key="watch.json")["Body"].read().decode()
        stage.put("watch.json", watch)  # where this stage's own watcher looks
        stage.put("extra/partner.pem", self.others)
        for _ in range(2):
            stage.collect()
        self._empty(stage.queue_url)
        stage.clock.advance(timedelta(minutes=15))

    def _empty(self, *urls: str) -> None:
        for url in urls:
            for _ in self.stage._receive(url):
                pass

    def _places(self) -> dict[str, tuple[str, str]]:
        def queue(url: str) -> tuple[str, str]:
            return url, f"arn:aws:sqs:us-east-1:123456789012:{url.rpartition('/')[2]}"

        logs = {f"{name}Logs": (name, f"arn:aws:logs:us-east-1:123456789012:log-group:{name}") for name in FUNCTIONS}
        return logs | {
            "Bucket": (BUCKET, f"arn:aws:s3:::{BUCKET}"),
            "AlertTopic": (self.stage.topic_arn, self.stage.topic_arn),
            "PublishQueue": queue(self.stage.queue_url),
            "FailedRunsQueue": queue(self.failed_url),
            "SlackQueue": queue(self.slack_url),
        }


FUNCTIONS = ("Collect", "Publish", "Slack")
ROLES = tuple(f"{name}Role" for name in FUNCTIONS)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with Stage(start, DEFAULT_CACHE, world={"root_key_bits": 2048}) as stage, SlackReceiver() as slack:
        yield Scene(stage, slack)


@pytest.mark.parametrize("role", ROLES)
def test_a_function_does_its_whole_work_with_its_role(role: str, scene: Scene) -> None:
    assert scene.refused(role) == set()


def test_slack_reads_its_webhook_from_secrets_manager_too(scene: Scene) -> None:
    with patch.dict(scene.parameters, {"SlackSecretArn": scene.webhook_secret}):
        assert scene.refused("SlackRole") == set()
        grant = next(each for each in scene.grants("SlackRole") if each.service == "secretsmanager")
        assert scene.refused("SlackRole", without=grant)


@pytest.mark.parametrize("role", ROLES)
def test_no_grant_is_idle(role: str, scene: Scene) -> None:
    """Without any single one of them, something is refused."""
    tried = [grant for grant in scene.grants(role) if grant.service in ENFORCED and grant.action not in EXEMPT]
    assert len(tried) >= 4
    idle = [grant for grant in tried if not scene.refused(role, without=grant)]
    assert not [f"{grant.sid}: {grant.action} on {grant.resource}" for grant in idle]


FORBIDDEN: list[tuple[str, Callable[[Scene], Any]]] = [
    ("CollectRole", lambda s: s.client("elbv2").modify_trust_store(TrustStoreArn=s.arn, **s.bundle)),
    ("CollectRole", lambda s: s.client("elbv2").describe_trust_stores()),
    ("CollectRole", lambda s: s.client("apigateway").get_domain_names()),
    ("PublishRole", lambda s: s.client("ssm").get_parameter(Name="/genesys/oauth", WithDecryption=True)),
    ("PublishRole", lambda s: s.client("secretsmanager").get_secret_value(SecretId=s.secret)),
    ("SlackRole", lambda s: s.client("ssm").get_parameter(Name="/genesys/oauth", WithDecryption=True)),
    ("SlackRole", lambda s: s.client("secretsmanager").get_secret_value(SecretId=s.webhook_secret)),
    ("SlackRole", lambda s: s.client("s3").get_object(Bucket=BUCKET, Key="extra/partner.pem")),
    ("SlackRole", lambda s: s.client("sns").publish(TopicArn=s.stage.topic_arn, Message="no")),
    *[
        (role, lambda s, key=key: s.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x"))
        for role in ROLES
        for key in ("anchors/us-east-1.pem", "approvals/0a.json", "extra/x.pem", "watch.json")
    ],
    *[(role, lambda s: s.client("s3").delete_object(Bucket=BUCKET, Key="extra/partner.pem")) for role in ROLES],
]


@pytest.mark.parametrize(("role", "call"), FORBIDDEN)
def test_what_a_function_is_not_for_is_refused_to_it(role: str, call: Callable[[Scene], Any], scene: Scene) -> None:
    name = scene.role(role)
    with scene.acting_as(name), scene.stage.aws.enforced_iam(), pytest.raises(ClientError) as refused:
        call(scene)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
