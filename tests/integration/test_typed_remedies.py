"""The remedies of alerts, typed in their order: what only looks changes nothing, and after the last command it is over.

``make attack`` runs these, for the AWS CLI lies in an environment of its own.
"""

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from local.environment import BUCKET, SECRET_NAME, Environment
from rotation_watcher import publish as publishing
from rotation_watcher.alerts.model import Alert
from tests.integration.test_drift_everywhere import open_http, patch_http
from tests.support import others
from tests.support.shell import typed
from tests.support.words import word

LATER = timedelta(minutes=15)
SECRET = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"


def told(environment: Environment, kind: str) -> list[Alert]:
    return [alert for alert in environment.new_alerts() if word(alert) == kind]


def commands(alert: Alert) -> list[str]:
    return alert.what_to_do.split("\n")[1:]


def invoked(environment: Environment, command: str) -> publishing.Summary:
    """Give the payload of an ``aws lambda invoke`` of publish to publish."""
    words = shlex.split(command.replace('"$(', "'$(").replace(')"', ")'"))  # the name of the function is looked up
    said = dict(zip(words[3:-1:2], words[4:-1:2], strict=True))
    assert words[:3] == ["aws", "lambda", "invoke"]
    assert "PublishFunction" in said["--function-name"]
    return environment.publish(**json.loads(said["--payload"]))


def only_looks(environment: Environment, target: str, looks: Sequence[str], printed: str) -> None:
    """Type what comes before the last command: it prints something, and nothing has changed after it."""
    before = environment.live(target)
    with trail() as url:
        shown = [typed(environment, line, more={"AWS_ENDPOINT_URL_CLOUDTRAIL": url}) for line in looks]
    assert printed in " ".join(shown)
    assert environment.live(target) == before


# What is open


def turn_off_http(environment: Environment) -> None:
    patch_http(environment, TruststoreUri="")


@pytest.mark.parametrize(
    ("target", "do", "look", "printed"),
    [
        ("alb", others.pass_through, 2, "passthrough"),
        ("rest", others.turn_off_rest, 2, "AVAILABLE"),
        ("rest", others.open_rest, 1, "false"),
        ("http", open_http, 1, "false"),
        ("http", turn_off_http, 2, "AVAILABLE"),
    ],
)
def test_what_is_open_is_closed_by_the_commands_of_its_alert(
    environment: Environment, target: str, do: Callable[[Environment], None], look: int, printed: str
) -> None:
    next(one for one in environment.watch["targets"] if one["id"] == target)["on_drift"] = "report"
    environment.configure()
    environment.tick()
    environment.schedule()
    kept = set(environment.live(target))
    environment.new_alerts()
    environment.clock.advance(LATER)
    do(environment)
    environment.clock.advance(LATER)
    environment.schedule()
    (alert,) = told(environment, "mtls-off")
    lines = commands(alert)
    only_looks(environment, target, lines[:look], printed)
    for line in lines[look:]:
        # The embedded AWS has no deployments of HTTP APIs: the CLI alone checks that command.
        checked = " --generate-cli-skeleton output" if "apigatewayv2 create-deployment" in line else ""
        typed(environment, line + checked)
        environment.aws.settle()
    for _ in range(3):
        environment.clock.advance(LATER)
        environment.schedule()
    assert [one.id for one in told(environment, "over: mtls-off")] == [alert.id]
    assert set(environment.live(target)) == kept


# Who did it


