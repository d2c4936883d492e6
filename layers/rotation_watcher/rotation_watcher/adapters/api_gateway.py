"""API Gateway custom domains, REST (v1) and HTTP (v2).

The narrow PATCH of v1 is used, or v2's update where v1 does not know the domain. A new object version is not picked
up automatically, and bad certificates only raise warnings, so what is deployed is proved by the version and warnings
that the service reports.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher import keys
from rotation_watcher.adapters.api_gateway_endpoints import MAPPINGS, RULES, default_endpoints
from rotation_watcher.adapters.aws_errors import SdkError, code, retried, translate, words
from rotation_watcher.arns import parse_target
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetDenied, TargetError, TargetNotFound
from rotation_watcher.kinds import API_GATEWAY_DOMAIN
from rotation_watcher.ports import UNKNOWN, BundleObject, Endpoint, Live, Unknown

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_s3 import S3Client

MAX_BUNDLE = 5_000_000
"""The most bytes of a truststore that are read; API Gateway is believed to take 1 MB.

Probe ``api-gateway.bundle.too-large``.
"""
MOST_KEPT = 16 * 1024 * 1024
"""The most bytes of truststores that are kept; one has some kilobytes."""

_NOT_FOUND = "NotFoundException"
_SETTLED = {"AVAILABLE", ""}
_SETTABLE = (
    "CertificateArn",
    "CertificateName",
    "EndpointType",
    "IpAddressType",
    "OwnershipVerificationCertificateArn",
    "SecurityPolicy",
)
"""The members of a domain's configuration that a caller sets; the service sets the others, such as the status."""
_GONE = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket"}
_IF_GONE = (
    "If it is gone, point the domain at an object that holds the same certificates: API Gateway gives back to nobody"
    " what it has loaded"
)
_IAM_SIGNS = re.compile(r"[*?$]")
"""What means something in a policy's resource; IAM takes each as itself in the form ``${*}``."""
_UNDER_WAY = re.compile(r"\bin progress\b|\bupdating\b|\bbeing updated\b")
_FORBIDDEN = re.compile(r"\baccess|\bpermission|\bnot authorized\b")
_CONTENT = re.compile(r"\btrust ?store\b")
_PLACE = re.compile(r"\bfound\b|\bexists?\b|\buri\b|\bversion\b|\bbucket\b")


class _Domain(msgspec.Struct, frozen=True):
    """A domain as either API describes it. ``location`` is empty where mutual TLS is off."""

    location: str
    version: str
    warnings: tuple[str, ...]
    status: str
    ways: frozenset[str]
    """What leads to APIs by its routing mode: ``mappings``, ``rules`` or both."""


