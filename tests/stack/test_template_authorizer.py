"""The authorizer in the template: only if it is asked for, with no more rights than it uses, and with its alarms."""

import re
from typing import get_args

from rotation_watcher import keys
from rotation_watcher.identity.decision import REFUSED
from rotation_watcher.identity.events import Answer
from tests.stack.template import PARAMETERS, RESOURCES, STATEMENTS, TEMPLATE, keys_of, properties
from tests.support.roles import Resolver

ROLE = "AuthorizeRole"


def test_it_exists_only_with_its_bundle() -> None:
    assert PARAMETERS["AuthorizerBundle"]["Default"] == ""
    parts = [name for name in RESOURCES if name.startswith("Authorize")]
    assert len(parts) == 7
    for name in parts:
        known = RESOURCES[name]["Condition"]
        assert known == ("DropsAuthorizeLogs" if name == "AuthorizeLogs" else "HasAuthorizer")
        assert not Resolver({"AuthorizerBundle": ""}, {}).holds(known)
        assert Resolver({"AuthorizerBundle": "main"}, {}).holds(known)
    assert TEMPLATE["Outputs"]["AuthorizerArn"]["Condition"] == "HasAuthorizer"
    assert TEMPLATE["Outputs"]["AuthorizerArn"]["Value"] == {"Fn::GetAtt": ["AuthorizeFunction", "Arn"]}


def test_its_role_reads_one_bundle_and_the_lists_and_writes_only_when_it_asked_for_a_look() -> None:
    own = f"bundles/${{AuthorizerBundle}}/{keys.identity('x').rpartition('/')[2]}"
    assert keys_of(ROLE, "s3:GetObject") == {own, "crls/*/manifest.json", "wakes/*"}
    assert keys_of(ROLE, "s3:GetObjectVersion") == {"crls/*/index.bin"}
    assert keys_of(ROLE, "s3:PutObject") == {"wakes/*"}
    actions = {
        action for one in STATEMENTS if one.role == ROLE for action in one.actions if "HasVpcForAll" not in one.under
    }
    assert {one for one in actions if not one.startswith(("logs:", "xray:"))} == {
        *("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "lambda:InvokeFunction"),
        *("kms:Decrypt", "kms:GenerateDataKey"),
    }
    (invoked,) = [one.resources for one in STATEMENTS if one.role == ROLE and "lambda:InvokeFunction" in one.actions]
    assert invoked == [{"Fn::GetAtt": ["CollectFunction", "Arn"]}]
    assert keys.wake("use1").startswith("wakes/")


def test_only_authorizers_of_this_account_and_region_may_invoke_it() -> None:
    permission = properties("AuthorizePermission")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    source = permission["SourceArn"]["Fn::Sub"]
    assert source == "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:*/authorizers/*"
    assert "SourceAccount" not in permission, "AWS says nowhere that API Gateway sends it; the ARN names the account"


def test_a_metric_counts_the_reasons_that_speak_of_the_door_itself_and_an_alarm_rests_on_it() -> None:
    found = properties("AuthorizePolicyFilter")
    assert {*re.findall(r'"([^"]+)"', found["FilterPattern"])} == {one for one in REFUSED if one.startswith("policy-")}
    (metric,) = found["MetricTransformations"]
    alarm = properties("AuthorizePolicyAlarm")
    assert (metric["MetricName"], metric["MetricNamespace"]) == (alarm["MetricName"], alarm["Namespace"])
    assert alarm["AlarmActions"]
    assert alarm["Threshold"] == 1


def test_the_parameters_are_what_the_code_takes() -> None:
    assert {*PARAMETERS["AuthorizerAnswers"]["AllowedValues"]} == {*get_args(Answer.__value__)}
    variables = properties("AuthorizeFunction")["Environment"]["Variables"]
    assert variables["BUNDLE"] == {"Ref": "AuthorizerBundle"}
    assert variables["ANSWER"] == {"Ref": "AuthorizerAnswers"}
    assert variables["ONLY_REGION"] == {"Ref": "AuthorizerRegion"}
    assert variables["COLLECT_FUNCTION"] == {"Ref": "CollectFunction"}
    assert variables["ACCOUNT_ID"] == {"Ref": "AWS::AccountId"}
