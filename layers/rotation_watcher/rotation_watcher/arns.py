"""What a target's ARN says: its kind, region and name, and what follows from them.

Pure. Strict, because the ARN becomes part of calls, keys and alerts; shapes after the AWS service authorization
reference (``elasticloadbalancing`` trust stores, ``apigateway`` domain names). Private domain names, which carry an id
behind a ``+``, have no truststore of their own and are refused.
"""

import re
from enum import StrEnum

import msgspec

_PARTITION = re.compile(r"aws(-[a-z]+)*")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_ACCOUNT = re.compile(r"\d{12}")
_TRUST_STORE = re.compile(r"truststore/(?P<name>[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?)/[0-9a-f]{8,64}")
_DOMAIN = re.compile(r"/domainnames/(?P<name>(?:\*\.)?[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+)")
_LONGEST_DOMAIN = 253
_OTHER = re.compile(r"[^a-z0-9-]+")
_SHAPES = (
    "a target is an ALB trust store (arn:<partition>:elasticloadbalancing:<region>:<account>:truststore/<name>/<id>)"
    " or an API Gateway domain (arn:<partition>:apigateway:<region>::/domainnames/<name>)"
)


class TargetKind(StrEnum):
    """What kinds of target there are."""

    ALB_TRUST_STORE = "alb-trust-store"
    API_GATEWAY_DOMAIN = "api-gateway-domain"


class TargetArn(msgspec.Struct, frozen=True):
    """A target's ARN, taken apart. ``account`` is None where the ARN has none (API Gateway)."""

    arn: str
    kind: TargetKind
    partition: str
    region: str
    account: str | None
    name: str

    @property
    def label(self) -> str:
        """The target in words, for people."""
        return f"{'ALB trust store' if self.kind is TargetKind.ALB_TRUST_STORE else 'API Gateway domain'} {self.name}"


def parse_target(arn: str) -> TargetArn:
    """Take a target's ARN apart. Raises ValueError that says what is wrong and which two shapes there are."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":  # noqa: PLR2004  # arn:partition:service:region:account:resource
        raise _wrong(arn, "it is no ARN")
    _, partition, service, region, account, resource = parts
    if not _PARTITION.fullmatch(partition):
        raise _wrong(arn, f"{partition!r} is no AWS partition")
    if service not in {"elasticloadbalancing", "apigateway"}:
        raise _wrong(arn, f"it belongs to the service {service!r}")
    if not _REGION.fullmatch(region):
        raise _wrong(arn, f"{region!r} is no region")
    if service == "elasticloadbalancing":
        if not _ACCOUNT.fullmatch(account):
            raise _wrong(arn, f"{account!r} is no account number of 12 digits")
        if not (match := _TRUST_STORE.fullmatch(resource)):
            raise _wrong(arn, f"{resource!r} is no trust store")
        return TargetArn(arn, TargetKind.ALB_TRUST_STORE, partition, region, account, match["name"])
    if account:
        raise _wrong(arn, "the ARN of a domain holds no account number")
    if not (match := _DOMAIN.fullmatch(resource)) or len(match["name"]) > _LONGEST_DOMAIN:
        raise _wrong(arn, f"{resource!r} is no domain name")
    return TargetArn(arn, TargetKind.API_GATEWAY_DOMAIN, partition, region, None, match["name"])


def target_id(arn: str) -> str:
    """The id a target gets when only its ARN is given: its name in lower case, other characters as hyphens.

    At most 63 characters. An ARN that is no target's gives an id all the same, so that validation can speak of it.
    """
    try:
        name = parse_target(arn).name
    except ValueError:
        name = arn.rpartition("/")[2]
    return _OTHER.sub("-", name.lower()).strip("-")[:63].rstrip("-") or "target"


def message_group(arn: str) -> str:
    """The queue's message group: the target by itself, but one for all API Gateway domains of a region.

    API Gateway takes one UpdateDomainName in 30 seconds for the whole account and region, and the queue is that
    account's own. At most 128 characters of ``[A-Za-z0-9-]``. Raises ValueError for an ARN that is no target's.
    """
    target = parse_target(arn)
    if target.kind is TargetKind.API_GATEWAY_DOMAIN:
        return f"apigateway-{target.region}"
    return arn.rpartition(":truststore/")[2].replace("/", "-")


def _wrong(arn: str, why: str) -> ValueError:
    return ValueError(f"{arn!r}: {why}; {_SHAPES}")
