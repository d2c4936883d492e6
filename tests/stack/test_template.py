"""What DESIGN.md and the decision records demand of the stack, held to ``template.yaml`` as it stands.

Wherever the same thing must be true of every function, queue or statement, the tests walk over all of them: what is
added later is judged too.
"""

import fnmatch
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cfnlint.decode.cfn_yaml import load

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text()

type Node = Any  # a template is a tree of whatever YAML gives


def plain(node: Node) -> Node:
    """The decoder's marked-up nodes as ordinary dictionaries, lists and strings."""
    if isinstance(node, Mapping):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return str(node) if isinstance(node, str) else node


TEMPLATE: dict[str, Node] = plain(load(str(ROOT / "template.yaml")))
RESOURCES: dict[str, Node] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Node] = TEMPLATE["Parameters"]

PEOPLES_KEYS = ("anchors/us-east-1.pem", "approvals/0a1b.json", "extra/others.pem", "watch.json")

EXPLAINED_WILDCARDS = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "elasticloadbalancing:DescribeTrustStores",
    "elasticloadbalancing:DescribeTrustStoreAssociations",
    "elasticloadbalancing:DescribeListeners",
}
"""Actions for which AWS knows no resource (Service Authorization Reference): nothing but "*" can stand there."""


def of_type(kind: str) -> dict[str, Node]:
    """The resources of one type, by logical id."""
    found = {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}
    assert found, f"no resource of type {kind}"
    return found


def properties(name: str) -> Node:
    return RESOURCES[name]["Properties"]


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
ALARMS = of_type("AWS::CloudWatch::Alarm")
ROLES = of_type("AWS::IAM::Role")


class Statement(NamedTuple):
    """One statement of a role, and the conditions of the template under which it exists."""

    role: str
    under: tuple[str, ...]
    body: dict[str, Node]

    @property
    def sid(self) -> str:
        return str(self.body["Sid"])

    @property
    def allows(self) -> bool:
        return bool(self.body["Effect"] == "Allow")

    @property
    def actions(self) -> list[str]:
        return as_list(self.body["Action"])

    @property
    def resources(self) -> list[Node]:
        return as_list(self.body["Resource"])


def as_list(node: Node) -> list[Node]:
    return node if isinstance(node, list) else [node]


