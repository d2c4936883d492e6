"""Commands about a target that several alerts give: look at it, release it, find out who changed it."""

import json
from datetime import datetime

from rotation_watcher.alerts.builders.subjects import files_at
from rotation_watcher.alerts.builders.templates import Template, command, invoke
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import TargetName

APPLY = 'set the mode to apply ("mode" in the watch file; without one the parameter Mode of the stack)'
"""How a stack that only observes is made to change its targets."""


_PARTS = 6
"""Of an ARN."""


def at(arn: str) -> dict[str, str]:
    """The place ``region`` of a command about a resource: that of its ARN; the stack's where that names none."""
    parts = arn.split(":", 5)
    return {"region": parts[3]} if len(parts) == _PARTS and parts[3] else {}


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
    """Lists who called the service's operation ``call`` for a resource since then, with the whole events.

    Of a place for files, what was written there: CloudTrail's management events know no writing of objects.
    """
    if place := files_at(arn):
        bucket, _, folder = place.partition("/")
        return command(
            "aws s3api list-object-versions --bucket {files} --prefix {folder} --query {query} --output table",
            files=bucket,
            folder=folder,
            query="Versions[].[LastModified,Key,VersionId,Size]",
        )
    name = json.dumps(arn.rpartition("/")[2])  # in quotes: one of digits alone would be a number to JMESPath
    query = f"Events[?contains(CloudTrailEvent, `{name}`)].[EventTime,Username,CloudTrailEvent]"
    since = f" --start-time {start:%Y-%m-%dT%H:%M:%SZ}" if start else ""
    where = {"region": "us-east-1"} if ":cloudfront:" in arn else at(arn)  # where a global service's events are
    return command(
        f"aws cloudtrail lookup-events --region {{region}}{since} --lookup-attributes {{attribute}} --query {{query}}"
        " --output text",
        **where,
        attribute=f"AttributeKey=EventName,AttributeValue={call}",
        query=query,
    )
