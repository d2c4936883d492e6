"""Commands about a target that several alerts give: look at it, release it, find out who changed it."""

import json
from datetime import datetime

from rotation_watcher.alerts.builders.subjects import TargetName
from rotation_watcher.alerts.builders.templates import Template, command, invoke
from rotation_watcher.alerts.fills import Fill

APPLY = 'set the mode to apply ("mode" in the watch file; without one the parameter Mode of the stack)'
"""How a stack that only observes is made to change its targets."""


def look(target: TargetName) -> Template:
    """Shows what the watcher would do at the target, and what keeps it from it. Changes nothing."""
    return invoke(Fill.PUBLISH, {"targets": [target.id], "dry_run": True})


def releasing(target: TargetName, *leaving: str) -> tuple[Template, Template]:
    """Two commands: what a release would do, and the release.

    ``leaving``: fingerprints of certificates that shall leave without waiting for the end of their grace.
    """
    event = {"release": target.id} | ({"leave": leaving} if leaving else {})
    return invoke(Fill.PUBLISH, event | {"dry_run": True}), invoke(Fill.PUBLISH, event)


def who_changed(arn: str, call: str, start: datetime | None = None) -> Template:
    """Lists who called the service's operation ``call`` for a resource since then, with the whole events."""
    name = json.dumps(arn.rpartition("/")[2])  # in quotes: one of digits alone would be a number to JMESPath
    query = f"Events[?contains(CloudTrailEvent, `{name}`)].[EventTime,Username,CloudTrailEvent]"
    since = f" --start-time {start:%Y-%m-%dT%H:%M:%SZ}" if start else ""
    return command(
        f"aws cloudtrail lookup-events --region {{region}}{since} --lookup-attributes {{attribute}} --query {{query}}"
        " --output text",
        attribute=f"AttributeKey=EventName,AttributeValue={call}",
        query=query,
    )