class ApiGatewayDomains:
    """``ports.TrustTarget`` for domains; ``s3`` reads the object that a domain points at.

    ``authorizer``: the ARN of the stack's own authorizer (None: it has none), for which the APIs are searched.
    """

    def __init__(
        self, rest: "APIGatewayClient", http: "ApiGatewayV2Client", s3: "S3Client", authorizer: str | None = None
    ) -> None:
        self._rest = rest
        self._http = http
        self._s3 = s3
        self._authorizer = authorizer
        self._kept: dict[str, tuple[str, bytes]] = {}
        """By location, what was read there last with a version: a version never changes, so it is read once."""

    def read(
        self,
        arn: str,
        known_endpoints: Sequence[str] = (),  # noqa: ARG002  # a closed or open endpoint stays in the mappings
    ) -> Live:
        """See ``ports.TrustTarget``. The proof is by version.

        Without a version in the domain's settings the object's newest one is read, which need not be what is loaded.
        """
        domain = self._domain(arn)
        return self._live(arn, domain, self._endpoints(arn, domain.ways))

    def _live(self, arn: str, domain: _Domain, endpoints: "tuple[Endpoint, ...] | Unknown") -> Live:
        live = Live(
            bundle=UNKNOWN if domain.location else None,
            location=domain.location or None,
            version=domain.version or None,
            settled=domain.status in _SETTLED,
            warnings=domain.warnings,
            endpoints=endpoints,
            proof=API_GATEWAY_DOMAIN.proof,
            state="" if domain.status in _SETTLED else domain.status,
        )
        if not domain.location:
            return live
        try:
            return msgspec.structs.replace(live, bundle=self._fetch(domain, arn))
        except TargetError as error:
            error.seen = live
            raise

    def expect(self, arns: Sequence[str]) -> None:
        """See ``ports.ThriftyTarget``. The service describes no domains by name at once."""

    def read_back(self, arn: str) -> Live:
        """See ``ports.ThriftyTarget``."""
        return self._live(arn, self._domain(arn), UNKNOWN)

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        """See ``ports.TrustTarget``. API Gateway has no compare-and-set."""
        del expected
        try:
            self._update(parse_target(arn).name, bundle.uri, bundle.version)
        except (ClientError, BotoCoreError) as error:
            # The SDK asks again when an answer was lost, and is then refused because an update is under way: its own.
            if retried(error) and self._took(arn, bundle.uri, bundle.version):
                return
            raise self._refusal(arn, error) from error

    def _update(self, name: str, uri: str, version: str) -> None:
        """Through v1 where it knows the domain, else through v2, which wants the configurations sent along.

        A read decides which: a refused update would use up the one that the account has in 30 seconds.
        """
        if self._domain_by_rest(name) is not None:
            self._rest.update_domain_name(
                domainName=name,
                patchOperations=[
                    {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": uri},
                    {"op": "replace", "path": "/mutualTlsAuthentication/truststoreVersion", "value": version},
                ],
            )
            return
        known = self._http.get_domain_name(DomainName=name).get("DomainNameConfigurations", [])
        configurations: Any = [{key: value for key, value in one.items() if key in _SETTABLE} for one in known]
        self._http.update_domain_name(
            DomainName=name,
            DomainNameConfigurations=configurations,
            MutualTlsAuthentication={"TruststoreUri": uri, "TruststoreVersion": version},
        )

    def _took(self, arn: str, uri: str, version: str) -> bool:
        """Whether the domain already points where it was to be pointed."""
        try:
            domain = self._domain(arn)
        except TargetError:
            return False
        return (domain.location, domain.version) == (uri, version)

    def _refusal(self, arn: str, error: SdkError) -> TargetError:
        if code(error) == _NOT_FOUND:
            return TargetNotFound(f"cannot change {arn}: {error}")
        if code(error) == "BadRequestException":
            return _bad_request(f"cannot change {arn}: {error}", words(error).lower())
        return translate(f"cannot change {arn}", error)

    def _domain(self, arn: str) -> _Domain:
        """The domain through v1, or through v2 where v1 does not know it. Raises TargetError."""
        name = parse_target(arn).name
        try:
            return self._domain_by_rest(name) or self._domain_by_http(name)
        except (ClientError, BotoCoreError) as error:
            if code(error) == _NOT_FOUND:
                raise TargetNotFound(f"there is no domain {name} in this account and region ({arn})") from error
            raise translate(f"cannot read {arn}", error) from error

    def _domain_by_rest(self, name: str) -> _Domain | None:
        try:
            answer = self._rest.get_domain_name(domainName=name)
        except ClientError as error:
            if code(error) == _NOT_FOUND:
                return None
            raise
        mutual = answer.get("mutualTlsAuthentication") or {}
        status = answer.get("domainNameStatus", "")
        warnings = (*mutual.get("truststoreWarnings", []), *_said(status, answer.get("domainNameStatusMessage", "")))
        ways = _ways(answer.get("routingMode", ""))
        return _Domain(mutual.get("truststoreUri", ""), mutual.get("truststoreVersion", ""), warnings, status, ways)

    def _domain_by_http(self, name: str) -> _Domain:
        answer = self._http.get_domain_name(DomainName=name)
        mutual = answer.get("MutualTlsAuthentication") or {}
        statuses = {
            one.get("DomainNameStatus", ""): one.get("DomainNameStatusMessage", "")
            for one in answer.get("DomainNameConfigurations", [])
        }
        status = min(statuses.keys() - _SETTLED, default="AVAILABLE")
        warnings = (*mutual.get("TruststoreWarnings", []), *_said(status, statuses.get(status, "")))
        ways = _ways(answer.get("RoutingMode", ""))
        return _Domain(mutual.get("TruststoreUri", ""), mutual.get("TruststoreVersion", ""), warnings, status, ways)

    def _fetch(self, domain: _Domain, arn: str) -> bytes:
        """The object that the domain points at. Raises TargetDenied that says what would allow it, TargetError."""
        version, kept = self._kept.get(domain.location, ("", b""))
        if version and version == domain.version:
            return kept
        body = self._read(domain, arn)
        if domain.version:
            if len(body) + sum(len(one) for _, one in self._kept.values()) > MOST_KEPT:
                self._kept.clear()
            self._kept[domain.location] = (domain.version, body)
        return body

    def _read(self, domain: _Domain, arn: str) -> bytes:
        what = f"cannot read what {arn} loads, {domain.location} (version {domain.version or 'not pinned'})"
        place = keys.place(domain.location)
        if place is None:
            raise TargetError(f"{what}: that is no s3://bucket/key")
        pinned: Any = {"VersionId": domain.version} if domain.version else {}
        try:
            answer = self._s3.get_object(Bucket=place.bucket, Key=place.key, **pinned)
            body = answer["Body"].read(MAX_BUNDLE + 1)
        except (ClientError, BotoCoreError) as error:
            failure = translate(what, error)
            if code(error) in _GONE:
                raise TargetError(f"{what}: {error}. {_IF_GONE}") from error
            if not isinstance(failure, TargetDenied):
                raise failure from error
            key = _IAM_SIGNS.sub(r"${\g<0>}", place.key)
            object_arn = f"arn:{parse_target(arn).partition}:s3:::{place.bucket}/{key}"
            comma = " (which takes no comma: copy the object to a key without one first)" if "," in key else ""
            raise TargetDenied(
                f"{what}: access is denied. If the object exists, add {object_arn} to the template's parameter"
                f" AdoptObjectArns{comma}, and see that its bucket's policy and KMS key let this function's role in."
                f" {_IF_GONE}"
            ) from error
        if len(body) > MAX_BUNDLE:
            raise TargetError(f"{what}: it is larger than {MAX_BUNDLE} bytes")
        return body

    def _endpoints(self, arn: str, ways: frozenset[str]) -> tuple[Endpoint, ...]:
        try:
            return default_endpoints(
                self._rest, self._http, parse_target(arn).name, ways=ways, authorizer=self._authorizer
            )
        except (ClientError, BotoCoreError) as error:
            raise translate(f"cannot read the APIs behind {arn}", error) from error


def _ways(mode: str) -> frozenset[str]:
    """What leads to APIs by a routing mode, in the words of v1 or v2. Mappings do unless it names rules alone."""
    if mode == "ROUTING_RULE_ONLY":
        return frozenset({RULES})
    return frozenset({MAPPINGS, RULES} if mode.startswith("ROUTING_RULE") else {MAPPINGS})


def _said(status: str, message: str) -> tuple[str, ...]:
    """What the service says about a domain that waits for a person (its certificate, its ownership)."""
    return () if status in {*_SETTLED, "UPDATING"} else (f"{status}: {message}".removesuffix(": "),)


def _bad_request(said: str, reason: str) -> TargetError:
    """What a BadRequestException means. The service's texts are not documented: only clear ones mean a bad content."""
    if _UNDER_WAY.search(reason):
        return TargetBusy(said)
    if _FORBIDDEN.search(reason):
        return TargetDenied(said)
    if _CONTENT.search(reason) and not _PLACE.search(reason):
        return BundleRejected(said)
    return TargetError(said)
