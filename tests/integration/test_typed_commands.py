"""What alerts and runbook ask people to type, typed: by a shell and the AWS CLI, or as the event of a call by hand.

``make attack`` runs these, for the AWS CLI lies in an environment of its own.
"""

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from local.environment import BUCKET, Environment
from local.genesys.issuing import Identity
from rotation_watcher import keys
from rotation_watcher.alerts import mail
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import RequestRefused
from rotation_watcher.x509.certificates import parse_bundle
from tests.support import others
from tests.support.shell import ROOT, typed
from tests.support.words import word

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
DAY = timedelta(days=1)


def told(environment: Environment, kind: str) -> list[Alert]:
    return [alert for alert in environment.new_alerts() if word(alert) == kind]


def root_of(leaf: Identity) -> str:
    return leaf.chain[-1].fingerprint(SHA256()).hex()


@pytest.fixture
def quarantined(environment: Environment) -> tuple[Identity, Identity, dict[str, str]]:
    """Two partners in quarantine, and by fingerprint the command that their mails say."""
    region = environment.world.region("us-east-1")
    one, two = others.partner(region, "One"), others.partner(region, "Two")
    others.tell_of(region, one)
    others.tell_of(region, two)
    environment.tick()
    environment.tick()
    commands = {}
    for alert in told(environment, "quarantined"):
        text = mail.text(alert)
        fingerprint = next(each.fingerprint for each in (one, two) if each.fingerprint in text)
        assert "chain-untrusted" in text
        commands[fingerprint] = next(line.strip() for line in text.splitlines() if "/approvals/" in line)
    return one, two, commands


def test_the_command_of_a_quarantine_lets_exactly_that_certificate_pass_and_says_who_why_and_until_when(
    environment: Environment, quarantined: tuple[Identity, Identity, dict[str, str]]
) -> None:
    one, two, commands = quarantined
    assert commands.keys() == {one.fingerprint, two.fingerprint}
    for target in ("alb", "rest"):
        assert {root_of(one), root_of(two)}.isdisjoint(environment.live(target))
    assert {one.fingerprint, two.fingerprint}.isdisjoint(others.pinned(environment))

    typed(environment, commands[one.fingerprint])
    environment.tick()
    environment.tick()
    assert one.fingerprint not in others.pinned(environment), "nobody has said who and why"
    typed(environment, filled(commands[one.fingerprint]))
    kept = json.loads(environment.read(f"approvals/{one.fingerprint}.json"))
    assert (kept["by"], kept["why"]) == ("Ada", "case 4711")
    environment.tick()
    environment.tick()
    (alert,) = told(environment, "approved")
    assert all(word in mail.text(alert) for word in ("Ada", "case 4711", kept["until"][:10], one.fingerprint))
    for target in ("alb", "rest"):
        assert root_of(one) in environment.live(target)
        assert root_of(two) not in environment.live(target)
    assert one.fingerprint in others.pinned(environment)
    assert two.fingerprint not in others.pinned(environment)


def test_an_approval_ends_by_the_runbooks_command_or_by_its_date_and_its_certificate_leaves(
    environment: Environment, quarantined: tuple[Identity, Identity, dict[str, str]]
) -> None:
    one, two, commands = quarantined
    typed(environment, filled(commands[one.fingerprint]))
    until = f"{environment.clock() + 2 * DAY:%Y-%m-%dT00:00:00Z}"
    typed(environment, filled(re.sub(r'"until": "[^"]+"', f'"until": "{until}"', commands[two.fingerprint])))
    environment.tick()
    environment.tick()
    assert {one.fingerprint, two.fingerprint} <= others.pinned(environment)
    environment.new_alerts()

    (withdraw,) = re.findall(r"`(aws s3 rm s3://BUCKET/approvals/<sha256>\.json)`", RUNBOOK)
    typed(environment, withdraw.replace("BUCKET", BUCKET).replace("<sha256>", one.fingerprint))
    environment.tick()
    assert one.fingerprint not in others.pinned(environment)
    assert two.fingerprint in others.pinned(environment)
    environment.clock.advance(2 * DAY)
    environment.tick()
    assert {one.fingerprint, two.fingerprint}.isdisjoint(others.pinned(environment))
    environment.tick()
    assert len(told(environment, "quarantined")) == 2  # both are in quarantine again, and people hear of it
    for target in ("alb", "rest"):
        assert {root_of(one), root_of(two)}.isdisjoint(environment.live(target))


def filled(command: str) -> str:
    """The command with the name and the reason that the alert asks for."""
    return command.replace("YOUR NAME", "Ada").replace("YOUR REASON", "case 4711")


def commands_of(alert: Alert) -> tuple[str, str]:
    """What an alert about an unknown root asks people to type: to trust the root, and to approve the leaf alone."""
    first, second = (line.strip() for line in mail.text(alert).splitlines() if "aws s3 cp" in line)
    return first, filled(second)


