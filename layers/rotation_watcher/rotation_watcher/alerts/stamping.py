"""What only the rim knows, put on each alert as it leaves: which stack sends it, its names in commands, links.

So neither builders nor what waits in state know the stack, and a stack that is renamed or restored elsewhere says what
is true now.
"""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.fills import Fill, filled
from rotation_watcher.alerts.model import Alert, Origin
from rotation_watcher.alerts.outbox import AlertSink

STATUS_PAGE = "status/index.html"
"""The key of the status page in the stack's bucket."""
RUNBOOK = "docs/runbook.md"
"""The runbook as it lies in the project: what is named where nobody says at which address it can be read."""
_CONSOLES = {
    "aws": "{region}.console.aws.amazon.com",
    "aws-cn": "{region}.console.amazonaws.cn",
    "aws-us-gov": "{region}.console.amazonaws-us-gov.com",
    "aws-eusc": "{region}.console.amazonaws-eusc.eu",
}
"""The host of the AWS console, by partition. A partition that is not here gets no links to it."""


class Stack(msgspec.Struct, frozen=True):
    """What is known of the stack at delivery.

    ``functions``: the real names of those that are known. ``log_group``: that of the function that delivers, or empty.
    ``runbook``: the address of the runbook without an anchor, or empty.
    """

    origin: Origin
    partition: str
    bucket: str
    functions: Mapping[Fill, str] = {}
    log_group: str = ""
    runbook: str = ""

    def fills(self) -> dict[Fill, str]:
        """What commands are filled with; a function whose name is not known is looked up by the command itself."""
        region = self.origin.region
        fills = {Fill.REGION: region, Fill.BUCKET: self.bucket}
        for function, logical in _LOGICAL.items():
            fills[function] = self.functions.get(function) or (
                f'"$(aws cloudformation describe-stack-resource --region {region} --stack-name {self.origin.stack}'
                f' --logical-resource-id {logical} --query StackResourceDetail.PhysicalResourceId --output text)"'
            )
        return fills


_LOGICAL = {
    Fill.COLLECT: "CollectFunction",
    Fill.PUBLISH: "PublishFunction",
    Fill.REFRESH_CRLS: "RefreshCrlsFunction",
    Fill.REPORT: "ReportFunction",
}
"""The functions' logical ids in the template."""


class Stamping:
    """An AlertSink before another one, which gets every alert stamped."""

    def __init__(self, inner: AlertSink, stack: Stack) -> None:
        self._inner, self._stack = inner, stack

    def deliver(self, alert: Alert) -> None:
        """See ``alerts.outbox.AlertSink``."""
        self._inner.deliver(stamped(alert, self._stack))


def stamped(alert: Alert, stack: Stack) -> Alert:
    """The alert as this stack delivers it. Whatever it held of origin and links is replaced."""
    fills = stack.fills()
    return msgspec.structs.replace(
        alert,
        id=f"{stack.origin.prefix}/{alert.id}",
        what_to_do=filled(alert.what_to_do, fills),
        facts={label: filled(value, fills) for label, value in alert.facts.items()},
        origin=stack.origin,
        links=links(alert, stack),
    )


def links(alert: Alert, stack: Stack) -> dict[str, str]:
    """Where to read on, by what it leads to: URLs, and the paths of what has none."""
    found = {
        "runbook": f"{stack.runbook or RUNBOOK}#{alert.kind}",
        "status page": f"s3://{stack.bucket}/{STATUS_PAGE}",
    }
    if (host := _CONSOLES.get(stack.partition)) is None:
        return found
    region, console = stack.origin.region, f"https://{host.format(region=stack.origin.region)}"
    if stack.log_group:
        # CloudWatch's console escapes twice, with $ for the second %.
        group = quote(quote(stack.log_group, safe=""), safe="").replace("%", "$")
        found["log"] = f"{console}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}"
    arn = alert.facts.get("ARN") if alert.target else None
    key = keys.history(alert.source) if alert.source else keys.record(keys.target(arn)) if arn else ""
    if key:
        found["state"] = f"{console}/s3/object/{stack.bucket}?region={region}&prefix={quote(key, safe='')}"
    name = quote(stack.origin.stack, safe="")
    found["stack"] = f"{console}/cloudformation/home?region={region}#/stacks?filteringText={name}"
    return found
