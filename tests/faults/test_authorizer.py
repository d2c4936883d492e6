"""Each fault of what the authorizer reads, alone and over sockets: the last good policy stays in force, for a day."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.authorizer import Authorizer
from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from local.patience import seconds
from rotation_watcher.identity.door import EVERY, LIMIT
from tests.faults.burst import Burst

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
QUICK = 1.0
"""Seconds of a quiet machine that a decision may take, whatever S3 does: it waits for 0.2 of them."""

WITHOUT = 12.0
"""Likewise without a policy that counts: three seconds for each object, since the clock stands still meanwhile."""


class Door:
    """A warm container of the authorizer behind the proxy, and who comes."""

    def __init__(self, environment: Environment, burst: Burst) -> None:
        self.environment, self.burst = environment, burst
        self.region = environment.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 200})
        environment.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
        environment.add_bundle("main", ["use1"], ["Genesys", "DigiCert"])
        environment.configure()
        environment.collect()
        environment.publish()
        environment.refresh_crls()
        environment.publish()
        self.stranger = self.region.stranger("other-customer", "DigiCert").pem()
        self.container = self.new_container()
        assert self.answers() == {"genesys": "pinned", "digicert": "pinned", "stranger": "not-pinned"}

    def new_container(self) -> Authorizer:
        """A cold one."""
        return self.environment.authorizer("main", AWS_ENDPOINT_URL=self.burst.url)

    def answers(self, within: float = QUICK) -> dict[str, str]:
        """The reason for each who comes, once it is time to ask for the policy again. None may wait for long."""
        self.environment.clock.advance(EVERY)
        leaves = {
            "genesys": self.region.presented("Genesys").pem(),
            "digicert": self.region.presented("DigiCert").pem(),
            "stranger": self.stranger,
        }
        found = {}
        for name, leaf in leaves.items():
            begin = time.monotonic()
            allowed, found[name] = self.container.decide(leaf)
            assert time.monotonic() - begin < seconds(within)
            assert allowed is (found[name] == "pinned")
        return found


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with (
        Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}) as environment,
        Burst(environment.aws.url) as burst,
    ):
        yield Door(environment, burst)


def s3(**how: Any) -> dict[str, Any]:
    return {"service": "s3", **how}


GOOD = {"genesys": "pinned", "digicert": "pinned", "stranger": "not-pinned"}
OLD = dict.fromkeys(GOOD, "policy-too-old")


@pytest.mark.parametrize(
    "rule",
    [
        s3(error={"code": "AccessDenied", "status": 403, "message": "no"}),
        s3(error={"code": "NoSuchKey", "status": 404, "message": "no"}),
        s3(error={"code": "InternalError", "status": 500, "message": "no"}),
        s3(error={"code": "SlowDown", "status": 503, "message": "no"}),
        s3(reset=True),
        s3(latency=5000),
    ],
    ids=["denied", "gone", "500", "503", "reset", "slow"],
)
def test_what_was_read_last_stays_in_force_for_a_day_and_no_longer(rule: dict[str, Any], door: Door) -> None:
    door.burst.inject(rule)
    assert door.answers() == GOOD
    door.environment.clock.advance(LIMIT - timedelta(minutes=5))
    assert door.answers() == GOOD
    door.environment.clock.advance(timedelta(minutes=10))
    assert door.answers(WITHOUT) == OLD
    cold, door.container = door.container, door.new_container()
    nobody = dict.fromkeys(GOOD, "policy-unreadable")
    assert door.answers(WITHOUT) == nobody, "a container that never read one lets nobody in"
    door.container = cold
    door.burst.clear()
    assert door.answers() == GOOD


def test_a_look_that_lambda_refuses_changes_no_decision_and_comes_again(door: Door) -> None:
    door.region.schedule_emergency("DigiCert")
    new = door.region.presented("DigiCert").pem()
    door.burst.inject(
        {"service": "lambda", "error": {"code": "TooManyRequestsException", "status": 429, "message": "no"}}
    )
    assert door.container.decide(new) == (False, "unknown-leaf")
    assert door.environment.look() == 0
    door.burst.clear()
    door.environment.clock.advance(EVERY)
    assert door.container.decide(new) == (False, "unknown-leaf")
    assert door.environment.look() == 1
    door.environment.publish()
    door.environment.clock.advance(EVERY)
    assert door.container.decide(new) == (True, "pinned")
