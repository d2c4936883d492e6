"""Listeners of the embedded AWS know their mutual TLS mode, and trust stores know their listeners."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws.https_listener import HttpsListener, make_https_listener
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.support import certs
from tests.support.embedded import START, Bundles


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(VirtualClock(START), direct=True) as running:
        yield running


@pytest.fixture
def store(aws: EmbeddedAws) -> str:
    return Bundles(aws).trust_store(certs.self_signed_ca().pem)


def mode_of(aws: EmbeddedAws, listener: HttpsListener) -> dict[str, Any]:
    (described,) = aws.client("elbv2").describe_listeners(ListenerArns=[listener.listener_arn])["Listeners"]
    shown: dict[str, Any] = described["MutualAuthentication"]
    return shown


def users_of(aws: EmbeddedAws, store: str) -> list[str]:
    answer = aws.client("elbv2").describe_trust_store_associations(TrustStoreArn=store)
    return [each["ResourceArn"] for each in answer["TrustStoreAssociations"]]


def test_an_https_listener_is_off_unless_set_otherwise(aws: EmbeddedAws, store: str) -> None:
    listener = make_https_listener(aws)
    assert mode_of(aws, listener) == {"Mode": "off"}
    assert users_of(aws, store) == []


def test_a_verifying_listener_is_described_and_associated(aws: EmbeddedAws, store: str) -> None:
    wanted = {"Mode": "verify", "TrustStoreArn": store, "IgnoreClientCertificateExpiry": True}
    listener = make_https_listener(aws, mutual_authentication=wanted)
    assert mode_of(aws, listener) == wanted | {"AdvertiseTrustStoreCaNames": "off"}
    assert users_of(aws, store) == [listener.listener_arn]
    aws.knobs.association_resource = "load_balancer"
    assert users_of(aws, store) == [listener.load_balancer_arn]


@pytest.mark.parametrize("mode", ["off", "passthrough"])
def test_a_listener_that_no_longer_verifies_is_no_longer_associated(aws: EmbeddedAws, store: str, mode: str) -> None:
    listener = make_https_listener(aws, mutual_authentication={"Mode": "verify", "TrustStoreArn": store})
    elb = aws.client("elbv2")
    elb.modify_listener(ListenerArn=listener.listener_arn, MutualAuthentication={"Mode": mode})
    assert mode_of(aws, listener) == {"Mode": mode}
    assert users_of(aws, store) == []


def test_a_change_of_something_else_leaves_the_mode_alone(aws: EmbeddedAws, store: str) -> None:
    listener = make_https_listener(aws, mutual_authentication={"Mode": "verify", "TrustStoreArn": store})
    aws.client("elbv2").modify_listener(ListenerArn=listener.listener_arn, Port=8443)
    assert mode_of(aws, listener)["Mode"] == "verify"
    assert users_of(aws, store) == [listener.listener_arn]


def test_a_missing_trust_store_is_not_found_and_nothing_changes(aws: EmbeddedAws, store: str) -> None:
    listener, elb = make_https_listener(aws), aws.client("elbv2")
    gone = {"Mode": "verify", "TrustStoreArn": store + "0"}
    with pytest.raises(elb.exceptions.TrustStoreNotFoundException):
        elb.modify_listener(ListenerArn=listener.listener_arn, MutualAuthentication=gone)
    assert mode_of(aws, listener) == {"Mode": "off"}


def test_contradictory_settings_are_refused(aws: EmbeddedAws, store: str) -> None:
    listener, elb = make_https_listener(aws), aws.client("elbv2")
    for wrong in (
        {"Mode": "verify"},
        {"Mode": "passthrough", "TrustStoreArn": store},
        {"Mode": "off", "IgnoreClientCertificateExpiry": True},
        {"Mode": "sometimes"},
    ):
        with pytest.raises(ClientError, match="ValidationError"):
            elb.modify_listener(ListenerArn=listener.listener_arn, MutualAuthentication=wrong)
    assert mode_of(aws, listener) == {"Mode": "off"}


def test_only_https_listeners_authenticate_clients(aws: EmbeddedAws, store: str) -> None:
    balancer, elb = make_https_listener(aws).load_balancer_arn, aws.client("elbv2")
    with pytest.raises(elb.exceptions.InvalidConfigurationRequestException):
        elb.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
            MutualAuthentication={"Mode": "verify", "TrustStoreArn": store},
        )
    assert len(elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]) == 1


def test_an_unknown_listener_is_not_found(aws: EmbeddedAws, store: str) -> None:
    listener, elb = make_https_listener(aws), aws.client("elbv2")
    wanted = {"Mode": "verify", "TrustStoreArn": store}
    with pytest.raises(elb.exceptions.ListenerNotFoundException):
        elb.modify_listener(ListenerArn=listener.listener_arn + "0", MutualAuthentication=wanted)
