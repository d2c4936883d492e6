"""What elbv2's errors are reported as."""

import socket

import boto3
import httpx
import pytest
from botocore.config import Config

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.trust_store import AlbTrustStores
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetDenied, TargetError, TargetNotFound
from tests.support import pki
from tests.support.contract_targets import ContractTarget

OTHER = pki.root("B").pem.encode()

READS = [
    "DescribeTrustStores",
    "GetTrustStoreCaCertificatesBundle",
    "DescribeTrustStoreAssociations",
    "DescribeListeners",
]
KINDS = [
    ("TrustStoreNotFound", TargetNotFound),
    ("AccessDenied", TargetDenied),
    ("OperationNotPermitted", TargetDenied),
    ("Throttling", TargetBusy),
    ("RequestLimitExceeded", TargetBusy),
    ("InternalFailure", TargetError),
    ("ServiceUnavailable", TargetError),
    ("ValidationError", TargetError),
]


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize(("code", "kind"), KINDS)
def test_an_error_of_a_read_is_reported_as_what_it_is(
    operation: str, code: str, kind: type[TargetError], target: ContractTarget, aws: EmbeddedAws
) -> None:
    aws.fail_next("elbv2", operation, code)
    with pytest.raises(TargetError, match=rf"cannot read {target.arn}: .*{code}") as caught:
        target.read()

    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *KINDS,
        ("InvalidCaCertificatesBundle", BundleRejected),
        ("CaCertificatesBundleNotFound", TargetError),
    ],
)
def test_an_error_of_an_update_is_reported_as_what_it_is(
    code: str, kind: type[TargetError], target: ContractTarget, aws: EmbeddedAws, initial: bytes
) -> None:
    version = target.put(OTHER)
    aws.fail_next("elbv2", "ModifyTrustStore", code)
    with pytest.raises(TargetError, match=rf"cannot change {target.arn}: .*{code}") as caught:
        target.update(version)

    assert type(caught.value) is kind
    assert target.read().bundle == initial


def test_a_service_that_is_not_there_is_reported(target: ContractTarget) -> None:
    once = Config(retries={"total_max_attempts": 1})
    with socket.socket() as bound:  # it does not listen, so nobody answers at its port
        bound.bind(("127.0.0.1", 0))
        client = boto3.client("elbv2", endpoint_url=f"http://127.0.0.1:{bound.getsockname()[1]}", config=once)
        with pytest.raises(TargetError, match=r"cannot change .*not connect"):
            AlbTrustStores(client, httpx.Client()).update(target.arn, target.object("1"), expected=None)
