"""What people write into the bucket, told by S3, SQS and report; the commands of the alert are typed.

``make attack`` runs these, for the AWS CLI lies in an environment of its own.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from moto.s3.models import s3_backends

from local.aws.file_events import ADDRESS, WHO
from local.environment import BUCKET, Environment
from rotation_watcher.alerts import mail
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import ConfigurationError
from tests.support.functions import Context, load
from tests.support.shell import typed
from tests.support.words import word

ANCHOR = "anchors/us-east-1.pem"


def looked(environment: Environment) -> list[Alert]:
    """What one run of report tells of files, by itself."""
    environment.clock.advance(timedelta(minutes=5))
    environment.report()
    return [alert for alert in environment.new_alerts() if word(alert) == "operator-file-changed"]


def commands_of(alert: Alert) -> list[str]:
    return [line.strip() for line in mail.text(alert).splitlines() if line.strip().startswith("aws ")]


@pytest.fixture
def watched(environment: Environment) -> Environment:
    environment.tick()
    # In AWS a look comes minutes after what it sees was written; here both may be of one second, which S3 counts in.
    for key in s3_backends[environment.aws.account]["aws"].get_bucket(BUCKET).keys.values():
        key.last_modified -= timedelta(minutes=1)
    assert looked(environment) == []
    return environment


def test_a_replaced_anchor_is_told_with_who_and_the_command_puts_it_back(watched: Environment) -> None:
    before = watched.read(ANCHOR)
    watched.put(ANCHOR, watched.world.region("sa-east-1").root_pem())
    (alert,) = looked(watched)
    assert alert.facts["who"] == "operator (a session of the role AROAEMBEDDEDAWS00000)"
    assert WHO.endswith(":operator")
    assert alert.facts["from"] == ADDRESS
    assert "sa-east-1" in alert.facts["came"]
    assert "us-east-1" in alert.facts["went"]
    back, who = commands_of(alert)
    typed(watched, back)
    assert watched.read(ANCHOR) == before
    role = watched.aws.client("iam").create_role(RoleName="operators", AssumeRolePolicyDocument="{}")["Role"]
    found = typed(watched, who.replace("AROAEMBEDDEDAWS00000", role["RoleId"]))
    assert found.strip() == role["Arn"]
    (alert,) = looked(watched)
    assert "us-east-1" in alert.facts["came"], "that it was put back is told too"
    assert looked(watched) == []


def test_a_deleted_file_with_an_odd_name_comes_back_and_a_new_one_goes_by_the_command(watched: Environment) -> None:
    odd = "extra/our partners' (2026) ü+%20.pem"
    watched.put(odd, watched.world.region("sa-east-1").root_pem())
    (alert,) = looked(watched)
    typed(watched, commands_of(alert)[0])
    with pytest.raises(watched.s3.exceptions.NoSuchKey):
        watched.read(odd)
    (alert,) = looked(watched)
    assert "was deleted" in alert.what_happened
    typed(watched, commands_of(alert)[0])
    assert watched.read(odd)


def test_what_was_replaced_and_put_back_at_once_is_told(watched: Environment) -> None:
    before = watched.read(ANCHOR).decode()
    watched.put(ANCHOR, watched.world.region("sa-east-1").root_pem())
    watched.put(ANCHOR, before)
    found = looked(watched)
    assert [("sa-east-1" in one.facts["for a while"]) for one in found] == [True], "S3 counts in seconds"


def test_it_is_told_though_no_configuration_is_left(watched: Environment) -> None:
    watched.put(ANCHOR, watched.world.region("sa-east-1").root_pem())
    watched.put("watch.json", "{")
    with pytest.raises(ConfigurationError):
        load("report").handler({}, Context())
    told = [alert for alert in watched.new_alerts() if word(alert) == "operator-file-changed"]
    assert {alert.title.partition(":")[0] for alert in told} == {ANCHOR, "watch.json"}
    assert BUCKET in told[0].facts["file"]


def test_several_files_come_back_by_the_commands_of_one_alert_and_the_others_list_what_was_deleted(
    watched: Environment, tmp_path: Path
) -> None:
    root = watched.world.region("sa-east-1").root_pem()
    files = [ANCHOR, "extra/a.pem", "extra/b?versionId=c.pem", "extra/d.pem"]
    for key in files[1:]:
        watched.put(key, root)
    looked(watched)
    before = {key: watched.read(key) for key in files}
    for key in files:
        watched.s3.delete_object(Bucket=BUCKET, Key=key)
    (alert,) = looked(watched)
    *back, anchors, extra = commands_of(alert)
    assert len(back) == 4, "one file is put back by two, and there is no room for the command of the last"
    assert "3 of them" in alert.what_to_do, "it is said how many come back"
    listed = typed(watched, anchors) + typed(watched, extra)
    for line in back:
        typed(watched, line, tmp_path)
    (left,) = (line for line in listed.splitlines() if line.startswith(f"{files[-1]}\t") and line.endswith("\tFalse"))
    watched.s3.copy_object(
        Bucket=BUCKET,
        Key=files[-1],
        CopySource={"Bucket": BUCKET, "Key": files[-1], "VersionId": left.split("\t")[1]},
    )
    assert {key: watched.read(key) for key in files} == before
    for key in files:
        assert any(line.startswith(f"{key}\t") and line.endswith("\tdeletion") for line in listed.splitlines()), key
        assert any(line.startswith(f"{key}\t") and line.endswith("\tFalse") for line in listed.splitlines()), key


def test_a_version_that_is_deleted_lets_nothing_come_back_unseen(watched: Environment) -> None:
    mine, out = watched.world.region("eu-central-1").root_pem(), watched.world.region("sa-east-1").root_pem()
    watched.put("extra/partners.pem", f"{mine}\n{out}")
    looked(watched)
    watched.put("extra/partners.pem", mine)
    looked(watched)
    newest = watched.s3.head_object(Bucket=BUCKET, Key="extra/partners.pem")["VersionId"]
    watched.s3.delete_object(Bucket=BUCKET, Key="extra/partners.pem", VersionId=newest)
    (alert,) = looked(watched)
    assert "sa-east-1" in alert.facts["came"]
    assert "was set back to an older version" in alert.what_happened