def unfold(node: Node, under: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """The entries of a list, with the conditions of the Fn::If around each; AWS::NoValue is left out."""
    for entry in as_list(node):
        if isinstance(entry, dict) and "Fn::If" in entry:
            condition, then, otherwise = entry["Fn::If"]
            yield from unfold(then, (*under, condition))
            yield from unfold(otherwise, (*under, f"not {condition}"))
        elif entry != {"Ref": "AWS::NoValue"}:
            yield under, entry


def statements() -> Iterator[Statement]:
    for role, resource in ROLES.items():
        assert "ManagedPolicyArns" not in resource["Properties"], "managed policies bring wildcards"
        for under, policy in unfold(resource["Properties"]["Policies"]):
            for deeper, body in unfold(policy["PolicyDocument"]["Statement"], under):
                yield Statement(role, deeper, body)


STATEMENTS = tuple(statements())


def in_bucket(resource: Node) -> str | None:
    """The key pattern of a resource in the stack's own bucket."""
    text = resource.get("Fn::Sub") if isinstance(resource, dict) else None
    return text.removeprefix("${Bucket.Arn}/") if isinstance(text, str) and text.startswith("${Bucket.Arn}/") else None


def keys_of(role: str, action: str) -> set[str]:
    """The key patterns of the stack's own bucket on which a role may do something."""
    return {
        key
        for statement in STATEMENTS
        if statement.role == role and statement.allows and action in statement.actions
        for resource in statement.resources
        if (key := in_bucket(resource))
    }


def seconds(node: Node) -> int:
    assert isinstance(node, int)
    return node


def nodes(node: Node) -> Iterator[Node]:
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from nodes(child)


# -- what the functions may do


def test_each_function_has_a_role_of_its_own() -> None:
    roles = [function["Properties"]["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values()]
    assert len(set(roles)) == len(FUNCTIONS)
    assert set(roles) <= set(ROLES)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_no_role_may_write_what_belongs_to_people(role: str) -> None:
    writable = keys_of(role, "s3:PutObject")
    assert not [key for key in PEOPLES_KEYS for pattern in writable if fnmatch.fnmatchcase(key, pattern)]


def test_roles_read_and_write_exactly_their_part_of_the_bucket() -> None:
    assert keys_of("CollectRole", "s3:PutObject") == {"sources/*"}
    assert keys_of("CollectRole", "s3:GetObject") == {"anchors/*", "approvals/*", "sources/*"}
    assert keys_of("PublishRole", "s3:PutObject") == {"bundles/*", "targets/*"}
    assert keys_of("PublishRole", "s3:GetObjectVersion") == {"targets/*"}
    assert keys_of("PublishRole", "s3:GetObject") == {
        *("anchors/*", "approvals/*", "extra/*", "sources/*", "bundles/*", "targets/*")
    }
    assert not keys_of("SlackRole", "s3:GetObject")


def test_nobody_may_delete_or_do_everything() -> None:
    granted = {action for statement in STATEMENTS if statement.allows for action in statement.actions}
    assert not [action for action in granted if "*" in action]
    assert not [action for action in granted if re.search(r":(Delete|Remove|Create)", action)] or granted & {
        "sqs:DeleteMessage",
        "logs:CreateLogStream",
    } == {action for action in granted if re.search(r":(Delete|Remove|Create)", action)}
    assert not [action for action in granted if action.startswith("iam:")]


def test_publish_cannot_read_the_credentials_and_collect_cannot_touch_a_target() -> None:
    by_role = {
        role: {action for s in STATEMENTS if s.role == role and s.allows for action in s.actions} for role in ROLES
    }
    assert {"ssm:GetParameter", "secretsmanager:GetSecretValue"} <= by_role["CollectRole"]
    assert not [a for a in by_role["PublishRole"] if a.startswith(("ssm:", "secretsmanager:", "kms:"))]
    assert not [a for a in by_role["CollectRole"] if a.startswith(("elasticloadbalancing:", "apigateway:"))]
    assert {action.split(":")[0] for action in by_role["SlackRole"]} == {
        *("sqs", "logs", "xray", "ssm", "secretsmanager", "kms")
    }


def test_a_bare_wildcard_stands_only_where_aws_knows_no_resource() -> None:
    bare = {action for s in STATEMENTS if s.allows and "*" in s.resources for action in s.actions}
    assert bare == EXPLAINED_WILDCARDS
    lines = [line for line in TEXT.splitlines() if re.search(r'Resource: "\*"', line)]
    assert lines
    assert all("#" in line for line in lines), "each says why on its line"


def test_a_wildcard_inside_a_name_is_a_prefix_of_the_bucket_or_an_api_known_at_run_time() -> None:
    partial = {
        (s.sid, resource["Fn::Sub"])
        for s in STATEMENTS
        if s.allows
        for resource in s.resources
        if isinstance(resource, dict) and "*" in str(resource.get("Fn::Sub", "")) and not in_bucket(resource)
    }
    apis = "arn:${AWS::Partition}:apigateway:${AWS::Region}::"
    assert partial == {("ReadDefaultEndpoints", f"{apis}/restapis/*"), ("ReadDefaultEndpoints", f"{apis}/apis/*")}
    below = next(s for s in STATEMENTS if s.sid == "NothingBelowAnApi")
    assert not below.allows
    assert [r["Fn::Sub"] for r in below.resources] == [f"{apis}/restapis/*/*", f"{apis}/apis/*/*"]


@pytest.mark.parametrize(
    ("parameter", "condition"),
    [
        ("TargetArns", "HasTargets"),
        ("AdoptObjectArns", "HasAdoptObjects"),
        ("KmsKeyArn", "HasKey"),
        ("WatchFileUri", "HasWatchFile"),
    ],
)
def test_an_empty_parameter_makes_no_statement(parameter: str, condition: str) -> None:
    assert PARAMETERS[parameter]["Default"] == ""
    using = [s for s in STATEMENTS if parameter in json.dumps(s.body)]
    assert using
    assert all(condition in s.under for s in using)


def test_targets_are_changed_by_name_and_domains_only_towards_our_bucket() -> None:
    changing = {
        action: s
        for s in STATEMENTS
        for action in s.actions
        if action in {"elasticloadbalancing:ModifyTrustStore", "apigateway:PATCH", "apigateway:AddCertificateToDomain"}
    }
    assert len(changing) == 3
    assert all(s.resources == [{"Ref": "TargetArns"}] for s in changing.values())
    assert changing["apigateway:PATCH"].body["Condition"] == {
        "StringLikeIfExists": {"apigateway:Request/MtlsTrustStoreUri": {"Fn::Sub": "s3://${Bucket}/targets/*"}}
    }


def test_the_mappings_of_each_domain_are_named_one_by_one() -> None:
    arns = ["arn:p:apigateway:r::/domainnames/a.example", "arn:p:apigateway:r::/domainnames/b.example"]
    for path in ("basepathmappings", "apimappings"):
        statement = next(s for s in STATEMENTS if f"/{path}" in json.dumps(s.body))
        (split,) = statement.resources
        comma, joined = split["Fn::Split"]
        template, names = joined["Fn::Sub"]
        delimiter, listed = names["Arns"]["Fn::Join"]
        assert listed == {"Ref": "TargetArns"}
        whole = template.replace("${Arns}", delimiter.join(arns))
        assert whole.split(comma) == [f"{arn}/{path}" for arn in arns]


def test_the_watch_file_is_read_by_its_name() -> None:
    for role in ("CollectRole", "PublishRole"):
        statement = next(s for s in STATEMENTS if s.role == role and s.sid == "ReadWatchFile")
        _, names = statement.resources[0]["Fn::Sub"]
        index, split = names["Object"]["Fn::Select"]
        scheme, padded = split["Fn::Split"]
        for uri, expected in (("s3://bucket/watch/file.json", "bucket/watch/file.json"), ("", "")):
            assert padded["Fn::Sub"].replace("${WatchFileUri}", uri).split(scheme)[index] == expected


def test_nothing_is_tied_to_one_partition() -> None:
    assert not re.search(r"arn:aws(-cn|-us-gov)?:", TEXT)


# -- functions


def test_functions_run_on_arm64_python_313_traced_with_json_logs() -> None:
    shared = TEMPLATE["Globals"]["Function"]
    assert (shared["Runtime"], shared["Architectures"], shared["Tracing"]) == ("python3.13", ["arm64"], "Active")
    assert [layer["Ref"] for layer in shared["Layers"]] == ["DependenciesLayer", "WatcherLayer"]
    for function in FUNCTIONS.values():
        assert function["Properties"]["LoggingConfig"]["LogFormat"] == "JSON"
        assert "ReservedConcurrentExecutions" not in function["Properties"], "some accounts may run ten at once"


def test_layers_are_built_for_what_the_functions_run_on() -> None:
    for layer in of_type("AWS::Serverless::LayerVersion").values():
        assert layer["Metadata"]["BuildArchitecture"] == "arm64"
        assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]
        assert layer["Properties"]["CompatibleRuntimes"] == ["python3.13"]
    makefile = (ROOT / "layers" / "Makefile").read_text()
    assert all(f"build-{name}:" in makefile for name in of_type("AWS::Serverless::LayerVersion"))
    assert "--require-hashes" in makefile


def test_every_function_logs_into_a_group_of_the_stack_with_retention() -> None:
    groups = [function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for function in FUNCTIONS.values()]
    assert set(groups) == set(of_type("AWS::Logs::LogGroup"))
    for name in groups:
        assert properties(name)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert PARAMETERS["LogRetentionDays"]["Default"] > 0


def test_the_log_level_never_swallows_the_metrics() -> None:
    assert set(PARAMETERS["LogLevel"]["AllowedValues"]) == {"DEBUG", "INFO"}


def test_collect_and_publish_are_told_the_same_configuration() -> None:
    environments = {
        name: properties(f"{name}Function")["Environment"]["Variables"] for name in ("Collect", "Publish", "Slack")
    }
    shared = {
        *("BUCKET", "TOPIC_ARN", "PUBLISH_QUEUE_URL", "WATCH_FILE_URI", "MODE", "GENESYS_REGION"),
        *("AUTHORITIES", "CREDENTIAL_ARNS", "TARGET_ARNS"),
    }
    assert set(environments["Collect"]) == shared
    assert set(environments["Publish"]) == {*shared, "FUNCTION_TIMEOUT_SECONDS"}
    assert all(environments["Collect"][name] == environments["Publish"][name] for name in shared)
    assert environments["Slack"] == {"SLACK_SECRET_ARN": {"Ref": "SlackSecretArn"}}
    assert set(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]) == {
        *("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL")
    }


def test_every_variable_that_the_code_reads_is_set() -> None:
    package = ROOT / "layers" / "rotation_watcher" / "rotation_watcher"
    readers = [path for path in package.rglob("*.py") if re.search(r"\benviron\b", path.read_text())]
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
    assert read <= known


def test_publish_knows_its_own_timeout() -> None:
    publish = properties("PublishFunction")
    assert int(publish["Environment"]["Variables"]["FUNCTION_TIMEOUT_SECONDS"]) == publish["Timeout"]


def test_asynchronous_calls_that_fail_end_in_the_queue_for_failed_runs() -> None:
    scheduled = {
        s["Properties"]["Target"]["Arn"]["Fn::GetAtt"][0] for s in of_type("AWS::Scheduler::Schedule").values()
    }
    assert scheduled == {"CollectFunction", "PublishFunction"}
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


# -- queues and schedules


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
    assert checked == 2


def test_a_dead_letter_queue_is_of_its_queues_kind() -> None:
    for name, queue in QUEUES.items():
        redrive = queue["Properties"].get("RedrivePolicy")
        if redrive is None:
            assert seconds(queue["Properties"]["MessageRetentionPeriod"]) == 14 * 86400, f"{name} is a last stop"
            continue
        dead = properties(redrive["deadLetterTargetArn"]["Fn::GetAtt"][0])
        assert dead.get("FifoQueue", False) == queue["Properties"].get("FifoQueue", False)


def test_the_publish_queue_takes_the_senders_word_for_what_is_a_duplicate() -> None:
    queue = properties("PublishQueue")
    assert queue["FifoQueue"] is True
    assert queue["ContentBasedDeduplication"] is False
    assert queue["DeduplicationScope"] == "messageGroup"


def test_schedules_report_what_they_could_not_start_to_a_standard_queue() -> None:
    for schedule in of_type("AWS::Scheduler::Schedule").values():
        target = schedule["Properties"]["Target"]
        assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["FailedRunsQueue", "Arn"]}
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert "FifoQueue" not in properties("FailedRunsQueue")
    assert json.loads(properties("CollectScheduleRule")["Target"]["Input"]) == {}
    assert json.loads(properties("PublishScheduleRule")["Target"]["Input"]) == {"enqueue": "all"}


