"""What one event sends to people: a rotation with a new intermediate over several targets, from end to end."""

import re
from datetime import timedelta

from local.environment import Environment
from rotation_watcher.alerts.model import Alert
from tests.integration.conftest import MakeEnvironment

QUARTER = timedelta(minutes=15)
DAY, SOON = timedelta(days=1), timedelta(minutes=11)


def pass_time(environment: Environment, span: timedelta, step: timedelta) -> None:
    """Let time pass. After each step the functions run thrice, as every quarter of an hour, and report after each."""
    until = environment.clock() + span
    while environment.clock() < until:
        environment.tick(step)
        for _ in range(3):
            environment.clock.advance(SOON)
            environment.report()
            environment.tick(QUARTER - SOON, schedule=False)


def mails_since(environment: Environment) -> list[Alert]:
    before = len(environment.mails)
    environment.new_alerts()
    return environment.mails[before:]


def test_a_new_intermediate_over_three_targets_is_three_mails_from_announcement_to_retirement(
    make_environment: MakeEnvironment,
) -> None:
    environment = make_environment()
    east = environment.world.region("us-east-1", days_left=200)
    others = environment.world.region("sa-east-1").root_pem()
    environment.add_source("use1", "us-east-1", ["DigiCert"])
    environment.add_bundle("digicert", ["use1"], ["DigiCert"])
    environment.add_trust_store("one", "digicert", others, shared_authority="a test of mails alone")
    environment.add_trust_store("two", "digicert", others, shared_authority="a test of mails alone")
    environment.add_rest_domain("three", "digicert", others, shared_authority="a test of mails alone")
    environment.configure(retain_days=8)
    start = environment.clock()
    pass_time(environment, DAY / 2, DAY / 2)
    assert [mail.kind for mail in mails_since(environment)] == ["digest"], "the name learned, and three updates"
    east.schedule_rotation("DigiCert", start + 8 * DAY, intermediate="new", announce=6 * DAY)
    pass_time(environment, 20 * DAY, DAY)
    told = mails_since(environment)
    mails = [mail for mail in told if mail.kind != "weekly-digest"]
    titles = [mail.title for mail in mails]
    assert titles[:2] == [
        "us-east-1: the upcoming DigiCert certificate has another issuer; 3 targets updated",
        "us-east-1: the DigiCert client certificate has rotated",
    ]
    assert len(titles) == 3, titles
    assert re.fullmatch(r"3 targets \(one, three, two\): 1 certificate will leave on 2026-03-\d\d", titles[2])
    (weekly,) = [mail.facts["as announced"] for mail in told if "as announced" in mail.facts]
    assert sorted(weekly.split("; ")) == [
        "3 targets (one, three, two): over: certificates were to leave",
        "3 targets (one, three, two): truststore updated and proved",
    ]
