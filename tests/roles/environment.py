"""An environment with all that a policy of the template may be about, and each role's work as its function does it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any, NamedTuple

import boto3
import msgspec
from botocore.exceptions import ClientError

from local.aws.distributions import set_mode
from local.aws.enforcing import Asked
from local.environment import BUCKET, Environment
from local.receiver import SlackReceiver, TeamsReceiver
from rotation_watcher import bootstrap_chat, bootstrap_door, configuration, file_sets, keys, operator_changes
from rotation_watcher.adapters.sqs import SqsPublishQueue
from rotation_watcher.authorize import authorize
from rotation_watcher.config import Watch
from rotation_watcher.digests import SETTLED
from rotation_watcher.errors import ConfigurationError
from rotation_watcher.kinds import MARK
from rotation_watcher.refresh_crls import Request, refresh_crls
from rotation_watcher.report import Request as ReportRequest
from rotation_watcher.report import changed_files, report
from rotation_watcher.slack import QueueMessage, post_all
from rotation_watcher.sources.history import Leaf
from rotation_watcher.sources.repository import load_history, load_seen
from rotation_watcher.targets.summary import TargetSummary
from tests.roles.grants import Grant, documents, grants
from tests.roles.judging import in_the_name_of
from tests.support.crls import crl_der
from tests.support.fake_crls import FakeDistributionPoints
from tests.support.functions import CHATS, LOGICAL_NAMES
from tests.support.pki import Pair, root
from tests.support.roles import Resolver

replace = msgspec.structs.replace

YEAR, PACE = timedelta(days=365), timedelta(seconds=35)
CONF = "conf-bucket"
_NOBODY = "http://127.0.0.1:1"
"""Lambda's endpoint: moto has another name for that action than IAM."""
PARTNERS = {"Field": "subject-ou", "Action": "accept", "MatchType": "exact", "Value": "Partner"}
_PLACE = "us-east-1:123456789012"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}


class Run(NamedTuple):
    """One run of a role's work: the calls that were refused to it, and everything that its policies were asked for."""

    refused: set[str]
    asked: frozenset[Asked]


def _key(name: str) -> str:
    return f"arn:aws:kms:{_PLACE}:key/{name}"


def _refused() -> Watch:
    raise ConfigurationError(["mode: a mistake"])


_DAMAGED = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
"""Something to tell at once."""


