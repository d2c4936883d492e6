"""Parse ARNs: a target's kind, region, account and name, its id and message group; a secret's region and account.

Pure. Strict, because the ARN becomes part of calls, keys and alerts. The shapes are those of the table of kinds, after
the AWS service authorization reference.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from rotation_watcher.expressions import Expression
from rotation_watcher.kinds import KINDS, Kind, Placement, of_service

_PARTITION = Expression(r"aws(-[a-z]+)*")
_REGION = Expression(r"[a-z]{2,}(-[a-z]+)+-\d+")
_ACCOUNT = Expression(r"\d{12}")
_SECRET = Expression(
    r"arn:aws[a-z-]*:(?:ssm:(?P<of_parameter>[a-z0-9-]+:\d{12}):parameter/.+"
    r"|secretsmanager:(?P<of_secret>[a-z0-9-]+:\d{12}):secret:.+)"
)
_OTHER = Expression(r"[^a-z0-9-]+")
_DIGEST = 8
_LONGEST_ID = 63


class TargetArn(msgspec.Struct, frozen=True):
    """A parsed target ARN. ``region`` and ``account`` are None where ARNs of the kind have none."""

    arn: str
    kind: Kind
    partition: str
    region: str | None
    account: str | None
    name: str

    @property
    def label(self) -> str:
        """The target for people, such as ``ALB trust store main``."""
        return f"{self.kind.label} {self.name}"


class SecretArn(msgspec.Struct, frozen=True):
    """Region and account of an SSM parameter or Secrets Manager secret."""

    region: str
    account: str


@lru_cache(256)  # a run asks it of each target some hundred times
def parse_target(arn: str) -> TargetArn:
    """Parse a target's ARN. Raises ValueError that says what is wrong and which shapes are known."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":  # noqa: PLR2004  # arn:partition:service:region:account:resource
        raise _wrong(arn, "it is no ARN")
    _, partition, service, region, account, resource = parts
    if not _PARTITION.fullmatch(partition):
        raise _wrong(arn, f"{partition!r} is no AWS partition")
    candidates = of_service(service)
    if not candidates:
        raise _wrong(arn, f"it belongs to the service {service!r}")
    for kind in candidates:
        if match := kind.resource.fullmatch(resource):
            _check_place(arn, kind, region, account)
            return TargetArn(arn, kind, partition, region or None, account or None, match["name"])
    raise _wrong(arn, f"{resource!r} is no {' and no '.join(kind.noun for kind in candidates)}")


def _check_place(arn: str, kind: Kind, region: str, account: str) -> None:
    """Raise ValueError if region or account do not fit this kind's ARNs."""
    if kind.placement is Placement.GLOBAL and region:
        raise _wrong(arn, f"the ARN of a {kind.noun} holds no region")
    if kind.placement is not Placement.GLOBAL and not _REGION.fullmatch(region):
        raise _wrong(arn, f"{region!r} is no region")
    if kind.account and not _ACCOUNT.fullmatch(account):
        raise _wrong(arn, f"{account!r} is no account number of 12 digits")
    if not kind.account and account:
        raise _wrong(arn, f"the ARN of a {kind.noun} holds no account number")


def parse_secret(arn: str) -> SecretArn:
    """Parse a secret's ARN. Raises ValueError if it names no SSM parameter or Secrets Manager secret."""
    match = _SECRET.fullmatch(arn)
    if match is None:
        # Mistakes are mailed, and what stands where a secret's name belongs may be the secret.
        shown = repr(arn) if arn.startswith("arn:") else "this"
        raise ValueError(f"{shown} is no ARN of an SSM parameter or Secrets Manager secret")
    region, _, account = (match["of_parameter"] or match["of_secret"]).partition(":")
    return SecretArn(region, account)


def target_ids(arn_list: Sequence[str]) -> list[str]:
    """The ids of targets of which only the ARNs are given: all different, 63 characters at most, in the same order.

    State lies under an id, so an id follows from its own ARN alone, not from the other ARNs or their order: the name
    where it is unambiguous for its kind (``api.example.com``: ``api-example-com``), else the name and eight hexadecimal
    digits of the ARN's SHA-256 (capitals, ``*.``, hyphens in a domain). Ids that are still equal all get these digits:
    two trust stores of one name, which cannot both exist in an account and region, or a trust store with the name of a
    listed domain. An ARN that is not a target's gets an id too, so that validation can name it. See decision 0020.
    """
    alone = [own_id(arn) for arn in arn_list]
    counts = Counter(dict(zip(arn_list, alone, strict=True)).values())
    return [each if counts[each] == 1 else _with_digest(each, arn) for each, arn in zip(alone, arn_list, strict=True)]


def own_id(arn: str) -> str:
    """The id that follows from an ARN alone; those of two ARNs may be equal (``target_ids``)."""
    try:
        target = parse_target(arn)
    except ValueError:
        name, plain = arn.rpartition("/")[2], True
    else:
        name, plain = target.name, target.kind.plain_name.fullmatch(target.name) is not None
    readable = _OTHER.sub("-", name.lower().replace("*", "wildcard")).strip("-") or "target"
    return readable if plain and len(readable) <= _LONGEST_ID else _with_digest(readable, arn)


@lru_cache(256)  # as many as are parsed once
def unmistakable_id(arn: str) -> str:
    """The same with eight digits of the ARN's SHA-256 behind it, for where two would be equal."""
    alone = own_id(arn)
    return alone if alone.endswith(f"-{_digest(arn)}") else _with_digest(alone, arn)


def _digest(arn: str) -> str:
    return hashlib.sha256(arn.encode()).hexdigest()[:_DIGEST]


def _with_digest(readable: str, arn: str) -> str:
    return f"{readable[: _LONGEST_ID - _DIGEST - 1].rstrip('-')}-{_digest(arn)}"


def message_group(arn: str) -> str:
    """The FIFO message group: one a target, so that none waits for another, nor for its like in another region."""
    return unmistakable_id(arn)


_HINTS = (
    (
        Expression(r"arn:[^:]*:elasticloadbalancing:.*:listener/app/.*"),
        "it is a listener of an Application Load Balancer: name the trust store that it verifies with",
    ),
    (
        Expression(r"arn:[^:]*:elasticloadbalancing:.*:loadbalancer/.*"),
        "it is a load balancer: name the trust store that its listener verifies with",
    ),
    (
        Expression(r"arn:[^:]*:s3:::.*[^/]|s3://.*"),
        "a place for files is named by its ARN with the folder and a slash behind it, arn:aws:s3:::<bucket>/<folder>/",
    ),
    (
        Expression(r"(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
        "it is the name of a domain: write its ARN, arn:<partition>:apigateway:<region>::/domainnames/<name>",
    ),
)
"""What people write where a target's ARN belongs, and what they mean."""


def _wrong(arn: str, why: str) -> ValueError:
    why = next((hint for shape, hint in _HINTS if shape.fullmatch(arn)), why)
    shapes = " or ".join(f"{kind.label} ({kind.shape})" for kind in KINDS.values())
    return ValueError(f"{arn!r}: {why}; a target is one of: {shapes}")
