"""What a target's ARN says: its kind, region and name."""

import re
from enum import StrEnum

import msgspec

_TRUST_STORE = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):elasticloadbalancing:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":truststore/(?P<name>[A-Za-z0-9-]{1,32})/[0-9a-f]{16}"
)
_DOMAIN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):apigateway:(?P<region>[a-z0-9-]+)::/domainnames/(?P<name>[A-Za-z0-9*][A-Za-z0-9.-]{1,252})"
)
_OTHER = re.compile(r"[^a-z0-9-]+")


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
    """Take a target's ARN apart. Raises ValueError that says which two shapes there are."""
    if match := _TRUST_STORE.fullmatch(arn):
        return TargetArn(
            arn, TargetKind.ALB_TRUST_STORE, match["partition"], match["region"], match["account"], match["name"]
        )
    if match := _DOMAIN.fullmatch(arn):
        return TargetArn(arn, TargetKind.API_GATEWAY_DOMAIN, match["partition"], match["region"], None, match["name"])
    raise ValueError(
        f"{arn!r} is neither an ALB trust store (arn:aws:elasticloadbalancing:<region>:<account>:truststore/<name>/<id>)"
        " nor an API Gateway domain (arn:aws:apigateway:<region>::/domainnames/<name>)"
    )


def target_id(arn: str) -> str:
    """The id a target gets when only its ARN is given: its name in lower case, other characters as hyphens.

    An ARN that is no target's gives an id all the same, so that validation can speak of it.
    """
    try:
        name = parse_target(arn).name
    except ValueError:
        name = arn.rpartition("/")[2] or "target"
    return _OTHER.sub("-", name.lower()).strip("-")[:63] or "target"


def message_group(arn: str) -> str:
    """The queue's message group: the target by itself, but one for all API Gateway domains of a region.

    API Gateway takes one UpdateDomainName in 30 seconds for the whole account and region.
    """
    target = parse_target(arn)
    if target.kind is TargetKind.API_GATEWAY_DOMAIN:
        return f"apigateway-{target.region}"
    return arn.rpartition(":truststore/")[2].replace("/", "-")