def test_every_queue_is_encrypted_and_refuses_plain_http() -> None:
    policies = of_type("AWS::SQS::QueuePolicy")
    guarded = {
        queue["Ref"] for policy in policies.values() for queue in policy["Properties"]["Queues"] if refuses_http(policy)
    }
    assert guarded == set(QUEUES)
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in QUEUES.values())


def refuses_http(resource: Node) -> bool:
    return any(
        s["Effect"] == "Deny" and s["Principal"] == "*" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for s in resource["Properties"]["PolicyDocument"]["Statement"]
    )


def test_slack_exists_only_with_its_secret() -> None:
    assert PARAMETERS["SlackSecretArn"]["Default"] == ""
    slack = [name for name in RESOURCES if name.startswith("Slack")]
    assert len(slack) >= 8
    assert all(RESOURCES[name]["Condition"] == "HasSlack" for name in slack)


def test_what_always_exists_never_refers_to_what_may_not() -> None:
    optional = {name for name, resource in RESOURCES.items() if "Condition" in resource}
    assert optional
    for name, resource in itertools.chain(RESOURCES.items(), TEMPLATE["Outputs"].items()):
        if "Condition" in resource:
            continue
        text = json.dumps(resource)
        assert not [other for other in optional if f'"{other}"' in text or f"${{{other}" in text], name


