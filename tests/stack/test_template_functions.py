"""Functions, their settings, the queues and schedules that wake them (docs/decisions/0013-queues-and-rhythm.md)."""

import itertools
import json
import re
from typing import Any

import pytest

from rotation_watcher import messages
from rotation_watcher.adapters.chats import CHATS as KNOWN_CHATS
from tests.stack.template import (
    DRAINED,
    FUNCTIONS,
    PARAMETERS,
    QUEUES,
    RESOURCES,
    ROOT,
    STATEMENTS,
    TEMPLATE,
    of_type,
    properties,
    refuses_http,
    seconds,
)
from tests.support.functions import CHATS
from tests.support.roles import Resolver

NOT_FROM_THE_TEMPLATE = {"GENESYS_CA_FILE", "SSLKEYLOGFILE"}
"""Set by hand only: a file of further roots is nothing that a template could bring along; and what is only removed."""


ALL_OPTIONAL = {
    "SlackSecretArn": "arn:aws:ssm:us-east-1:123456789012:parameter/slack",
    "TeamsSecretArn": "arn:aws:ssm:us-east-1:123456789012:parameter/teams",
    "AmazonQTopic": "make-one",
    "AuthorizerBundle": "main",
}
"""What makes every function that a stack may have."""


def test_functions_run_on_arm64_python_313_traced_with_json_logs() -> None:
    shared = TEMPLATE["Globals"]["Function"]
    assert (shared["Runtime"], shared["Architectures"]) == ("python3.13", ["arm64"])
    assert shared["Tracing"] == {"Fn::If": ["HasTracing", "Active", "PassThrough"]}
    assert [layer["Ref"] for layer in shared["Layers"]] == ["DependenciesLayer", "WatcherLayer"]
    for function in FUNCTIONS.values():
        assert function["Properties"]["LoggingConfig"]["LogFormat"] == "JSON"
        assert "ReservedConcurrentExecutions" not in function["Properties"], "some accounts may run ten at once"


@pytest.mark.parametrize(("given", "fips"), [("yes", "true"), ("no", None)])
def test_fips_endpoints_are_asked_by_every_function_or_by_none(given: str, fips: str | None) -> None:
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    resolver = Resolver({"FipsEndpoints": given}, {})
    assert resolver.of({"it": variables["AWS_USE_FIPS_ENDPOINT"]}).get("it") == fips
    own = [one["Properties"].get("Environment", {}).get("Variables", {}) for one in FUNCTIONS.values()]
    assert not [one for one in own if "AWS_USE_FIPS_ENDPOINT" in one]


def test_layers_are_built_for_what_the_functions_run_on() -> None:
    for layer in of_type("AWS::Serverless::LayerVersion").values():
        assert layer["Metadata"]["BuildArchitecture"] == "arm64"
        assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]
        assert layer["Properties"]["CompatibleRuntimes"] == ["python3.13"]
    makefile = (ROOT / "layers" / "Makefile").read_text()
    assert all(f"build-{name}:" in makefile for name in of_type("AWS::Serverless::LayerVersion"))
    assert "--require-hashes" in makefile


def test_every_function_logs_into_a_group_of_the_stack_with_retention() -> None:
    for name, function in FUNCTIONS.items():
        logs = name.removesuffix("Function") + "Logs"
        assert function["Properties"]["LoggingConfig"]["LogGroup"] == {
            "Fn::If": ["KeepsLogs", {"Ref": f"Kept{logs}"}, {"Ref": logs}]
        }
    groups = of_type("AWS::Logs::LogGroup")
    assert len(groups) == 2 * len(FUNCTIONS)
    for one in groups:
        assert properties(one)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert PARAMETERS["LogRetentionDays"]["Default"] > 0


@pytest.mark.parametrize("optional", [{}, ALL_OPTIONAL], ids=["bare", "everything"])
@pytest.mark.parametrize("keep", ["no", "yes"])
def test_of_two_groups_the_one_that_the_function_writes_to_exists(keep: str, optional: dict[str, str]) -> None:
    resolver = Resolver(optional | {"KeepLogs": keep}, {})
    for name, function in FUNCTIONS.items():
        kept, dropped = (f"{prefix}{name.removesuffix('Function')}Logs" for prefix in ("Kept", ""))
        there = "Condition" not in function or resolver.holds(function["Condition"])
        assert resolver.holds(RESOURCES[kept]["Condition"]) == (there and keep == "yes")
        assert resolver.holds(RESOURCES[dropped]["Condition"]) == (there and keep == "no")


