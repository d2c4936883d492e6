"""The listeners around a trust store: which of them verify with it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from local.aws.https_listener import make_https_listener
from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.trust_store import UNKNOWN_FILTERS, AlbTrustStores
from rotation_watcher.ports import Endpoint
from rotation_watcher.x509.identity_filters import admits
from tests.support import contract_targets, pki
from tests.support.contract_targets import ContractTarget

OTHER = pki.root("B").pem.encode()


def modes(own: ContractTarget, *known: str) -> dict[str, tuple[bool, str]]:
    return {one.name: (one.verifies, one.detail) for one in own.read(*known).known_endpoints}


def test_each_listener_that_uses_the_store_is_named_once_and_in_order(own: ContractTarget, aws: EmbeddedAws) -> None:
    verify = {"Mode": "verify", "TrustStoreArn": own.arn}
    second = make_https_listener(aws, name="second", mutual_authentication=verify).listener_arn
    names = [one.name for one in own.read(second).known_endpoints]

    assert len(names) == 2
    assert second in names
    assert names == sorted(names)


@pytest.mark.parametrize(("mode", "word"), [("passthrough", "mode passthrough"), ("off", "mode off")])
def test_a_listener_that_was_switched_away_is_shown_with_its_mode(
    mode: str, word: str, own: ContractTarget, aws: EmbeddedAws
) -> None:
    (name,) = modes(own)
    aws.client("elbv2").modify_listener(ListenerArn=name, MutualAuthentication={"Mode": mode})

    assert modes(own) == {}
    verifies, detail = modes(own, name)[name]
    assert not verifies
    assert word in detail
    assert "443" in detail


def test_a_listener_that_verifies_with_another_store_does_not_verify_with_ours(
    own: ContractTarget, aws: EmbeddedAws
) -> None:
    (name,) = modes(own)
    other = contract_targets.trust_store(aws, OTHER, own.clock, httpx.Client()).arn
    verify = {"Mode": "verify", "TrustStoreArn": other}
    aws.client("elbv2").modify_listener(ListenerArn=name, MutualAuthentication=verify)

    verifies, detail = modes(own, name)[name]
    assert not verifies
    assert other in detail


def test_a_listener_that_lets_expired_certificates_in_says_so(own: ContractTarget, aws: EmbeddedAws) -> None:
    (name,) = modes(own)
    verify = {"Mode": "verify", "TrustStoreArn": own.arn, "IgnoreClientCertificateExpiry": True}
    aws.client("elbv2").modify_listener(ListenerArn=name, MutualAuthentication=verify)

    verifies, detail = modes(own)[name]
    assert verifies
    assert "expired" in detail


class Client:
    """An elbv2 client that describes one listener, with members that this SDK's model may not know yet."""

    def __init__(self, real: Any, *, protocol: str = "HTTPS", knows: bool = True, **mutual: Any) -> None:
        self._real = real
        self._mutual = mutual
        self._protocol = protocol
        members = ["ClientCertificateIdentityFilters"] if knows else []
        shapes = {"MutualAuthenticationAttributes": SimpleNamespace(members=members)}
        self.meta = SimpleNamespace(service_model=SimpleNamespace(shape_for=shapes.__getitem__))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_paginator(self, operation: str) -> Any:
        real = self._real.get_paginator(operation)
        return real if operation != "describe_listeners" else _Pages(real, self._mutual, self._protocol)


class _Pages:
    def __init__(self, real: Any, mutual: dict[str, Any], protocol: str) -> None:
        self._real = real
        self._mutual = mutual
        self._protocol = protocol

    def paginate(self, **which: Any) -> Iterator[Any]:
        for page in self._real.paginate(**which):
            for listener in page["Listeners"]:
                listener["MutualAuthentication"] |= self._mutual
                listener["Protocol"] = self._protocol
            yield page


def described(own: ContractTarget, aws: EmbeddedAws, **mutual: Any) -> Endpoint:
    """The one listener of the store, as it is read from an answer with these members."""
    client: Any = Client(aws.client("elbv2"), **mutual)
    (endpoint,) = AlbTrustStores(client, httpx.Client(trust_env=False)).read(own.arn).known_endpoints
    return endpoint


