"""An environment as most tests need it: us-east-1 with both authorities, eu-central-1, and a target of each kind.

The tests of the modules in IN_MEMORY run in memory, but for those in OVER_SOCKETS, which between them go through every
adapter and promise; with ``--sockets`` all run over sockets (``make attack``).
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from local.environment import BUCKET, Environment
from local.genesys.keys import DEFAULT_CACHE
from tests.support.command import environment as variables
from tests.support.elsewhere import allow_roles, make_region_bucket
from tests.support.environments import AnyEnvironment, OverSockets
from tests.support.fleet_elsewhere import DUBLIN, OTHER, REGIONAL, ROLE, Fleet
from tests.support.in_memory import InMemoryEnvironment

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
IN_MEMORY = {"test_by_hand", "test_bad_input", "test_rotation", "test_leaving", "test_going_back"}
OVER_SOCKETS = {
    # all adapters at once: Genesys, SSM, S3, SQS, SNS, trust store, REST domain, HTTP domain
    "test_the_first_run_widens_every_target_and_keeps_what_others_had_put_there",
    # a whole intermediate's life at a domain
    "test_the_old_intermediate_leaves_after_its_grace_and_not_before",
    # what others add, and drift at a trust store, then at a domain
    "test_drift_is_alerted_and_healed_and_what_others_added_stays",
    "test_a_domain_that_was_pointed_elsewhere_is_brought_back",
    # rolled back by hand, held, released; read again before it is acted on
    "test_a_rollback_brings_back_what_was_there_and_holds_until_released",
    "test_a_replica_that_still_shows_the_bundle_before_the_proved_one_is_no_drift",
    # the calls of a quiet run, as the services count them
    "test_a_quiet_run_writes_nothing",
    # what listeners and default endpoints show
    "test_a_listener_switched_to_passthrough_and_an_open_default_endpoint_are_alerted_once",
    "test_mutual_tls_turned_off_is_critical_and_turned_on_again",
    # S3's own words of an object's size
    "test_a_file_that_would_fill_the_memory_stops_nothing_else",
    # SSM's own words, and no secret in them
    "test_wrong_credentials_are_named_once_and_the_other_source_goes_on",
    # an error of the network's own library
    "test_an_error_nobody_thought_of_in_one_source_leaves_the_others_alone",
}

type MakeEnvironment = Callable[..., OverSockets]


@pytest.fixture
def make_environment(request: pytest.FixtureRequest) -> Iterator[MakeEnvironment]:
    """Open environments that are closed after the test. Small roots: their size is not what these tests are about.

    Without ``--sockets`` there is no socket between the SDK and the embedded AWS.
    """
    direct = not request.config.getoption("--sockets")
    with ExitStack() as opened:

        def make(**aws: Any) -> OverSockets:
            aws = {"direct": direct} | aws
            return opened.enter_context(OverSockets(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws=aws))

        yield make


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> AnyEnvironment:
    """Two regions, three targets, nothing read yet. Each target holds a root of somebody else already."""
    test = request.function
    module = test.__module__.rpartition(".")[2]
    if module in IN_MEMORY and test.__name__ not in OVER_SOCKETS and not request.config.getoption("--sockets"):
        environment: AnyEnvironment = InMemoryEnvironment(START, DEFAULT_CACHE, world={"root_key_bits": 2048})
    else:
        environment = request.getfixturevalue("make_environment")()
    environment.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 92})
    environment.world.region("eu-central-1", days_left=250)
    others = environment.world.region("sa-east-1").root_pem()
    environment.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
    environment.add_source("euc1", "eu-central-1")
    environment.add_bundle("genesys", ["use1", "euc1"])
    environment.add_bundle("digicert", ["use1"], ["DigiCert"])
    environment.add_trust_store("alb", "genesys", others)
    environment.add_rest_domain("rest", "genesys", others)
    environment.add_http_domain("http", "digicert", others)
    environment.configure()
    return environment


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}) as environment:
        made = Fleet(
            environment,
            environment.aws.at(DUBLIN),
            environment.aws.at(account=OTHER),
            environment.aws.at(DUBLIN, OTHER),
        )
        make_region_bucket(environment.aws, DUBLIN, "watcher", roles=[ROLE])
        allow_roles(environment.aws, BUCKET, [ROLE])
        environment.reach(region_buckets=[REGIONAL], roles=[ROLE])
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        yield made


@pytest.fixture(scope="module")
def lines() -> Iterator[list[str]]:
    """What ``serve`` prints, for as long as it serves."""
    command = [sys.executable, "-m", "local", "serve", "--keys", str(DEFAULT_CACHE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables()) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline().rstrip("\n")]
        while not printed[-1].startswith("genesys-certs init") and "/genesys-certs init" not in printed[-1]:
            printed.append(process.stdout.readline().rstrip("\n"))
        yield printed
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def served(lines: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lines[0])
    return found


@pytest.fixture(scope="module")
def aws(served: dict[str, Any]) -> dict[str, str]:
    """What the operator exports."""
    exported: dict[str, str] = served["environment"] | {"GENESYS_CA_FILE": served["ca_file"]}
    return exported
