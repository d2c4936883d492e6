"""The whole world on one machine, on one clock: Genesys simulator, embedded AWS, and the watcher between them.

The watcher is built by ``bootstrap`` exactly as in Lambda, from an environment, and speaks real HTTP to both sides
(to AWS unless ``aws`` says ``direct``); only the clock and the waiting are handed in. See ``base_environment`` for the
runs.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from local.authorizer import Authorizer, attach_to_http, attach_to_rest, uri
from local.aws import file_events, stack
from local.aws.distributions import make_distribution
from local.aws.https_listener import make_https_listener
from local.aws.other_place import OtherPlace
from local.aws.server import EmbeddedAws
from local.aws.tls_listener import make_tls_listener
from local.base_environment import BUCKET, BaseEnvironment
from local.genesys.clock import VirtualClock
from local.genesys.server import Simulator
from local.genesys.world import World
from rotation_watcher import bootstrap, bootstrap_door, keys
from rotation_watcher import collect as collecting
from rotation_watcher import refresh_crls as refreshing
from rotation_watcher import report as reporting
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import Alert
from rotation_watcher.ports import Clock, DistributionPoints

__all__ = ["AUTHORIZER", "BUCKET", "SECRET_NAME", "Environment"]

AUTHORIZER = "arn:aws:lambda:us-east-1:123456789012:function:watcher-Authorize"
"""The function that the stack's authorizer would be."""
STACK = "genesys-certificate-watcher"
"""What the stack is called."""
SECRET_NAME = "/genesys/oauth"  # noqa: S105 - the name of a parameter, not a secret


