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
    return _answer(policy, lambda who: service in _list(who.get("Service")) if isinstance(who, dict) else False)


def of_principals(policy: str, arns: Iterable[str]) -> Answer:
    """Whether one of these principals is named with what is needed. Raises ValueError where the policy is no JSON."""
    named = {*arns}
    return _answer(policy, lambda who: isinstance(who, dict) and bool(named & {*_list(who.get("AWS"))}))


def _answer(policy: str, names: Any) -> Answer:
    statements = _list(json.loads(policy).get("Statement"))
    concerned = [one for one in statements if _everybody(one.get("Principal")) or names(one.get("Principal"))]
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


def _everybody(who: Any) -> bool:
    return who == "*" or (isinstance(who, dict) and "*" in _list(who.get("AWS")))


def _covers(statement: Mapping[str, Any], action: str) -> bool:
    """Whether its actions are these; what NotAction leaves over is what it speaks of."""

    def among(patterns: Any) -> bool:
        return any(fnmatch.fnmatchcase(action.lower(), one.lower()) for one in _list(patterns))

    return among(statement["Action"]) if "Action" in statement else not among(statement.get("NotAction"))


def _keys(statement: Mapping[str, Any]) -> list[str]:
    return [key for condition in statement.get("Condition", {}).values() for key in condition]


def _list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
