"""One trust store or domain with one way in to it, as a fake and for real: what the targets' contract runs against."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import msgspec

from local.aws.distributions import make_distribution, set_enabled, set_mode
from local.aws.https_listener import make_https_listener
from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.api_gateway import ApiGatewayDomains
from rotation_watcher.adapters.cloudfront import CloudFrontTrustStores
from rotation_watcher.adapters.file_place import FilePlaces
from rotation_watcher.adapters.trust_store import AlbTrustStores
from rotation_watcher.kinds import ALB_TRUST_STORE, Kind
from rotation_watcher.ports import BundleObject, Endpoint, Live, TrustTarget
from tests.support.fake_targets import FakeTrustTarget
from tests.support.fakes import InMemoryStore, ManualClock

KEY = "targets/main/bundle.pem"
SETTLE = timedelta(seconds=10)
PACE = timedelta(seconds=30)
_numbers = itertools.count()


@dataclass(frozen=True)
class ContractTarget:
    """A target. ``put`` writes KEY and gives the version.

    ``open`` lets the way in lead past mutual TLS, ``shut`` takes the way away.
    """

    adapter: TrustTarget
    arn: str
    bucket: str
    clock: ManualClock
    put: Callable[[bytes], str]
    open: Callable[[], object]
    shut: Callable[[], object]
    lag: Callable[[int], object] | None = None
    """Of a trust store: let so many reads show what it held before its last change."""
    turn_off: Callable[[], object] | None = None
    """Of a domain: somebody turns its mutual TLS off."""
    held: Callable[[], bytes | None] | None = None
    """What viewers meet at it, where its service gives no content back."""

    @property
    def content(self) -> object:
        """What it holds, as the adapter reads it or, where that is not to be had, as its clients meet it."""
        live = self.read()
        return live.bundle if self.held is None else self.held()

    @property
    def name(self) -> str:
        """A domain's name."""
        return self.arn.rpartition("/")[2]

    def read(self, *known: str) -> Live:
        """What it holds now."""
        return self.adapter.read(self.arn, known)

    def update(self, version: str) -> None:
        """Point it at a version of KEY."""
        self.adapter.update(self.arn, self.object(version), expected=self.read().etag)

    def object(self, version: str) -> BundleObject:
        """A version of KEY."""
        return BundleObject(self.bucket, KEY, version, "us-east-1")

    def load(self, bundle: bytes) -> str:
        """Point it at a new version with this content, and let the time pass that it needs; the version."""
        version = self.put(bundle)
        self.update(version)
        self.clock.advance(PACE)
        return version


def fake(kind: Kind, initial: bytes, clock: ManualClock) -> ContractTarget:
    """A target in memory."""
    store = InMemoryStore()
    adapter = FakeTrustTarget(kind, store, clock, settle=SETTLE, pace=PACE)
    is_store = kind is ALB_TRUST_STORE
    place = "elasticloadbalancing:us-east-1:123456789012:truststore/main/0123456789abcdef"
    arn = f"arn:aws:{place if is_store else 'apigateway:us-east-1::/domainnames/main.example.com'}"
    adapter.add(arn, initial, Endpoint("way in", True, "It verifies."))
    ways = adapter.held[arn].endpoints

    def open_it() -> None:
        ways[:] = [msgspec.structs.replace(way, verifies=False, detail="It is open.") for way in ways]

    def lag(reads: int) -> None:
        adapter.held[arn].stale_reads = reads

    def put(body: bytes) -> str:
        return store.seed(KEY, body)

    off = None if is_store else partial(adapter.turn_off, arn)
    return ContractTarget(adapter, arn, store.bucket, clock, put, open_it, ways.clear, lag if is_store else None, off)


def trust_store(aws: EmbeddedAws, initial: bytes, clock: ManualClock, http: httpx.Client) -> ContractTarget:
    """A trust store of the embedded AWS, with a listener in verify mode."""
    name, bucket, elb = _name(), aws.make_bucket(_name()), aws.client("elbv2")
    _put(aws, bucket, "before.pem", initial)
    place = {"CaCertificatesBundleS3Bucket": bucket, "CaCertificatesBundleS3Key": "before.pem"}
    arn = elb.create_trust_store(Name=name, **place)["TrustStores"][0]["TrustStoreArn"]
    verify = {"Mode": "verify", "TrustStoreArn": arn}
    listener = make_https_listener(aws, name=name, mutual_authentication=verify).listener_arn
    return ContractTarget(
        AlbTrustStores(elb, http),
        arn,
        bucket,
        clock,
        lambda body: _put(aws, bucket, KEY, body),
        lambda: elb.modify_listener(ListenerArn=listener, MutualAuthentication={"Mode": "passthrough"}),
        lambda: elb.delete_listener(ListenerArn=listener),
        lag=lambda reads: aws.stale_reads(arn, reads),
    )


def domains_of(aws: EmbeddedAws) -> ApiGatewayDomains:
    """The adapter, with clients that never ask twice."""
    return ApiGatewayDomains(aws.client("apigateway"), aws.client("apigatewayv2"), aws.client("s3"))


