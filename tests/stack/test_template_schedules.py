"""What scheduled functions and the roles of functions need: the template is walked, so new ones are judged too."""

import json
from typing import Any, cast

import pytest
from botocore.session import get_session
from moto.events.models import EventPattern
from moto.events.utils import EventMessageType

from tests.stack.template import FUNCTIONS, RESOURCES, ROOT, STATEMENTS, of_type
from tests.support.roles import Resolver

SCHEDULES = of_type("AWS::Scheduler::Schedule")


def resources(role: str, action: str, under: tuple[str, ...] = ()) -> list[Any]:
    """On what a role may do something, whatever the parameters are; ``under`` these conditions alone."""
    return [
        resource
        for statement in STATEMENTS
        if statement.role == role and statement.allows and action in statement.actions and statement.under == under
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
    condition, *groups = FUNCTIONS[name]["Properties"]["LoggingConfig"]["LogGroup"]["Fn::If"]
    written = [{"Fn::GetAtt": [group["Ref"], "Arn"]} for group in groups]
    assert [RESOURCES[group["Ref"]]["Type"] for group in groups] == ["AWS::Logs::LogGroup"] * 2
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert resources(role, action) == [{"Fn::If": [condition, *written]}]
    for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords"):
        assert resources(role, action, under=("HasTracing",)) == ["*"]
        assert resources(role, action) == [], "where nothing is traced"


OTHERS = "arn:aws:iam::123456789012:role/terraform"
OURS = "arn:aws:iam::123456789012:role/publish"
RULE = "TargetChangedRule"


def changed(**detail: Any) -> EventMessageType:
    """The event of a change, as it is in events/, with what is given in its detail."""
    event = json.loads((ROOT / "events/publish-changed.json").read_text())
    event["detail"] |= detail
    return cast("EventMessageType", event)


def by(arn: str) -> dict[str, Any]:
    return {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"type": "Role", "arn": arn}}}


@pytest.mark.parametrize(
    ("event", "wakes"),
    [
        (changed(userIdentity=by(OTHERS)), True),
        (changed(userIdentity={"type": "IAMUser", "userName": "somebody"}), True),
        (changed(userIdentity={"type": "Root"}), True),
        (changed(userIdentity=by(OURS)), False),
        (changed(errorCode="AccessDenied"), False),
        (changed(eventName="DescribeTrustStores"), False),
        *(
            (changed(eventName=name), True)
            for name in ("UpdateDomainName", "ModifyListener", "AddTrustStoreRevocations", "DeleteDomainName")
        ),
        *(
            (changed(eventName=name) | {"source": "aws.apigateway"}, True)
            for name in ("CreateBasePathMapping", "UpdateApiMapping", "CreateRoutingRule", "PutRoutingRule")
        ),
        *(
            (changed(eventName=name) | {"source": "aws.cloudfront"}, True)
            for name in (
                "UpdateTrustStore",
                "UpdateDistribution",
                "UpdateDistributionWithStagingConfig",
                "CreateDistribution",
                "CreateDistributionWithTags",
            )
        ),
        (changed() | {"source": "aws.s3"}, False),
        (changed() | {"detail-type": "AWS Console Sign In via CloudTrail"}, False),
    ],
)
def test_what_somebody_else_changes_wakes_publish_and_our_own_updates_do_not(
    event: EventMessageType, *, wakes: bool
) -> None:
    pattern = Resolver({}, {"PublishRole": ("publish", OURS)}).of(RESOURCES[RULE]["Properties"]["EventPattern"])
    assert EventPattern.load(json.dumps(pattern)).matches_event(event) is wakes


def test_every_call_that_the_rule_names_is_one_of_the_services() -> None:
    """As their models spell them. CloudTrail's name of a call of CloudFront has no version (events of 2022 on)."""
    names = RESOURCES[RULE]["Properties"]["EventPattern"]["detail"]["eventName"]
    calls = {
        call
        for service in ("elbv2", "apigateway", "apigatewayv2", "cloudfront")
        for call in get_session().get_service_model(service).operation_names
    }
    assert {*names} <= calls


def test_the_rule_alone_may_wake_publish_and_what_it_cannot_hand_over_is_kept() -> None:
    (target,) = RESOURCES[RULE]["Properties"]["Targets"]
    permission = RESOURCES["TargetChangedPermission"]["Properties"]
    assert target["Arn"] == {"Fn::GetAtt": ["PublishFunction", "Arn"]}
    assert permission["FunctionName"] == {"Ref": "PublishFunction"}
    assert permission["SourceArn"] == {"Fn::GetAtt": [RULE, "Arn"]}
    queue = target["DeadLetterConfig"]["Arn"]
    statements = RESOURCES["FailedRunsQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = [one for one in statements if one["Effect"] == "Allow"]
    assert (allowed["Resource"], allowed["Principal"]) == (queue, {"Service": "events.amazonaws.com"})
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [RULE, "Arn"]}}}
