"""A whole world whose every secret is a canary: OAuth client, tokens, webhook, AWS credentials, signed URLs, a key."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from local.environment import BUCKET, SECRET_NAME, Environment
from local.genesys.keys import DEFAULT_CACHE
from local.receiver import SlackReceiver
from rotation_watcher.alerts import mail, slack_blocks
from rotation_watcher.slack import message_of
from tests.secrets import canaries
from tests.secrets.canaries import Scan
from tests.support.functions import Context, load
from tests.support.pki import rsa_key


@dataclass
class CanaryEnvironment:
    """The world, what is secret in it, and what was said so far by exceptions, answers and reprs."""

    environment: Environment
    slack: SlackReceiver
    token: str
    client_secret: str
    webhook_path: str
    key_pem: str
    aws: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)
    scanned: set[str] = field(default_factory=set)
    looked_at: set[str] = field(default_factory=set)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """One call of a function as in a new container; its answer, or the exception that Lambda would log."""
        try:
            answer = load(function).handler(event, Context())
        except Exception as error:  # noqa: BLE001 - whatever it is, Lambda prints it
            self.hear_error(function, error)
            return error
        self.hear(function, json.dumps(answer, default=str))
        return answer

    def hear_error(self, where: str, error: BaseException) -> None:
        """Keep what an exception says and carries."""
        self.hear(where, "".join(traceback.format_exception(error)) + _all_of(error))

    def hear(self, where: str, text: str) -> None:
        """Keep something that was said, to be scanned."""
        self.said[f"{where} {len(self.said)}"] = text

    def scan(self) -> Scan:
        """All secrets of this moment."""
        key_body = "".join(line for line in self.key_pem.splitlines() if not line.startswith("-----"))
        found = {
            "client secret": self.client_secret,
            "played token": self.token,
            "webhook": self.webhook_path,
            "private key": key_body[80:400],  # the head is alike in all keys
        } | self.aws
        service, downloads = self.environment.simulator.service, self.environment.aws._downloads
        found |= {f"token {number}": value for number, value in enumerate(service._tokens)}
        offers = enumerate(downloads._offers.values())
        found |= {f"signature {number}": offer.signature for number, offer in offers}
        return Scan(found, {"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "BEGIN PRIVATE KEY"})

    def surfaces(self) -> dict[str, str]:
        """Everything that was written, sent, posted or said since the last time; empties the queues."""
        environment = self.environment
        listed = environment.s3.list_object_versions(Bucket=BUCKET).get("Versions", [])
        fresh = [(each["Key"], each["VersionId"]) for each in listed if each["VersionId"] not in self.scanned]
        self.scanned |= {version for _, version in fresh}
        found = {f"s3 {key} {version}": self._object(key, version) for key, version in fresh}
        alerts = environment.new_alerts()
        found |= {f"mail {alert.id}": mail.subject(alert) + mail.text(alert) for alert in alerts}
        found |= {f"sns {number}": body for number, body in enumerate(_bodies(self, alerts))}
        found |= {f"queue {number}": body for number, body in enumerate(environment._receive(environment.queue_url))}
        found |= {f"slack {number}": json.dumps(payload) for number, payload in enumerate(self.slack.payloads)}
        return found | self.said

    def _object(self, key: str, version: str) -> str:
        body = self.environment.s3.get_object(Bucket=BUCKET, Key=key, VersionId=version)["Body"].read()
        return str(body.decode("utf-8", "replace"))


def _bodies(canary: CanaryEnvironment, alerts: list[Any]) -> Iterator[str]:
    for alert in alerts:
        body = msgspec.json.encode(alert).decode()
        yield body
        canary.hear("payload", json.dumps(slack_blocks.render(message_of(body))))


def _all_of(error: BaseException) -> str:
    """What an exception and those behind it carry, beside their text."""
    words: list[str] = []
    chain: BaseException | None = error
    while chain is not None:
        words.append(repr((chain, chain.args, getattr(chain, "__dict__", {}))))
        chain = chain.__cause__ or chain.__context__
    return "\n".join(words)


@pytest.fixture(scope="module")
def world() -> Iterator[CanaryEnvironment]:
    """One world for all tests of a module: the source use1, an ALB trust store, Slack."""
    aws = {"AWS secret key": canaries.plain(), "AWS session token": canaries.plain() + canaries.plain()}
    path = canaries.plain()
    with (
        Environment(_now(), DEFAULT_CACHE, clock=_now, world={"root_key_bits": 2048}) as environment,
        SlackReceiver() as slack,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("AWS_SECRET_ACCESS_KEY", aws["AWS secret key"])
        patch.setenv("AWS_SESSION_TOKEN", aws["AWS session token"])
        patch.setenv("POWERTOOLS_SERVICE_NAME", "watcher")
        patch.setenv("POWERTOOLS_METRICS_NAMESPACE", "watcher")
        patch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # one that a test made before knows other credentials
        canary = CanaryEnvironment(
            environment=environment,
            slack=slack,
            token=canaries.plain(),
            client_secret=canaries.new(),
            webhook_path=path,
            key_pem="",
            aws=aws,
        )
        canary.key_pem = _key_pem()
        environment.simulator.add_client(environment.simulator.client_id, canary.client_secret)
        environment.world.region("us-east-1")
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        environment.add_trust_store("alb", "main", environment.world.region("sa-east-1").root_pem())
        environment.configure()
        webhook = slack.url.partition("/services")[0] + f"/services/{path}"
        ssm = environment.aws.client("ssm")
        ssm.put_parameter(Name="/slack/webhook", Type="SecureString", Value=webhook)
        patch.setenv("SLACK_SECRET_ARN", ssm.get_parameter(Name="/slack/webhook")["Parameter"]["ARN"])
        yield canary


def _now() -> datetime:
    """The wall's clock, by which the functions go."""
    return datetime.now(UTC)


def _key_pem() -> str:
    return rsa_key(2048, 77).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def canary(
    world: CanaryEnvironment,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[CanaryEnvironment, Callable[[], list[str]]]:
    """The world with good credentials, every logger at DEBUG, and the search over all that came of a test."""
    world.said.clear()
    world.slack.payloads.clear()
    world.slack.answers.clear()
    world.environment.simulator.clear()
    world.environment.aws.faults.clear()
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    store(world, json.dumps({"client_id": world.environment.simulator.client_id, "client_secret": world.client_secret}))
    capfd.readouterr()

    def leaks() -> list[str]:
        printed = capfd.readouterr()
        found = world.surfaces() | {"logging": caplog.text, "stdout": printed.out, "stderr": printed.err}
        world.looked_at = {where.split()[0] for where, text in found.items() if text}
        assert world.looked_at
        return world.scan().leaks(found)

    return world, leaks


def store(canary: CanaryEnvironment, secret: str) -> None:
    """Store another text as the OAuth client's secret."""
    canary.environment.aws.client("ssm").put_parameter(
        Name=SECRET_NAME, Type="SecureString", Value=secret, Overwrite=True
    )
