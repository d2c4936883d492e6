"""What the tests of the embedded AWS share: a time to start at, bundles in a bucket, domains, downloads."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx

from local.aws.server import EmbeddedAws
from tests.support.plain_http import NO_ROOTS

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAME = "api.example.com"
ARN = f"arn:aws:apigateway:us-east-1::/domainnames/{NAME}"
CONFIGURATIONS = [{"EndpointType": "REGIONAL", "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/edge"}]


class Bundles:
    """A versioned bucket with PEM bundles in it, and the trust stores that load them."""

    def __init__(self, aws: EmbeddedAws, bucket: str = "bundles") -> None:
        self.bucket = aws.make_bucket(bucket)
        self._s3 = aws.client("s3")
        self._elb = aws.client("elbv2")

    def put(self, content: bytes, key: str = "bundle.pem") -> str:
        """Write an object and return its version."""
        return str(self._s3.put_object(Bucket=self.bucket, Key=key, Body=content)["VersionId"])

    def place(self, version: str | None = None, key: str = "bundle.pem") -> dict[str, str]:
        """Return the parameters with which elbv2 names an object."""
        place = {"CaCertificatesBundleS3Bucket": self.bucket, "CaCertificatesBundleS3Key": key}
        return place | ({"CaCertificatesBundleS3ObjectVersion": version} if version else {})

    def trust_store(self, content: bytes, name: str = "store") -> str:
        """Create a trust store with this bundle and return its ARN."""
        created = self._elb.create_trust_store(Name=name, **self.place(self.put(content)))
        return str(created["TrustStores"][0]["TrustStoreArn"])

    def load(self, arn: str, content: bytes) -> None:
        """Point a trust store at a new version that holds ``content``."""
        self._elb.modify_trust_store(TrustStoreArn=arn, **self.place(self.put(content)))

    def downloaded(self, arn: str) -> bytes:
        """Return the bundle as the service gives it back."""
        url = self._elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)["Location"]
        return download(url).raise_for_status().content


def download(url: str) -> httpx.Response:
    """GET a URL, heeding no environment."""
    return httpx.get(url, trust_env=False, verify=NO_ROOTS)


def joined(pems: Iterable[bytes]) -> bytes:
    """Return certificates as one bundle."""
    return b"".join(pems)


def rest_domain(aws: EmbeddedAws, bundles: Bundles, content: bytes, name: str = NAME) -> dict[str, Any]:
    """Create a regional domain through v1 with this truststore, and return what v1 says of it."""
    version = bundles.put(content)
    created: dict[str, Any] = aws.client("apigateway").create_domain_name(
        domainName=name,
        regionalCertificateArn=CONFIGURATIONS[0]["CertificateArn"],
        endpointConfiguration={"types": ["REGIONAL"]},
        mutualTlsAuthentication={"truststoreUri": "s3://bundles/bundle.pem", "truststoreVersion": version},
    )
    return created


def http_domain(aws: EmbeddedAws, bundles: Bundles, content: bytes, name: str = NAME) -> dict[str, Any]:
    """Create a domain through v2 with this truststore, and return what v2 says of it."""
    version = bundles.put(content)
    created: dict[str, Any] = aws.client("apigatewayv2").create_domain_name(
        DomainName=name,
        DomainNameConfigurations=CONFIGURATIONS,
        MutualTlsAuthentication={"TruststoreUri": "s3://bundles/bundle.pem", "TruststoreVersion": version},
    )
    return created


def patch(aws: EmbeddedAws, name: str = NAME, **values: str) -> dict[str, Any]:
    """Replace ``truststoreUri`` or ``truststoreVersion`` of a domain through v1, and return the answer."""
    operations = [
        {"op": "replace", "path": f"/mutualTlsAuthentication/{key}", "value": value} for key, value in values.items()
    ]
    answer: dict[str, Any] = aws.client("apigateway").update_domain_name(domainName=name, patchOperations=operations)
    return answer


def seen(aws: EmbeddedAws, name: str = NAME) -> dict[str, Any]:
    """Return the domain as v1 describes it; this is one of the reads that an update takes to settle."""
    answer: dict[str, Any] = aws.client("apigateway").get_domain_name(domainName=name)
    return answer
