"""The functions' environment variables, checked for completeness: read here and in ``bootstrap`` only."""

from collections.abc import Iterable, Mapping, MutableMapping
from datetime import timedelta
from pathlib import Path

import msgspec

from rotation_watcher import schedules
from rotation_watcher.errors import ConfigurationError

_CLAIM_MARGIN = timedelta(seconds=60)
"""How much longer than the function's timeout a claim lasts: no other run may act while that one still could."""

_LISTS_ALARM = timedelta(hours=6)
"""After so long without a run of refresh_crls that kept every list there is an alarm (RefreshCrlsSilenceAlarm)."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of collect and publish. Lists are comma-separated in the environment; empty items are dropped.

    ``account`` (ACCOUNT_ID) is the stack's account, to which its targets and secrets must belong (None: not known).
    ``sweep_every`` is how often the schedule looks at every target (PUBLISH_SCHEDULE; None: at no fixed interval).
    ``claim_for`` is how long a claim on a target lasts. ``watch_file`` is empty or an ``s3://`` URI,
    ``watch_file_account`` (WATCH_FILE_ACCOUNT) the account to which its bucket must belong: by default the stack's.
    ``authorizer_arn`` (AUTHORIZER_ARN) is that of the stack's authorizer for APIs (None: it has none).
    ``event_bus`` (ALERT_EVENT_BUS) is the name of the EventBridge bus that gets every alert as an event (None: none).
    ``file_events_url`` (FILE_EVENTS_QUEUE_URL) is the queue to which the bucket tells what is done to the operator's
    files (empty: it tells nobody).
    ``region_buckets`` (REGION_BUCKET_ARNS) are the names of the stack's buckets in other regions, ``target_roles``
    (TARGET_ROLE_ARNS) the roles of other accounts that publish may take on.
    ``ca_file`` (GENESYS_CA_FILE) names additional roots for HTTPS to Genesys, for networks that inspect TLS.

    For alerts: ``stack`` (STACK_NAME) and ``environment`` (ENVIRONMENT_NAME) say where they come from, ``runbook``
    (RUNBOOK_URL) is an address without an anchor; ``log_group`` and ``own_name`` are those of the function that runs,
    set by Lambda.

    ``mistakes`` are those of parameters that only their values together show: schedules that an alarm does not allow
    for (COLLECT_SCHEDULE, PUBLISH_SCHEDULE, REFRESH_CRLS_SCHEDULE, SILENCE_HOURS).
    """

    bucket: str
    topic_arn: str
    queue_url: str
    region: str
    account: str | None
    watch_file: str
    watch_file_account: str | None
    mode: str
    genesys_region: str
    authorities: tuple[str, ...]
    credential_arns: tuple[str, ...]
    target_arns: tuple[str, ...]
    claim_for: timedelta
    sweep_every: timedelta | None
    ca_file: Path | None
    authorizer_arn: str | None
    stack: str
    environment: str
    runbook: str
    log_group: str
    own_name: str
    mistakes: tuple[str, ...]
    event_bus: str | None = None
    file_events_url: str = ""
    region_buckets: tuple[str, ...] = ()
    target_roles: tuple[str, ...] = ()


class ChatSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of a function that posts: the variable that selects its chat, and the ARN that it holds."""

    variable: str
    arn: str


def forget_key_log(environment: MutableMapping[str, str]) -> None:
    """Take out the variable that names a file: Python and botocore write the keys of TLS connections into it."""
    environment.pop("SSLKEYLOGFILE", None)


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
        watch_file_account=environment.get("WATCH_FILE_ACCOUNT") or environment.get("ACCOUNT_ID") or None,
        mode=environment.get("MODE", "observe"),
        genesys_region=environment.get("GENESYS_REGION", ""),
        authorities=_items(environment.get("AUTHORITIES", "Genesys")),
        credential_arns=_items(environment.get("CREDENTIAL_ARNS", "")),
        target_arns=_items(environment.get("TARGET_ARNS", "")),
        claim_for=timedelta(seconds=int(environment.get("FUNCTION_TIMEOUT_SECONDS", "300"))) + _CLAIM_MARGIN,
        sweep_every=schedules.rate(environment.get("PUBLISH_SCHEDULE", "")),
        ca_file=Path(ca_file) if ca_file else None,
        authorizer_arn=environment.get("AUTHORIZER_ARN") or None,
        stack=environment.get("STACK_NAME") or "no-stack",
        environment=environment.get("ENVIRONMENT_NAME", ""),
        runbook=environment.get("RUNBOOK_URL", ""),
        log_group=environment.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        own_name=environment.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        mistakes=_schedule_mistakes(environment),
        event_bus=environment.get("ALERT_EVENT_BUS") or None,
        file_events_url=environment.get("FILE_EVENTS_QUEUE_URL", ""),
        region_buckets=tuple(one.rpartition(":")[2] for one in _items(environment.get("REGION_BUCKET_ARNS", ""))),
        target_roles=_items(environment.get("TARGET_ROLE_ARNS", "")),
    )


def chat_from_environment(environment: Mapping[str, str], variables: Iterable[str]) -> ChatSettings:
    """The settings of what posts: ``variables`` are those of all chats, one is set. Raises ConfigurationError."""
    known = sorted(variables)
    given = [name for name in known if environment.get(name)]
    if not given:
        raise ConfigurationError([f"{' or '.join(known)}: not set in the function's environment"])
    if len(given) > 1:
        raise ConfigurationError([f"{' and '.join(given)}: set together, but a function posts to one chat"])
    return ChatSettings(variable=given[0], arn=environment[given[0]])


def _schedule_mistakes(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The schedules for which an alarm about silence would always be raised. Only collect is told of them."""
    hours = environment.get("SILENCE_HOURS", "")
    if not hours.isdigit():
        return ()
    silence, allowance = timedelta(hours=int(hours)), f"SilenceHours raises an alarm after {hours}"
    found = [schedules.mistake("CollectSchedule", environment.get("COLLECT_SCHEDULE", ""), silence, allowance)]
    if any(_items(environment.get(name, "")) for name in ("TARGET_ARNS", "TARGET_ROLE_ARNS")):
        found.append(schedules.mistake("PublishSchedule", environment.get("PUBLISH_SCHEDULE", ""), silence, allowance))
    lists = environment.get("REFRESH_CRLS_SCHEDULE", "")
    found.append(schedules.mistake("RefreshCrlsSchedule", lists, _LISTS_ALARM, "an alarm is raised after 6"))
    return tuple(one for one in found if one)


def _require(environment: Mapping[str, str], names: tuple[str, ...]) -> None:
    missing = [f"{name}: not set in the function's environment" for name in names if not environment.get(name)]
    if missing:
        raise ConfigurationError(missing)


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())
