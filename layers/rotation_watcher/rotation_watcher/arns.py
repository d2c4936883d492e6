"""What an ARN says: a target's kind, region and name, and what follows from them; where a secret lies.

Pure. Strict, because the ARN becomes part of calls, keys and alerts. What ARNs there are is said by the table of kinds;
shapes after the AWS service authorization reference.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import msgspec

from rotation_watcher.kinds import KINDS, Kind, Placement, of_service

_PARTITION = re.compile(r"aws(-[a-z]+)*")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_ACCOUNT = re.compile(r"\d{12}")
_SECRET = re.compile(
    r"arn:aws[a-z-]*:(?:ssm:(?P<of_parameter>[a-z0-9-]+:\d{12}):parameter/.+"
    r"|secretsmanager:(?P<of_secret>[a-z0-9-]+:\d{12}):secret:.+)"
)
_OTHER = re.compile(r"[^a-z0-9-]+")
_DIGEST = 8
_LONGEST_ID = 63


class TargetArn(msgspec.Struct, frozen=True):
    """A target's ARN, taken apart. ``region`` and ``account`` are None where ARNs of the kind have none."""

    arn: str
    kind: Kind
    partition: str
    region: str | None
    account: str | None
    name: str

    @property
    def label(self) -> str:
        """The target in words, for people."""
        return f"{self.kind.label} {self.name}"


class SecretArn(msgspec.Struct, frozen=True):
    """Where an SSM parameter or a Secrets Manager secret lies."""

    region: str
    account: str


def parse_target(arn: str) -> TargetArn:
    """Take a target's ARN apart. Raises ValueError that says what is wrong and which shapes there are."""
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
    """Raise ValueError where region or account are not as this kind's ARNs have them."""
    if kind.placement is Placement.GLOBAL and region:
        raise _wrong(arn, f"the ARN of a {kind.noun} holds no region")
    if kind.placement is not Placement.GLOBAL and not _REGION.fullmatch(region):
        raise _wrong(arn, f"{region!r} is no region")
    if kind.account and not _ACCOUNT.fullmatch(account):
        raise _wrong(arn, f"{account!r} is no account number of 12 digits")
    if not kind.account and account:
        raise _wrong(arn, f"the ARN of a {kind.noun} holds no account number")


def parse_secret(arn: str) -> SecretArn:
    """Where a secret lies. Raises ValueError for what is no ARN of an SSM parameter or Secrets Manager secret."""
    match = _SECRET.fullmatch(arn)
    if match is None:
        # Mistakes are mailed, and what stands where a secret's name belongs may be the secret.
        shown = repr(arn) if arn.startswith("arn:") else "this"
        raise ValueError(f"{shown} is no ARN of an SSM parameter or Secrets Manager secret")
    region, _, account = (match["of_parameter"] or match["of_secret"]).partition(":")
    return SecretArn(region, account)


def target_ids(arn_list: Sequence[str]) -> list[str]:
    """The ids that targets get when only their ARNs are given: no two alike, 63 characters at most.

    State lies under an id, so an id follows from its own ARN alone, whatever is listed beside it and in whatever order:
    the name as it stands where its kind says that it can be read in one way only (``api.example.com``:
    ``api-example-com``), else with eight digits of the ARN's SHA-256 behind it (capitals, ``*.``, hyphens in a domain).
    What is still alike then has these digits too, all of it: two trust stores of one name, which cannot both exist in
    an account and region, or a trust store called as a listed domain. An ARN that is no target's gets an id all the
    same, so that validation can speak of it.
    """
    alone = [_id(arn) for arn in arn_list]
    counts = Counter(dict(zip(arn_list, alone, strict=True)).values())
    return [each if counts[each] == 1 else _with_digest(each, arn) for each, arn in zip(alone, arn_list, strict=True)]


def _id(arn: str) -> str:
    try:
        target = parse_target(arn)
    except ValueError:
        name, plain = arn.rpartition("/")[2], True
    else:
        name, plain = target.name, target.kind.plain_name.fullmatch(target.name) is not None
    readable = _OTHER.sub("-", name.lower().replace("*", "wildcard")).strip("-") or "target"
    return readable if plain and len(readable) <= _LONGEST_ID else _with_digest(readable, arn)


def _with_digest(readable: str, arn: str) -> str:
    digest = hashlib.sha256(arn.encode()).hexdigest()[:_DIGEST]
    return f"{readable[: _LONGEST_ID - _DIGEST - 1].rstrip('-')}-{digest}"


def message_group(arn: str) -> str:
    """The queue's message group: one a target, so that none waits for another. Raises ValueError for another ARN."""
    parse_target(arn)
    return arn.split(":", 5)[5].partition("/")[2].replace("/", "-")


def _wrong(arn: str, why: str) -> ValueError:
    shapes = " or ".join(f"{kind.label} ({kind.shape})" for kind in KINDS.values())
    return ValueError(f"{arn!r}: {why}; a target is one of: {shapes}")
