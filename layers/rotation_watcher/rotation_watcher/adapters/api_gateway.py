"""API Gateway custom domains, REST (v1) and HTTP (v2).

The narrow PATCH of v1 is tried first; v2's update where v1 does not know the domain. A new object version is not picked
up by itself, and bad certificates only raise warnings, so what is deployed is proved by the version and warnings that
the service reports (DOMAIN.md).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.adapters.aws_errors import code, translate
from rotation_watcher.arns import parse_target
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetDenied, TargetError, TargetNotFound
from rotation_watcher.ports import Endpoint, Live, Proof

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_s3 import S3Client

_CONFIGURATION = (
    "ApiGatewayDomainName",
    "CertificateArn",
    "CertificateName",
    "CertificateUploadDate",
    "DomainNameStatus",
    "DomainNameStatusMessage",
    "EndpointType",
    "HostedZoneId",
    "IpAddressType",
    "OwnershipVerificationCertificateArn",
    "SecurityPolicy",
)
"""What v2's UpdateDomainName takes back of a domain's configuration (botocore's model)."""


class ApiGatewayDomains:
    """``ports.TrustTarget`` for domains; ``s3`` reads the object that a domain points at."""

    def __init__(self, rest: "APIGatewayClient", http: "ApiGatewayV2Client", s3: "S3Client") -> None:
        self._rest = rest
        self._http = http
        self._s3 = s3

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:  # noqa: ARG002 - mappings are always listed
        """See ``ports.TrustTarget``. The proof is by version."""
        name = parse_target(arn).name
        try:
            domain = self._domain(name, arn)
            endpoints = tuple(self._endpoints(name))
        except ClientError as error:
            raise translate(f"cannot read {arn}", error) from error
        except BotoCoreError as error:
            raise translate(f"cannot read {arn}", error) from error
        location, version, warnings, status = domain
        return Live(
            bundle=self._fetch(location, version, arn) if location else None,
            location=location or None,
            version=version or None,
            settled=status in {"AVAILABLE", ""},
            warnings=warnings,
            endpoints=endpoints,
            proof=Proof.VERSION,
        )

    def update(self, arn: str, *, bucket: str, key: str, version: str) -> None:
        """See ``ports.TrustTarget``."""
        name, uri = parse_target(arn).name, f"s3://{bucket}/{key}"
        try:
            try:
                self._rest.update_domain_name(
                    domainName=name,
                    patchOperations=[
                        {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": uri},
                        {"op": "replace", "path": "/mutualTlsAuthentication/truststoreVersion", "value": version},
                    ],
                )
            except ClientError as error:
                if code(error) != "NotFoundException":
                    raise
                self._update_http(name, uri, version)
        except ClientError as error:
            raise _failed(arn, error) from error
        except BotoCoreError as error:
            raise translate(f"cannot change {arn}", error) from error

    def _update_http(self, name: str, uri: str, version: str) -> None:
        """Through v2, which has been seen to want the configurations sent along."""
        known = self._http.get_domain_name(DomainName=name)
        described: Any = known.get("DomainNameConfigurations", [])
        configurations: Any = [{member: one[member] for member in _CONFIGURATION if member in one} for one in described]
        self._http.update_domain_name(
            DomainName=name,
            DomainNameConfigurations=configurations,
            MutualTlsAuthentication={"TruststoreUri": uri, "TruststoreVersion": version},
        )

    def _domain(self, name: str, arn: str) -> tuple[str, str, tuple[str, ...], str]:
        """The truststore's URI, version and warnings, and the domain's status."""
        try:
            rest = self._rest.get_domain_name(domainName=name)
        except ClientError as error:
            if code(error) != "NotFoundException":
                raise
        else:
            mutual = rest.get("mutualTlsAuthentication") or {}
            return (
                mutual.get("truststoreUri", ""),
                mutual.get("truststoreVersion", ""),
                tuple(mutual.get("truststoreWarnings", [])),
                rest.get("domainNameStatus", ""),
            )
        try:
            http = self._http.get_domain_name(DomainName=name)
        except ClientError as error:
            if code(error) != "NotFoundException":
                raise
            raise TargetNotFound(f"there is no domain {name} in this account and region ({arn})") from error
        shared = http.get("MutualTlsAuthentication") or {}
        statuses = {one.get("DomainNameStatus", "") for one in http.get("DomainNameConfigurations", [])}
        return (
            shared.get("TruststoreUri", ""),
            shared.get("TruststoreVersion", ""),
            tuple(shared.get("TruststoreWarnings", [])),
            next(iter(sorted(statuses - {"AVAILABLE"})), "AVAILABLE"),
        )

    def _fetch(self, location: str, version: str, arn: str) -> bytes:
        parts = urlsplit(location)
        pinned: Any = {"VersionId": version} if version else {}
        try:
            answer = self._s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"), **pinned)
            return answer["Body"].read()
        except ClientError as error:
            if code(error) in {"AccessDenied", "403"}:
                raise TargetDenied(
                    f"{arn} loads {location}, which this function may not read: add"
                    f" arn:{parse_target(arn).partition}:s3:::{parts.netloc}{parts.path}"
                    " to the template's parameter AdoptObjectArns"
                ) from error
            raise TargetError(f"{arn} loads {location} version {version or '(newest)'}: {error}") from error
        except BotoCoreError as error:
            raise translate(f"cannot read {location}", error) from error

    def _endpoints(self, name: str) -> Iterator[Endpoint]:
        """The default endpoint of every API behind the domain: open, it leads past mutual TLS."""
        seen: set[str] = set()
        for api_id, api_name, closed in (*self._rest_apis(name), *self._http_apis(name)):
            if api_id in seen:
                continue
            seen.add(api_id)
            state = "is closed" if closed else "is open: it leads past mutual TLS"
            detail = f"The default execute-api endpoint of the API {api_name} {state}."
            yield Endpoint(f"execute-api of {api_id} ({api_name})", closed, detail)

    def _rest_apis(self, name: str) -> Iterator[tuple[str, str, bool]]:
        try:
            mappings = self._rest.get_base_path_mappings(domainName=name, limit=500).get("items", [])
        except ClientError as error:
            if code(error) in _PASSED_OVER:
                return
            raise
        for api_id in sorted({mapping.get("restApiId", "") for mapping in mappings} - {""}):
            try:
                api = self._rest.get_rest_api(restApiId=api_id)
            except ClientError as error:
                if code(error) in _PASSED_OVER:
                    continue  # an HTTP API, which v1 lists in its mappings but does not know
                raise
            yield api_id, api.get("name", ""), bool(api.get("disableExecuteApiEndpoint"))

    def _http_apis(self, name: str) -> Iterator[tuple[str, str, bool]]:
        try:
            mappings = self._http.get_api_mappings(DomainName=name, MaxResults="500").get("Items", [])
        except ClientError as error:
            if code(error) in _PASSED_OVER:
                return
            raise
        for api_id in sorted({mapping["ApiId"] for mapping in mappings}):
            try:
                api = self._http.get_api(ApiId=api_id)
            except ClientError as error:
                if code(error) in _PASSED_OVER:
                    continue  # a REST API, which v2 lists in its mappings but does not know
                raise
            yield api_id, api.get("Name", ""), bool(api.get("DisableExecuteApiEndpoint"))


_PASSED_OVER = {"NotFoundException", "AccessDeniedException", "AccessDenied", "BadRequestException"}


def _failed(arn: str, error: ClientError) -> TargetError:
    words = f"cannot change {arn}: {error}"
    if code(error) == "NotFoundException":
        return TargetNotFound(words)
    if code(error) == "BadRequestException":
        return TargetBusy(words) if "updat" in str(error).lower().partition("operation:")[2] else BundleRejected(words)
    return translate(f"cannot change {arn}", error)
