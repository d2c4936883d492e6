"""What a run asks for at once, and what a read-back leaves out: never less than what is true."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ReadTimeoutError

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.api_gateway import ApiGatewayDomains
from rotation_watcher.adapters.aws_errors import NoAnswerOfSts
from rotation_watcher.adapters.trust_store import AlbTrustStores
from rotation_watcher.errors import TargetError, TargetNotFound
from rotation_watcher.ports import UNKNOWN, ThriftyTarget
from tests.support import contract_targets, pki
from tests.support.contract_targets import PACE, SETTLE, ContractTarget
from tests.support.fakes import ManualClock

ONE = pki.root("A").pem.encode()
TWO = ONE + pki.root("B").pem.encode()


@pytest.fixture(scope="module")
def knobs() -> dict[str, Any]:
    return {"settle_delay": SETTLE, "update_interval": PACE}


@pytest.fixture
def stores(aws: EmbeddedAws, clock: ManualClock, http: httpx.Client) -> list[ContractTarget]:
    return [contract_targets.trust_store(aws, ONE, clock, http) for _ in range(3)]


@pytest.fixture
def adapter(aws: EmbeddedAws, http: httpx.Client) -> AlbTrustStores:
    return AlbTrustStores(aws.client("elbv2"), http)


def asked(aws: EmbeddedAws) -> list[str]:
    return [call.operation for call in aws.calls if call.operation.startswith("Describe")]


def run(adapter: AlbTrustStores, stores: list[ContractTarget]) -> list[tuple[str, bool]]:
    """Read them all in one run; of each its one way in."""
    adapter.expect([one.arn for one in stores])
    found = [adapter.read(one.arn) for one in stores]
    assert [live.bundle for live in found] == [ONE] * len(stores)
    return [(way.name, way.verifies) for live in found for way in live.known_endpoints]


def test_stores_and_their_listeners_are_described_at_once(
    aws: EmbeddedAws, adapter: AlbTrustStores, stores: list[ContractTarget]
) -> None:
    first = run(adapter, stores)
    aws.calls.clear()
    assert run(adapter, stores) == first
    assert asked(aws) == [
        "DescribeTrustStores",
        "DescribeListeners",
        "DescribeTags",
        *["DescribeTrustStoreAssociations"] * 3,
    ]
    assert all(verifies for _, verifies in first)


def test_a_listener_that_was_switched_is_seen_in_the_next_run(
    adapter: AlbTrustStores, stores: list[ContractTarget]
) -> None:
    before = run(adapter, stores)
    stores[1].open()
    adapter.expect([one.arn for one in stores])
    found = [adapter.read(one.arn, [name]) for one, (name, _) in zip(stores, before, strict=True)]
    assert [way.verifies for live in found for way in live.known_endpoints] == [True, False, True]


def test_one_that_is_gone_hides_no_other(
    aws: EmbeddedAws, adapter: AlbTrustStores, stores: list[ContractTarget]
) -> None:
    stores[0].shut()
    aws.client("elbv2").delete_trust_store(TrustStoreArn=stores[0].arn)
    adapter.expect([one.arn for one in stores])
    with pytest.raises(TargetNotFound):
        adapter.read(stores[0].arn)
    assert [adapter.read(one.arn).bundle for one in stores[1:]] == [ONE, ONE]


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://there"),
        NoAnswerOfSts(role="arn:aws:iam::222222222222:role/a", why="none"),
    ],
)
def test_a_service_that_gives_no_answer_is_not_asked_the_same_again(
    error: Exception, aws: EmbeddedAws, http: httpx.Client, stores: list[ContractTarget]
) -> None:
    client, calls = aws.client("elbv2"), []

    def silent(**_: object) -> None:
        calls.append(1)
        raise error

    adapter = AlbTrustStores(client, http)
    adapter.expect([one.arn for one in stores])
    client.meta.events.register("before-call.elastic-load-balancing-v2", silent)
    try:
        with pytest.raises(TargetError, match=f"cannot read {stores[0].arn}"):
            adapter.read(stores[0].arn)
    finally:
        client.meta.events.unregister("before-call.elastic-load-balancing-v2", silent)
    assert len(calls) == 1, "each call waits for a minute"


def test_what_was_asked_for_at_once_answers_the_first_read_alone(
    aws: EmbeddedAws, adapter: AlbTrustStores, stores: list[ContractTarget]
) -> None:
    run(adapter, stores)
    stores[0].load(TWO)
    aws.calls.clear()
    assert adapter.read(stores[0].arn).bundle == TWO
    assert asked(aws)[0] == "DescribeTrustStores"


def test_a_trust_store_is_read_back_by_its_bytes_alone(
    aws: EmbeddedAws, adapter: AlbTrustStores, stores: list[ContractTarget]
) -> None:
    stores[0].load(TWO)
    aws.calls.clear()
    live = adapter.read_back(stores[0].arn)
    assert (live.bundle, live.settled, live.endpoints, live.location) == (TWO, True, UNKNOWN, UNKNOWN)
    assert asked(aws) == []


def test_a_domain_is_read_back_without_the_apis_behind_it(aws: EmbeddedAws, clock: ManualClock) -> None:
    domain = contract_targets.rest_domain(aws, ONE, clock)
    version = domain.load(TWO)
    clock.advance(timedelta(hours=1))
    adapter = domain.adapter
    assert isinstance(adapter, ApiGatewayDomains)
    assert isinstance(adapter, ThriftyTarget)
    aws.calls.clear()
    live = adapter.read_back(domain.arn)
    assert (live.bundle, live.version, live.settled, live.endpoints) == (TWO, version, True, UNKNOWN)
    assert {call.operation for call in aws.calls} == {"GetDomainName", "GetObject"}


def test_a_target_that_is_not_there_is_not_found_by_a_read_back(adapter: AlbTrustStores) -> None:
    with pytest.raises(TargetNotFound):
        adapter.read_back("arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/none/0123456789abcdef")
