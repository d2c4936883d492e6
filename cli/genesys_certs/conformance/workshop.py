"""What a run makes, each thing tagged by the very call that makes it: a run that dies leaves nothing unnamed."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from genesys_certs.conformance.door import Connect
from genesys_certs.conformance.signals import deferred

TAG = "genesys-certificate-watcher:conformance"
"""Its value is the run's id."""
PREFIX = "gcw-conformance-"
LONGEST_NAME = 32
"""Characters, of a trust store (elbv2's API reference, CreateTrustStore)."""
NO_CACHE = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""CloudFront's managed cache policy CachingDisabled, of the same id everywhere (its developer guide)."""


class Services(NamedTuple):
    """The world outside. ``client``: of a service, in a region (None: the run's). ``timer``, ``wait``: in seconds.

    ``restricted``: a client of a service with a session of a role (ARN) that may do no more than a policy (JSON) says.
    ``connect``: TCP to a host and a port. Raises OSError.
    """

    region: str
    partition: str
    client: Callable[[str, str | None], Any]
    download: Callable[[str], bytes]
    now: Callable[[], datetime]
    timer: Callable[[], float]
    wait: Callable[[float], None]
    restricted: Callable[[str, str, str], Any]
    connect: Connect


class Place(NamedTuple):
    """One version of an object; no version: the present one."""

    bucket: str
    key: str
    version: str

    def bundle(self) -> Mapping[str, str]:
        """The object, as elbv2 takes it."""
        version = {"CaCertificatesBundleS3ObjectVersion": self.version} if self.version else {}
        return {"CaCertificatesBundleS3Bucket": self.bucket, "CaCertificatesBundleS3Key": self.key} | version

    def location(self, region: str) -> Mapping[str, str]:
        """The object, as CloudFront takes it."""
        version = {"Version": self.version} if self.version else {}
        return {"Bucket": self.bucket, "Key": self.key, "Region": region} | version

    @property
    def uri(self) -> str:
        """The object, as API Gateway takes it: the version is an argument of its own."""
        return f"s3://{self.bucket}/{self.key}"


class Made(NamedTuple):
    """A thing of a run. ``kind`` and ``id`` as in ``leftovers``."""

    kind: str
    id: str
    run: str


class Options(NamedTuple):
    """What the operator gives for what cannot be made up. Empty: not given."""

    domain: str = ""
    certificate: str = ""
    ownership_certificate: str = ""
    load_balancer: str = ""
    subnets: tuple[str, ...] = ()
    role: str = ""
    other_region: str = ""
    other_bucket: str = ""
    other_bucket_region: str = ""
    origin: str = ""
    security_groups: tuple[str, ...] = ()
    target: str = ""
    kms_key: str = ""

    def personal(self) -> tuple[str, ...]:
        """All of it is the operator's."""
        plain = (self.domain, self.certificate, self.ownership_certificate, self.load_balancer, self.role, self.origin)
        parts = (self.other_bucket, *self.other_bucket.removeprefix("s3://").split("/"))
        key = (self.kms_key, *self.kms_key.split(":")[4:5], self.kms_key.rpartition("/")[2])
        return (*plain, *self.subnets, *self.security_groups, *parts, *key, self.target, self.target.partition(":")[0])

    def elsewhere(self) -> Place:
        """The bundle that lies in a bucket of another account."""
        bucket, _, key = self.other_bucket.removeprefix("s3://").partition("/")
        return Place(bucket, key, "")


def new_run() -> str:
    """The id of a run."""
    return secrets.token_hex(8)