# -- bucket and topic


def test_the_bucket_is_kept_versioned_private_and_encrypted() -> None:
    bucket = RESOURCES["Bucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    config = bucket["Properties"]
    assert config["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(config["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(config["PublicAccessBlockConfiguration"]) == 4
    (rule,) = config["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert refuses_http(RESOURCES["BucketPolicy"])


def test_nothing_below_targets_expires_and_nothing_current_does() -> None:
    for rule in properties("Bucket")["LifecycleConfiguration"]["Rules"]:
        assert not {"ExpirationInDays", "ExpirationDate", "Transitions"} & set(rule)
        if "NoncurrentVersionExpiration" in rule:
            assert rule["Prefix"] in {"sources/", "bundles/"}


def test_alarms_may_publish_to_the_topic_and_nobody_over_plain_http() -> None:
    policy = RESOURCES["AlertTopicPolicy"]
    allowed = [s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert [s["Principal"] for s in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    assert allowed[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert refuses_http(policy)


def test_slack_gets_every_alert_and_what_cannot_be_delivered_is_kept() -> None:
    subscription = properties("SlackSubscription")
    assert subscription["RawMessageDelivery"] is True
    assert "FilterPolicy" not in subscription
    assert subscription["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["SlackDeadLetters", "Arn"]}
    for queue in ("SlackQueue", "SlackDeadLetters"):
        (allowed,) = [s for s in properties(f"{queue}Policy")["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "AlertTopic"}}}


# -- alarms


def test_every_alarm_tells_the_topic() -> None:
    assert all(alarm["Properties"]["AlarmActions"] == [{"Ref": "AlertTopic"}] for alarm in ALARMS.values())


def watched(metric: str) -> set[str]:
    """The resources whose metric some alarm watches."""
    found: set[str] = set()
    for alarm in ALARMS.values():
        if alarm["Properties"]["MetricName"] == metric:
            (dimension,) = alarm["Properties"]["Dimensions"]
            value = dimension["Value"]
            found.add(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])
    return found


def test_every_function_and_every_last_stop_has_an_alarm() -> None:
    assert watched("Errors") == set(FUNCTIONS)
    last_stops = {name for name, queue in QUEUES.items() if "RedrivePolicy" not in queue["Properties"]}
    assert watched("ApproximateNumberOfMessagesVisible") == last_stops


def test_silence_is_an_alarm_even_when_nothing_runs() -> None:
    silence = properties("SilenceAlarm")
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert silence["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"] == "GenesysCertificateWatcher"
    assert silence["MetricName"] == "CollectSucceeded"
    assert silence["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]
    assert silence["TreatMissingData"] == "breaching"
    assert (silence["ComparisonOperator"], silence["Threshold"]) == ("LessThanThreshold", 1)
    every = re.fullmatch(r"rate\((\d+) minutes\)", PARAMETERS["CollectSchedule"]["Default"])
    assert every
    assert int(every[1]) * 60 * 2 <= seconds(silence["Period"]), "two looks may fail in a period"
    assert seconds(silence["Period"]) * PARAMETERS["SilenceHours"]["MaxValue"] <= 86400, "CloudWatch's limit"


# -- the form


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
SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:genesys/oauth-AbCdEf"


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        (
            "TargetArns",
            [STORE, "arn:aws-us-gov:apigateway:us-gov-west-1::/domainnames/api.example.com", ""],
            ["*", f"{STORE}*"],
        ),
        (
            "CredentialArns",
            [SECRET, "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/a/b"],
            ["", "*", f"{SECRET[:-6]}*"],
        ),
        ("SlackSecretArn", [SECRET, ""], ["https://hooks.slack.com/services/T/B/x", f"{SECRET}*"]),
        (
            "AdoptObjectArns",
            ["arn:aws:s3:::bucket-1/trust/store.pem", ""],
            ["arn:aws:s3:::bucket-1/*", "arn:aws:s3:::bucket-1"],
        ),
        (
            "KmsKeyArn",
            ["arn:aws:kms:eu-west-1:111122223333:key/0a-1b", ""],
            ["arn:aws:kms:eu-west-1:111122223333:alias/a"],
        ),
        ("WatchFileUri", ["s3://bucket-1/watch.json", ""], ["bucket-1/watch.json", "s3://bucket-1/*"]),
        ("GenesysRegion", ["us-east-1", "ap-northeast-3", ""], ["US East", "use1"]),
        ("Authorities", ["Genesys", "DigiCert"], ["digicert", ""]),
        ("AlertEmail", ["ops@example.com", ""], ["ops"]),
        ("CollectSchedule", ["rate(15 minutes)", "cron(0/15 * * * ? *)"], ["15 minutes"]),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_made(
    parameter: str, good: Sequence[str], bad: Sequence[str]
) -> None:
    pattern = re.compile(PARAMETERS[parameter]["AllowedPattern"])
    assert [value for value in good if not pattern.fullmatch(value)] == []
    assert [value for value in bad if pattern.fullmatch(value)] == []


def test_a_stack_with_nothing_to_watch_is_refused() -> None:
    rule = TEMPLATE["Rules"]["SomethingToWatch"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "WatchFileUri"}, ""]}
    assert [a["Assert"] for a in rule["Assertions"]] == [{"Fn::Not": [{"Fn::Equals": [{"Ref": "GenesysRegion"}, ""]}]}]


def test_the_outputs_give_what_the_operator_needs_next() -> None:
    outputs = TEMPLATE["Outputs"]
    upload = outputs["UploadRootCommand"]["Value"]["Fn::Sub"][0]
    assert upload == "aws s3 cp root.pem s3://${Bucket}/anchors/${Region}.pem"
    assert "${CollectFunction}" in outputs["CollectNowCommand"]["Value"]["Fn::Sub"]
    dry_run = outputs["PublishDryRunCommand"]["Value"]["Fn::Sub"]
    payload = re.search(r"--payload '([^']+)'", dry_run)
    assert payload
    assert json.loads(payload[1]) == {"dry_run": True}
    assert all(len(output["Description"]) > 20 for output in outputs.values())


def test_every_intrinsic_names_something_that_exists() -> None:
    known = {*RESOURCES, *PARAMETERS}
    for node in nodes(TEMPLATE["Resources"]):
        if isinstance(node, dict) and len(node) == 1:
            if (name := node.get("Ref")) and not name.startswith("AWS::"):
                assert name in known
            if condition := node.get("Fn::If"):
                assert condition[0] in TEMPLATE["Conditions"]