@contextmanager
def trail() -> Iterator[str]:
    """A CloudTrail with one event of the target and one of another; it refuses what its API does not know."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            (attribute,) = asked["LookupAttributes"]
            assert self.headers["X-Amz-Target"].endswith(".LookupEvents")
            names = {"ModifyTrustStore", "UpdateDomainName", "ModifyListener"}
            known = attribute["AttributeKey"] == "EventName" and attribute["AttributeValue"] in names
            events = [_event("eve", "rest.example.com alb listener"), _event("mallory", "another")] if known else []
            body = json.dumps({"Events": events}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _event(user: str, what: str) -> dict[str, Any]:
    return {"EventTime": 1_772_000_000, "Username": user, "CloudTrailEvent": json.dumps({"of": what})}


def test_the_command_of_a_drift_names_who_changed_that_target(environment: Environment) -> None:
    environment.tick()
    environment.schedule()
    environment.new_alerts()
    environment.clock.advance(LATER)
    others.point_rest(environment, environment.world.region("ca-central-1").root_pem())
    environment.clock.advance(LATER)
    environment.schedule()
    (alert,) = [one for one in told(environment, "drift-found") if one.target == "rest"]
    (line,) = commands(alert)
    with trail() as url:
        shown = typed(environment, line, more={"AWS_ENDPOINT_URL_CLOUDTRAIL": url})
    assert "eve" in shown
    assert "mallory" not in shown


# Files and secrets


def test_a_private_key_leaves_the_bucket_with_every_version_that_held_it(
    environment: Environment, tmp_path: Path
) -> None:
    key, beside = "extra/partner.pem", "extra/partner.pem.txt"
    good = environment.world.region("ca-central-1").root_pem()
    for text in (good + SECRET, good, good + SECRET):
        environment.put(key, text)
    for text in ("one", "two"):
        environment.put(beside, text)
    environment.watch["bundles"][0]["extra"] = [key]
    environment.configure()
    environment.tick()
    alert = next(one for one in told(environment, "file-damaged") if "PRIVATE KEY" in str(one.facts))
    (tmp_path / "corrected.pem").write_text(good)
    look, upload, delete = commands(alert)
    assert len(typed(environment, look, tmp_path).splitlines()) == 3
    typed(environment, upload, tmp_path)
    typed(environment, delete, tmp_path)
    left = environment.s3.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"]
    assert [(one["Key"], one["IsLatest"]) for one in left if one["Key"] == key] == [(key, True)]
    assert len([one for one in left if one["Key"] == beside]) == 2
    assert environment.read(key).decode() == good
    typed(environment, delete, tmp_path)  # typed once more it deletes nothing, and is no error
    assert environment.read(key).decode() == good


def test_a_secret_that_was_reset_is_stored_by_the_commands_of_its_alert(
    environment: Environment, tmp_path: Path
) -> None:
    ssm = environment.aws.client("ssm")
    right = ssm.get_parameter(Name=SECRET_NAME, WithDecryption=True)["Parameter"]["Value"]
    wrong = json.dumps(json.loads(right) | {"client_secret": "of-yesterday"})
    own = "alias/genesys"
    ssm.put_parameter(Name=SECRET_NAME, Type="SecureString", Value=wrong, Overwrite=True, KeyId=own)
    environment.tick()
    alert = next(one for one in told(environment, "source-failing") if "credentials-refused" in one.title)
    look, store = commands(alert)
    shown = typed(environment, look)
    assert SECRET_NAME in shown
    assert "of-yesterday" not in shown
    (tmp_path / "oauth.json").write_text(right)
    typed(environment, store, tmp_path)
    asked = [{"Key": "Name", "Values": [SECRET_NAME]}]
    assert ssm.describe_parameters(ParameterFilters=asked)["Parameters"][0]["KeyId"] == own, "under its own key still"
    environment.watcher = environment.build()  # the secret is remembered for five minutes of the wall's clock
    environment.tick()
    assert environment.collect("use1").sources["use1"].outcome == "read"


def test_a_secret_that_is_missing_is_stored_by_the_same_command(environment: Environment, tmp_path: Path) -> None:
    ssm = environment.aws.client("ssm")
    right = ssm.get_parameter(Name=SECRET_NAME, WithDecryption=True)["Parameter"]["Value"]
    ssm.delete_parameter(Name=SECRET_NAME)
    environment.watcher = environment.build()
    environment.tick()
    alert = next(one for one in told(environment, "source-failing") if "credentials-missing" in one.title)
    _, store = commands(alert)
    (tmp_path / "oauth.json").write_text(right)
    typed(environment, store, tmp_path)
    assert ssm.get_parameter(Name=SECRET_NAME, WithDecryption=True)["Parameter"]["Value"] == right


# What waits for a person


def test_what_nothing_wants_leaves_at_once_by_the_last_command_and_not_by_the_one_before(
    environment: Environment,
) -> None:
    environment.put("extra/one.pem", environment.world.region("ca-central-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/one.pem"]
    environment.configure()
    environment.tick()
    full = set(environment.live("alb"))
    del environment.watch["bundles"][0]["extra"]
    environment.configure()
    environment.tick()
    alert = next(one for one in told(environment, "removal-planned") if one.target == "alb")
    look, leave = commands(alert)
    seen = invoked(environment, look)
    assert seen.dry_run
    assert set(environment.live("alb")) == full
    assert invoked(environment, leave).targets["alb"].outcome == "updated"
    assert len(full - set(environment.live("alb"))) == 1


def test_a_failed_update_is_looked_at_by_its_command(environment: Environment) -> None:
    environment.tick()
    environment.new_alerts()
    environment.aws.client("elbv2").delete_listener(ListenerArn=environment.listener.listener_arn)
    environment.aws.client("elbv2").delete_trust_store(TrustStoreArn=environment.arn("alb"))
    environment.clock.advance(LATER)
    environment.schedule()
    (alert,) = told(environment, "truststore-update-failed")
    (look,) = commands(alert)
    summary = invoked(environment, look)
    assert summary.dry_run
    assert [*summary.targets] == ["alb"]
    assert "not" in summary.text[0]
