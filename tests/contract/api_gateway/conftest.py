"""Domains of the embedded AWS: some of a test's own, and two that tests share as long as none of them changes them."""

from datetime import timedelta
from typing import Any

import pytest

from local.aws.server import EmbeddedAws
from tests.support import contract_targets, pki
from tests.support.contract_targets import PACE, SETTLE, ContractTarget
from tests.support.fakes import ManualClock

ROOT = pki.root("A").pem.encode()


@pytest.fixture(scope="module")
def knobs() -> dict[str, Any]:
    return {"settle_delay": SETTLE, "update_interval": PACE}


@pytest.fixture(scope="module")
def initial() -> bytes:
    """What every domain holds before the test."""
    return ROOT


@pytest.fixture(autouse=True)
def quiet(clock: ManualClock) -> None:
    """No update is under way from the test before."""
    clock.advance(timedelta(hours=1))


@pytest.fixture
def rest(aws: EmbeddedAws, clock: ManualClock) -> ContractTarget:
    """A domain with a REST API."""
    return contract_targets.rest_domain(aws, ROOT, clock)


@pytest.fixture
def hidden(aws: EmbeddedAws, clock: ManualClock) -> ContractTarget:
    """A domain with an HTTP API that v1 does not know."""
    return _hidden(aws, clock)


@pytest.fixture(scope="module")
def kept_rest(aws: EmbeddedAws, clock: ManualClock) -> ContractTarget:
    return contract_targets.rest_domain(aws, ROOT, clock)


@pytest.fixture(scope="module")
def kept_hidden(aws: EmbeddedAws, clock: ManualClock) -> ContractTarget:
    return _hidden(aws, clock)


def _hidden(aws: EmbeddedAws, clock: ManualClock) -> ContractTarget:
    aws.knobs.http_domains_visible_in_v1 = False
    try:
        return contract_targets.http_domain(aws, ROOT, clock)
    finally:
        aws.knobs.http_domains_visible_in_v1 = True
