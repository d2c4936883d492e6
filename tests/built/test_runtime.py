"""Each built function under AWS's runtime emulator: cold, warm, out of time, killed, failing."""

import json
import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from local.aws.faults import Fault
from local.building import ROOT
from local.environment import BUCKET, Environment
from local.lambda_runtime import LambdaFunction
from local.receiver import SlackReceiver
from rotation_watcher import keys
from tests.built.conftest import Start
from tests.support.functions import LOGICAL_NAMES, woken_by

LARGEST_ANSWER = 6 * 1024 * 1024
"""Bytes that a synchronous answer may have (Lambda quotas)."""
EVENTS = ROOT / "events"


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


EMULATOR = re.compile(r"START |END |REPORT |\d+ \w+ \d{4} [\d:,]+ \[\w+\] \(rapid\)")
"""How the emulator's own lines begin."""


def lines(function: LambdaFunction) -> list[dict[str, Any]]:
    """What the function and its runtime logged, every line of it; raises ValueError for a line that is not JSON."""
    told = [line for line in function.logs().splitlines() if line and not EMULATOR.match(line)]
    return [json.loads(line) for line in told]


@pytest.fixture
def collect(start: Start) -> Iterator[LambdaFunction]:
    with start("CollectFunction") as function:
        yield function


def starts(function: LambdaFunction) -> int:
    return function.logs().count("INIT START")


def test_collect_cold_then_warm(collect: LambdaFunction, environment: Environment) -> None:
    cold = collect.invoke({})
    assert cold.error is None
    assert cold.payload["sources"]["use1"]["outcome"] == "read"
    tokens = sum("/oauth/token" in seen.path for seen in environment.simulator.requests)
    warm = collect.invoke({"dry_run": True})
    assert warm.payload["sources"]["use1"]["outcome"] == "read"
    assert starts(collect) == 1
    assert sum("/oauth/token" in seen.path for seen in environment.simulator.requests) == tokens, "the token is kept"
    assert [line["cold_start"] for line in lines(collect) if line.get("message") == "collected"] == [True, False]
    assert not [line for line in lines(collect) if "OldestSourceHours" in line], "a metric is written in trouble alone"
    environment.simulator.play("us-east-1", "token", status=401, body="{}", times=9)
    environment.simulator.play("us-east-1", "certificates", status=500, body="{}", times=9)
    try:
        collect.invoke({})
    finally:
        environment.simulator.clear()
    metrics = [line for line in lines(collect) if "OldestSourceHours" in line]
    assert [line["service"] for line in metrics] == ["a-stack"]


def test_publish_cold_then_warm(start: Start, environment: Environment) -> None:
    environment.collect()
    with start("PublishFunction") as publish:
        cold = publish.invoke({"targets": ["genesys-clients"]})
        assert cold.payload["targets"]["genesys-clients"]["outcome"] in {"updated", "unchanged"}
        warm = publish.invoke({"targets": ["genesys-clients"]})
        assert warm.payload["targets"]["genesys-clients"]["outcome"] == "unchanged"
        assert starts(publish) == 1


def test_slack_cold_then_warm(start: Start, slack: SlackReceiver) -> None:
    with start("SlackFunction") as function:
        for name in ("slack-alert", "slack-alarm"):
            answer = function.invoke(event(name))
            assert (answer.error, answer.payload) == (None, {"batchItemFailures": []})
        assert starts(function) == 1
    assert len(slack.payloads) == 2


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
@pytest.mark.usefixtures("slack")
def test_every_event_is_understood_by_its_function(path: Path, start: Start) -> None:
    with start(f"{LOGICAL_NAMES[woken_by(path.stem)]}Function") as function:
        answer = function.invoke(event(path.stem))
        told = lines(function)
    assert told
    assert not [line for line in told if "_aws" not in line and line["level"] not in {"INFO", "WARNING", "ERROR"}]
    if path.stem == "publish-rollback":  # there may be no version to go back to: that is said, and nothing else
        assert answer.error is None or "genesys-clients" in answer.payload["errorMessage"]
    else:
        assert answer.error is None, answer


@pytest.mark.parametrize("name", ["CollectFunction", "PublishFunction"])
def test_a_misspelt_request_is_refused_and_not_taken_for_a_run_in_earnest(
    name: str, start: Start, environment: Environment
) -> None:
    before = len(environment.aws.calls.mutating())
    with start(name) as function:
        answer = function.invoke({"dryrun": True})
    assert answer.error == "RequestRefused"
    assert "dryrun" in answer.payload["errorMessage"]
    assert len(environment.aws.calls.mutating()) == before


