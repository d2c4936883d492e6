"""The parameters that an operator fills in, and the outputs that say what to do next."""

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

import pytest

from rotation_watcher.regions import REGIONS
from tests.stack.template import FUNCTIONS, PARAMETERS, RESOURCES, TEMPLATE, nodes


def test_every_parameter_is_described_labelled_and_in_one_group() -> None:
    form = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in form["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(PARAMETERS)
    assert set(form["ParameterLabels"]) == set(PARAMETERS)
    for name, parameter in PARAMETERS.items():
        assert len(parameter["Description"]) > 20, name
        if "AllowedPattern" in parameter:
            assert parameter["ConstraintDescription"], name


def test_changing_nothing_is_the_default() -> None:
    assert PARAMETERS["Mode"]["Default"] == "observe"
    assert PARAMETERS["Mode"]["AllowedValues"] == ["observe", "apply"]


STORE = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:truststore/genesys-clients/0123456789abcdef"
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/net/door/0123456789abcdef/fedcba9876543210"
DOMAINS = "arn:aws-us-gov:apigateway:us-gov-west-1::/domainnames/"
SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:genesys/oauth-AbCdEf"


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        (
            "TargetArns",
            [STORE, LISTENER, f"{DOMAINS}api.example.com", f"{DOMAINS}*.example.com", "arn:aws:s3:::edge-1/a/b.c/", ""],
            [
                LISTENER.replace("/net/", "/app/"),
                LISTENER[:-17],
                f"{LISTENER}*",
                "*",
                "arn:aws:s3:::edge-1/",
                "arn:aws:s3:::edge-1/a",
                "arn:aws:s3:::edge-1/*/",
                "arn:aws:s3:::*/a/",
                "arn:aws:s3:::edge-1//",
                f"{STORE}*",
                f"{DOMAINS}*",
                f"{DOMAINS}*.*",
                f"{DOMAINS}api.*.com",
                f"{DOMAINS}*example.com",
                LISTENER.replace(":listener/net/", ":loadbalancer/app/"),
                STORE.replace(":truststore/", ":loadbalancer/app/"),
                "api.example.com",
                "*.example.com",
                "https://api.example.com",
            ],
        ),
        (
            "CredentialArns",
            [SECRET, "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/a/b"],
            ["", "*", f"{SECRET[:-6]}*"],
        ),
        ("AuthorizerBundle", ["main", "eu-1", ""], ["Main", "*", "a/b", "-a"]),
        ("AuthorizerRegion", ["us-east-1", ""], ["use1", "*"]),
        ("SlackSecretArn", [SECRET, ""], ["https://hooks.slack.com/services/T/B/x", f"{SECRET}*"]),
        ("TeamsSecretArn", [SECRET, ""], ["https://prod-01.logic.azure.com/workflows/0a?sig=x", f"{SECRET}*"]),
        (
            "AdoptObjectArns",
            ["arn:aws:s3:::bucket-1/trust/store.pem", "arn:aws:s3:::bucket-1/a b#%+ü${?}${*}${$}.pem", ""],
            ["arn:aws:s3:::bucket-1/*", "arn:aws:s3:::bucket-1/a?", "arn:aws:s3:::bucket-1"],
        ),
        ("FileBucketArns", ["arn:aws:s3:::edge-1", ""], ["arn:aws:s3:::*", "arn:aws:s3:::edge-1/a", "edge-1"]),
        (
            "KmsKeyArn",
            ["arn:aws:kms:eu-west-1:111122223333:key/0a-1b", ""],
            ["arn:aws:kms:eu-west-1:111122223333:alias/a"],
        ),
        ("WatchFileUri", ["s3://bucket-1/watch.json", ""], ["bucket-1/watch.json", "s3://bucket-1/*"]),
        (
            "GenesysRegion",
            [*REGIONS, "us-isob-east-1", "us-gov-west-1", "ap-southeast-7", "mx-central-1", "il-central-1", ""],
            [
                "US East",
                "use1",
                "us-east",
                "us-esat-1",
                "eu-cental-1",
                "ue-west-1",
                "us-east-1a",
                "us-east-1 ",
                "us-east-0",
            ],
        ),
        ("Authorities", ["Genesys", "DigiCert"], ["digicert", ""]),
        (
            "AlertEmail",
            ["ops@example.com", "Ops.Team+genesys@mail.example.co.uk", ""],
            ["ops", "a@b.example,c@d.example"],
        ),
        ("AlertEmail2", ["ops@example.com", ""], ["ops", "a@b.example;c@d.example"]),
        ("AlertEmail3", ["ops@example.com", ""], ["ops"]),
        ("EnvironmentName", ["prod", "eu-prod.1", "P", ""], ["a b", "x" * 21, "[prod]", "-x", "ü"]),
        (
            "RunbookUrl",
            ["https://wiki.example.com/genesys/runbook.html", "https://git.example.com:8443/a/b?at=main", ""],
            ["http://wiki.example.com/x", "https://wiki.example.com/x#y", "wiki", "https://wiki.example.com/a b"],
        ),
        ("PublishSchedule", ["rate(5 minutes)", "rate(1 hour)"], ["rate(7 days)", "rate(0 minutes)"]),
        ("RefreshCrlsSchedule", ["rate(60 minutes)", "cron(0 * * * ? *)"], ["hourly", "rate(1 day)"]),
        ("CollectSchedule", ["rate(15 minutes)", "cron(0/15 * * * ? *)"], ["15 minutes", "rate(7 days)"]),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_made(
    parameter: str, good: Sequence[str], bad: Sequence[str]
) -> None:
    pattern = re.compile(PARAMETERS[parameter]["AllowedPattern"])
    assert [value for value in good if not pattern.fullmatch(value)] == []
    assert [value for value in bad if pattern.fullmatch(value)] == []


def test_what_is_refused_is_refused_with_why() -> None:
    why = PARAMETERS["TargetArns"]["ConstraintDescription"]
    assert all(words in why for words in ("not the load balancer", "its listener", "not the name alone"))
    assert "spelled as AWS does" in PARAMETERS["GenesysRegion"]["ConstraintDescription"]
    assert "too far apart" in PARAMETERS["CollectSchedule"]["ConstraintDescription"]


def test_every_address_gets_a_subscription_without_a_filter() -> None:
    """A filter of this stack's own could not let alarms through: they carry no attributes (decision 0040)."""
    mails = {name: one for name, one in RESOURCES.items() if one.get("Properties", {}).get("Protocol") == "email"}
    assert {one["Properties"]["Endpoint"]["Ref"] for one in mails.values()} == {
        "AlertEmail",
        "AlertEmail2",
        "AlertEmail3",
    }
    for one in mails.values():
        condition = TEMPLATE["Conditions"][one["Condition"]]
        assert condition == {"Fn::Not": [{"Fn::Equals": [one["Properties"]["Endpoint"], ""]}]}
        assert set(one["Properties"]) == {"TopicArn", "Protocol", "Endpoint"}


def test_a_stack_with_nothing_to_watch_is_refused() -> None:
    rule = TEMPLATE["Rules"]["SomethingToWatch"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "WatchFileUri"}, ""]}
    assert [a["Assert"] for a in rule["Assertions"]] == [{"Fn::Not": [{"Fn::Equals": [{"Ref": "GenesysRegion"}, ""]}]}]