def test_a_listener_whose_shared_trust_store_was_taken_away_does_not_verify(
    own: ContractTarget, aws: EmbeddedAws
) -> None:
    endpoint = described(own, aws, TrustStoreAssociationStatus="removed")

    assert not endpoint.verifies
    assert "no longer shared" in endpoint.detail
    assert described(own, aws, TrustStoreAssociationStatus="active").verifies


def test_the_identity_filters_of_a_listener_are_reported(own: ContractTarget, aws: EmbeddedAws) -> None:
    filters = [
        {"Field": "subject-ou", "Action": "accept", "MatchType": "exact", "Value": "Data Actions"},
        {"Field": "san-dns", "Action": "accept", "MatchType": "prefix", "Value": "client."},
    ]
    endpoint = described(own, aws, ClientCertificateIdentityFilters=filters)

    assert endpoint.verifies
    assert endpoint.filters == ("subject-ou exact Data Actions", "san-dns prefix client.")
    assert "admits only subject-ou exact Data Actions, san-dns prefix client." in endpoint.detail
    assert described(own, aws).filters == ()


@pytest.mark.parametrize(
    ("protocol", "knows", "known"), [("TLS", False, False), ("TLS", True, True), ("HTTPS", False, True)]
)
def test_filters_that_the_sdk_drops_are_not_taken_for_none(
    protocol: str, *, knows: bool, known: bool, own: ContractTarget, aws: EmbeddedAws
) -> None:
    endpoint = described(own, aws, protocol=protocol, knows=knows)

    assert endpoint.verifies
    assert endpoint.filters == (() if known else (UNKNOWN_FILTERS,))
    assert ("this SDK does not show" in endpoint.detail) is not known
    assert admits(endpoint.filters, pki.root("A").read) is (True if known else None)


def test_many_identity_filters_do_not_make_a_long_text(own: ContractTarget, aws: EmbeddedAws) -> None:
    one = {"Field": "san-dns", "Action": "accept", "MatchType": "exact", "Value": "x" * 256}
    endpoint = described(own, aws, ClientCertificateIdentityFilters=[one] * 100)

    assert len(endpoint.filters) == 100
    assert len(endpoint.detail) < 400


def test_an_association_may_name_the_load_balancer_too(own: ContractTarget, aws: EmbeddedAws) -> None:
    plain = modes(own)
    balancer = aws.client("elbv2").describe_listeners(ListenerArns=[*plain])["Listeners"][0]["LoadBalancerArn"]
    action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
    aws.client("elbv2").create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action])
    aws.knobs.association_resource = "load_balancer"
    try:
        assert modes(own) == plain
    finally:
        aws.knobs.association_resource = "listener"


def test_many_associations_are_read_page_by_page(own: ContractTarget, aws: EmbeddedAws, http: httpx.Client) -> None:
    verify = {"Mode": "verify", "TrustStoreArn": own.arn}
    for name in ("third", "fourth"):
        make_https_listener(aws, name=name, mutual_authentication=verify)
    client = aws.new_client("elbv2")
    client.meta.events.register(
        "before-parameter-build.elastic-load-balancing-v2.DescribeTrustStoreAssociations", _one_a_page
    )
    aws.calls.clear()

    names = [one.name for one in AlbTrustStores(client, http).read(own.arn).known_endpoints]

    assert len(names) == 3
    assert names == sorted(names)
    assert len(aws.calls.of("elbv2", "DescribeTrustStoreAssociations")) == 3


def _one_a_page(params: dict[str, Any], **_: object) -> None:
    params["PageSize"] = 1


def test_listeners_of_another_account_are_left_out_without_being_asked_for(
    own: ContractTarget, aws: EmbeddedAws
) -> None:
    (name,) = modes(own)
    aws.calls.clear()
    foreign = name.replace(":123456789012:", ":210987654321:")

    assert [*modes(own, foreign, "execute-api of x (orders)")] == [name]
    assert len(aws.calls.of("elbv2", "DescribeListeners")) == 1
