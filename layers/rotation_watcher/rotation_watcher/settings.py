"""The functions' environment variables, checked for completeness: read here and in ``bootstrap`` only."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import msgspec

from rotation_watcher.errors import ConfigurationError

_CLAIM_MARGIN = timedelta(seconds=60)
"""How much longer than the function's timeout a claim lasts: no other run may act while that one still could."""

_RATE = re.compile(r"rate\((?P<value>[1-9][0-9]{0,5}) (?P<unit>minute|hour|day)s?\)")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of collect and publish. Lists are comma-separated in the environment; empty items are dropped.

    ``account`` (ACCOUNT_ID) is the stack's account, to which its targets and secrets must belong (None: not known).
    ``enqueue_every`` is how often the schedule enqueues every target (PUBLISH_SCHEDULE; None: at no fixed interval).
    ``claim_for`` is how long a claim on a target lasts. ``watch_file`` is empty or an ``s3://`` URI.
    ``authorizer_arn`` (AUTHORIZER_ARN) is that of the stack's authorizer for APIs (None: it has none).
    ``stack`` (STACK_NAME) is for people; empty where it is not known.
    ``ca_file`` (GENESYS_CA_FILE) names additional roots for HTTPS to Genesys, for networks that inspect TLS.
    """

    bucket: str
    topic_arn: str
    queue_url: str
    region: str
    account: str | None
    watch_file: str
    mode: str
    genesys_region: str
    authorities: tuple[str, ...]
    credential_arns: tuple[str, ...]
    target_arns: tuple[str, ...]
    claim_for: timedelta
    enqueue_every: timedelta | None
    ca_file: Path | None
    authorizer_arn: str | None
    stack: str


class ChatSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of the slack function: the variable that selects its chat, and the ARN of the chat's secret."""

    variable: str
    secret_arn: str


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings of collect and publish. Raises ConfigurationError naming every variable that is missing."""
    needed = ("BUCKET", "TOPIC_ARN", "PUBLISH_QUEUE_URL", "AWS_REGION")
    _require(environment, needed)
    ca_file = environment.get("GENESYS_CA_FILE", "")
    return Settings(
        bucket=environment["BUCKET"],
        topic_arn=environment["TOPIC_ARN"],
        queue_url=environment["PUBLISH_QUEUE_URL"],
        region=environment["AWS_REGION"],
        account=environment.get("ACCOUNT_ID") or None,
        watch_file=environment.get("WATCH_FILE_URI", ""),
        mode=environment.get("MODE", "observe"),
        genesys_region=environment.get("GENESYS_REGION", ""),
        authorities=_items(environment.get("AUTHORITIES", "Genesys")),
        credential_arns=_items(environment.get("CREDENTIAL_ARNS", "")),
        target_arns=_items(environment.get("TARGET_ARNS", "")),
        claim_for=timedelta(seconds=int(environment.get("FUNCTION_TIMEOUT_SECONDS", "300"))) + _CLAIM_MARGIN,
        enqueue_every=_interval(environment.get("PUBLISH_SCHEDULE", "")),
        ca_file=Path(ca_file) if ca_file else None,
        authorizer_arn=environment.get("AUTHORIZER_ARN") or None,
        stack=environment.get("STACK_NAME", ""),
    )


def chat_from_environment(environment: Mapping[str, str], variables: Iterable[str]) -> ChatSettings:
    """The settings of slack: ``variables`` are those of all chats, one is set. Raises ConfigurationError."""
    known = sorted(variables)
    given = [name for name in known if environment.get(name)]
    if not given:
        raise ConfigurationError([f"{' or '.join(known)}: not set in the function's environment"])
    if len(given) > 1:
        raise ConfigurationError([f"{' and '.join(given)}: set together, but a function posts to one chat"])
    return ChatSettings(variable=given[0], secret_arn=environment[given[0]])


def _interval(schedule: str) -> timedelta | None:
    """The time between two runs of a ``rate(…)`` expression; None for any other, whose times are not even."""
    match = _RATE.fullmatch(schedule)
    return int(match["value"]) * _UNITS[match["unit"]] if match else None


def _require(environment: Mapping[str, str], names: tuple[str, ...]) -> None:
    missing = [f"{name}: not set in the function's environment" for name in names if not environment.get(name)]
    if missing:
        raise ConfigurationError(missing)


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())
