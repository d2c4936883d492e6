"""Whom the policy of a KMS key lets in, as far as its text says. Pure.

What a condition holds back is not judged: it depends on the request. Nor are grants, and the policies of the
organisation.
"""

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

NEEDED = ("kms:Decrypt", "kms:GenerateDataKey")
"""What everybody needs who fills a queue or a topic, or keeps logs."""


class Service(NamedTuple):
    """A service that uses the key itself. ``kinds``: of the data; ``lost``: what does not happen without it.

    ``sid``: the statement of accounts/data-key.yaml that lets it in.
    """

    name: str
    sid: str
    kind: str
    lost: str
    critical: bool = True


SERVICES = (
    Service("cloudwatch.amazonaws.com", "AlarmsPublish", "Topic", "no alarm reaches anybody"),
    Service("sns.amazonaws.com", "TheTopicFillsQueues", "Queue", "no alert reaches the chats"),
    Service("events.amazonaws.com", "TheRuleFillsFailedRuns", "Queue", "what the rule could not deliver is lost"),
    Service("s3.amazonaws.com", "S3TellsOfFiles", "Queue", "alerts about files do not say who wrote them", False),
    Service("logs.{region}.{suffix}", "LogsAreKept", "Log", "no log group takes the key"),
)


class Answer(NamedTuple):
    """Whether statements admit somebody; ``conditions``: the keys of conditions on all that do, or on what denies."""

    admitted: bool
    conditions: tuple[str, ...] = ()


def of_service(policy: str, service: str) -> Answer:
    """Whether a service may use the key. Raises ValueError where the policy is no JSON."""
    return _answer(policy, "Service", {service}, {service})


def of_role(policy: str, role: str, account: Iterable[str]) -> Answer:
    """Whether a role may, named itself or as one of its account, whose names these are. Raises as ``of_service``."""
    return _answer(policy, "AWS", {role, *account}, {role})


def _answer(policy: str, kind: str, names: set[str], itself: set[str]) -> Answer:
    """``itself``: what NotPrincipal has to name to leave it out; its account alone does not."""
    concerned = [
        one
        for one in _list(json.loads(policy).get("Statement"))
        if (
            _names(one["Principal"], kind, names)
            if "Principal" in one
            else not _names(one.get("NotPrincipal"), kind, itself)
        )
    ]
    denying = [one for one in concerned if one["Effect"] == "Deny" and any(_covers(one, each) for each in NEEDED)]
    if any(not one.get("Condition") for one in denying):
        return Answer(False)
    held = []
    for action in NEEDED:
        allowing = [one for one in concerned if one["Effect"] == "Allow" and _covers(one, action)]
        if not allowing:
            return Answer(False)
        held += [] if any(not one.get("Condition") for one in allowing) else allowing
    return Answer(True, tuple(sorted({key for one in (*held, *denying) for key in _keys(one)})))


def _names(who: Any, kind: str, names: set[str]) -> bool:
    if not isinstance(who, dict):
        return bool(who == "*")
    return "*" in _list(who.get("AWS")) or bool(names & {*_list(who.get(kind))})


def _covers(statement: Mapping[str, Any], action: str) -> bool:
    """Whether its actions are these; what NotAction leaves over is what it speaks of."""

    def among(patterns: Any) -> bool:
        return any(fnmatch.fnmatchcase(action.lower(), one.lower()) for one in _list(patterns))

    return among(statement["Action"]) if "Action" in statement else not among(statement.get("NotAction"))


def _keys(statement: Mapping[str, Any]) -> list[str]:
    return [key for condition in statement.get("Condition", {}).values() for key in condition]


def _list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