def test_logs_that_outlive_the_stack_have_no_name_that_could_be_in_the_way_of_the_next_one() -> None:
    """CloudFormation refuses to make a named log group that is there already, and the whole stack with it."""
    for name, group in of_type("AWS::Logs::LogGroup").items():
        if name.startswith("Kept"):
            assert "LogGroupName" not in group["Properties"]
            assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        else:
            assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("Delete", "Delete")
    assert PARAMETERS["KeepLogs"]["Default"] == "no"


def test_the_log_level_never_swallows_the_metrics() -> None:
    assert set(PARAMETERS["LogLevel"]["AllowedValues"]) == {"DEBUG", "INFO"}


def test_collect_and_publish_have_the_same_configuration() -> None:
    environments = {
        name: properties(f"{name}Function")["Environment"]["Variables"]
        for name in ("Collect", "Publish", "RefreshCrls", "Report", "Slack")
    }
    shared = {
        *("BUCKET", "TOPIC_ARN", "PUBLISH_QUEUE_URL", "WATCH_FILE_URI", "WATCH_FILE_ACCOUNT", "MODE"),
        *("GENESYS_REGION", "AUTHORITIES", "CREDENTIAL_ARNS", "TARGET_ARNS", "ACCOUNT_ID", "ALERT_EVENT_BUS"),
        *("REGION_BUCKET_ARNS", "TARGET_ROLE_ARNS"),
    }
    schedules = {"COLLECT_SCHEDULE", "PUBLISH_SCHEDULE", "REFRESH_CRLS_SCHEDULE", "SILENCE_HOURS"}
    assert set(environments["Collect"]) == shared | schedules
    assert set(environments["RefreshCrls"]) == shared
    assert set(environments["Report"]) == {*shared, "FILE_EVENTS_QUEUE_URL"}
    assert all(environments["Collect"][name] == environments["RefreshCrls"][name] for name in shared)
    assert all(environments["Collect"][name] == environments["Report"][name] for name in shared)
    assert set(environments["Publish"]) == {*shared, "FUNCTION_TIMEOUT_SECONDS", "PUBLISH_SCHEDULE", "AUTHORIZER_ARN"}
    assert all(environments["Collect"][name] == environments["Publish"][name] for name in shared)
    assert environments["Slack"] == {"SLACK_SECRET_ARN": {"Ref": "SlackSecretArn"}}
    variables = [list(properties(f"{chat}Function")["Environment"]["Variables"]) for chat in CHATS]
    assert variables == [[name] for name in KNOWN_CHATS], "one chat each"
    assert set(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]) == {
        *("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"),
        *("STACK_NAME", "ENVIRONMENT_NAME", "RUNBOOK_URL", "AWS_USE_FIPS_ENDPOINT"),
    }


