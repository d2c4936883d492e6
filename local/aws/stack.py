"""The watcher's stack as its operator finds it at the embedded AWS: what CloudFormation says, and its functions.

It has what ``genesys-certs`` asks for: functions that answer, schedules that are on, an alarm, parameters and outputs.
``make stack`` deploys the real template.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from local.aws.server import EmbeddedAws

FUNCTIONS = ("Collect", "Publish", "RefreshCrls", "Report")
"""The scheduled ones, by the first part of their logical names."""
LAST_STOPS = ("PublishDeadLetters", "FailedRunsQueue")
"""The queues in which nothing should lie."""
DESCRIPTION = "Watches the client certificates of Genesys Cloud data actions (embedded)"

type Function = Callable[[Any], Any]


def deploy(
    aws: EmbeddedAws,
    name: str,
    *,
    parameters: Mapping[str, str],
    outputs: Mapping[str, str],
    functions: Mapping[str, Function],
) -> None:
    """Make the stack. ``functions`` maps ``Collect`` and the like to what answers an event, as JSON can hold it."""
    role = aws.client("iam").create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    resources: dict[str, Any] = {}
    for one in FUNCTIONS:
        resources[f"{one}Function"] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": f"{name}-{one}Function",
                "Handler": "app.handler",
                "Role": role,
                "Runtime": "python3.13",
                "Code": {"ZipFile": "def handler(event, context): pass"},
            },
        }
        arn = f"arn:aws:lambda:{aws.region}:{aws.account}:function:{name}-{one}Function"
        aws.client("scheduler").create_schedule(  # moto's CloudFormation makes none
            Name=f"{name}-{one}ScheduleRule",
            ScheduleExpression="rate(15 minutes)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": arn, "RoleArn": role},
        )
        if one in functions:
            aws.functions[f"{name}-{one}Function"] = functions[one]
    resources |= {one: {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{name}-{one}"}} for one in LAST_STOPS}
    aws.client("cloudwatch").put_metric_alarm(  # nor an alarm
        AlarmName=f"{name}-SilenceAlarm",
        AlarmDescription="No run of the collect function has read every source for hours.",
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=2,
        MetricName="CollectSucceeded",
        Namespace="GenesysCertificateWatcher",
        Period=3600,
        Statistic="Sum",
        Threshold=1,
    )
    template = {
        "Description": DESCRIPTION,
        "Parameters": {key: {"Type": "String", "Default": value} for key, value in parameters.items()},
        "Resources": resources,
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    aws.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))
