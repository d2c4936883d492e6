"""A stage with everything that a policy of the template may be about, and each role's work as its function does it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any, NamedTuple
from unittest.mock import patch

import boto3
from botocore.exceptions import ClientError

from local.aws.enforcing import Asked
from local.receiver import SlackReceiver
from local.stage import BUCKET, Stage
from rotation_watcher import bootstrap
from rotation_watcher.adapters.sqs import SqsPublishQueue
from rotation_watcher.slack import QueueMessage, post_all
from tests.roles.grants import Grant, documents, grants
from tests.support.roles import Resolver

YEAR, PACE = timedelta(days=365), timedelta(seconds=35)
CONF = "conf-bucket"
_PLACE = "us-east-1:123456789012"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}


class Run(NamedTuple):
    """One run of a role's work: the calls that were refused to it, and everything that its policies were asked for."""

    refused: set[str]
    asked: frozenset[Asked]


class Scene:
    """``parameters`` are the template's; ``works`` is what each role does."""

    def __init__(self, stage: Stage, slack: SlackReceiver) -> None:
        self.stage, self.slack = stage, slack
        self.others = stage.world.region("sa-east-1").root_pem()
        self._furnish()
        self.store = stage.add_trust_store("alb", "main", self.others)
        domains = stage.add_rest_domain("rest", "main", self.others), stage.add_http_domain("http", "main", self.others)
        stage.watch["bundles"][0]["extra"] = ["extra/partner.pem"]
        stage.put("extra/partner.pem", self.others)
        stage.s3.put_object(Bucket=CONF, Key="watch.json", Body=json.dumps(stage.watch).encode())
        stage.put("watch.json", json.dumps(stage.watch))  # where the stage's own watcher looks
        self.parameters = {
            "GenesysRegion": "us-east-1",
            "CredentialArns": f"{stage.secret_arn},{self.secret}",
            "TargetArns": ",".join([self.store, *domains]),
            "SlackSecretArn": self.webhook,
            "WatchFileUri": f"s3://{CONF}/watch.json",
            "AdoptObjectArns": f"arn:aws:s3:::{CONF}/old.pem",
            "KmsKeyArn": f"arn:aws:kms:{_PLACE}:key/none",
            "SubnetIds": "subnet-1",
            "SecurityGroupIds": "sg-1",
        }
        self.works: dict[str, Callable[[], None]] = {
            "CollectRole": self._collect,
            "PublishRole": self._publish,
            "SlackRole": self._slack,
            "SchedulerRole": self._report_failed_run,
        }

    @property
    def resolver(self) -> Resolver:
        """The template with these parameters."""
        return Resolver(self.parameters, self._places())

    def grants(self, role: str) -> list[Grant]:
        """What the template allows a role."""
        return grants(self.resolver, role)

    def documents(self, role: str, without: Grant | None = None) -> dict[str, str]:
        """The role's policies by name, as JSON, perhaps with one grant less."""
        return documents(self.resolver, role, without)

    def run(self, role: str, without: Grant | None = None) -> Run:
        """Let the role do its work from the beginning, with one grant less if one is given."""
        self._reset(published=role == "PublishRole")
        with self.acting_as(role, without), self.stage.aws.enforced_iam() as asked:
            self.stage.aws.calls.clear()
            # What a refusal does to the run is another test's matter.
            with suppress(Exception) if without else nullcontext():
                self.works[role]()
            calls = self.stage.aws.calls.snapshot()
        refused = {f"{call.service}:{call.operation} {call.resource}" for call in calls if call.status == 403}
        return Run(refused, frozenset(asked))

    @contextmanager
    def acting_as(self, role: str, without: Grant | None = None) -> Iterator[None]:
        """The environment and SDK of a process that has assumed the role."""
        iam = self.stage.aws.client("iam")
        with suppress(ClientError):
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(_TRUST))
        for name, text in self.documents(role, without).items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)
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

    def client(self, service: str) -> Any:
        """A client with the credentials that are in the environment."""
        return boto3.client(service, endpoint_url=self.stage.aws.url)  # type: ignore[call-overload]  # any service

    # The functions' work, and what AWS does with their roles

    def _collect(self) -> None:
        self.stage.watcher = self.stage.build()
        looked = self.stage.collect()
        assert set(looked.sources) == {"use1", "euc1"}
        self._report_failed_run()

    def _publish(self) -> None:
        stage = self.stage
        stage.watcher = stage.build()
        stage.publish(enqueue="all")
        self._poll(stage.queue_url)
        for target in ("alb", "rest", "http"):
            self._updates(target)
        with stage.aws.unenforced_iam():
            stage.put("extra/partner.pem", self.others + stage.world.region("ap-south-1").root_pem())
        stage.clock.advance(timedelta(hours=1))
        self._updates("alb")
        back = stage.publish(rollback="alb").targets["alb"].outcome
        assert back == "rolled-back", back
        self._report_failed_run()

    def _updates(self, target: str) -> None:
        """Publish brings the target up to date; two domains cannot be updated within half a minute."""
        self.stage.clock.advance(PACE)
        summary = self.stage.publish(target).targets[target]
        assert summary.outcome == "updated", summary

    def _slack(self) -> None:
        body = json.dumps({"AlarmName": "SilenceAlarm", "NewStateValue": "ALARM"})
        outcome = post_all([QueueMessage("1", body)], bootstrap.build_chat())
        assert outcome.posted == 1, outcome
        self._poll(self.slack_url)

    def _report_failed_run(self) -> None:
        """Lambda's failure destination and the Scheduler's dead-letter queue, which use the roles' rights."""
        self.client("sqs").send_message(QueueUrl=self.failed_url, MessageBody="a failed run")

    def _poll(self, url: str) -> None:
        """What Lambda does with the role's rights: look at the queue, take a message, delete it."""
        sqs = self.client("sqs")
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        message = sqs.receive_message(QueueUrl=url)["Messages"][0]
        try:
            if url == self.stage.queue_url:  # what publish itself does where a target must wait for its turn
                SqsPublishQueue(sqs, url).postpone(message["ReceiptHandle"], 31)
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
        self.pinned = stage.s3.put_object(Bucket=CONF, Key="old.pem", Body=self.others.encode())["VersionId"]
        self.failed_url = stage.sqs.create_queue(QueueName="failed")["QueueUrl"]
        self.slack_url = stage.sqs.create_queue(QueueName="slack")["QueueUrl"]

    def _reset(self, *, published: bool) -> None:
        """The beginning again: nothing seen, a message in each queue.

        With ``published``: everything collected, and the targets as others left them, the domains with a truststore in
        a bucket that is not ours, one at its exact version and one without.
        """
        stage = self.stage
        boto3.DEFAULT_SESSION = None
        stage.watcher = stage.build()
        listed = stage.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        for each in listed:
            if each["Key"].startswith(("targets/", "bundles/", "sources/")):
                stage.s3.delete_object(Bucket=BUCKET, Key=each["Key"])
        self._empty(stage.mailbox_url, self.slack_url)
        stage.sqs.send_message(QueueUrl=self.slack_url, MessageBody="{}")
        if not published:
            return
        stage.aws.client("elbv2").modify_trust_store(TrustStoreArn=self.store, **self.bundle)
        self._point("rest", self.pinned)
        self._point("http", "")
        stage.put("extra/partner.pem", self.others)
        for _ in range(2):
            stage.collect()
        self._empty(stage.queue_url)
        stage.clock.advance(timedelta(minutes=15))

    @property
    def bundle(self) -> dict[str, str]:
        """What the trust store loaded before anybody published."""
        return {"CaCertificatesBundleS3Bucket": BUCKET, "CaCertificatesBundleS3Key": "before/alb.pem"}

    def _point(self, domain: str, version: str) -> None:
        self.stage.clock.advance(PACE)
        self.stage.aws.settle()
        settings = {"truststoreUri": f"s3://{CONF}/old.pem", "truststoreVersion": version}
        self.stage.aws.client("apigateway").update_domain_name(
            domainName=f"{domain}.example.com",
            patchOperations=[
                {"op": "replace", "path": f"/mutualTlsAuthentication/{name}", "value": value}
                for name, value in settings.items()
            ],
        )
        self.stage.aws.settle()

    def _empty(self, *urls: str) -> None:
        for url in urls:
            while taken := self.stage.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                for each in taken:
                    self.stage.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])

    def _places(self) -> dict[str, tuple[str, str]]:
        def queue(url: str) -> tuple[str, str]:
            return url, f"arn:aws:sqs:{_PLACE}:{url.rpartition('/')[2]}"

        names = ("Collect", "Publish", "Slack")
        logs = {f"{name}Logs": (name, f"arn:aws:logs:{_PLACE}:log-group:{name}:*") for name in names}
        functions = {f"{name}Function": (name, f"arn:aws:lambda:{_PLACE}:function:{name}") for name in names}
        return (logs | functions) | {
            "Bucket": (BUCKET, f"arn:aws:s3:::{BUCKET}"),
            "AlertTopic": (self.stage.topic_arn, self.stage.topic_arn),
            "PublishQueue": queue(self.stage.queue_url),
            "FailedRunsQueue": queue(self.failed_url),
            "SlackQueue": queue(self.slack_url),
        }
