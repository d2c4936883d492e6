"""``genesys-certs`` against a stack at the embedded AWS, in this process: what it finds, asks, does and says."""

import getpass
import json
import socket
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from cryptography.x509 import DNSName
from moto.cloudformation.models import cloudformation_backends
from moto.sns.models import sns_backends

from genesys_certs import app
from genesys_certs import stack as stack_module
from genesys_certs.examine import PUBLIC_ACCESS
from genesys_certs.observing import Nowhere
from genesys_certs.stack import DEFAULT_NAME
from local.aws.faults import Fault
from local.cli_serve import WallClock
from local.environment import BUCKET, Environment
from local.genesys.issuing import issue, subject
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher import configuration
from rotation_watcher import publish as publishing
from rotation_watcher.adapters import clients
from rotation_watcher.errors import StoreError
from rotation_watcher.sources import history


class Said(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


SMALL, DIRECT = {"root_key_bits": 2048}, {"direct": True}

type Command = Callable[..., Said]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, in this process, with a session of its own."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        code = app.main(arguments)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def world() -> Iterator[Environment]:
    """A source, a trust store that holds somebody else's root, and the stack; everything has run once."""
    now = datetime.now(UTC)
    with Environment(now, DEFAULT_CACHE, clock=WallClock(), world=SMALL, aws=DIRECT) as made:
        made.world.region("us-east-1")
        made.add_source("use1", "us-east-1")
        made.add_bundle("main", ["use1"])
        made.add_trust_store("alb", "main", made.world.region("sa-east-1").root_pem())
        made.configure()
        made.deploy()
        made.collect()
        made.report()
        yield made


def test_the_plan_is_the_answer_of_the_functions_dry_run_word_for_word(world: Environment, command: Command) -> None:
    answer = world.publish(dry_run=True)
    said = command("plan")
    assert (said.code, said.out.splitlines(), said.err) == (0, answer.text, "")
    here = command("plan", "--from-here", "--json")
    (plan,) = here.json["targets"]
    assert here.json["text"] == answer.text
    assert (plan["label"], plan["changes"], len(plan["add"]), plan["kept"]) == ("ALB trust store alb", True, 1, 1)
    assert plan["add"][0]["name"] == "Simulated data actions us-east-1 Root CA G1"
    assert plan["add"][0]["sha256"] == plan["add"][0]["sha256"].lower()
    assert answer.text[-1] == here.json["total"] == "1 to add, 0 to remove, 1 kept"


def test_plan_and_doctor_ask_again_for_the_targets_for_which_one_answer_had_no_room(
    world: Environment, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = world.world.region("sa-east-1").root_pem()
    for name in ("alb2", "alb3"):
        world.add_trust_store(name, "main", others)
    world.configure()
    monkeypatch.setattr(publishing, "NAMED", 0)
    for more in ((), ("--from-here",)):
        said = command("plan", "--json", *more)
        assert [one["target"] for one in said.json["targets"]] == ["alb", "alb2", "alb3"]
        assert (said.code, said.json["total"]) == (0, "3 to add, 0 to remove, 3 kept")

    found = {one["of"] for one in command("doctor", "--json").json["findings"]}
    assert found >= {"target alb", "target alb2", "target alb3"}
    monkeypatch.setattr(stack_module.Stack, "invoke", lambda *_: {"targets": {}, "left": ["alb", "alb2"]})
    said = command("plan", "--json", "--target", "alb", "--target", "alb2")
    assert said.code == 1
    assert [*said.json["failures"]] == ["alb", "alb2"], "it does not ask for ever"


def test_plan_changes_nothing_and_has_terraforms_exit_codes_where_they_are_asked_for(
    world: Environment, command: Command
) -> None:
    world.aws.calls.clear()
    codes = [command("plan", *more).code for more in ((), ("--detailed-exitcode",), ("--from-here", "--json"))]
    assert codes == [0, 2, 0]
    writes = [call.operation for call in world.aws.calls if call.mutating and call.operation != "Invoke"]
    assert writes == []
    world.drain()
    assert command("plan", "--detailed-exitcode").code == 0
    assert command("plan", "--target", "albb").code == 1


def test_status_shows_what_was_written_last_and_is_unknown_where_nobody_renews_it(
    world: Environment, command: Command, tmp_path: Path
) -> None:
    said = command("status")
    assert (said.code, said.err) == (1, "")
    assert "Look at it: ALB trust store alb: nothing was deployed to it yet" in said.out
    assert "====" in said.out, "the timeline"
    world.drain()
    world.report()
    assert (command("status").code, command("status", "--json").json["status"]["verdict"]["level"]) == (0, "good")
    link = command("status", "--link").out.strip()
    assert link.startswith(world.aws.url)
    assert "X-Amz-Expires=3600" in link
    assert command("status", "--page", str(tmp_path / "page.html")).code == 0
    assert (tmp_path / "page.html").read_bytes() == world.read("status/index.html")
    text = world.read("status/status.json").decode()
    at = json.loads(text)["at"]
    old = (datetime.now(UTC) - timedelta(hours=27)).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.put("status/status.json", text.replace(at, old))
    said = command("status")
    assert (said.code, "the watcher does not run" in said.out) == (3, True)
    world.s3.delete_object(Bucket=BUCKET, Key="status/status.json")
    error = command("status", "--json")
    assert (error.code, error.json["error"]["code"]) == (3, "no-status")
    assert "doctor" in error.json["error"]["remedy"]


def test_doctor_finds_nothing_wrong_with_a_whole_installation_and_goes_on_where_it_may_not_look(
    world: Environment, command: Command
) -> None:
    world.drain()
    world.report()
    said = command("doctor")
    assert said.code == 0, said.out
    assert said.out.splitlines()[-1] == "20 ok, 0 warning, 0 critical"
    world.aws.faults.add(
        "scheduler", "GetSchedule", Fault("AccessDeniedException", 403, "not allowed", after=False), times=9
    )
    said = command("doctor", "--json")
    (one,) = (each for each in said.json["findings"] if each["level"] == "unknown")
    assert (one["of"], "GetSchedule" in one["cure"]) == ("schedules", True)
    assert len(said.json["findings"]) > 10


def _nobody_listens(world: Environment) -> None:
    for one in sns_backends[world.aws.account][world.aws.region].subscriptions.values():
        one.arn = "PendingConfirmation"


def _schedule_off(world: Environment) -> None:
    scheduler = world.aws.client("scheduler")
    facts = scheduler.get_schedule(Name="genesys-certificate-watcher-PublishScheduleRule")
    keep = {key: facts[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**keep, State="DISABLED")


def _no_permission(world: Environment) -> None:
    world.simulator.add_client(world.simulator.client_id, world.simulator.client_secret, permissions=())


def _no_root(world: Environment) -> None:
    world.s3.delete_object(Bucket=BUCKET, Key="anchors/us-east-1.pem")


def _open_door(world: Environment) -> None:
    world.add_rest_domain("open", "main", world.world.region("sa-east-1").root_pem(), closed=False)
    world.configure()


def _alarm(world: Environment) -> None:
    name = "genesys-certificate-watcher-SilenceAlarm"
    world.aws.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")


def _dead_letter(world: Environment) -> None:
    url = world.sqs.get_queue_url(QueueName="genesys-certificate-watcher-FailedRunsQueue")["QueueUrl"]
    world.sqs.send_message(QueueUrl=url, MessageBody="{}")


def _no_bus(world: Environment) -> None:
    (stack,) = cloudformation_backends[world.aws.account][world.aws.region].stacks.values()
    stack.stack_parameters["AlertEventBus"] = "alerts"


def _taken_back(world: Environment) -> None:
    """An update failed, and CloudFormation has put back the release before, with its parameters."""
    (stack,) = cloudformation_backends[world.aws.account][world.aws.region].stacks.values()
    stack.status = "UPDATE_ROLLBACK_COMPLETE"


def _unguarded(world: Environment) -> None:
    """Operators are named, and the watch file lies where the bucket's policy does not speak of it."""
    world.put("conf/fleet.json", world.read("watch.json").decode())
    (stack,) = cloudformation_backends[world.aws.account][world.aws.region].stacks.values()
    stack.stack_parameters["WatchFileUri"] = f"s3://{BUCKET}/conf/fleet.json"
    stack.stack_parameters["OperatorArns"] = "arn:aws:iam::123456789012:role/operator"


def _no_quota(world: Environment) -> None:
    world.watch["targets"][0]["max_certificates"] = 2
    world.configure()


def _open_bucket(world: Environment) -> None:
    world.s3.delete_public_access_block(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ((), "public access is blocked"),
        (("BlockPublicPolicy", "RestrictPublicBuckets"), "without BlockPublicPolicy, RestrictPublicBuckets"),
    ],
)
def test_doctor_says_what_of_the_public_access_block_a_bucket_lacks(
    world: Environment, command: Command, left_out: tuple[str, ...], said: str
) -> None:
    given = {one: True for one in PUBLIC_ACCESS if one not in left_out}
    world.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=given)
    (one,) = (one for one in command("doctor", "--json").json["findings"] if one["of"] == "bucket")
    assert said in one["what"]
    assert one["level"] == ("warning" if left_out else "ok")
    asked = world.aws.faults
    asked.add("s3", "GetPublicAccessBlock", Fault("AccessDenied", 403, "Access Denied", after=False), times=9)
    (one,) = (one for one in command("doctor", "--json").json["findings"] if one["of"] == "bucket")
    assert one["level"] == "unknown"


def test_doctor_names_each_fault_with_its_cure(world: Environment, command: Command) -> None:
    world.drain()
    faults = {
        _nobody_listens: ("critical", "alerts", "aws sns subscribe"),
        _schedule_off: ("critical", "schedule Publish", "Switch it on"),
        _no_permission: ("critical", "source use1", "integrations:actionCertificate:view"),
        _no_root: ("critical", "root of us-east-1", "aws s3 cp root.pem"),
        _open_door: ("critical", "target open", "execute-api"),
        _no_quota: ("warning", "target alb", "raise the quota"),
        _alarm: ("warning", "alarm genesys-certificate-watcher-SilenceAlarm", "has read every source"),
        _no_bus: ("critical", "event bus", "AlertEventBus"),
        _taken_back: ("warning", "stack", "docs/deploy.md"),
        _dead_letter: ("warning", "queue FailedRunsQueue", "docs/runbook.md"),
        _unguarded: ("warning", "watch file", f"s3://{BUCKET}/watch.json"),
        _open_bucket: ("warning", "bucket", f"aws s3api put-public-access-block --bucket {BUCKET} --region us-east-1"),
    }
    for wrong in faults:
        wrong(world)
    said = command("doctor", "--json")
    assert said.code == 2
    for wrong, (level, of, cure) in faults.items():
        found = [one for one in said.json["findings"] if one["level"] == level and one["of"].startswith(of)]
        assert any(cure in one["cure"] for one in found), wrong.__name__
    assert any(one["what"].endswith("has not confirmed") for one in said.json["findings"])
    assert said.json["count"].endswith("critical")
    events = world.aws.client("events")
    events.create_event_bus(Name="alerts")
    assert "alerts has no enabled rule" in command("doctor").out
    events.put_rule(Name="page", EventBusName="alerts", EventPattern='{"source": ["genesys-certificate-watcher"]}')
    assert "alerts, 1 rule enabled" in command("doctor").out
    world.aws.client("ssm").put_parameter(Name="/genesys/oauth", Type="SecureString", Value="canary-77", Overwrite=True)
    world.watcher = world.build()  # a new container, which remembers no secret
    text = command("doctor").out
    assert 'Store {"client_id": …, "client_secret": …}' in text
    assert "canary-77" not in text


def _parameters(world: Environment, **given: str) -> None:
    (stack,) = cloudformation_backends[world.aws.account][world.aws.region].stacks.values()
    stack.stack_parameters.update(given)


def test_doctor_names_an_address_of_the_stack_that_gets_no_mail(world: Environment, command: Command) -> None:
    """One that moved to another field is there by the form, and CloudFormation has taken its subscription away."""
    sns = world.aws.client("sns")
    for address in ("ops@example.com", "deputy@example.com"):
        sns.subscribe(TopicArn=world.topic_arn, Protocol="email", Endpoint=address)
    _parameters(world, AlertEmail="Ops@example.com", AlertEmail2="deputy@example.com", AlertEmail3="")
    assert not [one for one in command("doctor", "--json").json["findings"] if "AlertEmail" in one["of"]]
    _parameters(world, AlertEmail="chief@example.com")
    (one,) = (one for one in command("doctor", "--json").json["findings"] if "AlertEmail" in one["of"])
    assert (one["of"], one["level"]) == ("alerts, AlertEmail", "warning")
    assert "chief@example.com is not subscribed" in one["what"]
    assert "--notification-endpoint chief@example.com" in one["cure"]


def test_doctor_types_the_address_that_has_not_confirmed_and_the_place_of_the_root(
    world: Environment, command: Command
) -> None:
    """Nothing in a command that is to be pasted has to be filled in where it is known."""
    sns = world.aws.client("sns")
    sns.subscribe(TopicArn=world.topic_arn, Protocol="email", Endpoint="ops+night@example.com")
    _nobody_listens(world)
    _no_root(world)
    findings = command("doctor", "--json").json["findings"]
    asked = [one["cure"] for one in findings if one["of"] == "alerts" and one["what"].startswith("ops+night@")]
    asked += [one["cure"] for one in findings if one["what"].startswith("nobody hears them")]
    assert len(asked) == 2
    typed = f"--protocol email --notification-endpoint ops+night@example.com --region {world.aws.region}`"
    assert all(typed in one for one in asked)
    assert f"aws s3 cp root.pem s3://{BUCKET}/anchors/us-east-1.pem" in "".join(one["cure"] for one in findings)
    assert not [one["cure"] for one in findings if "<" in one["cure"]]


def test_doctor_says_where_an_address_is_to_be_named_that_nobody_named(world: Environment, command: Command) -> None:
    for one in [*sns_backends[world.aws.account][world.aws.region].subscriptions.values()]:
        world.aws.client("sns").unsubscribe(SubscriptionArn=one.arn)
    _parameters(world, AlertEmail="", AlertEmail2="", AlertEmail3="")
    (one,) = (one for one in command("doctor", "--json").json["findings"] if one["what"].startswith("nobody hears"))
    assert one["cure"] == "Name an address in AlertEmail, and deploy."


def test_doctor_says_of_each_key_whether_it_is_enabled_and_how_to_enable_it(
    world: Environment, command: Command
) -> None:
    kms = world.aws.client("kms")
    used, off, going = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(3))
    gone = f"{used[:-1]}{'0' if used[-1] != '0' else '1'}"
    _parameters(world, StackKmsKeyArn=used, KmsKeyArn=used, QueueKmsKeyArn=off, TopicKmsKeyArn="none")
    _parameters(world, LogKmsKeyArn=gone, FormerKmsKeyArns=f"{going},{used}")
    kms.disable_key(KeyId=off.rpartition("/")[2])
    kms.schedule_key_deletion(KeyId=going.rpartition("/")[2], PendingWindowInDays=7)
    said = command("doctor", "--json")
    found = {
        one["of"]: one for one in said.json["findings"] if one["of"].startswith("key ") and "policy" not in one["of"]
    }
    assert {of: one["level"] for of, one in found.items()} == {
        "key StackKmsKeyArn, FormerKmsKeyArns, KmsKeyArn": "ok",
        "key QueueKmsKeyArn": "critical",
        "key LogKmsKeyArn": "critical",
        "key FormerKmsKeyArns": "critical",
    }
    assert f"aws kms enable-key --key-id {off}" in found["key QueueKmsKeyArn"]["cure"]
    assert f"aws kms cancel-key-deletion --key-id {going}" in found["key FormerKmsKeyArns"]["cure"]
    assert f"{gone} does not exist" in found["key LogKmsKeyArn"]["what"]
    assert said.code == 2
    world.aws.fail_next("kms", "DescribeKey", "AccessDeniedException", 400, times=9)
    unseen = [one for one in command("doctor", "--json").json["findings"] if one["of"].startswith("key ")]
    assert {one["of"]: one["level"] for one in unseen} == dict.fromkeys(found, "unknown")


