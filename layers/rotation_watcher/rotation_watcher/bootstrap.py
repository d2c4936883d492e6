"""Build what the functions need: the one place where adapters are chosen and the environment is read.

What is costly or keeps state over warm invocations (clients, the token cache) is built once a container; the watch
file is read at every run, so that a change of it needs no deployment.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from rotation_watcher import collect, config, publish, settings
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.api_gateway import ApiGatewayDomains
from rotation_watcher.adapters.genesys import Genesys, make_client
from rotation_watcher.adapters.remembering import RememberingStore
from rotation_watcher.adapters.s3 import S3Store
from rotation_watcher.adapters.secrets import AwsSecrets
from rotation_watcher.adapters.slack import SlackWebhook
from rotation_watcher.adapters.sns import SnsSink
from rotation_watcher.adapters.sqs import SqsPublishQueue
from rotation_watcher.adapters.trust_store import AlbTrustStores
from rotation_watcher.arns import TargetKind
from rotation_watcher.config import Watch
from rotation_watcher.errors import ConfigurationError
from rotation_watcher.ports import Clock, Metrics, ObjectStore, Wait
from rotation_watcher.settings import Settings


def utc_now() -> datetime:
    """The wall clock, aware UTC."""
    return datetime.now(UTC)


def sleep(seconds: float) -> None:
    """Real waiting."""
    time.sleep(seconds)


class Watcher(NamedTuple):
    """Everything that collect and publish need, built from one environment."""

    settings: Settings
    store: ObjectStore
    files: ObjectStore | None
    collect: collect.Ports
    publish: publish.Ports

    def watch(self) -> Watch:
        """The watch file as it is now. Raises ConfigurationError listing every mistake, StoreError."""
        chosen = self.settings
        if self.files is None:
            return config.simple(
                mode=chosen.mode,
                region=chosen.genesys_region,
                authorities=chosen.authorities,
                credentials=chosen.credential_arns,
                targets=chosen.target_arns,
                stack_region=chosen.region,
            )
        key = urlsplit(chosen.watch_file).path.lstrip("/")
        stored = self.files.get(key)
        if stored is None:
            raise ConfigurationError([f"{chosen.watch_file}: does not exist, or this function may not read it"])
        return config.load(stored.body, stack_region=chosen.region)


def build(
    metrics: Metrics,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock = utc_now,
    wait: Wait = sleep,
) -> Watcher:
    """Build collect and publish. Raises ConfigurationError naming every variable that is missing."""
    chosen = settings.from_environment(os.environ if environment is None else environment)
    s3 = clients.make("s3")
    store = RememberingStore(S3Store(s3, chosen.bucket))
    sink = SnsSink(clients.make("sns"), chosen.topic_arn)
    queue = SqsPublishQueue(clients.make("sqs"), chosen.queue_url)
    http = httpx.Client(timeout=httpx.Timeout(15.0, connect=5.0), follow_redirects=False)
    domains = ApiGatewayDomains(clients.make("apigateway"), clients.make("apigatewayv2"), s3)
    trust_stores = AlbTrustStores(clients.make("elbv2"), http)
    return Watcher(
        settings=chosen,
        store=store,
        files=_files(chosen, store, s3),
        collect=collect.Ports(
            store=store,
            secrets=AwsSecrets(),
            genesys=Genesys(clock, partial(make_client, chosen.ca_file)),
            sink=sink,
            queue=queue,
            metrics=metrics,
            clock=clock,
        ),
        publish=publish.Ports(
            store=store,
            targets={TargetKind.ALB_TRUST_STORE: trust_stores, TargetKind.API_GATEWAY_DOMAIN: domains},
            sink=sink,
            queue=queue,
            clock=clock,
            wait=wait,
            owner="",
            claim_for=chosen.claim_for,
        ),
    )


def _files(chosen: Settings, store: ObjectStore, s3: object) -> ObjectStore | None:
    """The store of the watch file; None where the parameters describe the simple case."""
    if not chosen.watch_file:
        return None
    parts = urlsplit(chosen.watch_file)
    if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
        raise ConfigurationError([f"WatchFileUri: {chosen.watch_file!r} is no s3://bucket/key"])
    return store if parts.netloc == chosen.bucket else S3Store(s3, parts.netloc)  # type: ignore[arg-type]  # a client


def build_slack(environment: Mapping[str, str] | None = None) -> SlackWebhook:
    """Build the webhook of the slack function. Raises ConfigurationError, SourceError, DeliveryError."""
    chosen = settings.slack_from_environment(os.environ if environment is None else environment)
    return SlackWebhook(httpx.Client(timeout=10.0, follow_redirects=False), AwsSecrets().get(chosen.secret_arn))
