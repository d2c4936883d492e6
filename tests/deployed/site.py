"""An operator's place of work: a shell in a checkout, an account with two things to keep up to date, and mailboxes."""

import json
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import pexpect

from local import authorizer
from local.aws.https_listener import make_https_listener
from local.cloud.cloud import ROOT, Cloud
from local.cloud.mailbox import Mailbox
from local.environment import variables_set
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.region import Authority
from local.patience import Limit, seconds
from local.receiver import SlackReceiver
from rotation_watcher import bootstrap, keys, refresh_crls
from rotation_watcher.alerts.model import Alert
from tests.support.verdicts import admits
from tests.support.words import word

REGION = "us-east-1"
STACK = "genesys-certificate-watcher"
MINUTE = 0.5
"""Seconds: how long a minute of the schedules lasts here. Every 15 minutes is every 7.5 seconds."""
BOLD_OFF, DEFAULT = r"(?:\x1b\[0m)?", r"\[[^\]\n\x1b]*\]"
"""How SAM's form prints a question: the parameter's name in bold, then its default in brackets."""
PATIENCE = 60.0
"""Seconds that anything may take that the stack does unaided."""


class Site:
    """The account before anything is deployed, and an operator in front of it, as a context manager."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self.folder = folder
        self.tell = tell
        self.alerts: list[Alert] = []
        self.former_bucket = ""
        """That of a stack that was removed."""
        self.rotates_at = datetime.now(UTC)
        """When Genesys presents what its API announced."""
        self._kept: set[str] = set()
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.cloud = stack.enter_context(Cloud(DEFAULT_CACHE, minute=MINUTE, region=REGION))
            self.mailbox = stack.enter_context(Mailbox())
            self.slack = stack.enter_context(SlackReceiver())
            self.genesys = self.cloud.world.region(REGION, days_left={"Genesys": 200, "DigiCert": 200})
            self.others = self.cloud.world.region("sa-east-1").root_pem()
            self._furnish()
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        kept = ROOT / "build" / "deployed"
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.cloud.log, kept)
        self._exit.close()

    # What the operator has

    def environment(self) -> dict[str, str]:
        """The shell's. The layers are built for the processor of this machine; a user deploys for arm64."""
        path = [ROOT / "tests/support/aws2", ROOT / ".venv-sam/bin", os.environ["PATH"]]
        return {
            **os.environ,
            **self.cloud.environment(),
            "PATH": os.pathsep.join(map(str, path)),
            "LAYER_ARCHITECTURE": "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64",
            "TERM": "dumb",
            "NO_COLOR": "1",
        }

    def run(self, command: str) -> str:
        """Run one line of shell in the checkout; what it printed. Raises AssertionError if it failed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds(240),
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{self._log()}"
        return done.stdout

    def fill_in(self, command: str, answers: dict[str, str]) -> str:
        """Run a command that asks for parameters; answer some and take the default for the rest. What was seen."""
        program, *arguments = command.split()
        child = pexpect.spawn(
            program,
            arguments,
            cwd=str(self.folder),
            env=self.environment(),
            timeout=int(seconds(180)),
            encoding="utf-8",
        )
        child.setwinsize(50, 200)
        seen, asked = "", set()
        while True:
            which = child.expect([rf"Parameter (\w+){BOLD_OFF} {DEFAULT}: ", f"{DEFAULT}: ", pexpect.EOF])
            seen += f"{child.before}{child.after if which != 2 else ''}"
            if which == 2:
                break
            name = child.match[1] if which == 0 and isinstance(child.match, re.Match) else ""
            asked.add(name)
            child.sendline(answers.get(name, ""))
        child.close()
        failed = [line for line in seen.splitlines() if "_FAILED" in line]
        assert child.exitstatus == 0, "\n".join([*failed, seen[-3000:]])
        assert set(answers) <= asked, f"never asked for: {set(answers) - asked}"
        return seen

    @property
    def outputs(self) -> dict[str, str]:
        return self.cloud.outputs(STACK)

    @property
    def parameters(self) -> dict[str, str]:
        described = self.cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        return {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}

    @property
    def bucket(self) -> str:
        return self.outputs["BucketName"]

    # What there is to read

    def record(self, arn: str, bucket: str) -> dict[str, Any]:
        """The record of a target."""
        key = keys.record(keys.target(arn))
        found: dict[str, Any] = json.loads(self.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        return found

    def new_alerts(self) -> list[Alert]:
        """The alerts that came since the last call, and those that wait for a digest since then."""
        queue, arrived = self.cloud.client("sqs"), []
        while messages := queue.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                arrived.append(msgspec.json.decode(message["Body"], type=Alert))
                queue.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        arrived += self._waiting()
        self.alerts += arrived
        return arrived

    def _waiting(self) -> Iterator[Alert]:
        s3 = self.cloud.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=keys.ALERT_LOG)
        for key in (one["Key"] for page in pages for one in page.get("Contents", [])):
            if keys.told_of(key)[1] is not keys.Waits.NOT and key not in self._kept:
                self._kept.add(key)
                yield msgspec.json.decode(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read(), type=Alert)

    def wait_for(self, what: str, until: Callable[[], Any], patience: float = PATIENCE) -> float:
        """Wait until the stack has done something unaided; the seconds that it took."""
        start, limit = time.monotonic(), Limit(patience)
        while not until():
            self.new_alerts()
            waited = time.monotonic() - start
            assert not limit.over(), f"{what}: not within {patience} quiet seconds ({waited:.0f} s); {self._log()}"
            time.sleep(0.5)
        self.new_alerts()
        return time.monotonic() - start

    def kinds(self) -> list[str]:
        """The kinds of all alerts so far, in their order."""
        return [word(alert) for alert in self.alerts]

    def admits_presented(self, arn: str, *authorities: Authority) -> bool:
        """Whether a target lets in, by OpenSSL's verdict, what Genesys presents now."""
        bundle = self.cloud.aws.live_bundle(arn)
        now = datetime.now(UTC)
        return bundle is not None and all(admits(bundle, self.genesys.presented(each), now) for each in authorities)

    def decide(self, pem: str) -> tuple[bool, str]:
        """What the stack's authorizer answers an HTTP API about a client certificate, and its reason."""
        function = self.outputs["AuthorizerArn"].rpartition(":")[2]
        said = self.cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(authorizer.event(pem)))
        return authorizer.verdict(json.loads(said["Payload"].read()))

    def attach_authorizer(self) -> None:
        """As the README says, for a REST API; its operation asks it once the API is deployed again."""
        asked = authorizer.uri(self.outputs["AuthorizerArn"], REGION)
        authorizer.attach_to_rest(self.cloud.client("apigateway"), self.api, "live", asked)

    def refresh_crls(self) -> None:
        """What the function does, but for where it asks: the simulator's lists lie at no public address."""
        function = self.cloud.client("lambda").list_functions()["Functions"]
        (variables,) = (one["Environment"]["Variables"] for one in function if "RefreshCrls" in one["FunctionName"])
        shell = {name: value for name, value in self.environment().items() if name.startswith("AWS_")}
        with variables_set(shell):
            watcher = bootstrap.build(environment=variables | shell)
            ports = msgspec.structs.replace(watcher.refresh_crls, points=self.cloud.world.lists)
            refresh_crls.refresh_crls(watcher.watch(), refresh_crls.Request(), ports)

    def subscribe(self) -> None:
        """Listen to the alert topic: a mailbox that must confirm, and a queue that keeps the alerts as data."""
        sns, sqs = self.cloud.client("sns"), self.cloud.client("sqs")
        topic = self.outputs["TopicArn"]
        self._queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=self.mailbox.url)

    def _furnish(self) -> None:
        """A load balancer with a trust store, and an API behind a domain, each with a certificate of somebody else."""
        s3, ssm = self.cloud.client("s3"), self.cloud.client("ssm")
        s3.create_bucket(Bucket="platform")
        s3.put_bucket_versioning(Bucket="platform", VersioningConfiguration={"Status": "Enabled"})
        version = s3.put_object(Bucket="platform", Key="mtls/others.pem", Body=self.others.encode())["VersionId"]
        elb, rest = self.cloud.client("elbv2"), self.cloud.client("apigateway")
        where = {"CaCertificatesBundleS3Bucket": "platform", "CaCertificatesBundleS3Key": "mtls/others.pem"}
        store = elb.create_trust_store(Name="genesys-clients", CaCertificatesBundleS3ObjectVersion=version, **where)
        self.trust_store = str(store["TrustStores"][0]["TrustStoreArn"])
        verify = {"Mode": "verify", "TrustStoreArn": self.trust_store}
        make_https_listener(self.cloud.aws, name="edge", mutual_authentication=verify)
        certificate = self.cloud.aws.client("acm").request_certificate(DomainName="api.example.com")["CertificateArn"]
        self.api = api = rest.create_rest_api(name="api", disableExecuteApiEndpoint=True)["id"]
        rest.create_domain_name(
            domainName="api.example.com",
            regionalCertificateArn=certificate,
            endpointConfiguration={"types": ["REGIONAL"]},
            securityPolicy="TLS_1_2",
            mutualTlsAuthentication={"truststoreUri": "s3://platform/mtls/others.pem", "truststoreVersion": version},
        )
        root = rest.get_resources(restApiId=api)["items"][0]["id"]
        rest.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        rest.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
        rest.create_deployment(restApiId=api, stageName="live")
        rest.create_base_path_mapping(domainName="api.example.com", restApiId=api, stage="live")
        self.domain = f"arn:aws:apigateway:{REGION}::/domainnames/api.example.com"
        self.slack_secret = self._parameter(ssm, "/genesys/slack", self.slack.url)
        secret = {"client_id": self.cloud.simulator.client_id, "client_secret": self.cloud.simulator.client_secret}
        (self.folder / "oauth.json").write_text(json.dumps(secret))
        (self.folder / "root.pem").write_text(self.genesys.root_pem())

    def _parameter(self, ssm: Any, name: str, value: str) -> str:
        ssm.put_parameter(Name=name, Type="SecureString", Value=value)
        return str(ssm.get_parameter(Name=name)["Parameter"]["ARN"])

    def resource(self, logical_id: str) -> str:
        """The physical id of a resource of the stack."""
        found = self.cloud.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def _log(self) -> str:
        return self.cloud.log.read_text()[-4000:]