class RolesEnvironment:
    """``parameters`` are the template's; ``works`` is what each role does."""

    def __init__(self, environment: Environment, slack: SlackReceiver, teams: TeamsReceiver) -> None:
        self.environment, self.slack, self.teams = environment, slack, teams
        self.others = environment.world.region("sa-east-1").root_pem()
        self._encrypt()
        self._furnish()
        self.store = environment.add_trust_store("alb", "main", self.others)
        self.door = environment.add_listener("door", "main", self.store, [PARTNERS])
        domains = (
            environment.add_rest_domain("rest", "main", self.others),
            environment.add_http_domain("http", "main", self.others),
        )
        files = environment.add_file_place("files", "main", self.others)
        self.edge = environment.add_cloudfront_trust_store("edge", "main", self.others)
        environment.watch["bundles"][0]["extra"] = ["extra/partner.pem"]
        environment.put("extra/partner.pem", self.others)
        environment.s3.put_object(Bucket=CONF, Key="watch.json", Body=json.dumps(environment.watch).encode())
        environment.put("watch.json", json.dumps(environment.watch))  # where the environment's own watcher looks
        self.parameters = {
            "GenesysRegion": "us-east-1",
            "CredentialArns": f"{environment.secret_arn},{self.secret}",
            "TargetArns": ",".join([self.store, self.door, self.edge, *domains, files]),
            "FileBucketArns": "arn:aws:s3:::files-bucket",
            "SlackSecretArn": self.webhook,
            "TeamsSecretArn": self.workflow,
            "AmazonQTopic": "make-one",
            "WatchFileUri": f"s3://{CONF}/watch.json",
            "AdoptObjectArns": f"arn:aws:s3:::{CONF}/old.pem",
            "AuthorizerBundle": "main",
            # Four keys: moto judges no conditions, and so one grant on a key that all had would do for all.
            "KmsKeyArn": _key("secrets"),
            "BucketKmsKeyArn": _key("bucket"),
            "TopicKmsKeyArn": _key("topics"),
            "QueueKmsKeyArn": _key("queues"),
            "SubnetIds": "subnet-1",
            "SecurityGroupIds": "sg-1",
        }
        self.works: dict[str, Callable[[], None]] = {
            "CollectRole": self._collect,
            "PublishRole": self._publish,
            "RefreshCrlsRole": self._refresh_crls,
            "ReportRole": self._report,
            "SlackRole": lambda: self._chat("SLACK_SECRET_ARN", self.slack_url),
            "TeamsRole": lambda: self._chat("TEAMS_SECRET_ARN", self.teams_url),
            "AmazonQRole": lambda: self._chat("AMAZON_Q_TOPIC_ARN", self.amazon_q_url),
            "AuthorizeRole": self._authorize,
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
        self._reset(published=role in {"PublishRole", "RefreshCrlsRole", "ReportRole", "AuthorizeRole"})
        with self.acting_as(role, without), self.environment.aws.enforced_iam() as asked:
            self.environment.aws.calls.clear()
            # What a refusal does to the run is another test's matter.
            with suppress(Exception) if without else nullcontext():
                self.works[role]()
            calls = self.environment.aws.calls.snapshot()
        refused = {f"{call.service}:{call.operation} {call.resource}" for call in calls if call.status == 403}
        return Run(refused, frozenset(asked))

    @contextmanager
    def acting_as(self, role: str, without: Grant | None = None) -> Iterator[None]:
        """The environment and SDK of a process that has assumed the role."""
        iam = self.environment.aws.client("iam")
        with suppress(ClientError):
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(_TRUST))
        for name, text in self.documents(role, without).items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)
        arn = f"arn:aws:iam::123456789012:role/{role}"
        with in_the_name_of(self.environment.aws, arn, WATCH_FILE_URI=f"s3://{CONF}/watch.json"):
            yield

    def client(self, service: str) -> Any:
        """A client with the credentials that are in the environment."""
        return boto3.client(service, endpoint_url=self.environment.aws.url)  # type: ignore[call-overload]  # any service

    # The functions' work, and what AWS does with their roles

    def _collect(self) -> None:
        self.environment.watcher = watcher = self.environment.build()
        ports = watcher.collect
        configuration.keep(watcher.watch, watcher.parse, ports.store, ports.sink, ports.clock, dry_run=False)
        with suppress(ConfigurationError):  # publish has accepted none yet
            configuration.keep(_refused, watcher.parse, ports.store, ports.sink, ports.clock, dry_run=False)
        self._undelivered(9)
        for _ in range(2):  # the second run finds alerts that wait
            looked = self.environment.collect()
            self.environment.aws.faults.clear()
            assert set(looked.sources) == {"use1", "euc1"}
        region = self.environment.world.region("us-east-1")
        region.schedule_rotation("Genesys", self.environment.clock() + timedelta(minutes=5), root="new")
        with self.environment.aws.unenforced_iam():
            region.root_pem(ahead=1)
            roots = "".join(each.root.pem() for each in region.private_roots())  # an old root stays an anchor
            self.environment.put("anchors/us-east-1.pem", roots)
        for _ in range(3):  # an issuer that changed: what targets hold is read
            self.environment.clock.advance(timedelta(minutes=15))
            self.environment.collect()
        self._report_failed_run()

    def _undelivered(self, times: int) -> None:
        """Alerts that are due now wait for the next run."""
        self.environment.aws.fail_next("sns", "Publish", "InvalidParameter", times=times)

    def _publish(self) -> None:
        environment = self.environment
        environment.watcher = environment.build()
        with environment.aws.unenforced_iam():
            ports = replace(environment.watcher.refresh_crls, points=self._lists(lambda leaf: bool(leaf.lifted)))
            summary = refresh_crls(environment.watcher.watch(), Request(), ports)
            assert len(summary.revoked) == 1, summary
            self._empty(environment.queue_url)
        environment.watcher = environment.build()
        environment.publish(sweep=True)
        self._poll(environment.queue_url)
        for target in ("alb", "rest", "http", "door", "files", "edge"):
            self._updates(target)
        with environment.aws.unenforced_iam():  # a distribution that is in no listing of its trust store any more
            set_mode(environment.aws.client("cloudfront"), environment.distribution, {"Mode": "passthrough"})
        environment.clock.advance(PACE)
        environment.publish("edge")
        with environment.aws.unenforced_iam():
            another = environment.world.region("ap-south-1").root_pem()
            environment.put("extra/partner.pem", self.others + another + _DAMAGED)
            environment.clock.advance(timedelta(minutes=1))
            ports = replace(environment.watcher.refresh_crls, points=self._lists(lambda leaf: bool(leaf.lifted)))
            assert not refresh_crls(environment.watcher.watch(), Request(), ports).broken
        environment.clock.advance(timedelta(hours=1))
        self._undelivered(9)
        assert self._updates("alb").undelivered
        environment.aws.faults.clear()
        back = environment.publish(rollback="alb").targets["alb"].outcome
        assert back == "rolled-back", back
        self._report_failed_run()

    def _refresh_crls(self) -> None:
        """Two runs: the second reads what the first has kept. A leaf is revoked, so that there is something to tell."""
        environment = self.environment
        environment.watcher = environment.build()
        with environment.aws.unenforced_iam():  # leaves are pinned
            environment.publish("alb")
        ports = replace(environment.watcher.refresh_crls, points=self._lists(lambda _: True))
        with suppress(ConfigurationError):  # publish has accepted none yet
            configuration.in_use(_refused, environment.watcher.parse, ports.store, dry_run=True)
        watch = environment.watcher.watch()
        # Of a region that no catalogue names the pins say whose the leaves are.
        unknown = replace(watch.sources[1], region="xx-north-1", anchors="anchors/eu-central-1.pem")
        watch = replace(watch, sources=(watch.sources[0], unknown))
        self._undelivered(9)
        for waits in (True, False):  # the second run finds alerts that wait
            summary = refresh_crls(watch, Request(), ports)
            environment.aws.faults.clear()
            assert len(summary.revoked) >= 2, summary
            assert (bool(summary.undelivered), summary.broken) == (waits, []), summary
        self._lose_a_pinned_leaf()  # what publish has noted of it is read instead
        summary = refresh_crls(watch, Request(), replace(ports, store=environment.build().store))
        assert summary.broken == [], summary
        self._report_failed_run()

    def _lists(self, revoked: Callable[[Leaf], bool]) -> FakeDistributionPoints:
        """The CAs' lists with those of the leaves that are revoked."""
        points, now = FakeDistributionPoints(), self.environment.clock()
        for source in self.environment.watcher.watch().sources:
            name = source.region
            state = load_history(self.environment.watcher.store, source)
            assert state is not None
            leaves = [leaf for leaf in state.authorities["Genesys"].leaves.values() if revoked(leaf)]
            ends = now + timedelta(days=7)
            for issuer in self.environment.world.region(name).private_roots():
                root = Pair(issuer.root.certificate, issuer.root.key)
                subject = issuer.root.certificate.subject.rfc4514_string()
                serials = [int(leaf.facts.serial, 16) for leaf in leaves if leaf.facts.issuer == subject]
                points.publish(issuer.crl_url, crl_der(root, serials, this_update=now, next_update=ends))
        return points

    def _lose_a_pinned_leaf(self) -> None:
        with self.environment.aws.unenforced_iam():
            (noted,) = self.environment.s3.list_objects_v2(Bucket=BUCKET, Prefix="targets/.pinned/", MaxKeys=1)[
                "Contents"
            ]
            name = noted["Key"].rpartition("/")[2]
            for source in ("use1", "euc1"):
                self.environment.s3.delete_object(Bucket=BUCKET, Key=f"sources/{source}/seen/{name}")

    def _updates(self, target: str) -> TargetSummary:
        """Publish brings the target up to date; two domains cannot be updated within half a minute."""
        self.environment.clock.advance(PACE)
        summary = self.environment.publish(target).targets[target]
        assert summary.outcome == "updated", summary
        return summary

    def _chat(self, variable: str, queue_url: str) -> None:
        arn = {
            "SLACK_SECRET_ARN": self.parameters["SlackSecretArn"],
            "TEAMS_SECRET_ARN": self.parameters["TeamsSecretArn"],
            "AMAZON_Q_TOPIC_ARN": self.amazon_q_topic,
        }[variable]
        outcome = post_all([QueueMessage("1", "somebody published this")], bootstrap_chat.build({variable: arn}))
        assert outcome.posted == 1, outcome
        self._poll(queue_url)

    def _authorize(self) -> None:
        """Read the policy, a manifest and its index; then note that a look is asked for."""
        environment = self.environment
        environment.watcher = environment.build()
        with environment.aws.unenforced_iam():
            ports = replace(environment.watcher.refresh_crls, points=self._lists(lambda _: False))
            environment.publish("alb")
            refresh_crls(environment.watcher.watch(), Request(), ports)
            environment.publish("alb")
            state = load_history(environment.watcher.store, environment.watcher.watch().sources[0])
            environment.s3.delete_object(Bucket=BUCKET, Key="wakes/use1.json")
        assert state is not None
        leaf = next(one for one in state.authorities["Genesys"].leaves.values() if not one.lifted)
        with environment.aws.unenforced_iam():
            held = load_seen(environment.watcher.store, "use1", (leaf.facts.fingerprint,))
        assert held is not None
        environment.aws.calls.clear()
        variables = {"BUCKET": BUCKET, "BUNDLE": "main", "COLLECT_FUNCTION": "Collect", "AWS_REGION": "us-east-1"}
        door = bootstrap_door.build(
            {**os.environ, "AWS_ENDPOINT_URL": environment.aws.url, "AWS_ENDPOINT_URL_LAMBDA": _NOBODY, **variables},
            clock=environment.clock,
            log=lambda _: None,
        )
        event = {"type": "REQUEST", "methodArn": "arn:a", "requestContext": {"identity": {"clientCert": {}}}}
        event["requestContext"]["identity"]["clientCert"]["clientCertPem"] = held[0].pem  # type: ignore[index]
        answer = authorize(event, door)
        assert answer["context"]["reason"] == "pinned", answer
        assert "remark" not in answer["context"], answer
        door.waker.wake("use1")

    def _changed_files(self) -> None:
        """People write below every folder that is theirs, and somebody breaks what report has seen of it."""

        def look() -> operator_changes.Told:
            told = changed_files(ReportRequest(), self.environment.build().report())
            assert told.failed == (), told.failed
            return told

        files = ("anchors/sa-east-1.pem", f"approvals/{'0a' * 32}.json", "extra/others.pem")
        look()
        for number, broken in enumerate((False, True)):
            with self.environment.aws.unenforced_iam():
                for key in files:
                    self.environment.put(key, f"{number}{self.environment.clock()}{self.others}")
                if broken:
                    self.environment.put(keys.OPERATOR_FILES, "{")
            assert look().changed == files

    def _report(self) -> None:
        """Runs over all that there is to read: each compares with what the one before has written.

        A CA of a partner's ends, so there is something to tell.
        """
        environment = self.environment
        environment.watcher = watcher = environment.build()
        with environment.aws.unenforced_iam():
            ports = replace(watcher.refresh_crls, points=self._lists(lambda _: False))
            ending = root("Partner", start=environment.clock() - YEAR, end=environment.clock() + timedelta(days=80))
            environment.put("extra/partner.pem", self.others + ending.pem)
            environment.publish("alb")
            refresh_crls(watcher.watch(), Request(), ports)
            environment.publish("alb")
            configuration.in_use(watcher.watch, watcher.parse, watcher.store, dry_run=False)  # publish accepts it
        environment.aws.calls.clear()
        with suppress(ConfigurationError):  # what publish has accepted is read, and collect has accepted none
            configuration.in_use(_refused, watcher.parse, watcher.report().store, dry_run=True)
        self._changed_files()
        watch = watcher.watch()
        self._undelivered(9)
        # An end waits for a digest; that is refused, and then taken; what was told is on the page of the next run.
        for written, waits in ((2, False), (2, True), (0, False), (2, False), (0, False)):
            summary = report(watch, ReportRequest(), environment.build().report())
            assert summary.unreadable == [], summary
            assert (len(summary.written), bool(summary.undelivered)) == (written, waits), summary
            if summary.undelivered:
                environment.aws.faults.clear()
            environment.clock.advance(SETTLED)
        self._report_failed_run()

    def _report_failed_run(self) -> None:
        """Lambda's failure destination and the Scheduler's dead-letter queue, which use the roles' rights."""
        self.client("sqs").send_message(QueueUrl=self.failed_url, MessageBody="a failed run")

    def _poll(self, url: str) -> None:
        """What Lambda does with the role's rights: poll the queue, take a message, delete it."""
        sqs = self.client("sqs")
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        message = sqs.receive_message(QueueUrl=url)["Messages"][0]
        try:
            if url == self.environment.queue_url:  # what publish itself does where a target must wait for its turn
                SqsPublishQueue(sqs, url).postpone(message["ReceiptHandle"], 31)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        finally:
            with self.environment.aws.unenforced_iam():  # a message in flight would hold up its group in the next run
                self.environment.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    # What is there

    def _encrypt(self) -> None:
        """Keys for what the stack's template makes, as it does."""
        self.environment.aws.encrypt_bucket(BUCKET, _key("bucket"))
        self.environment.sqs.set_queue_attributes(
            QueueUrl=self.environment.queue_url, Attributes={"KmsMasterKeyId": _key("queues")}
        )
        self.environment.aws.client("sns").set_topic_attributes(
            TopicArn=self.environment.topic_arn, AttributeName="KmsMasterKeyId", AttributeValue=_key("topics")
        )

    def _furnish(self) -> None:
        environment = self.environment
        environment.world.region("us-east-1", days_left=92)
        environment.world.region("eu-central-1")
        environment.add_source("use1", "us-east-1")
        environment.add_source("euc1", "eu-central-1")
        environment.add_bundle("main", ["use1", "euc1"])
        region = environment.world.region("us-east-1")
        now = environment.clock()
        key = environment.world.keys.rsa("somebody")
        other = region.issuer("Genesys").leaf("somebody.example.com", key, now - YEAR, now + YEAR)
        region.extra_entities.append(region.entity(other, "Genesys", "Upcoming"))
        environment.put(
            f"approvals/{other.fingerprint}.json", '{"by": "Ada", "why": "a test", "reasons": ["name-mismatch"]}'
        )
        secrets, ssm = environment.aws.client("secretsmanager"), environment.aws.client("ssm")
        oauth = ssm.get_parameter(Name="/genesys/oauth", WithDecryption=True)["Parameter"]["Value"]
        kept: Any = {"Type": "SecureString", "KeyId": _key("secrets")}
        ssm.put_parameter(Name="/genesys/oauth", Value=oauth, Overwrite=True, **kept)
        self.secret = secrets.create_secret(Name="genesys", SecretString=oauth, KmsKeyId=_key("secrets"))["ARN"]
        environment.watch["sources"][1]["credentials"] = self.secret
        ssm.put_parameter(Name="/genesys/slack", Value=self.slack.url, **kept)
        self.webhook = ssm.get_parameter(Name="/genesys/slack")["Parameter"]["ARN"]
        self.webhook_secret = secrets.create_secret(Name="slack", SecretString=self.slack.url)["ARN"]
        ssm.put_parameter(Name="/genesys/teams", Value=self.teams.url, **kept)
        self.workflow = ssm.get_parameter(Name="/genesys/teams")["Parameter"]["ARN"]
        self.amazon_q_topic = environment.aws.client("sns").create_topic(
            Name="amazon-q", Attributes={"KmsMasterKeyId": _key("topics")}
        )["TopicArn"]
        environment.aws.make_bucket(CONF)
        self.pinned = environment.s3.put_object(Bucket=CONF, Key="old.pem", Body=self.others.encode())["VersionId"]
        self.failed_url, self.slack_url, self.teams_url, self.amazon_q_url = (
            environment.sqs.create_queue(QueueName=name, Attributes={"KmsMasterKeyId": _key("queues")})["QueueUrl"]
            for name in ("failed", "slack", "teams", "amazon-q")
        )

    def _restore_edge(self) -> None:
        """The trust store of CloudFront as others left it, and what they say of it."""
        client, name = self.environment.aws.client("cloudfront"), self.edge.rpartition("/")[2]
        set_mode(
            client,
            self.environment.distribution,
            {"Mode": "required", "TrustStoreConfig": {"TrustStoreId": name}},
        )
        place = {"Bucket": BUCKET, "Key": "before/edge.pem", "Region": "us-east-1"}
        etag = client.update_trust_store(
            Id=name,
            IfMatch=client.get_trust_store(Identifier=name)["ETag"],
            CaCertificatesBundleSource={"CaCertificatesBundleS3Location": place},
        )["ETag"]
        self.environment.put(keys.adopted(name, etag), self.others)

    def _reset(self, *, published: bool) -> None:
        """The beginning again: nothing seen, a message in each queue.

        With ``published``: everything collected, and the targets as others left them, the domains with a truststore in
        a bucket that is not ours, one at its exact version and one without.
        """
        environment = self.environment
        boto3.DEFAULT_SESSION = None
        environment.watcher = environment.build()
        for prefix in ("targets/", "bundles/", "sources/", "crls/", "status/"):
            listed = environment.s3.list_object_versions(Bucket=BUCKET, Prefix=prefix)
            there = [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
            if there:  # no marker is left: of state that somebody has deleted people are told
                gone: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in there]
                environment.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": gone, "Quiet": True})
        chats = (self.slack_url, self.teams_url, self.amazon_q_url)
        self._empty(environment.mailbox_url, *chats)
        for url in chats:
            environment.sqs.send_message(QueueUrl=url, MessageBody="{}")
        if not published:
            return
        environment.aws.client("elbv2").modify_trust_store(TrustStoreArn=self.store, **self.bundle)
        for marked in (self.store, self.door):
            environment.aws.client("elbv2").remove_tags(ResourceArns=[marked], TagKeys=[MARK])
        mutual = {"Mode": "verify", "TrustStoreArn": self.store, "ClientCertificateIdentityFilters": [PARTNERS]}
        environment.aws.client("elbv2").modify_listener(ListenerArn=self.door, MutualAuthentication=mutual)
        self._restore_edge()
        self._point("rest", self.pinned)
        self._point("http", "")
        for name in file_sets.TYPES:
            environment.s3.delete_object(Bucket="files-bucket", Key=f"genesys/prod/{name}")
        environment.put("extra/partner.pem", self.others)
        for _ in range(2):
            environment.collect()
        self._empty(environment.queue_url)
        environment.clock.advance(timedelta(minutes=15))

    @property
    def bundle(self) -> dict[str, str]:
        """What the trust store loaded before anybody published."""
        return {"CaCertificatesBundleS3Bucket": BUCKET, "CaCertificatesBundleS3Key": "before/alb.pem"}

    def _point(self, domain: str, version: str) -> None:
        self.environment.clock.advance(PACE)
        self.environment.aws.settle()
        settings = {"truststoreUri": f"s3://{CONF}/old.pem", "truststoreVersion": version}
        self.environment.aws.client("apigateway").update_domain_name(
            domainName=f"{domain}.example.com",
            patchOperations=[
                {"op": "replace", "path": f"/mutualTlsAuthentication/{name}", "value": value}
                for name, value in settings.items()
            ],
        )
        self.environment.aws.settle()

    def _empty(self, *urls: str) -> None:
        for url in urls:
            while taken := self.environment.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                for each in taken:
                    self.environment.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])

    def _places(self) -> dict[str, tuple[str, str]]:
        def queue(url: str) -> tuple[str, str]:
            return url, f"arn:aws:sqs:{_PLACE}:{url.rpartition('/')[2]}"

        names = {*LOGICAL_NAMES.values(), *CHATS}
        logs = {f"{name}Logs": (name, f"arn:aws:logs:{_PLACE}:log-group:{name}:*") for name in names}
        functions = {f"{name}Function": (name, f"arn:aws:lambda:{_PLACE}:function:{name}") for name in names}
        return (logs | functions) | {
            "State": (BUCKET, f"arn:aws:s3:::{BUCKET}"),
            "AlertTopic": (self.environment.topic_arn, self.environment.topic_arn),
            "PublishQueue": queue(self.environment.queue_url),
            "FailedRunsQueue": queue(self.failed_url),
            "FileEventsQueue": queue(self.environment.file_events_url),
            "AmazonQAlertTopic": (self.amazon_q_topic, self.amazon_q_topic),
            "SlackQueue": queue(self.slack_url),
            "TeamsQueue": queue(self.teams_url),
            "AmazonQQueue": queue(self.amazon_q_url),
        }
