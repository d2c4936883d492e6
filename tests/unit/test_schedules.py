"""Schedules and the alarms about silence: what cannot go together is refused, and said."""

from datetime import timedelta

import pytest

from rotation_watcher import bootstrap, schedules, settings
from rotation_watcher.errors import ConfigurationError

ENVIRONMENT = {
    "BUCKET": "b",
    "TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:alerts",
    "PUBLISH_QUEUE_URL": "https://q",
    "AWS_REGION": "us-east-1",
    "GENESYS_REGION": "us-east-1",
    "CREDENTIAL_ARNS": "arn:aws:ssm:us-east-1:111122223333:parameter/genesys/oauth",
    "TARGET_ARNS": "arn:aws:apigateway:us-east-1::/domainnames/api.example.com",
    "COLLECT_SCHEDULE": "rate(15 minutes)",
    "PUBLISH_SCHEDULE": "rate(5 minutes)",
    "REFRESH_CRLS_SCHEDULE": "rate(60 minutes)",
    "SILENCE_HOURS": "2",
}


@pytest.mark.parametrize(
    ("schedule", "minutes"),
    [
        ("rate(15 minutes)", 15),
        ("rate(1 hour)", 60),
        ("rate(7 days)", 7 * 24 * 60),
        ("cron(0/15 * * * ? *)", 15),
        ("cron(*/20 * * * ? *)", 20),
        ("cron(* * * * ? *)", 1),
        ("cron(0 * * * ? *)", 60),
        ("cron(0,5 * * * ? *)", 55),
        ("cron(0 6 * * ? *)", 24 * 60),
        ("cron(0 8-18 * * ? *)", 14 * 60),
        ("cron(30 0-22/2 * * ? *)", 120),
        ("cron(0 * ? * MON-FRI *)", 2 * 24 * 60),
        ("cron(0 * 1 * ? *)", 2 * 24 * 60),
    ],
)
def test_the_longest_pause_of_a_schedule_is_known(schedule: str, minutes: int) -> None:
    assert schedules.longest_pause(schedule) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "schedule",
    ["", "hourly", "rate(0 minutes)", "cron(0 6 * * ?)", "cron(61 * * * ? *)", "cron(L * * * ? *)", "cron()"],
)
def test_what_is_not_understood_is_left_to_the_service(schedule: str) -> None:
    assert schedules.longest_pause(schedule) is None
    assert schedules.mistake("CollectSchedule", schedule, timedelta(hours=1), "x") is None


def refused(changed: dict[str, str]) -> list[str]:
    """The mistakes that collect finds in these parameters; none: the configuration is taken."""
    watcher = bootstrap.build(environment=ENVIRONMENT | changed)
    try:
        watcher.watch()
    except ConfigurationError as error:
        return [*error.mistakes]
    return []


@pytest.mark.parametrize(
    ("changed", "parameter"),
    [
        ({"COLLECT_SCHEDULE": "rate(7 days)"}, "CollectSchedule: rate(7 days) leaves up to 168 hours"),
        ({"COLLECT_SCHEDULE": "rate(2 hours)"}, "CollectSchedule: rate(2 hours) leaves up to 2 hours"),
        ({"PUBLISH_SCHEDULE": "cron(0 6 * * ? *)"}, "PublishSchedule: cron(0 6 * * ? *) leaves up to 24 hours"),
        ({"REFRESH_CRLS_SCHEDULE": "rate(6 hours)"}, "RefreshCrlsSchedule: rate(6 hours) leaves up to 6 hours"),
    ],
)
def test_a_schedule_that_an_alarm_does_not_allow_for_is_refused_by_name(
    changed: dict[str, str], parameter: str
) -> None:
    (mistake,) = refused(changed)
    assert mistake.startswith(parameter)
    assert mistake.endswith("it would always be raised")


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"COLLECT_SCHEDULE": "rate(119 minutes)"},
        {"COLLECT_SCHEDULE": "rate(6 hours)", "SILENCE_HOURS": "7"},
        {"PUBLISH_SCHEDULE": "rate(12 hours)", "TARGET_ARNS": "", "TARGET_ROLE_ARNS": ""},
        {"COLLECT_SCHEDULE": "rate(7 days)", "SILENCE_HOURS": ""},
    ],
)
def test_what_goes_together_is_taken(changed: dict[str, str]) -> None:
    assert refused(changed) == []


def test_roles_of_other_accounts_are_targets_too() -> None:
    changed = {"PUBLISH_SCHEDULE": "rate(12 hours)", "TARGET_ARNS": ""}
    roles = {"TARGET_ROLE_ARNS": "arn:aws:iam::222222222222:role/genesys-certificate-watcher-targets"}
    assert [one.partition(":")[0] for one in refused(changed | roles)] == ["PublishSchedule"]


def test_it_is_said_together_with_what_else_is_wrong() -> None:
    mistakes = refused({"COLLECT_SCHEDULE": "rate(7 days)", "GENESYS_REGION": "us-west-3"})
    assert [one.partition(":")[0] for one in mistakes] == ["CollectSchedule", "GenesysRegion"]
    assert "'us-west-3' is not in the catalogue" in mistakes[1]


def test_what_the_form_cannot_check_is_refused_by_the_name_of_its_parameter() -> None:
    elsewhere = "arn:aws:apigateway:eu-west-1::/domainnames/api.example.com"
    mistakes = refused(
        {"TARGET_ARNS": elsewhere, "CREDENTIAL_ARNS": ENVIRONMENT["CREDENTIAL_ARNS"].replace("east", "west")}
    )
    assert [one.partition(":")[0] for one in mistakes] == ["CredentialArns", "TargetArns"]
    assert "is in eu-west-1, this stack is in us-east-1" in mistakes[1]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/a/0a/0b", "name the trust store"),
        ("arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/a/0a", "it is a load balancer"),
        ("api.example.com", "it is the name of a domain: write its ARN"),
        ("*.example.com", "it is the name of a domain: write its ARN"),
    ],
)
def test_what_people_write_for_a_target_is_refused_with_what_they_mean(written: str, why: str) -> None:
    (mistake,) = refused({"TARGET_ARNS": written})
    assert mistake.startswith(f"TargetArns: '{written}': ")
    assert why in mistake


def test_publish_is_not_stopped_by_a_schedule() -> None:
    """It is given no hours of silence: collect alone tells people, and what targets need goes on."""
    without = {name: value for name, value in ENVIRONMENT.items() if name != "SILENCE_HOURS"}
    assert settings.from_environment(without | {"PUBLISH_SCHEDULE": "rate(7 days)"}).mistakes == ()
