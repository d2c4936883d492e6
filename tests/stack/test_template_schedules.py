"""What scheduled functions and the roles of functions need: the template is walked, so new ones are judged too."""

from typing import Any

import pytest

from tests.stack.template import FUNCTIONS, RESOURCES, STATEMENTS, of_type

SCHEDULES = of_type("AWS::Scheduler::Schedule")


def resources(role: str, action: str) -> list[Any]:
    """On what a role may do something, whatever the parameters are."""
    return [
        resource
        for statement in STATEMENTS
        if statement.role == role and statement.allows and action in statement.actions and not statement.under
        for resource in statement.resources
    ]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_may_invoke_its_function(name: str) -> None:
    target = SCHEDULES[name]["Properties"]["Target"]
    role = target["RoleArn"]["Fn::GetAtt"][0]
    assert target["Arn"] in resources(role, "lambda:InvokeFunction"), f"{role} lacks lambda:InvokeFunction"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_role_of_a_function_may_write_its_log_and_its_traces(name: str) -> None:
    role = FUNCTIONS[name]["Properties"]["Role"]["Fn::GetAtt"][0]
    group = FUNCTIONS[name]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    assert RESOURCES[group]["Type"] == "AWS::Logs::LogGroup"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert resources(role, action) == [{"Fn::GetAtt": [group, "Arn"]}]
    for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords"):
        assert resources(role, action) == ["*"]