def cloudfront_store(aws: EmbeddedAws, initial: bytes, clock: ManualClock) -> ContractTarget:
    """A trust store of the embedded CloudFront, with a distribution that requires client certificates."""
    name, bucket, client = _name(), aws.make_bucket(_name()), aws.client("cloudfront")
    version = _put(aws, bucket, "before.pem", initial)
    place = {"Bucket": bucket, "Key": "before.pem", "Region": "us-east-1", "Version": version}
    made = client.create_trust_store(Name=name, CaCertificatesBundleSource={"CaCertificatesBundleS3Location": place})[
        "TrustStore"
    ]
    distribution = make_distribution(client, name, made["Id"])
    clock.advance(SETTLE)
    return ContractTarget(
        CloudFrontTrustStores(client),
        made["Arn"],
        bucket,
        clock,
        lambda body: _put(aws, bucket, KEY, body),
        lambda: set_mode(client, distribution, {"Mode": "passthrough"}),
        lambda: set_enabled(client, distribution, enabled=False),
        held=lambda: aws.live_bundle(made["Arn"]),
    )


def rest_domain(aws: EmbeddedAws, initial: bytes | None, clock: ManualClock) -> ContractTarget:
    """A domain made through v1, with a REST API whose default endpoint is closed. ``initial`` None: mTLS is off."""
    name, bucket, rest = f"{_name()}.example.com", aws.make_bucket(_name()), aws.client("apigateway")
    rest.create_domain_name(
        domainName=name,
        regionalCertificateArn=aws.certificate(),
        endpointConfiguration={"types": ["REGIONAL"]},
        securityPolicy="TLS_1_2",
        **({} if initial is None else {"mutualTlsAuthentication": _before(aws, bucket, initial)}),
    )
    api = map_rest_api(aws, name)
    opening = [{"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "false"}]
    return ContractTarget(
        domains_of(aws),
        f"arn:aws:apigateway:us-east-1::/domainnames/{name}",
        bucket,
        clock,
        lambda body: _put(aws, bucket, KEY, body),
        lambda: rest.update_rest_api(restApiId=api, patchOperations=opening),
        lambda: rest.delete_base_path_mapping(domainName=name, basePath="(none)"),
        turn_off=lambda: rest.update_domain_name(
            domainName=name,
            patchOperations=[{"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": ""}],
        ),
    )


def http_domain(aws: EmbeddedAws, initial: bytes, clock: ManualClock) -> ContractTarget:
    """A domain made through v2, with an HTTP API whose default endpoint is closed."""
    name, bucket, http = f"{_name()}.example.com", aws.make_bucket(_name()), aws.client("apigatewayv2")
    before = {key[0].upper() + key[1:]: value for key, value in _before(aws, bucket, initial).items()}
    http.create_domain_name(
        DomainName=name,
        DomainNameConfigurations=[
            {"CertificateArn": aws.certificate(), "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
        ],
        MutualTlsAuthentication=before,
    )
    api = http.create_api(Name="orders", ProtocolType="HTTP", DisableExecuteApiEndpoint=True)["ApiId"]
    http.create_stage(ApiId=api, StageName="$default")
    mapping = http.create_api_mapping(DomainName=name, ApiId=api, Stage="$default")["ApiMappingId"]
    return ContractTarget(
        domains_of(aws),
        f"arn:aws:apigateway:us-east-1::/domainnames/{name}",
        bucket,
        clock,
        lambda body: _put(aws, bucket, KEY, body),
        lambda: http.update_api(ApiId=api, DisableExecuteApiEndpoint=False),
        lambda: http.delete_api_mapping(DomainName=name, ApiMappingId=mapping),
    )


def file_place(aws: EmbeddedAws, initial: bytes, clock: ManualClock) -> ContractTarget:
    """A folder of a bucket, in which somebody has put a bundle; nobody knows who reads it."""
    bucket, elsewhere, s3 = aws.make_bucket(_name()), aws.make_bucket(_name()), aws.client("s3")
    _put(aws, elsewhere, "genesys/prod/ca-bundle.pem", initial)

    def nothing() -> None:
        """It has no ways in."""

    return ContractTarget(
        FilePlaces(s3),
        f"arn:aws:s3:::{elsewhere}/genesys/prod/",
        bucket,
        clock,
        lambda body: _put(aws, bucket, KEY, body),
        nothing,
        nothing,
    )


def map_rest_api(aws: EmbeddedAws, domain: str, *, path: str = "(none)", closed: bool = True) -> str:
    """A deployed REST API behind the domain; its id."""
    rest = aws.client("apigateway")
    api = str(rest.create_rest_api(name="orders", disableExecuteApiEndpoint=closed)["id"])
    resource = rest.get_resources(restApiId=api)["items"][0]["id"]
    rest.put_method(restApiId=api, resourceId=resource, httpMethod="GET", authorizationType="NONE")
    rest.put_integration(restApiId=api, resourceId=resource, httpMethod="GET", type="MOCK")
    rest.create_deployment(restApiId=api, stageName="live")
    rest.create_base_path_mapping(domainName=domain, restApiId=api, stage="live", basePath=path)
    return api


def _name() -> str:
    return f"target-{next(_numbers)}"


def _put(aws: EmbeddedAws, bucket: str, key: str, body: bytes) -> str:
    return str(aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def _before(aws: EmbeddedAws, bucket: str, initial: bytes) -> dict[str, Any]:
    version = _put(aws, bucket, "before.pem", initial)
    return {"truststoreUri": f"s3://{bucket}/before.pem", "truststoreVersion": version}
