"""What the contract tests of the embedded AWS share: a time to start at, bundles in a bucket, and downloads."""

from collections.abc import Iterable
from datetime import UTC, datetime

import httpx

from local.aws.server import EmbeddedAws

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


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
    return httpx.get(url, trust_env=False)


def joined(pems: Iterable[bytes]) -> bytes:
    """Return certificates as one bundle."""
    return b"".join(pems)