class Environment(BaseEnvironment):
    """A world for the watcher, for as long as the ``with`` lasts.

    ``start`` is the virtual now (aware UTC), unless ``clock`` is another one, such as the wall's; ``cache`` keeps the
    simulator's keys; ``world`` and ``aws`` options are handed on, ``latency`` to the simulator of Genesys. Sources,
    bundles and targets are added, then ``configure`` writes the watch file.
    """

    def __init__(
        self,
        start: datetime,
        cache: Path,
        *,
        region: str = "us-east-1",
        clock: Clock | None = None,
        world: Mapping[str, Any] | None = None,
        aws: Mapping[str, Any] | None = None,
        latency: float = 0.0,
    ) -> None:
        super().__init__()
        self.clock = VirtualClock(start)
        self._time = clock or self.clock
        self.world = World(self._time, cache, **(world or {}))
        self.crl_servers: DistributionPoints = self.world.lists
        """Who answers for the addresses of revocation lists."""
        self.aws = EmbeddedAws(self._time, region=region, **(aws or {}))
        # A standing clock would use a smaller rate up at once.
        self.simulator = Simulator(self.world, rate_limit=1_000_000, latency=latency)
        self._exit = ExitStack()
        self._kept: set[str] = set()
        self._reaches: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._exit.enter_context(self.simulator)
        self._exit.enter_context(self.aws)
        self.s3, self.sqs = self.aws.client("s3"), self.aws.client("sqs")
        self.aws.make_bucket(BUCKET)
        self.topic_arn = self.aws.client("sns").create_topic(Name="alerts")["TopicArn"]
        self.queue_url = self._queue("publish.fifo", FifoQueue="true")
        self.mailbox_url = self._queue("alerts")
        self._subscribe(self.mailbox_url)
        self.file_events_url = self._queue("file-events")
        file_events.tell(self.s3, BUCKET, self._arn_of(self.file_events_url))
        secret = {"client_id": self.simulator.client_id, "client_secret": self.simulator.client_secret}
        ssm = self.aws.client("ssm")
        ssm.put_parameter(Name=SECRET_NAME, Type="SecureString", Value=json.dumps(secret))
        self.secret_arn = ssm.get_parameter(Name=SECRET_NAME)["Parameter"]["ARN"]
        self._exit.enter_context(variables_set(self.variables()))
        self.watcher: bootstrap.Watcher = self.build()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def variables(self) -> dict[str, str]:
        """What the stack would set for its functions."""
        return self.aws.environment() | {
            "BUCKET": BUCKET,
            "TOPIC_ARN": self.topic_arn,
            "PUBLISH_QUEUE_URL": self.queue_url,
            "FILE_EVENTS_QUEUE_URL": self.file_events_url,
            "WATCH_FILE_URI": f"s3://{BUCKET}/watch.json",
            "GENESYS_CA_FILE": str(self.simulator.ca_file),
            "FUNCTION_TIMEOUT_SECONDS": "300",
            "AUTHORIZER_ARN": AUTHORIZER,
            "STACK_NAME": STACK,
            "ENVIRONMENT_NAME": "local",
            **self._reaches,
        }

    def build(self) -> bootstrap.Watcher:
        """A watcher as a new container would build it."""
        return bootstrap.build(self.metrics, clock=self._time, wait=self.wait)

    # What the operator does

    def reach(self, *, region_buckets: Sequence[str] = (), roles: Sequence[str] = ()) -> None:
        """Deploy the stack with buckets in other regions (their names), and roles of other accounts (their ARNs)."""
        arns = [f"arn:aws:s3:::{name}" for name in region_buckets]
        self._reaches = {"REGION_BUCKET_ARNS": ",".join(arns), "TARGET_ROLE_ARNS": ",".join(roles)}
        self._exit.enter_context(variables_set(self._reaches))
        self.watcher = self.build()

    def add_trust_store(self, target: str, bundle: str, pem: str, *, at: OtherPlace | None = None, **more: Any) -> str:
        """An ALB trust store that holds ``pem``, with a verify-mode listener; its ARN. ``at``: elsewhere."""
        there = at or self.aws
        bucket, key, version = self._before(target, pem, at)
        store = there.client("elbv2").create_trust_store(
            Name=target,
            CaCertificatesBundleS3Bucket=bucket,
            CaCertificatesBundleS3Key=key,
            CaCertificatesBundleS3ObjectVersion=version,
        )
        arn = str(store["TrustStores"][0]["TrustStoreArn"])
        verify = {"Mode": "verify", "TrustStoreArn": arn}
        self.listener = make_https_listener(there, name=target, mutual_authentication=verify)
        return self._target(target, arn, bundle, more)

    def _before(self, target: str, pem: str, at: OtherPlace | None) -> tuple[str, str, str]:
        """Where a target has loaded ``pem`` from, before anybody watched it: bucket, key and version."""
        key = f"before/{target}.pem"
        if at is None:
            return BUCKET, key, self.put(key, pem)
        bucket, s3 = f"others-{at.account}-{at.region}", at.client("s3")
        where = {} if at.region == "us-east-1" else {"LocationConstraint": at.region}
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return bucket, key, str(s3.put_object(Bucket=bucket, Key=key, Body=pem.encode())["VersionId"])

    def add_file_place(self, target: str, bundle: str, pem: str | None = None, **more: Any) -> str:
        """A folder of a bucket of somebody's own, in which ``pem`` lies as a bundle; its ARN."""
        bucket = self.aws.make_bucket(f"{target}-bucket")
        if pem is not None:
            self.s3.put_object(Bucket=bucket, Key="genesys/prod/ca-bundle.pem", Body=pem.encode())
        return self._target(target, f"arn:aws:s3:::{bucket}/genesys/prod/", bundle, more)

    def add_cloudfront_trust_store(
        self,
        target: str,
        bundle: str,
        pem: str,
        *,
        adopted: bool = True,
        ocsp: bool = False,
        at: OtherPlace | None = None,
        **more: Any,
    ) -> str:
        """A trust store of CloudFront that holds ``pem``, with a distribution that requires certificates; its ARN.

        ``adopted``: the operator has said what it holds.
        """
        there = at or self.aws
        client = there.client("cloudfront")
        bucket, key, version = self._before(target, pem, at)
        place = {"Bucket": bucket, "Key": key, "Version": version, "Region": there.region}
        made = client.create_trust_store(
            Name=target,
            CaCertificatesBundleSource={"CaCertificatesBundleS3Location": place},
            UseClientCertificateOCSPEndpoint=ocsp,
        )
        store = made["TrustStore"]
        self.distribution = make_distribution(client, target, store["Id"])
        if adopted:
            self.put(keys.adopted(store["Id"], made["ETag"]), pem)
        return self._target(target, str(store["Arn"]), bundle, more)

    def add_listener(
        self,
        target: str,
        bundle: str,
        trust_store: str,
        filters: Sequence[Mapping[str, str]] = (),
        *,
        at: OtherPlace | None = None,
        **more: Any,
    ) -> str:
        """A TLS listener of an NLB that verifies with a trust store and has these identity filters; its ARN."""
        mutual = {
            "Mode": "verify",
            "TrustStoreArn": trust_store,
            "ClientCertificateIdentityFilters": [dict(one) for one in filters],
        }
        arn = make_tls_listener(at or self.aws, name=target, mutual_authentication=mutual)
        return self._target(target, arn, bundle, more)

    def add_rest_domain(
        self, target: str, bundle: str, pem: str, *, closed: bool = True, at: OtherPlace | None = None, **more: Any
    ) -> str:
        """A REST API behind a domain with mutual TLS that holds ``pem``; the domain's ARN."""
        there = at or self.aws
        rest, name = there.client("apigateway"), f"{target}.example.com"
        bucket, key, version = self._before(target, pem, at)
        api = rest.create_rest_api(name=target, disableExecuteApiEndpoint=closed)
        rest.create_domain_name(
            domainName=name,
            regionalCertificateArn=there.certificate(),
            endpointConfiguration={"types": ["REGIONAL"]},
            securityPolicy="TLS_1_2",
            mutualTlsAuthentication={"truststoreUri": f"s3://{bucket}/{key}", "truststoreVersion": version},
        )
        resource = rest.get_resources(restApiId=api["id"])["items"][0]["id"]
        rest.put_method(restApiId=api["id"], resourceId=resource, httpMethod="GET", authorizationType="NONE")
        rest.put_integration(restApiId=api["id"], resourceId=resource, httpMethod="GET", type="MOCK")
        rest.create_deployment(restApiId=api["id"], stageName="live")
        rest.create_base_path_mapping(domainName=name, restApiId=api["id"], stage="live")
        return self._target(target, f"arn:aws:apigateway:{there.region}::/domainnames/{name}", bundle, more)

    def add_http_domain(self, target: str, bundle: str, pem: str, *, closed: bool = True, **more: Any) -> str:
        """An HTTP API behind a domain with mutual TLS that holds ``pem``; the domain's ARN."""
        http, name = self.aws.client("apigatewayv2"), f"{target}.example.com"
        version = self.put(f"before/{target}.pem", pem)
        api = http.create_api(Name=target, ProtocolType="HTTP", DisableExecuteApiEndpoint=closed)["ApiId"]
        http.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
        configuration = {"CertificateArn": self.aws.certificate(), "EndpointType": "REGIONAL"}
        http.create_domain_name(
            DomainName=name,
            DomainNameConfigurations=[configuration | {"SecurityPolicy": "TLS_1_2"}],
            MutualTlsAuthentication={
                "TruststoreUri": f"s3://{BUCKET}/before/{target}.pem",
                "TruststoreVersion": version,
            },
        )
        http.create_api_mapping(DomainName=name, ApiId=api, Stage="$default")
        return self._target(target, f"arn:aws:apigateway:{self.aws.region}::/domainnames/{name}", bundle, more)

    def attach_authorizer(self, target: str) -> None:
        """The API behind a domain asks the stack's authorizer from now on, at its one operation."""
        rest, http = self.aws.client("apigateway"), self.aws.client("apigatewayv2")
        (mapping,) = http.get_api_mappings(DomainName=f"{target}.example.com")["Items"]
        api, asked = mapping["ApiId"], uri(AUTHORIZER, self.aws.region)
        if api in {one["ApiId"] for one in http.get_apis()["Items"]}:
            attach_to_http(http, api, asked)
        else:
            attach_to_rest(rest, api, mapping["Stage"], asked)

    def authorizer(self, bundle: str, **variables: str) -> Authorizer:
        """A new container of the authorizer, built as in Lambda."""
        given = self.variables() | {"BUNDLE": bundle, "COLLECT_FUNCTION": "collect"} | variables
        return Authorizer(bootstrap_door.build(given, clock=self._time, log=lambda _: None))

    def deploy(self, **parameters: str) -> None:
        """What CloudFormation says of the stack, and its functions, as ``genesys-certs`` finds them."""
        stack.deploy(
            self.aws,
            STACK,
            parameters={"Mode": "apply", "WatchFileUri": f"s3://{BUCKET}/watch.json", **parameters},
            outputs={"BucketName": BUCKET, "TopicArn": self.topic_arn, "AlarmTopicArn": self.topic_arn},
            functions={
                "Collect": lambda event: (
                    {"reach": self.watcher.unreached()}
                    if event == {"reach": True}
                    else msgspec.to_builtins(
                        self.collect(*event.get("sources", ()), dry_run=bool(event.get("dry_run")))
                    )
                ),
                "Publish": lambda event: msgspec.to_builtins(self.publish(**event)),
                "RefreshCrls": lambda _: msgspec.to_builtins(self.refresh_crls()),
                "Report": lambda _: msgspec.to_builtins(self.report()),
            },
        )

    def look(self) -> int:
        """Lambda runs collect as often as the authorizer has invoked it; how often that was."""
        woken = len(self.aws.invoked)
        while self.aws.invoked:
            _, event = self.aws.invoked.pop(0)
            self.collect(*msgspec.json.decode(event, type=collecting.Request).sources)
        return woken

    def refresh_crls(self) -> refreshing.Summary:
        """The Scheduler wakes refresh_crls; it asks ``crl_servers``, in process."""
        sink = self.watcher.sink(Fill.REFRESH_CRLS)
        ports = msgspec.structs.replace(self.watcher.refresh_crls, points=self.crl_servers, sink=sink)
        return refreshing.refresh_crls(self.watcher.watch(), refreshing.Request(), ports)

    def report(self) -> reporting.Summary:
        """The Scheduler wakes report."""
        return reporting.report(self.watcher.watch(), reporting.Request(), self.watcher.report())

    def put(self, key: str, text: str) -> str:
        """Put an object; its version."""
        return str(self.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())["VersionId"])

    def live_pem(self, target: str) -> bytes | None:
        """See ``BaseEnvironment``. A domain that is UPDATING still has the one before."""
        return self.aws.live_bundle(self.arn(target))

    def read(self, key: str) -> bytes:
        """An object of the bucket."""
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def _genesys(self) -> Simulator:
        return self.simulator

    def _queued(self) -> Iterator[str]:
        return self._receive(self.queue_url)

    def _arrived(self) -> Iterator[Alert]:
        return (msgspec.json.decode(body, type=Alert) for body in self._receive(self.mailbox_url))

    def _kept_back(self) -> Iterator[Alert]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=keys.ALERT_LOG)
        for key in (one["Key"] for page in pages for one in page.get("Contents", [])):
            if keys.told_of(key)[1] is not keys.Waits.NOT and key not in self._kept:
                self._kept.add(key)
                yield msgspec.json.decode(self.read(key), type=Alert)

    def _receive(self, url: str) -> Iterator[str]:
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                yield str(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def _queue(self, name: str, **attributes: str) -> str:
        return str(self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def _subscribe(self, url: str) -> None:
        endpoint, raw = self._arn_of(url), {"RawMessageDelivery": "true"}
        self.aws.client("sns").subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=endpoint, Attributes=raw)

    def _arn_of(self, url: str) -> str:
        asked = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(asked["Attributes"]["QueueArn"])


@contextmanager
def variables_set(values: Mapping[str, str]) -> Iterator[None]:
    """The process's environment with these values, as Lambda would set them; put back afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