def test_what_asks_outside_or_every_function_is_in_the_subnets_of_the_operator() -> None:
    subnets = {"SubnetIds": "subnet-0a,subnet-0b", "SecurityGroupIds": "sg-0a"}
    place = {"SubnetIds": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0a"]}
    asking = {"CollectFunction", "RefreshCrlsFunction"}
    for parameters, inside in (
        ({}, set()),
        ({"FunctionsInVpc": "all"}, set()),
        (subnets, asking),
        (subnets | {"FunctionsInVpc": "all"}, {*FUNCTIONS}),
    ):
        resolver = Resolver(parameters, {"JoinVpc": ("join", "arn")})
        found = {
            name: resolver.of({"VpcConfig": function["Properties"].get("VpcConfig")})
            for name, function in FUNCTIONS.items()
        }
        assert {name: each for name, each in found.items() if each} == {key: {"VpcConfig": place} for key in inside}
        joining = {
            name for name in FUNCTIONS if "JoinVpc" in resolver.attached(properties(name)["Role"]["Fn::GetAtt"][0])
        }
        assert joining == inside, "the role of a function in a VPC lets Lambda join it"


def test_every_variable_that_the_code_reads_is_set() -> None:
    sources = [*(ROOT / "layers" / "rotation_watcher").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    readers = [path for path in sources if path.stem == "settings" or re.search(r"\benviron\b", path.read_text())]
    known = {
        name
        for function in FUNCTIONS.values()
        for name in (
            *function["Properties"]["Environment"]["Variables"],
            *TEMPLATE["Globals"]["Function"]["Environment"]["Variables"],
        )
    }
    read = {
        name
        for path in readers
        for name in re.findall(r"""["']([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|BUCKET|MODE|AUTHORITIES)["']""", path.read_text())
        if not name.startswith(("AWS_", "LAMBDA_"))
    }
    assert read - NOT_FROM_THE_TEMPLATE <= known


def test_publish_knows_its_own_timeout() -> None:
    publish = properties("PublishFunction")
    assert int(publish["Environment"]["Variables"]["FUNCTION_TIMEOUT_SECONDS"]) == publish["Timeout"]


def test_asynchronous_calls_that_fail_end_in_the_queue_for_failed_runs() -> None:
    scheduled = {
        s["Properties"]["Target"]["Arn"]["Fn::GetAtt"][0] for s in of_type("AWS::Scheduler::Schedule").values()
    }
    assert scheduled == {"CollectFunction", "PublishFunction", "RefreshCrlsFunction", "ReportFunction"}
    for name in scheduled:
        config = properties(name)["EventInvokeConfig"]
        assert config["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["FailedRunsQueue", "Arn"]}
        role = properties(name)["Role"]["Fn::GetAtt"][0]
        assert [
            s
            for s in STATEMENTS
            if s.role == role
            and "sqs:SendMessage" in s.actions
            and {"Fn::GetAtt": ["FailedRunsQueue", "Arn"]} in s.resources
        ]


def test_a_queue_hides_a_message_for_six_times_as_long_as_its_function_may_run() -> None:
    checked = 0
    for function in FUNCTIONS.values():
        for event in function["Properties"].get("Events", {}).values():
            queue = event["Properties"]["Queue"]["Fn::GetAtt"][0]
            hidden = seconds(properties(queue)["VisibilityTimeout"])
            assert hidden >= 6 * seconds(function["Properties"]["Timeout"])
            assert (
                seconds(properties(queue)["MessageRetentionPeriod"])
                > hidden * properties(queue)["RedrivePolicy"]["maxReceiveCount"]
            )
            assert event["Properties"]["BatchSize"] == 1
            checked += 1
    assert checked == 1 + len(CHATS)


def test_a_function_that_answers_with_failed_messages_is_listened_to() -> None:
    answering = []
    for name, function in FUNCTIONS.items():
        code = (ROOT / function["Properties"]["CodeUri"] / "app.py").read_text()
        heard = [
            event["Properties"].get("FunctionResponseTypes") == ["ReportBatchItemFailures"]
            for event in function["Properties"].get("Events", {}).values()
        ]
        assert all(said == ("batchItemFailures" in code) for said in heard), name
        answering += [name] * any(heard)
    assert answering == ["PublishFunction", *(f"{chat}Function" for chat in CHATS)]


def test_a_dead_letter_queue_is_of_its_queues_kind() -> None:
    for name, queue in QUEUES.items():
        redrive = queue["Properties"].get("RedrivePolicy")
        if redrive is None and name not in DRAINED:
            assert seconds(queue["Properties"]["MessageRetentionPeriod"]) == 14 * 86400, f"{name} is a last stop"
            continue
        if redrive is None:
            continue
        dead = properties(redrive["deadLetterTargetArn"]["Fn::GetAtt"][0])
        assert dead.get("FifoQueue", False) == queue["Properties"].get("FifoQueue", False)


def test_the_publish_queue_takes_the_senders_word_for_what_is_a_duplicate() -> None:
    queue = properties("PublishQueue")
    assert queue["FifoQueue"] is True
    assert queue["ContentBasedDeduplication"] is False
    assert queue["DeduplicationScope"] == "messageGroup"


def test_a_message_that_waits_for_its_turn_is_not_set_aside_for_that() -> None:
    assert properties("PublishQueue")["RedrivePolicy"]["maxReceiveCount"] > messages.POSTPONED


def test_schedules_report_what_they_could_not_start_to_a_standard_queue() -> None:
    for schedule in of_type("AWS::Scheduler::Schedule").values():
        target = schedule["Properties"]["Target"]
        assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["FailedRunsQueue", "Arn"]}
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert "FifoQueue" not in properties("FailedRunsQueue")
    assert json.loads(properties("CollectScheduleRule")["Target"]["Input"]) == {}
    assert json.loads(properties("RefreshCrlsScheduleRule")["Target"]["Input"]) == {}
    assert json.loads(properties("PublishScheduleRule")["Target"]["Input"]) == {"sweep": True}


def test_every_queue_is_encrypted_and_refuses_plain_http() -> None:
    policies = of_type("AWS::SQS::QueuePolicy")
    guarded = {
        queue["Ref"] for policy in policies.values() for queue in policy["Properties"]["Queues"] if refuses_http(policy)
    }
    assert guarded == set(QUEUES)
    plain = Resolver({}, {})  # with a key: test_template_keys.py
    assert all(plain.of(queue["Properties"]["SqsManagedSseEnabled"]) is True for queue in QUEUES.values())


@pytest.mark.parametrize(
    ("chat", "parameter", "none", "one"),
    [
        ("Slack", "SlackSecretArn", "", "arn:aws:ssm:us-east-1:123456789012:parameter/a"),
        ("Teams", "TeamsSecretArn", "", "arn:aws:ssm:us-east-1:123456789012:parameter/a"),
        ("AmazonQ", "AmazonQTopic", "none", "make-one"),
    ],
)
def test_a_chat_exists_only_with_its_parameter(chat: str, parameter: str, none: str, one: str) -> None:
    assert PARAMETERS[parameter]["Default"] == none
    assert not Resolver({parameter: none}, {}).holds(f"Has{chat}")
    assert Resolver({parameter: one}, {}).holds(f"Has{chat}")
    found = {name.removeprefix(chat) for name in RESOURCES if name.startswith(chat)}
    assert {*("Function", "Logs", "Role", "Queue", "DeadLetters", "QueuePolicy", "DeadLettersPolicy")} <= found
    assert {*("Subscription", "ErrorsAlarm", "DelayAlarm", "DeadLettersAlarm")} <= found
    assert all(RESOURCES[f"{chat}{name}"]["Condition"] == f"Has{chat}" for name in found - {"Logs"})
    assert properties(f"{chat}Function")["CodeUri"] == "functions/slack/"


def test_what_always_exists_never_refers_to_what_may_not() -> None:
    optional = {name for name, resource in RESOURCES.items() if "Condition" in resource}
    assert optional
    for name, resource in itertools.chain(RESOURCES.items(), TEMPLATE["Outputs"].items()):
        if "Condition" in resource:
            continue
        for other in optional:
            kept = resource
            for condition in _implying(RESOURCES[other]["Condition"]):
                kept = _without_branch(kept, condition)
            text = json.dumps(kept)
            assert not re.search(rf'"{other}"(?!:)', text), name  # a property may have the name of a resource
            assert f"${{{other}" not in text, name


def _implying(condition: str) -> set[str]:
    """The conditions that hold only where this one does, itself among them."""
    return {condition} | {
        name for name, node in TEMPLATE["Conditions"].items() if {"Condition": condition} in node.get("Fn::And", [])
    }


def _without_branch(part: Any, condition: str) -> Any:
    """The same without what only counts where the condition holds."""
    if isinstance(part, list):
        return [_without_branch(one, condition) for one in part]
    if not isinstance(part, dict):
        return part
    branches = part.get("Fn::If")
    if branches and branches[0] == condition:
        return _without_branch(branches[2], condition)
    if branches and TEMPLATE["Conditions"][condition] == {"Fn::Not": [{"Condition": branches[0]}]}:
        return _without_branch(branches[1], condition)
    return {name: _without_branch(one, condition) for name, one in part.items()}