def _no_name() -> str:
    """As getpass does in a container whose user has no name."""
    message = "No username set in the environment"
    raise OSError(message)


def test_doctor_says_what_the_subnets_let_functions_through_to(
    world: Environment, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not [one for one in command("doctor", "--json").json["findings"] if one["of"].startswith("network")]
    _parameters(world, FunctionsInVpc="all")
    (idle,) = (one for one in command("doctor", "--json").json["findings"] if one["of"].startswith("network"))
    assert (idle["level"], "no function is in a VPC" in idle["what"]) == ("warning", True)
    _parameters(world, SubnetIds="subnet-1,subnet-2")
    monkeypatch.setenv("CREDENTIAL_ARNS", "arn:aws:ssm:us-east-1:123456789012:parameter/genesys/oauth")
    monkeypatch.setenv("ALERT_EVENT_BUS", "alerts")
    world.watcher = world.build()
    found = {one["of"]: one for one in command("doctor", "--json").json["findings"] if one["of"].startswith("network")}
    services = {f"network {one}" for one in ("s3", "events", "sns", "sqs", "ssm")}
    assert {of: one["level"] for of, one in found.items()} == dict.fromkeys(services, "ok")
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nowhere = f"http://127.0.0.1:{gone.getsockname()[1]}"
    world.watcher._connections._clients["sqs"] = clients.make("sqs", endpoint_url=nowhere)
    said = command("doctor", "--json")
    (lost,) = (one for one in said.json["findings"] if one["of"] == "network sqs")
    assert (said.code, lost["level"]) == (2, "critical")
    assert "Connection refused" in lost["what"]
    assert "endpoint for sqs" in lost["cure"]


def _strange(world: Environment) -> str:
    """The region presents a leaf of another name as well; its SHA-256."""
    region = world.world.region("us-east-1")
    now, key = datetime.now(UTC), world.world.keys.rsa("stranger/approve")
    days = timedelta(days=1)
    leaf = issue(
        region.issuer("Genesys").signer,
        subject("stranger.example"),
        key,
        now - days,
        now + 90 * days,
        san=[DNSName("stranger.example")],
    )
    region.extra_entities.append(region.entity(leaf, "Genesys", "Upcoming"))
    world.collect()
    state = history.decode(world.read("sources/use1/history.json"))
    (sha256,) = state.authorities["Genesys"].quarantine
    return sha256


def test_an_approval_lets_exactly_that_certificate_pass(
    world: Environment, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = _strange(world)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert command("approve", sha256[:7], "--yes").code == 64, "too few digits"
    other = command("approve", "abcdef0123", "--json")
    assert (other.code, other.json["error"]["code"]) == (1, "not-in-quarantine")
    with pytest.MonkeyPatch.context() as nobody:
        nobody.setattr(getpass, "getuser", _no_name)
        assert (
            "--by" in command("approve", sha256[:12], "--why", "case 4711", "--yes", "--json").json["error"]["message"]
        )
    asked = command("approve", sha256[:12], "--why", "case 4711", "--by", "Ada")
    assert (asked.code, "--yes" in asked.err) == (1, True)
    assert "name-mismatch" in asked.out
    assert sha256 in asked.out
    assert "approvals/" not in str(world.s3.list_objects_v2(Bucket=BUCKET, Prefix="approvals/").get("Contents"))
    done = command("approve", sha256[:12], "--why", "case 4711", "--by", "Ada", "--yes", "--json")
    assert (done.code, done.json["reasons"]) == (0, ["name-mismatch"])
    written = json.loads(world.read(f"approvals/{sha256}.json"))
    assert written.keys() == {"by", "why", "until", "reasons"}
    world.collect()
    leaf = history.decode(world.read("sources/use1/history.json")).authorities["Genesys"].leaves[sha256]
    assert [one.code for one in leaf.lifted] == ["name-mismatch"]


def test_what_is_approved_is_shown_as_the_certificate_says_and_not_as_a_history_claims(
    world: Environment, command: Command
) -> None:
    """Whoever can write one history must not have a stranger approved under the name of Genesys."""
    sha256 = _strange(world)
    state = json.loads(world.read("sources/use1/history.json"))
    (facts,) = [one["facts"] for one in state["authorities"]["Genesys"]["quarantine"].values()]
    claimed = {"subject": "CN=claimed.example", "names": ["claimed.example"], "fingerprint": "0" * 64}
    facts.update(claimed)
    world.put("sources/use1/history.json", json.dumps(state))
    shown = command("approve", sha256[:12], "--why", "case 4711", "--by", "Ada").out
    assert "stranger.example" in shown
    assert f"SHA-256: {sha256}" in shown
    assert not [one for one in ("claimed.example", "0" * 64) if one in shown]

    key = f"sources/use1/seen/{sha256}.pem"
    for other in (None, world.world.region("us-east-1").root_pem()):
        world.s3.delete_object(Bucket=BUCKET, Key=key)
        if other is not None:
            world.put(key, other)
        shown = command("approve", sha256[:12], "--why", "case 4711", "--by", "Ada").out
        assert f"SHA-256: {sha256}" in shown
        assert "0" * 64 not in shown
        assert "as the history says: the certificate itself is not kept" in shown


def test_nothing_is_read_or_approved_in_a_bucket_that_came_into_another_account(
    world: Environment, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was given up is anybody's: who takes it would show what is in quarantine, and what is watched."""
    sha256 = _strange(world)
    described = stack_module._describe

    def of_another(name: str, region: str) -> Any:
        found = described(name, region)
        return found | {"StackId": found["StackId"].replace(world.aws.account, "999999999999")}

    monkeypatch.setattr(stack_module, "_describe", of_another)
    said = command("approve", sha256[:12], "--why", "case 4711", "--by", "Ada", "--yes", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "configuration"), said
    assert "may not be read" in said.out
    monkeypatch.setattr(stack_module.Stack, "watch", lambda _: world.watcher.watch())
    said = command("approve", sha256[:12], "--why", "case 4711", "--by", "Ada", "--yes", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "not-in-quarantine"), said
    assert "Contents" not in world.s3.list_objects_v2(Bucket=BUCKET, Prefix="approvals/")


def test_a_target_is_rolled_back_and_released(
    world: Environment, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    world.drain()
    world.put("extra/ours.pem", world.world.region("ca-central-1").root_pem())
    world.watch["bundles"][0]["extra"] = ["extra/ours.pem"]
    world.configure()
    world.publish()
    assert len(world.live("alb")) == 3
    asked = command("rollback", "alb")
    assert (asked.code, asked.err) == (
        1,
        "Roll alb back, and hold it there? Nobody is there to ask: give --yes.\nNothing was changed.\n",
    )
    assert "  - Simulated data actions ca-central-1 Root CA G1" in asked.out.splitlines()
    assert len(world.live("alb")) == 3
    assert command("rollback", "alb", "--yes").out.splitlines()[-1] == "alb: rolled-back"
    assert len(world.live("alb")) == 2
    again = command("rollback", "alb", "--yes")
    assert (again.code, "already rolled back" in again.err) == (1, True)
    assert command("release", "alb", "--yes", "--json").json["outcome"] == "updated"
    assert len(world.live("alb")) == 3
    typo = command("release", "ablb", "--yes", "--json")
    assert (typo.code, typo.json["error"]["remedy"]) == (1, "Did you mean alb?")


def test_init_finds_what_there_is_and_overwrites_nothing(
    world: Environment, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.chdir(tmp_path)
    world.add_rest_domain("api", "main", world.world.region("sa-east-1").root_pem())
    world.add_listener("nlb", "main", world.arn("alb"))
    world.add_cloudfront_trust_store("edge", "main", world.world.region("sa-east-1").root_pem())
    url = world.simulator.api_url("us-east-1")
    flags = ("--genesys-region", "us-east-1", "--api-url", url, "--login-url", url, "--email", "a@example.com")
    done = command("init", *flags)
    assert (done.code, done.err) == (0, "")
    written = tomllib.loads((tmp_path / "samconfig.local.toml").read_text())
    assert written["default"]["deploy"]["parameters"]["stack_name"] == DEFAULT_NAME, "else SAM calls it sam-app"
    said = written["default"]["deploy"]["parameters"]
    assert said["region"] == "us-east-1"
    assert f'CredentialArns="{world.secret_arn}"' in said["parameter_overrides"], (
        "the one secret that speaks of Genesys"
    )
    arns = ",".join(world.arn(one) for one in ("alb", "api", "nlb", "edge"))
    assert f'TargetArns="{arns}"' in said["parameter_overrides"]
    assert 'Mode="observe"' in said["parameter_overrides"]
    assert f'AdoptObjectArns="arn:aws:s3:::{BUCKET}/before/api.pem"' in said["parameter_overrides"]
    before = (tmp_path / "samconfig.local.toml").read_text()
    refused = command("init", *flags, "--target", world.arn("alb"))
    assert (refused.code, refused.out) == (1, ""), "before anything is looked for or asked"
    assert (tmp_path / "samconfig.local.toml").read_text() == before
    assert command("init", *flags, "--target", world.arn("alb"), "--force").code == 0
    assert "FileBucketArns" not in (tmp_path / "samconfig.local.toml").read_text()
    place = world.add_file_place("files", "main")
    assert command("init", *flags, "--target", place, "--force").code == 0
    assert 'FileBucketArns=\\"arn:aws:s3:::files-bucket\\"' in (tmp_path / "samconfig.local.toml").read_text()
    assert world.arn("api") not in (tmp_path / "samconfig.local.toml").read_text()
    assert command("init", *flags, "--watch-file", "watch.json").code == 0
    assert json.loads((tmp_path / "watch.json").read_text())["targets"][0]["id"] == "alb"
    for there in (("--watch-file", "watch.json"), ("--watch-file", "no/watch.json"), ("--output", "no/sam.toml")):
        refused = command("init", *flags, *there)
        assert (refused.code, refused.out) == (1, ""), there


WRONG = (
    (("plan", "--stack-name", "genesys"), 1, "no-such-stack", "genesys-certificate-watcher"),
    (("doctor", "--stack-name", "genesys"), 3, "no-such-stack", "--stack-name"),
    (("status", "--region", "us-esat-1"), 64, "unknown-region", "us-east-1"),
    (("status", "--profile", "nobody"), 3, "unknown-profile", "list-profiles"),
    (("check", "--josn"), 64, "usage", "check --help"),
    (("chekc",), 64, "usage", "--help"),
    (("check", "--genesys-region", "us-esat-1", "--client-id", "x"), 64, "usage", "--help"),
    (("check", "--authority", "genesis"), 64, "usage", "--help"),
    (("init", "--target", "arn:aws:s3:::bucket", "--genesys-region", "us-east-1"), 64, "usage", "--help"),
    (("rollback",), 64, "usage", "--help"),
)
"""What is typed; the exit code, the error's code, and a word of its remedy."""


def test_what_goes_wrong_is_structured_and_never_exit_code_2(world: Environment, command: Command) -> None:
    del world
    for arguments, code, error, remedy in WRONG:
        said = command(*arguments, "--json")
        assert (said.code, said.err) == (code, ""), arguments
        document = said.json["error"]
        assert (document["code"], remedy in document["remedy"]) == (error, True), document
        plain = command(*arguments)
        assert (plain.code, plain.out) == (code, ""), arguments
        assert plain.err.splitlines()[0] == document["message"].splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("chekc",), "'check'"),
        (("check", "--josn"), "'--json'"),
        (("check", "--genesys-region", "us-esat-1"), "us-east-1"),
        (("check", "--authority", "genesis"), "Genesys"),
    ],
)
def test_a_typo_is_told_what_was_meant(command: Command, arguments: tuple[str, ...], meant: str) -> None:
    assert f"Did you mean {meant}?" in command(*arguments).err


def test_plan_shows_what_an_edit_changes_before_it_is_uploaded(
    world: Environment, command: Command, tmp_path: Path
) -> None:
    world.drain()
    edited = tmp_path / "watch.yaml"
    body = {**world.watch, "targets": [{**world.watch["targets"][0], "on_drift": "report"}]}
    edited.write_text(f"# for the next deployment\n{json.dumps(body)}")
    world.aws.calls.clear()
    said = command("plan", "--watch-file", str(edited), "--detailed-exitcode")
    assert said.code == 2, said
    assert said.out.splitlines()[:2] == [
        f"watch file: 1 target changed (against s3://{BUCKET}/watch.json)",
        "  ~ target alb (ALB trust store alb): on_drift heal → report",
    ]
    assert "up to date" in said.out or "in-step" in said.out or "0 to add, 0 to remove" in said.out
    same = tmp_path / "same.json"
    same.write_text(json.dumps(world.watch))
    unchanged = command("plan", "--watch-file", str(same), "--detailed-exitcode", "--json")
    assert (unchanged.code, unchanged.json["edit"]["changed"], unchanged.json["changes"]) == (0, [], False)
    assert [call.operation for call in world.aws.calls if call.mutating] == []


def test_plan_lists_every_mistake_of_an_edit_with_its_line_and_compares_with_the_last_good_one(
    world: Environment, command: Command, tmp_path: Path
) -> None:
    edited = tmp_path / "watch.yaml"
    edited.write_text("mode: aply\nsources: []\ntargets:\n  - {arn: arn:nothing, bundle: main}\n")
    said = command("plan", "--watch-file", str(edited))
    assert said.code == 1
    assert [line.partition(": ")[0] for line in said.err.splitlines()[:4]] == [
        "mode (line 1)",
        "sources (line 2)",
        "targets[0].bundle (line 4)",
        "targets[0].arn (line 4)",
    ]
    watcher = world.watcher
    configuration.keep(watcher.watch, watcher.parse, watcher.store, Nowhere(), world.clock, dry_run=False)
    configuration.in_use(watcher.watch, watcher.parse, watcher.store, dry_run=False)
    edited.write_text(json.dumps({**world.watch, "mode": "observe"}))
    world.put("watch.json", "{")
    lines = command("plan", "--watch-file", str(edited)).out.splitlines()
    assert lines[0] == (
        "watch file: 1 setting changed (against the last one that was accepted; the newest has 1 mistake)"
    )
    assert lines[1] == "  ~ mode apply → observe"
    compared = command("plan", "--watch-file", str(edited), "--stack-name", "no-such-stack")
    assert (compared.code, "There is no stack no-such-stack" in compared.err) == (1, True)


def test_plan_of_a_fleet_asks_for_the_tag_where_that_permits_its_targets(
    world: Environment, command: Command, tmp_path: Path
) -> None:
    _parameters(world, TargetArns="", TargetsByTag="yes")
    edited = tmp_path / "watch.json"
    edited.write_text(json.dumps({**world.watch, "mode": "observe"}))
    said = " ".join(command("plan", "--watch-file", str(edited)).out.split())
    assert f"must bear the tag genesys-certificate-watcher:stack={DEFAULT_NAME}: " in said
    assert "deploy with them first" not in said


def test_plan_compares_with_the_last_good_file_where_the_newest_cannot_be_read(
    world: Environment, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = world.watcher
    configuration.keep(watcher.watch, watcher.parse, watcher.store, Nowhere(), world.clock, dry_run=False)
    configuration.in_use(watcher.watch, watcher.parse, watcher.store, dry_run=False)

    def denied(where: str, **_: object) -> bytes:
        raise StoreError(f"cannot read {where}: AccessDenied: kms:Decrypt")

    monkeypatch.setattr(stack_module, "read_s3", denied)
    edited = tmp_path / "watch.json"
    edited.write_text(json.dumps({**world.watch, "mode": "observe"}))
    first = command("plan", "--watch-file", str(edited)).out.splitlines()[0]
    assert first == (
        "watch file: 1 setting changed (against the last one that was accepted; the newest cannot be read)"
    )
