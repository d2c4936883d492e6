"""A run that is killed or interrupted at any call that makes something leaves nothing but what is found and removed."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from genesys_certs.conformance import running
from genesys_certs.conformance.leftovers import KINDS, find
from local.aws.faults import Fault
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.conformance.embedded import given, services
from tests.support.command import COMMAND, environment
from tests.support.embedded import START


class Call(NamedTuple):
    """A call at which a run of a suite ends."""

    suite: str
    service: str
    operation: str

    def __str__(self) -> str:
        return f"{self.suite} {self.operation}"


MAKING = (
    Call("alb", "s3", "CreateBucket"),
    Call("alb", "elbv2", "CreateTrustStore"),
    Call("api-gateway", "apigateway", "CreateDomainName"),
    Call("api-gateway-handshake", "apigateway", "CreateRestApi"),
    Call("nlb", "elbv2", "CreateLoadBalancer"),
    Call("nlb", "elbv2", "CreateTargetGroup"),
    Call("nlb", "elbv2", "CreateListener"),
    Call("cloudfront", "cloudfront", "CreateTrustStore"),
    Call("alb-handshake", "elbv2", "CreateLoadBalancer"),
    Call("alb-handshake", "elbv2", "CreateListener"),
    Call("nlb-handshake", "elbv2", "CreateTargetGroup"),
    Call("nlb-handshake", "elbv2", "RegisterTargets"),
    Call("nlb-handshake", "elbv2", "CreateListener"),
    Call("distribution", "cloudfront", "CreateDistributionWithTags"),
)
REMOVING = (
    Call("alb", "elbv2", "DeleteTrustStore"),
    Call("alb", "s3", "DeleteBucket"),
    Call("distribution", "cloudfront", "UpdateDistribution"),
    Call("distribution", "cloudfront", "DeleteDistribution"),
)
ALL = tuple(kind.name for kind in KINDS)


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(lambda: datetime.now(UTC)) as running_aws:
        yield running_aws


def ended(aws: EmbeddedAws, call: Call, number: int, folder: Path, *, after: bool) -> tuple[int, str]:
    """Run a suite in a process that gets a signal at a call, before or after it took effect. How it ended."""
    chosen = given(aws, call.suite)  # which makes what the operator has, with calls of its own
    process: list[subprocess.Popen[str]] = []
    fault = Fault("InternalFailure", 500, "lost", after, lambda: _signalled(process[0], number))
    aws.faults.add(call.service, call.operation, fault, 1)
    arguments = [
        "conformance",
        "aws",
        "--account",
        aws.account,
        "--service",
        call.suite,
        "--yes",
        *chosen,
    ]
    asked = f"{call.suite}.client.none" if call.suite.endswith("-handshake") else f"{call.suite}.create.*"
    arguments += ["--output", str(folder), "--only", asked]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([*COMMAND, *arguments], env=environment(**aws.environment()), **pipes) as started:
        process.append(started)
        out, _ = started.communicate(timeout=120)
    assert aws.faults.pending() == 0, f"it never called {call.operation}: {out}"
    return started.returncode, out


def _signalled(process: subprocess.Popen[str], number: int) -> None:
    os.kill(process.pid, number)
    if number == signal.SIGKILL:
        process.wait(10)


def left(aws: EmbeddedAws, clock: VirtualClock) -> Sequence[object]:
    return find(services(aws, clock), ALL)


@pytest.mark.parametrize(
    ("call", "after"),
    [*((call, after) for call in MAKING for after in (False, True)), *((call, False) for call in REMOVING)],
    ids=str,
)
def test_after_a_run_that_was_killed_clean_leaves_nothing(
    aws: EmbeddedAws, call: Call, tmp_path: Path, *, after: bool
) -> None:
    code, _ = ended(aws, call, signal.SIGKILL, tmp_path, after=after)
    assert code == -signal.SIGKILL
    clock = VirtualClock(START)
    if after and call.operation.startswith("Create"):
        assert left(aws, clock), "it bears the tag from its first moment"
    assert running.clear(services(aws, clock), ALL).clean
    assert left(aws, clock) == []
    assert nothing_at_all(aws)


@pytest.mark.parametrize(
    ("call", "number"),
    [(MAKING[0], signal.SIGINT), (MAKING[1], signal.SIGINT), (MAKING[1], signal.SIGTERM), (MAKING[1], signal.SIGHUP)],
    ids=str,
)
def test_a_run_that_is_interrupted_removes_what_it_made_by_itself(
    aws: EmbeddedAws, call: Call, number: int, tmp_path: Path
) -> None:
    code, said = ended(aws, call, number, tmp_path, after=True)
    assert code == 130, said
    assert nothing_at_all(aws)
    assert [*tmp_path.iterdir()] == []


def test_ctrl_c_during_the_removal_does_not_end_it(aws: EmbeddedAws, tmp_path: Path) -> None:
    _, said = ended(aws, REMOVING[0], signal.SIGINT, tmp_path, after=False)
    assert "removing what was made" in said
    assert nothing_at_all(aws)


def nothing_at_all(aws: EmbeddedAws) -> bool:
    """Whether the account is as empty as before."""
    elb = aws.client("elbv2")
    found = [
        aws.client("s3").list_buckets()["Buckets"],
        elb.describe_trust_stores()["TrustStores"],
        elb.describe_target_groups()["TargetGroups"],
        elb.describe_load_balancers()["LoadBalancers"],
        aws.client("apigateway").get_domain_names().get("items", []),
        aws.client("apigateway").get_rest_apis().get("items", []),
        aws.client("cloudfront").list_trust_stores().get("TrustStoreList", []),
        aws.client("cloudfront").list_distributions()["DistributionList"].get("Items", []),
    ]
    return not any(found)
