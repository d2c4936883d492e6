"""The CRLs of a trust store in the embedded AWS."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.support import certs
from tests.support.embedded import START, Bundles, download

ROOT = certs.self_signed_ca("Revoking Root")


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(VirtualClock(START), direct=True) as running:
        yield running


@pytest.fixture
def bundles(aws: EmbeddedAws) -> Bundles:
    return Bundles(aws)


def add(aws: EmbeddedAws, bundles: Bundles, store: str, *contents: bytes) -> list[dict[str, Any]]:
    files = []
    for number, content in enumerate(contents):
        version = bundles.put(content, f"{number}.crl")
        files.append({"S3Bucket": bundles.bucket, "S3Key": f"{number}.crl", "S3ObjectVersion": version})
    answer = aws.client("elbv2").add_trust_store_revocations(TrustStoreArn=store, RevocationContents=files)
    added: list[dict[str, Any]] = answer["TrustStoreRevocations"]
    return added


def total(aws: EmbeddedAws) -> int:
    (store,) = aws.client("elbv2").describe_trust_stores()["TrustStores"]
    return int(store["TotalRevokedEntries"])


def test_crls_are_added_counted_read_back_and_removed(aws: EmbeddedAws, bundles: Bundles) -> None:
    elb, store = aws.client("elbv2"), bundles.trust_store(ROOT.pem)
    first, second = add(aws, bundles, store, certs.crl(ROOT, [1, 2, 3]), certs.crl(ROOT, []))
    assert (first["NumberOfRevokedEntries"], second["NumberOfRevokedEntries"], total(aws)) == (3, 0, 3)
    described = elb.describe_trust_store_revocations(TrustStoreArn=store)["TrustStoreRevocations"]
    assert [each["RevocationId"] for each in described] == [first["RevocationId"], second["RevocationId"]]
    which = {"TrustStoreArn": store, "RevocationId": first["RevocationId"]}
    content = download(elb.get_trust_store_revocation_content(**which)["Location"]).content
    assert {each.serial_number for each in x509.load_pem_x509_crl(content)} == {1, 2, 3}
    elb.remove_trust_store_revocations(TrustStoreArn=store, RevocationIds=[first["RevocationId"]])
    (left,) = elb.describe_trust_store_revocations(TrustStoreArn=store)["TrustStoreRevocations"]
    assert (left["RevocationId"], total(aws)) == (second["RevocationId"], 0)


def test_a_crl_that_is_not_pem_is_refused_and_nothing_is_added(aws: EmbeddedAws, bundles: Bundles) -> None:
    elb, store = aws.client("elbv2"), bundles.trust_store(ROOT.pem)
    der = x509.load_pem_x509_crl(certs.crl(ROOT, [1])).public_bytes(Encoding.DER)
    for wrong in (der, ROOT.pem, b""):
        with pytest.raises(elb.exceptions.InvalidRevocationContentException):
            add(aws, bundles, store, certs.crl(ROOT, [1]), wrong)
    assert elb.describe_trust_store_revocations(TrustStoreArn=store)["TrustStoreRevocations"] == []


def test_a_missing_crl_is_not_found(aws: EmbeddedAws, bundles: Bundles) -> None:
    elb, store = aws.client("elbv2"), bundles.trust_store(ROOT.pem)
    with pytest.raises(elb.exceptions.RevocationContentNotFoundException):
        elb.add_trust_store_revocations(
            TrustStoreArn=store, RevocationContents=[{"S3Bucket": bundles.bucket, "S3Key": "none.crl"}]
        )


def test_entries_and_files_are_limited(aws: EmbeddedAws, bundles: Bundles) -> None:
    elb, store = aws.client("elbv2"), bundles.trust_store(ROOT.pem)
    too_many = elb.exceptions.TooManyTrustStoreRevocationEntriesException
    aws.knobs.max_revoked_entries = 2
    with pytest.raises(too_many):
        add(aws, bundles, store, certs.crl(ROOT, [1, 2]), certs.crl(ROOT, [3]))
    aws.knobs.max_revocation_files = 1
    with pytest.raises(too_many):
        add(aws, bundles, store, certs.crl(ROOT, [1]), certs.crl(ROOT, [2]))
    add(aws, bundles, store, certs.crl(ROOT, [1, 2]))
    assert total(aws) == 2


def test_an_unknown_revocation_is_not_found_and_nothing_is_removed(aws: EmbeddedAws, bundles: Bundles) -> None:
    elb, store = aws.client("elbv2"), bundles.trust_store(ROOT.pem)
    (added,) = add(aws, bundles, store, certs.crl(ROOT, [1]))
    known, unknown = added["RevocationId"], added["RevocationId"] + 1
    gone = elb.exceptions.RevocationIdNotFoundException
    with pytest.raises(gone):
        elb.remove_trust_store_revocations(TrustStoreArn=store, RevocationIds=[known, unknown])
    with pytest.raises(gone):
        elb.describe_trust_store_revocations(TrustStoreArn=store, RevocationIds=[unknown])
    with pytest.raises(gone):
        elb.get_trust_store_revocation_content(TrustStoreArn=store, RevocationId=unknown)
    assert total(aws) == 1
