"""Each file of events/ is accepted by its function, loaded as Lambda loads it, against the embedded AWS."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from slack_sdk.models.blocks import Block

from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from local.receiver import SlackReceiver
from rotation_watcher import __version__
from rotation_watcher.errors import StoreError
from tests.stack.template import ALARMS, metrics_of
from tests.support.functions import Context, load, woken_by
from tests.support.words import word

ROOT = Path(__file__).resolve().parents[2]
EVENTS = sorted(path.stem for path in (ROOT / "events").glob("*.json"))


@pytest.fixture
def environment() -> Iterator[Environment]:
    """The wall clock, a target with the id that the events name, and one version to go back to."""
    with ExitStack() as opened:
        start = datetime.now(UTC).replace(microsecond=0)
        environment = opened.enter_context(Environment(start, DEFAULT_CACHE, world={"root_key_bits": 2048}))
        receiver = opened.enter_context(SlackReceiver())
        environment.world.region("us-east-1")
        environment.add_source("us-east-1", "us-east-1")
        environment.add_bundle("main", ["us-east-1"])
        environment.add_trust_store("genesys-clients", "main", environment.world.region("sa-east-1").root_pem())
        environment.configure()
        environment.tick()
        environment.put("extra/ours.pem", environment.world.region("ca-central-1").root_pem())
        environment.watch["bundles"][0]["extra"] = ["extra/ours.pem"]
        environment.configure()
        environment.tick()
        patched = opened.enter_context(pytest.MonkeyPatch.context())  # undone before the environment's own
        ssm = environment.aws.client("ssm")
        ssm.put_parameter(Name="/slack/webhook", Type="SecureString", Value=receiver.url)
        for name, value in {
            **environment.variables(),
            "SLACK_SECRET_ARN": ssm.get_parameter(Name="/slack/webhook")["Parameter"]["ARN"],
            "POWERTOOLS_SERVICE_NAME": "watcher",
            "POWERTOOLS_METRICS_NAMESPACE": "GenesysCertificateWatcher",
        }.items():
            patched.setenv(name, value)
        environment.receiver = receiver  # type: ignore[attr-defined]  # for the slack events
        yield environment


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_is_accepted_by_its_function_as_it_stands(environment: Environment, event: str) -> None:
    name = woken_by(event)
    answer = load(name).handler(json.loads((ROOT / "events" / f"{event}.json").read_text()), Context())
    text = json.dumps(answer)
    assert environment.simulator.client_secret not in text
    if name == "collect":
        assert answer["sources"]["us-east-1"]["outcome"] == "read"
        assert answer.get("dry_run", False) == ("dry-run" in event)
    elif name == "refresh_crls":
        (one,) = answer["lists"]
        assert (one["outcome"], one["reason"]) == ("failed", "unresolvable"), "the simulator's lists lie nowhere"
        assert answer.get("dry_run", False) == ("dry-run" in event)
    elif name == "report":
        assert answer.get("dry_run", False) == ("dry-run" in event)
        written = [] if "dry-run" in event else ["status/index.html", "status/status.json"]
        assert (answer.get("written", []), answer.get("unreadable", [])) == (written, [])
    elif event == "publish-queue":
        assert answer == {"batchItemFailures": []}
    elif name == "publish":
        expected = {"publish-rollback": "rolled-back"}.get(event, "unchanged")
        outcomes = {target: one["outcome"] for target, one in answer.get("targets", {}).items()}
        assert outcomes == {"genesys-clients": expected} or answer.get("woken") == ["genesys-clients"]
    else:
        assert answer == {"batchItemFailures": []}
        payloads = environment.receiver.payloads  # type: ignore[attr-defined]  # set by the fixture
        assert len(payloads) == 1
        for block in Block.parse_all(payloads[0]["blocks"]):
            block.validate_json()


@pytest.mark.parametrize("name", ["collect", "publish", "refresh_crls", "report", "slack"])
def test_every_line_of_the_log_says_the_version(
    environment: Environment, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    del environment
    load(name).handler({"Records": []} if name == "slack" else {}, Context())
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [line for line in told if "_aws" not in line]
    assert told
    assert {line.get("version") for line in told} == {__version__}


def written(text: str) -> dict[tuple[str, str, str, str], float]:
    """The metrics that CloudWatch would take from a log (embedded metric format), as an alarm names them."""
    found = {}
    for line in (json.loads(one) for one in text.splitlines() if "CloudWatchMetrics" in one):
        (metrics,) = line["_aws"]["CloudWatchMetrics"]
        ((dimension,),) = metrics["Dimensions"]
        for metric in metrics["Metrics"]:
            (value,) = line[metric["Name"]]
            found[metrics["Namespace"], metric["Name"], dimension, line[dimension]] = value
    return found


def alarmed() -> set[tuple[str, str, str, str]]:
    """The metrics of ours that alarms rest on, in a stack that is called ``watcher``."""
    return {
        (one["Namespace"], one["MetricName"], one["Dimensions"][0]["Name"], "watcher")
        for alarm in ALARMS.values()
        for one in metrics_of(alarm)
        if one.get("Dimensions") == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]
    }


@pytest.mark.parametrize("name", ["collect", "publish", "refresh_crls"])
def test_a_run_in_which_all_is_well_writes_no_metric(
    environment: Environment, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    del environment
    load(name).handler({}, Context())
    assert written(capsys.readouterr().out) == {}


def test_report_writes_what_is_wrong_as_an_alarm_names_it(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = environment.aws.client("sns")
    for one in topic.list_subscriptions()["Subscriptions"]:
        topic.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    load("report").handler({}, Context())
    found = written(capsys.readouterr().out)
    assert {metric: value for (_, metric, _, _), value in found.items()}["NobodyListens"] == 1
    assert found.keys() <= alarmed()


@pytest.mark.parametrize(
    ("variable", "arn"),
    [
        ("TARGET_ARNS", "arn:aws:apigateway:us-east-1::/domainnames/api.example.com"),
        ("TARGET_ROLE_ARNS", "arn:aws:iam::222222222222:role/genesys-certificate-watcher-targets"),
    ],
)
def test_a_sweep_that_finds_no_target_in_a_stack_that_lists_some_fails(
    variable: str, arn: str, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, arn)
    environment.watch["targets"] = []
    environment.configure()
    publish = load("publish")
    with pytest.raises(StoreError, match="names none"):
        publish.handler({"sweep": True}, Context())


def test_a_source_that_cannot_be_read_grows_older(environment: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    load("collect").handler({}, Context())
    capsys.readouterr()
    environment.simulator.play("us-east-1", "token", status=401, body="{}", times=9)
    load("collect").handler({}, Context())
    found = written(capsys.readouterr().out)
    assert found.keys() <= alarmed()
    (age,) = found.values()
    assert 0 < age < 1 / 60, "since the first look that failed, a moment ago"


def test_a_watch_file_that_is_refused_stops_neither_function_and_is_alerted(environment: Environment) -> None:
    load("collect").handler({}, Context())
    load("publish").handler({}, Context())
    environment.new_alerts()
    environment.watch["targets"][0]["bundle"] = "mian"
    environment.configure()

    looked = load("collect").handler({}, Context())
    published = load("publish").handler({}, Context())

    assert looked["sources"]["us-east-1"]["outcome"] == "read"
    assert "mian" in looked["configuration_refused"][0]
    assert published["targets"]["genesys-clients"]["outcome"] == "unchanged"
    assert [word(alert) for alert in environment.new_alerts()] == ["configuration-refused"]