@pytest.mark.usefixtures("slack")
def test_slack_says_what_it_takes(start: Start) -> None:
    with start("SlackFunction") as function:
        answer = function.invoke({})
    assert answer.error == "RequestRefused"
    assert "events/slack-alert.json" in answer.payload["errorMessage"]


def test_a_run_that_has_too_little_time_left_for_a_call_says_so_and_is_not_killed(start: Start) -> None:
    with start("CollectFunction", timeout=6) as function:
        answer = function.invoke({})
        assert answer.error == "StoreError"
        assert "the time of this run is up" in answer.payload["errorMessage"]
        assert function.invoke({}).error == "StoreError"
        assert starts(function) == 1, "Lambda did not have to kill it"


def test_a_killed_run_is_reported_and_the_next_one_does_the_work(
    collect: LambdaFunction, environment: Environment
) -> None:
    collect.invoke({})
    environment.simulator.play("us-east-1", "certificates", delay=6)
    Timer(1.0, lambda: os.kill(collect.runtime_pid(), signal.SIGKILL)).start()
    assert collect.invoke({}).error == "Runtime.ExitError"
    assert collect.invoke({}).payload["sources"]["use1"]["outcome"] == "read"
    assert starts(collect) == 2


def test_a_publish_killed_before_the_update_is_made_good_once_its_claim_is_over(
    start: Start, environment: Environment
) -> None:
    environment.collect()
    arn, before = environment.arn("genesys-clients"), "before/genesys-clients.pem"
    place = {"CaCertificatesBundleS3Bucket": BUCKET, "CaCertificatesBundleS3Key": before}
    environment.aws.client("elbv2").modify_trust_store(TrustStoreArn=arn, **place)
    assert len(environment.live("genesys-clients")) == 1

    def outcome(function: LambdaFunction) -> str:
        return str(function.invoke({"targets": ["genesys-clients"]}).payload["targets"]["genesys-clients"]["outcome"])

    with start("PublishFunction") as function:

        def kill() -> None:
            os.kill(function.runtime_pid(), signal.SIGKILL)

        fault = Fault("InternalFailure", 500, "never arrived", after=False, meanwhile=kill)
        environment.aws.faults.add("elbv2", "ModifyTrustStore", fault, 1)
        assert function.invoke({"targets": ["genesys-clients"]}).error == "Runtime.ExitError"
        assert len(environment.live("genesys-clients")) == 1
        assert outcome(function) == "claimed-by-another", "the dead run's claim still stands"
        key = keys.record(environment.folder("genesys-clients"))
        record = json.loads(environment.read(key))
        record["claim"]["until"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()  # its time goes by
        environment.put(key, json.dumps(record))
        assert outcome(function) == "updated"
        assert starts(function) == 2
    assert len(environment.live("genesys-clients")) == 2


def test_a_wrong_watch_file_is_refused_by_its_place_and_the_one_before_stays_in_force(
    collect: LambdaFunction, environment: Environment
) -> None:
    right = environment.read("watch.json").decode()
    environment.put("watch.json", right.replace('"mode": "apply"', '"mode": "perhaps"'))
    try:
        answer = collect.invoke({})
    finally:
        environment.put("watch.json", right)
    assert answer.error is None
    assert answer.payload["configuration_refused"] == ["mode (line 1): 'perhaps' is not one of observe, apply"]
    assert answer.payload["sources"]["use1"]["outcome"] == "read"
    secrets = (environment.simulator.client_secret, environment.aws.environment()["AWS_SECRET_ACCESS_KEY"])
    assert not [secret for secret in secrets if secret in json.dumps(answer.payload) + collect.logs()]
    assert "configuration_refused" not in collect.invoke({}).payload


def test_no_answer_comes_near_the_largest_that_lambda_takes(start: Start) -> None:
    """A hundred targets, each of which would take a thousand certificates: more than AWS lets an account have."""
    with start("PublishFunction") as function:
        one = function.invoke({"targets": ["genesys-clients"], "dry_run": True})
    name = 64  # the longest id of a target
    certificates = 1000 * 2 * 22  # API Gateway's limit, each added and removed: 16 hex digits, quotes, comma, space
    assert (one.size + name + certificates) * 100 < LARGEST_ANSWER