class Workshop:
    """Makes what probes need. ``run``: its id, in each name and tag."""

    def __init__(self, services: Services, run: str) -> None:
        self.services = services
        self.run = run
        self.name = f"{PREFIX}{run}"
        self.made: list[Made] = []
        """So far, by kinds and ids of ``leftovers``: a listing may show a thing later than its creation answers."""

    def _note(self, kind: str, identity: str) -> None:
        self.made.append(Made(kind, identity, self.run))

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tag, as most services take it."""
        return [{"Key": TAG, "Value": self.run}]

    def client(self, service: str) -> Any:
        """A client in the run's region."""
        return self.services.client(service, None)

    def bucket(self, region: str | None = None) -> str:
        """A versioned bucket; nobody else may read it, which is how S3 makes buckets. Its name."""
        place = region or self.services.region
        name = self.name if region is None else f"{self.name}-other"
        s3 = self.services.client("s3", region)
        where: dict[str, Any] = {"Tags": self.tags}
        if place != "us-east-1":
            where["LocationConstraint"] = place
        with deferred():
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=where)
            self._note("bucket", name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def put(self, bucket: str, key: str, content: bytes, region: str | None = None) -> Place:
        """A new version of an object."""
        answer = self.services.client("s3", region).put_object(Bucket=bucket, Key=key, Body=content)
        return Place(bucket, key, str(answer["VersionId"]))

    def put_under(self, key: str, bucket: str, name: str, content: bytes) -> Place:
        """A new version of an object, under a KMS key (ARN)."""
        answer = self.client("s3").put_object(
            Bucket=bucket, Key=name, Body=content, ServerSideEncryption="aws:kms", SSEKMSKeyId=key
        )
        return Place(bucket, name, str(answer["VersionId"]))

    def trust_store(self, place: Place, suffix: str = "", client: Any = None) -> dict[str, Any]:
        """A trust store of Elastic Load Balancing, as its creation describes it."""
        name = f"{self.name[: LONGEST_NAME - len(suffix)]}{suffix}"
        with deferred():
            made = (client or self.client("elbv2")).create_trust_store(Name=name, Tags=self.tags, **place.bundle())
            described: dict[str, Any] = made["TrustStores"][0]
            self._note("trust store", str(described["TrustStoreArn"]))
        return described

    def cloudfront_trust_store(self, place: Place, suffix: str = "", client: Any = None) -> dict[str, Any]:
        """A trust store of CloudFront: the answer to its creation."""
        source = {"CaCertificatesBundleS3Location": place.location(self.services.region)}
        with deferred():
            made: dict[str, Any] = (client or self.client("cloudfront")).create_trust_store(
                Name=f"{self.name}{suffix}", CaCertificatesBundleSource=source, Tags={"Items": self.tags}
            )
            self._note("CloudFront trust store", str(made["TrustStore"]["Id"]))
        return made

    def load_balancer(self, options: Options, kind: str = "network", scheme: str = "internal") -> dict[str, Any]:
        """The load balancer that the operator names, or a new one of a kind and a scheme of Elastic Load Balancing."""
        elb = self.client("elbv2")
        if options.load_balancer:
            found: dict[str, Any] = elb.describe_load_balancers(LoadBalancerArns=[options.load_balancer])[
                "LoadBalancers"
            ][0]
            return found
        groups = {"SecurityGroups": [*options.security_groups]} if options.security_groups else {}
        with deferred():
            made: dict[str, Any] = elb.create_load_balancer(
                Name=self.name, Type=kind, Scheme=scheme, Subnets=[*options.subnets], Tags=self.tags, **groups
            )["LoadBalancers"][0]
            self._note("load balancer", str(made["LoadBalancerArn"]))
        return made

    def target_group(self, vpc: str) -> str:
        """A target group without targets. Its ARN."""
        with deferred():
            made = self.client("elbv2").create_target_group(
                Name=self.name, Protocol="TCP", Port=443, VpcId=vpc, TargetType="ip", Tags=self.tags
            )
            arn = str(made["TargetGroups"][0]["TargetGroupArn"])
            self._note("target group", arn)
        return arn

    def listener(self, balancer: str, port: int, certificate: str, group: str, mutual: Any) -> dict[str, Any]:
        """A TLS listener that leads to the target group, as its creation describes it."""
        action = {"Type": "forward", "TargetGroupArn": group}
        return self._listener(balancer, "TLS", port, certificate, action, mutual)

    def answering_listener(self, balancer: str, port: int, certificate: str, mutual: Any) -> dict[str, Any]:
        """An HTTPS listener that answers each request itself, with status 200."""
        action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "ContentType": "text/plain"}}
        return self._listener(balancer, "HTTPS", port, certificate, action, mutual)

    def _listener(
        self, balancer: str, protocol: str, port: int, certificate: str, action: Any, mutual: Any
    ) -> dict[str, Any]:
        with deferred():
            made: dict[str, Any] = self.client("elbv2").create_listener(
                LoadBalancerArn=balancer,
                Protocol=protocol,
                Port=port,
                Certificates=[{"CertificateArn": certificate}],
                DefaultActions=[action],
                MutualAuthentication=mutual,
                Tags=self.tags,
            )["Listeners"][0]
            self._note("listener", str(made["ListenerArn"]))
        return made

    def distribution(self, options: Options, trust_store: str, bucket: str) -> dict[str, Any]:
        """A distribution that verifies viewers: the answer to its creation. The bucket is its origin if none is given.

        Nobody may read the bucket, so it answers 403, which is an answer all the same.
        """
        origin: dict[str, Any] = {
            "Id": "origin",
            "DomainName": f"{bucket}.s3.{self.services.region}.amazonaws.com",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        if options.origin:
            ports = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
            origin = {"Id": "origin", "DomainName": options.origin, "CustomOriginConfig": ports}
        config = {
            "CallerReference": self.name,
            "Comment": self.name,
            "Enabled": True,
            "Aliases": {"Quantity": 1, "Items": [options.domain]},
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "origin",
                "ViewerProtocolPolicy": "https-only",
                "CachePolicyId": NO_CACHE,
            },
            "ViewerCertificate": {
                "ACMCertificateArn": options.certificate,
                "SSLSupportMethod": "sni-only",
                "MinimumProtocolVersion": "TLSv1.2_2021",
            },
            "PriceClass": "PriceClass_100",
            "HttpVersion": "http2",
            "ViewerMtlsConfig": {"Mode": "required", "TrustStoreConfig": {"TrustStoreId": trust_store}},
        }
        with deferred():
            made: dict[str, Any] = self.client("cloudfront").create_distribution_with_tags(
                DistributionConfigWithTags={"DistributionConfig": config, "Tags": {"Items": self.tags}}
            )
            self._note("distribution", str(made["Distribution"]["Id"]))
        return made

    def rest_domain(self, options: Options, place: Place, client: Any = None) -> dict[str, Any]:
        """A regional domain with mutual TLS through v1, as its creation describes it."""
        more = {"ownershipVerificationCertificateArn": options.ownership_certificate}
        with deferred():
            made: dict[str, Any] = (client or self.client("apigateway")).create_domain_name(
                domainName=options.domain,
                regionalCertificateArn=options.certificate,
                endpointConfiguration={"types": ["REGIONAL"]},
                securityPolicy="TLS_1_2",
                mutualTlsAuthentication={"truststoreUri": place.uri, "truststoreVersion": place.version},
                tags={tag["Key"]: tag["Value"] for tag in self.tags},
                **({key: value for key, value in more.items() if value}),
            )
            self._note("custom domain", options.domain)
        return made

    def answering_api(self, domain: str) -> None:
        """A REST API behind a custom domain, and behind it alone, that answers GET on its root with status 200."""
        gateway = self.client("apigateway")
        with deferred():
            made = gateway.create_rest_api(
                name=self.name,
                endpointConfiguration={"types": ["REGIONAL"]},
                disableExecuteApiEndpoint=True,
                tags={tag["Key"]: tag["Value"] for tag in self.tags},
            )
            api = str(made["id"])
            self._note("REST API", api)
        method = {"restApiId": api, "resourceId": str(made["rootResourceId"]), "httpMethod": "GET"}
        gateway.put_method(**method, authorizationType="NONE")
        gateway.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        gateway.put_method_response(**method, statusCode="200")
        gateway.put_integration_response(**method, statusCode="200", selectionPattern="")
        gateway.create_deployment(restApiId=api, stageName="conformance")
        gateway.create_base_path_mapping(domainName=domain, restApiId=api, stage="conformance")

    def http_domain(self, options: Options, place: Place) -> None:
        """The same through v2."""
        configuration = {
            "CertificateArn": options.certificate,
            "EndpointType": "REGIONAL",
            "SecurityPolicy": "TLS_1_2",
            "OwnershipVerificationCertificateArn": options.ownership_certificate,
        }
        with deferred():
            self.client("apigatewayv2").create_domain_name(
                DomainName=options.domain,
                DomainNameConfigurations=[{key: value for key, value in configuration.items() if value}],
                MutualTlsAuthentication={"TruststoreUri": place.uri, "TruststoreVersion": place.version},
                Tags={tag["Key"]: tag["Value"] for tag in self.tags},
            )
            self._note("custom domain", options.domain)
