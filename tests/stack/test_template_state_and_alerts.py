"""The bucket that keeps state, the topic for alerts, and the alarms for when nothing runs."""

import re
from datetime import timedelta
from fnmatch import fnmatchcase

import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.ledger import RENEWED
from tests.stack.template import (
    ALARMS,
    DRAINED,
    FUNCTIONS,
    PARAMETERS,
    QUEUES,
    RESOURCES,
    ROLES,
    ROOT,
    STATEMENTS,
    TEMPLATE,
    metrics_of,
    properties,
    refuses_http,
    seconds,
)
from tests.support.functions import CHATS
from tests.support.roles import Resolver


def test_the_bucket_is_kept_versioned_private_and_encrypted() -> None:
    bucket = RESOURCES["Bucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    config = bucket["Properties"]
    assert config["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(config["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(config["PublicAccessBlockConfiguration"]) == 4
    (rule,) = config["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    plain = Resolver({}, {})  # with a key: test_template_keys.py
    assert plain.of(rule) == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert refuses_http(RESOURCES["BucketPolicy"])


def test_nothing_that_a_target_loads_expires_and_nothing_current_does_but_what_was_told_and_its_notes() -> None:
    tagged = [{"Key": key, "Value": value} for key, value in keys.OLD_VERSIONS_EXPIRE.items()]
    for rule in properties("Bucket")["LifecycleConfiguration"]["Rules"]:
        expires = {"ExpirationInDays", "ExpirationDate", "Transitions"} & set(rule)
        if rule.get("Prefix") == keys.ALERT_LOG:
            assert expires == {"ExpirationInDays"}
            assert rule["ExpirationInDays"] > 397, "an operator looks once a year, and sees what the last rotation told"
            continue
        if rule.get("Prefix") == keys.alert(""):
            assert expires == {"ExpirationInDays"}
            assert timedelta(days=rule["ExpirationInDays"]) > 4 * RENEWED, "a note is renewed long before it goes"
            continue
        assert not expires
        if rule.get("Prefix") == "targets/":
            assert rule["TagFilters"] == tagged
            continue
        assert "TagFilters" not in rule
        if "NoncurrentVersionExpiration" in rule:
            assert rule["Prefix"] in {"sources/", "bundles/", "crls/", "wakes/", "status/", keys.DIGESTS}


def test_what_targets_load_bears_no_tag_and_nobody_may_give_it_one() -> None:
    folder = keys.target("arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/alb/0123456789abcdef")
    loaded = [keys.deployed(folder), keys.pinned("ab"), keys.added("arn", "ab")]
    others = [keys.record(folder), keys.target_revocations(folder), keys.SWEEP, keys.pace("api"), keys.pace("api", "x")]
    assert [keys.tags(key) for key in loaded] == [{}] * len(loaded)
    assert [keys.tags(key) for key in others] == [keys.OLD_VERSIONS_EXPIRE] * len(others)
    assert keys.tags(keys.deployed_filters(folder)) == {}
    bucket = "arn:${AWS::Partition}:s3:::${State.Value}/"
    may = [one for one in STATEMENTS if "s3:PutObjectTagging" in one.actions]
    assert [one.role for one in may] == ["PublishRole"]
    patterns = [str(one["Fn::Sub"]).removeprefix(bucket) for one in may[0].resources]
    assert not [key for key in loaded for pattern in patterns if fnmatchcase(key, pattern)]
    assert all(any(fnmatchcase(key, pattern) for pattern in patterns) for key in others)


def test_the_marks_of_looks_that_were_asked_for_do_not_pile_up() -> None:
    """A door that is flooded writes one a minute and source; nobody ever reads an old one."""
    rules = properties("Bucket")["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if keys.wake("use1").startswith(rule.get("Prefix", "-"))]
    assert (rule["Status"], rule["Prefix"]) == ("Enabled", "wakes/")
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


@pytest.mark.parametrize("topic", ["AlertTopic", "AlarmTopic"])
def test_alarms_may_publish_to_the_topic_and_nobody_over_plain_http(topic: str) -> None:
    policy = RESOURCES[f"{topic}Policy"]
    assert policy["Properties"]["Topics"] == [{"Ref": topic}]
    assert {s["Resource"]["Ref"] for s in policy["Properties"]["PolicyDocument"]["Statement"]} == {topic}
    allowed = [s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert [s["Principal"] for s in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    assert allowed[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert refuses_http(policy)


def test_amazon_qs_topic_is_published_to_by_its_function_alone() -> None:
    policy = RESOURCES["AmazonQAlertTopicPolicy"]
    assert policy["Properties"]["Topics"] == [{"Ref": "AmazonQAlertTopic"}]
    assert [s["Effect"] for s in policy["Properties"]["PolicyDocument"]["Statement"]] == ["Deny"]
    assert refuses_http(policy)
    publishing = [s.role for s in STATEMENTS if {"Ref": "AmazonQAlertTopic"} in s.resources]
    assert publishing == ["AmazonQRole"]


@pytest.mark.parametrize("chat", CHATS)
def test_a_chat_gets_every_alert_and_what_cannot_be_delivered_is_kept(chat: str) -> None:
    subscription = properties(f"{chat}Subscription")
    assert subscription["TopicArn"] == {"Ref": "AlertTopic"}
    assert subscription["Endpoint"] == {"Fn::GetAtt": [f"{chat}Queue", "Arn"]}
    assert subscription["RawMessageDelivery"] is True
    assert "FilterPolicy" not in subscription
    assert subscription["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [f"{chat}DeadLetters", "Arn"]}
    for queue in (f"{chat}Queue", f"{chat}DeadLetters"):
        (allowed,) = [s for s in properties(f"{queue}Policy")["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "AlertTopic"}}}


def test_every_alarm_goes_straight_to_both_topics() -> None:
    """No code of ours lies between. Whoever filters the one gets the dead man over the other (decision 0040)."""
    topics = {"AlertTopic": ("alerts", ""), "AlarmTopic": ("alarms", "")}
    own = "arn:aws:sns:us-east-1:123456789012:operations"
    for parameters, told in (({}, ["alerts", "alarms"]), ({"OwnAlarmTopicArn": own}, ["alerts", "alarms", own])):
        resolver = Resolver(parameters, topics)
        for name, alarm in ALARMS.items():
            for actions in ("AlarmActions", "OKActions"):
                said = alarm["Properties"].get(actions)
                assert said is None or resolver.of(said) == told, name
            assert alarm["Properties"]["AlarmActions"], name


def test_nothing_but_alarms_goes_to_the_topic_of_alarms() -> None:
    assert "AlarmTopic" not in str([one["Properties"] for one in ROLES.values()])
    assert TEMPLATE["Outputs"]["AlarmTopicArn"]["Value"] == {"Ref": "AlarmTopic"}


def watching(metric: str) -> dict[str, set[str]]:
    """The alarms that rest on a metric, each with the resources that it watches."""
    found: dict[str, set[str]] = {}
    for name, alarm in ALARMS.items():
        for one in metrics_of(alarm):
            if one["MetricName"] == metric:
                (dimension,) = one["Dimensions"]
                value = dimension["Value"]
                found.setdefault(name, set()).add(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])
    return found


def watched(metric: str) -> set[str]:
    """The resources whose metric some alarm watches."""
    return set().union(*watching(metric).values())


def test_every_function_and_every_last_stop_has_an_alarm() -> None:
    assert watched("Errors") == set(FUNCTIONS)
    last_stops = {name for name, queue in QUEUES.items() if "RedrivePolicy" not in queue["Properties"]} - {*DRAINED}
    assert watched("ApproximateNumberOfMessagesVisible") == last_stops


def test_errors_are_counted_over_more_than_the_time_between_two_runs() -> None:
    for name in {*watching("Errors")} - {*SILENCE, "AuthorizeErrorsAlarm"}:  # the last one runs at every request
        assert seconds(properties(name)["Period"]) >= 2 * minutes_between("CollectSchedule") * 60, name


def test_a_dead_letter_queue_that_nobody_purges_does_not_hide_the_next_incident() -> None:
    for name in watching("ApproximateNumberOfMessagesVisible"):
        alarm = properties(name)
        (told,) = [one for one in alarm["Metrics"] if one.get("ReturnData") is not False]
        assert told["Expression"] == "DIFF(FILL(held, 0))", "what comes on top; an empty queue gives no figures"
        assert (alarm["ComparisonOperator"], seconds(alarm["Threshold"])) == ("GreaterThanThreshold", 0)
        assert seconds(alarm["EvaluationPeriods"]) > seconds(alarm["DatapointsToAlarm"]) == 1, "two figures at least"


def test_what_waits_in_a_queue_for_too_long_raises_an_alarm_long_before_it_is_lost() -> None:
    assert watched("ApproximateAgeOfOldestMessage") == {name for name in QUEUES if "RedrivePolicy" in properties(name)}
    for chat in CHATS:
        queue = properties(f"{chat}Queue")
        tried_for = seconds(queue["VisibilityTimeout"]) * queue["RedrivePolicy"]["maxReceiveCount"]
        assert seconds(properties(f"{chat}DelayAlarm")["Threshold"]) * 4 < tried_for
    for queue, alarm in ((f"{one}Queue", f"{one}DelayAlarm") for one in (*CHATS, "Publish")):
        # A message that was received three times counts no more in the age of a standard queue (SQS developer guide,
        # "Available CloudWatch metrics"); of a FIFO queue it counts until it is a dead letter.
        again = seconds(properties(queue)["VisibilityTimeout"])
        counted = again * (properties(queue)["RedrivePolicy"]["maxReceiveCount"] if queue == "PublishQueue" else 2)
        period = seconds(properties(alarm)["Period"])
        assert again < seconds(properties(alarm)["Threshold"]) <= counted - period, "it never rang"
    assert properties("PublishQueue")["FifoQueue"] is True
    kept_for = seconds(properties("PublishQueue")["MessageRetentionPeriod"])
    assert seconds(properties("PublishDelayAlarm")["Threshold"]) * 4 < kept_for


def minutes_between(schedule: str) -> int:
    rate = PARAMETERS[schedule]["Default"] if schedule in PARAMETERS else properties(schedule)["ScheduleExpression"]
    every = re.fullmatch(r"rate\((\d+) minutes\)", rate)
    assert every
    return int(every[1])


SILENCE = {
    "CollectStoppedAlarm": ("FILL(failed, 1)", "CollectSchedule"),
    "PublishSilenceAlarm": ("IF(FILL(failed, 1) > 0 OR FILL(asked, 0) < 1, 1, 0)", "PublishSchedule"),
    "RefreshCrlsSilenceAlarm": ("FILL(failed, 1)", "RefreshCrlsSchedule"),
    "ReportStoppedAlarm": ("IF(FILL(failed, 1) > 0 OR FILL(logged, 0) < 1, 1, 0)", "ReportScheduleRule"),
}


@pytest.mark.parametrize("name", SILENCE)
def test_silence_is_an_alarm_even_when_nothing_runs(name: str) -> None:
    expression, schedule = SILENCE[name]
    silence = properties(name)
    stats = [one["MetricStat"] for one in silence["Metrics"] if "MetricStat" in one]
    assert (stats[0]["Metric"]["MetricName"], stats[0]["Stat"]) == ("Errors", "Minimum")
    assert {one["Metric"]["Namespace"].split("/")[0] for one in stats} == {"AWS"}, "not what may be dead"
    assert [one["Expression"] for one in silence["Metrics"] if "Expression" in one] == [expression], (
        "filled: else it rings hours later"
    )
    assert silence["TreatMissingData"] == "breaching"
    assert (silence["ComparisonOperator"], silence["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    most = PARAMETERS["SilenceHours"]["MaxValue"]
    periods = most if silence["EvaluationPeriods"] == {"Ref": "SilenceHours"} else silence["EvaluationPeriods"]
    for stat in stats:
        assert minutes_between(schedule) * 60 * 2 <= seconds(stat["Period"]), "two runs may fail in a period"
        assert seconds(stat["Period"]) * periods <= 86400, "CloudWatch's limit"


def test_the_schedule_of_publish_is_counted_by_itself() -> None:
    """The Scheduler counts by group, and other events wake publish too."""
    grouped = {name for name, one in RESOURCES.items() if "GroupName" in one.get("Properties", {})}
    assert grouped == {"PublishScheduleRule"}
    assert properties("PublishScheduleRule")["GroupName"] == {"Ref": "PublishScheduleGroup"}
    assert watched("InvocationAttemptCount") == {"PublishScheduleGroup"}


def test_every_failed_run_of_the_scheduler_is_kept_and_heard_of() -> None:
    """Lambda hands a run over to FailedRunsQueue after its last try: one that is tried again could fail unheard."""
    for name in ("Collect", "Publish", "RefreshCrls", "Report"):
        asked = properties(f"{name}Function")["EventInvokeConfig"]
        assert asked["MaximumRetryAttempts"] == 0
        assert asked["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["FailedRunsQueue", "Arn"]}
    assert "PublishFunction" in watching("Errors")["PublishErrorsAlarm"], "what the queue hands over is not kept there"


def test_every_metric_of_ours_has_the_namespace_and_the_dimension_that_the_functions_write() -> None:
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "GenesysCertificateWatcher"
    ours = [one for alarm in ALARMS.values() for one in metrics_of(alarm) if "service" in str(one.get("Dimensions"))]
    assert len(ours) == 4
    for one in ours:
        assert one["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
        assert one["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]


def test_every_metric_of_ours_that_an_alarm_rests_on_is_counted_somewhere() -> None:
    ours = {
        metric["MetricName"]
        for alarm in ALARMS.values()
        for metric in metrics_of(alarm)
        if metric["Namespace"] == "GenesysCertificateWatcher"
    }
    code = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers").rglob("*.py")]
    counted = set(
        re.findall(r'(?:metrics\.count\(\s*|found\[)"([A-Z]\w+)"(?!\]\))', "\n".join(path.read_text() for path in code))
    )
    assert ours == counted
