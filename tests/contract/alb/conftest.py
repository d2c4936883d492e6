"""Trust stores of the embedded AWS: one of a test's own, and one that tests share because none changes it."""

from typing import Any

import httpx
import pytest

from local.aws.server import EmbeddedAws
from tests.support import contract_targets, pki
from tests.support.contract_targets import ContractTarget
from tests.support.fakes import ManualClock

ROOT = pki.root("A").pem.encode()


@pytest.fixture(scope="module")
def knobs() -> dict[str, Any]:
    return {"max_trust_stores": 1000}


@pytest.fixture(scope="module")
def initial() -> bytes:
    """What every trust store holds before the test."""
    return ROOT


@pytest.fixture
def own(aws: EmbeddedAws, http: httpx.Client) -> ContractTarget:
    """A trust store of the test's own, with a listener that it may change."""
    return contract_targets.trust_store(aws, ROOT, ManualClock(), http)


@pytest.fixture(scope="module")
def kept(aws: EmbeddedAws, http: httpx.Client) -> ContractTarget:
    return contract_targets.trust_store(aws, ROOT, ManualClock(), http)


@pytest.fixture
def target(kept: ContractTarget, aws: EmbeddedAws) -> ContractTarget:
    """The trust store that tests share, which none of them changes."""
    aws.calls.clear()  # those that made it
    return kept
