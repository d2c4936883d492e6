"""What there is in the account and region that the watcher could keep up to date. Reads only."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from genesys_certs import aws
from rotation_watcher import keys
from rotation_watcher.alerts.builders.wording import plain

_WITH_CLOUDFRONT = {"aws", "aws-cn"}
"""The partitions in which CloudFront is one service for all regions."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One trust store, domain or listener. ``about`` is for people; ``adopt`` the ARN of the object it loads today."""

    arn: str
    kind: str
    name: str
    about: str
    adopt: str | None = None


def trust_stores() -> Iterator[Candidate]:
    """The trust stores of this account; shared ones of others cannot be changed."""
    for one in _pages("elbv2", "describe_trust_stores", "TrustStores"):
        number = one.get("NumberOfCaCertificates", "?")
        about = f"{number} CA certificates, {str(one.get('Status', '')).lower()}"
        yield Candidate(arn=one["TrustStoreArn"], kind="trust store", name=plain(one["Name"], 64), about=about)


def domains() -> Iterator[Candidate]:
    """The custom domains with mutual TLS, of REST and HTTP APIs."""
    client = aws.client("apigateway")
    where = f"arn:{client.meta.partition}:apigateway:{client.meta.region_name}::/domainnames"
    seen = set()
    for one in _pages("apigateway", "get_domain_names", "items"):
        seen.add(one["domainName"])
        if uri := one.get("mutualTlsAuthentication", {}).get("truststoreUri"):
            yield _domain(where, one["domainName"], uri, client.meta.partition)
    for one in _pages("apigatewayv2", "get_domain_names", "Items"):
        uri = one.get("MutualTlsAuthentication", {}).get("TruststoreUri")
        if uri and one["DomainName"] not in seen:
            yield _domain(where, one["DomainName"], uri, client.meta.partition)


def _domain(where: str, name: str, uri: str, partition: str) -> Candidate:
    place = keys.place(uri)
    adopt = f"arn:{partition}:s3:::{place.bucket}/{place.key}" if place else None
    return Candidate(
        arn=f"{where}/{name}", kind="domain", name=plain(name, 253), about=f"loads {plain(uri, 200)}", adopt=adopt
    )


def listeners() -> Iterator[Candidate]:
    """The TLS listeners of Network Load Balancers that verify, for their identity filters."""
    for balancer in _pages("elbv2", "describe_load_balancers", "LoadBalancers"):
        if balancer.get("Type") != "network":
            continue
        arn = balancer["LoadBalancerArn"]
        for one in _pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn):
            mutual = one.get("MutualAuthentication", {})
            if one.get("Protocol") == "TLS" and mutual.get("Mode") == "verify":
                filters = len(mutual.get("ClientCertificateIdentityFilters", []))
                name = f"{plain(balancer['LoadBalancerName'], 32)}:{one.get('Port')}"
                yield Candidate(arn=one["ListenerArn"], kind="listener", name=name, about=f"{filters} identity filters")


def cloudfront_trust_stores() -> Iterator[Candidate]:
    """The trust stores of CloudFront, which is one service for all regions. What they hold is not shown."""
    if aws.client("cloudfront").meta.partition not in _WITH_CLOUDFRONT:
        return
    for one in _pages("cloudfront", "list_trust_stores", "TrustStoreList"):
        number, status = one.get("NumberOfCaCertificates", "?"), str(one.get("Status", "")).lower()
        about = f"{number} CA certificates, {status}; say what it holds: extra/adopted/{one['Id']}/{one['ETag']}.pem"
        yield Candidate(arn=one["Arn"], kind="CloudFront trust store", name=plain(one["Name"], 64), about=about)


def secrets() -> list[str]:
    """ARNs of SSM SecureStrings whose name speaks of Genesys; their content is not read."""
    filters = [
        {"Key": "Name", "Option": "Contains", "Values": ["genesys"]},
        {"Key": "Type", "Option": "Equals", "Values": ["SecureString"]},
    ]
    names = [str(one["Name"]) for one in _pages("ssm", "describe_parameters", "Parameters", ParameterFilters=filters)]
    if not names:
        return []
    meta, account = aws.client("ssm").meta, aws.client("sts").get_caller_identity()["Account"]
    return [f"arn:{meta.partition}:ssm:{meta.region_name}:{account}:parameter/{name.lstrip('/')}" for name in names]


def _pages(service: str, operation: str, member: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
    client = aws.client(service)
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**arguments):
            yield from page.get(member, [])
    else:
        yield from getattr(client, operation)(**arguments).get(member, [])