@pytest.mark.parametrize("shown", ["alone", "with its root"])
def test_the_command_for_a_new_root_of_the_region_adds_it_to_those_that_are_trusted(
    environment: Environment, tmp_path: Path, shown: str
) -> None:
    region = environment.world.region("us-east-1")
    coming = others.partner(region)
    text = others.tell_of(region, coming)
    if shown == "alone":
        region.extra_entities[-1]["certificate"] = coming.pem()
    environment.tick()
    environment.tick()
    (alert,) = told(environment, "quarantined")
    add, _ = commands_of(alert)
    (tmp_path / "root.pem").write_text(text.removeprefix(coming.pem()).rstrip("\n"))
    before = environment.read("anchors/us-east-1.pem").decode()
    environment.put("anchors/us-east-1.pem", before.rstrip("\n"))  # a file without a line break at its end
    typed(environment, add, tmp_path)
    assert len(parse_bundle(environment.read("anchors/us-east-1.pem"))[0]) == len(parse_bundle(before.encode())[0]) + 1
    environment.tick()
    for target in ("alb", "rest"):
        assert root_of(coming) in environment.live(target)
    assert coming.fingerprint in others.pinned(environment)
    assert told(environment, "quarantined") == []


def test_the_command_for_a_new_root_takes_no_other_than_the_one_of_the_alert(
    environment: Environment, tmp_path: Path
) -> None:
    region = environment.world.region("us-east-1")
    others.tell_of(region, others.partner(region))
    environment.tick()
    environment.tick()
    (alert,) = told(environment, "quarantined")
    before = environment.read("anchors/us-east-1.pem")
    (tmp_path / "root.pem").write_text(environment.world.region("ca-central-1").root_pem())
    with pytest.raises(AssertionError):
        typed(environment, commands_of(alert)[0], tmp_path)
    assert environment.read("anchors/us-east-1.pem") == before


def test_the_command_for_a_leaf_alone_approves_it_under_the_root_that_is_given(
    environment: Environment, tmp_path: Path
) -> None:
    region = environment.world.region("us-east-1")
    one = others.partner(region)
    text = others.tell_of(region, one)
    region.extra_entities[-1]["certificate"] = one.pem()
    environment.tick()
    environment.tick()
    (alert,) = told(environment, "quarantined")
    (tmp_path / "chain.pem").write_text(text.removeprefix(one.pem()))
    typed(environment, commands_of(alert)[1], tmp_path)
    environment.tick()
    (approved,) = told(environment, "approved")
    assert root_of(one) in mail.text(approved)
    for target in ("alb", "rest"):
        assert root_of(one) in environment.live(target)
    assert one.fingerprint in others.pinned(environment)


def test_the_command_of_held_removals_lets_them_go(environment: Environment) -> None:
    names = [f"extra/{number}.pem" for number in range(3)]
    for name, region in zip(names, ("ca-central-1", "ap-south-1", "eu-west-1"), strict=True):
        environment.put(name, environment.world.region(region).root_pem())
    environment.watch["bundles"][0]["extra"] = names
    environment.configure()
    environment.tick()
    full = set(environment.live("alb"))
    del environment.watch["bundles"][0]["extra"]
    environment.configure()
    environment.tick()
    environment.clock.advance(timedelta(days=31))
    for _ in range(2):
        environment.tick()
    assert set(environment.live("alb")) == full
    alert = next(alert for alert in told(environment, "removal-held") if alert.target == "alb")
    calls = [shlex.split(line) for line in mail.text(alert).splitlines() if "aws lambda invoke" in line]
    said = [dict(zip(words[3:-1:2], words[4:-1:2], strict=True)) for words in calls]
    assert {one["--region"] for one in said} == {"us-east-1"}
    outcomes = [environment.publish(**json.loads(one["--payload"])).targets["alb"].outcome for one in said]
    assert outcomes == ["would-update", "updated"], "it is looked at first"
    assert len(full - set(environment.live("alb"))) == 3


def test_any_earlier_version_is_one_call_away_and_holds_until_it_is_released(environment: Environment) -> None:
    environment.tick()
    first = set(environment.live("alb"))
    for number, region in enumerate(("ca-central-1", "ap-south-1")):
        environment.put(f"extra/{number}.pem", environment.world.region(region).root_pem())
        environment.watch["bundles"][0]["extra"] = [f"extra/{each}.pem" for each in range(number + 1)]
        environment.configure()
        environment.tick()
    last = set(environment.live("alb"))
    record = json.loads(environment.read(keys.record(environment.folder("alb"))))
    (form,) = re.findall(r'`(\{"rollback": "alb", "to": "<version>"\})`', RUNBOOK)
    two_before, as_found = record["versions"][1]["version"], record["versions"][2]["version"]
    with pytest.raises(RequestRefused, match=r"would refuse the current leaf"):
        environment.publish(**json.loads(form.replace("<version>", as_found)))
    assert (
        environment.publish(**json.loads(form.replace("<version>", two_before))).targets["alb"].outcome == "rolled-back"
    )
    assert set(environment.live("alb")) == first
    for _ in range(3):
        environment.tick()
    assert set(environment.live("alb")) == first
    (release,) = re.findall(r'`(\{"release": "alb"\})`', RUNBOOK)
    assert environment.publish(**json.loads(release)).targets["alb"].outcome == "updated"
    assert set(environment.live("alb")) == last