@pytest.mark.parametrize(
    ("rule", "when", "needs"),
    [
        ("TagsNeedAWatchFile", {"Fn::Equals": [{"Ref": "TargetsByTag"}, "yes"]}, "WatchFileUri"),
        (
            "AuthorizerRegionNeedsABundle",
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "AuthorizerRegion"}, ""]}]},
            "AuthorizerBundle",
        ),
    ],
)
def test_what_would_do_nothing_is_refused(rule: str, when: dict[str, Any], needs: str) -> None:
    assert TEMPLATE["Rules"][rule]["RuleCondition"] == when
    (one,) = TEMPLATE["Rules"][rule]["Assertions"]
    assert one["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": needs}, ""]}]}
    assert needs in one["AssertDescription"]


def test_rules_compare_strings_alone() -> None:
    """That a list parameter may stand in a rule is not documented: it could refuse every deployment."""
    compared = {str(node["Ref"]) for node in nodes(TEMPLATE["Rules"]) if isinstance(node, dict) and "Ref" in node}
    assert {PARAMETERS[name]["Type"] for name in compared} == {"String"}


def test_the_outputs_give_what_the_operator_needs_next() -> None:
    outputs = TEMPLATE["Outputs"]
    upload = outputs["UploadRootCommand"]["Value"]["Fn::Sub"][0]
    assert upload == "aws s3 cp root.pem s3://${State.Value}/anchors/${Region}.pem --region ${AWS::Region}"
    for output, function, event in (
        ("CollectNowCommand", "CollectFunction", {}),
        ("PublishDryRunCommand", "PublishFunction", {"dry_run": True}),
    ):
        *words, printed = shlex.split(outputs[output]["Value"]["Fn::Sub"])
        said = dict(zip(words[3::2], words[4::2], strict=True))
        assert (words[:3], printed) == (["aws", "lambda", "invoke"], "/dev/stdout")
        assert said["--function-name"] == f"${{{function}}}"
        assert function in FUNCTIONS
        assert json.loads(said["--payload"]) == event
    commands = [one["Value"]["Fn::Sub"] for name, one in outputs.items() if name.endswith("Command")]
    lines = [one if isinstance(one, str) else one[0] for one in commands]
    assert all("--region ${AWS::Region}" in line for line in lines), "it works from anywhere"
    assert all(len(output["Description"]) > 20 for output in outputs.values())


def test_every_intrinsic_names_something_that_exists() -> None:
    known = {*RESOURCES, *PARAMETERS}
    for node in nodes(TEMPLATE["Resources"]):
        if isinstance(node, dict) and len(node) == 1:
            if (name := node.get("Ref")) and not name.startswith("AWS::"):
                assert name in known
            if condition := node.get("Fn::If"):
                assert condition[0] in TEMPLATE["Conditions"]


def test_rules_use_only_the_functions_that_rules_may_use() -> None:
    """CloudFormation User Guide, "Rules": a rule with another function is refused at deployment; no linter says so."""
    allowed = {"And", "Contains", "EachMemberEquals", "EachMemberIn", "Equals", "Not", "Or", "RefAll", "ValueOf"}
    allowed = {f"Fn::{name}" for name in allowed} | {"Fn::ValueOfAll"}
    used = {key for node in nodes(TEMPLATE["Rules"]) if isinstance(node, dict) for key in node}
    assert {key for key in used if key.startswith("Fn::")} <= allowed
    assert "Fn::Not" in used
