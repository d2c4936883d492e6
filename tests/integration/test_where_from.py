"""What leaves says which stack sends it, and what is kept in the bucket does not."""

import shlex

from local.environment import BUCKET, STACK, Environment
from rotation_watcher import __version__, keys
from rotation_watcher.alerts import mail


def test_alerts_are_stamped_as_they_leave_and_no_state_holds_it(environment: Environment) -> None:
    environment.tick()
    alerts = environment.new_alerts()
    assert alerts
    for alert in alerts:
        assert alert.origin is not None
        assert alert.origin.version == __version__
        assert (alert.origin.stack, alert.origin.environment, alert.origin.region) == (STACK, "local", "us-east-1")
        assert alert.id.startswith(f"{STACK}/us-east-1/{alert.kind}:")
        assert mail.subject(alert).startswith(f"[{alert.severity.upper()}][local] ")
        assert alert.links["status page"] == f"s3://{BUCKET}/status/index.html"
    listed = environment.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    for key in (one["Key"] for one in listed):
        if key.endswith(".json") and key != "watch.json" and not key.startswith(keys.ALERT_LOG):
            body = environment.read(key)
            assert b'"origin"' not in body, key
            assert b'"links"' not in body, key


def test_while_an_alert_waits_its_commands_hold_places_and_when_it_leaves_they_are_filled(
    environment: Environment,
) -> None:
    environment.aws.fail_next("sns", "Publish", "AuthorizationError", 403, times=100)
    environment.put("anchors/us-east-1.pem", "no root at all")
    environment.tick()
    waiting = environment.read("sources/use1/history.json").decode()
    assert "\ue000region\ue001" in waiting
    environment.aws.faults.clear()
    environment.tick()
    (alert,) = [one for one in environment.new_alerts() if one.kind == "anchor-missing"]
    assert shlex.split(alert.what_to_do.split("\n")[1])[-2:] == ["--region", "us-east-1"]
