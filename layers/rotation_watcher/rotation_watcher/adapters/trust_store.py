"""ALB trust stores (elbv2).

The service never tells from which S3 object a trust store was loaded; what is deployed comes back only through a
pre-signed URL that is good for ten minutes. That URL is a secret: it must not reach a log, an error or a state, and
httpx puts it into both, so errors are told without their text and its request logger is not ours to enable.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.adapters.aws_errors import code, translate
from rotation_watcher.errors import BundleRejected, TargetError, TargetNotFound
from rotation_watcher.ports import Endpoint, Live, Proof

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

MAX_BUNDLE = 5_000_000
"""The most bytes of a deployed bundle that are read: 25 certificates of 16 KB are 400 KB, quotas can be raised."""

_LOCAL = {"127.0.0.1", "localhost"}
_REJECTED = {"InvalidCaCertificatesBundle", "InvalidCaCertificatesBundleException"}

# httpx logs every request's whole URL at INFO. Where a root logger listens at INFO, the pre-signed URL would be in it.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class AlbTrustStores:
    """``ports.TrustTarget`` for trust stores; ``http`` fetches what the pre-signed URL points at."""

    def __init__(self, client: "ElasticLoadBalancingv2Client", http: httpx.Client) -> None:
        self._client = client
        self._http = http

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:
        """See ``ports.TrustTarget``. The proof is by bytes; ALB tells no location and no version."""
        try:
            stores = self._client.describe_trust_stores(TrustStoreArns=[arn])["TrustStores"]
            location = self._client.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)["Location"]
            endpoints = self._endpoints(arn, known_endpoints)
        except ClientError as error:
            raise self._failed("read", arn, error) from error
        except BotoCoreError as error:
            raise translate(f"cannot read {arn}", error) from error
        return Live(
            bundle=self._fetch(location, arn),
            location=None,
            version=None,
            settled=all(store.get("Status") == "ACTIVE" for store in stores),
            warnings=(),
            endpoints=endpoints,
            proof=Proof.BYTES,
        )

    def update(self, arn: str, *, bucket: str, key: str, version: str) -> None:
        """See ``ports.TrustTarget``."""
        try:
            self._client.modify_trust_store(
                TrustStoreArn=arn,
                CaCertificatesBundleS3Bucket=bucket,
                CaCertificatesBundleS3Key=key,
                CaCertificatesBundleS3ObjectVersion=version,
            )
        except ClientError as error:
            raise self._failed("change", arn, error) from error
        except BotoCoreError as error:
            raise translate(f"cannot change {arn}", error) from error

    def _failed(self, verb: str, arn: str, error: ClientError) -> TargetError:
        words = f"cannot {verb} {arn}: {error}"
        if code(error) in {"TrustStoreNotFound", "TrustStoreNotFoundException"}:
            return TargetNotFound(words)
        if code(error) in _REJECTED:
            return BundleRejected(words)
        return translate(f"cannot {verb} {arn}", error)

    def _endpoints(self, arn: str, known: Sequence[str]) -> tuple[Endpoint, ...]:
        """The listeners that use the trust store, and those that once did: whether each still verifies with it."""
        pages = self._client.get_paginator("describe_listeners")
        associated: list[str] = []
        marker: Any = {}
        while True:
            answer = self._client.describe_trust_store_associations(TrustStoreArn=arn, **marker)
            associated += [item["ResourceArn"] for item in answer.get("TrustStoreAssociations", [])]
            if not answer.get("NextMarker"):
                break
            marker = {"Marker": answer["NextMarker"]}
        endpoints = {}
        for resource in dict.fromkeys([*associated, *known]):
            asked: Any = {"LoadBalancerArn": resource} if ":loadbalancer/" in resource else {"ListenerArns": [resource]}
            try:
                listeners = [listener for page in pages.paginate(**asked) for listener in page["Listeners"]]
            except ClientError as error:
                if code(error) in {"ListenerNotFound", "LoadBalancerNotFound"}:
                    continue
                raise
            for listener in listeners:
                name = listener["ListenerArn"]
                mutual = listener.get("MutualAuthentication", {})
                mode = mutual.get("Mode", "off")
                verifies = mode == "verify" and mutual.get("TrustStoreArn") == arn
                if verifies or name in known or resource == name:
                    endpoints[name] = Endpoint(name, verifies, _detail(listener.get("Port"), mode, verifies=verifies))
        return tuple(endpoints[name] for name in sorted(endpoints))

    def _fetch(self, location: str, arn: str) -> bytes:
        parts = urlsplit(location)
        if parts.scheme != "https" and parts.hostname not in _LOCAL:
            raise TargetError(f"cannot read {arn}: the service gave a URL that is not https")
        try:
            with self._http.stream("GET", location, follow_redirects=False) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise TargetError(f"cannot read the bundle of {arn}: status {answer.status_code}")
                return _bounded(answer.iter_bytes(), arn)
        except httpx.HTTPError as error:
            # Not "from error": its text and its request hold the pre-signed URL.
            raise TargetError(f"cannot read the bundle of {arn}: {type(error).__name__}") from None


def _bounded(chunks: Iterable[bytes], arn: str) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_BUNDLE:
            raise TargetError(f"the bundle of {arn} is larger than {MAX_BUNDLE} bytes")
    return body


def _detail(port: object, mode: str, *, verifies: bool) -> str:
    if verifies:
        return f"The listener on port {port} verifies client certificates."
    if mode == "verify":
        return f"The listener on port {port} verifies client certificates with another trust store."
    return f"The listener on port {port} does not verify client certificates: its mode is {mode}."
