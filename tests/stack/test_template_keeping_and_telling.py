"""The bucket that keeps, the topic that tells, and the alarms for when nobody does."""

import re

from tests.stack.template import (
    ALARMS,
    FUNCTIONS,
    PARAMETERS,
    QUEUES,
    RESOURCES,
    TEMPLATE,
    properties,
    refuses_http,
    seconds,
)


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


def test_an_alert_that_slack_does_not_take_raises_an_alarm_long_before_it_is_set_aside() -> None:
    assert watched("ApproximateAgeOfOldestMessage") == {"SlackQueue"}
    queue = properties("SlackQueue")
    tried_for = seconds(queue["VisibilityTimeout"]) * queue["RedrivePolicy"]["maxReceiveCount"]
    assert seconds(properties("SlackDelayAlarm")["Threshold"]) * 4 < tried_for


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
