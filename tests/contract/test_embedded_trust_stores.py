"""The trust stores of the embedded AWS, held to botocore's models."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import pytest
from botocore.exceptions import ClientError

from local.aws.https_listener import make_https_listener
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.support import certs
from tests.support.embedded import START, Bundles, download


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def aws(clock: VirtualClock) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(clock, direct=True) as running:
        yield running


@pytest.fixture
def bundles(aws: EmbeddedAws) -> Bundles:
    return Bundles(aws)


@cache
def root() -> certs.Issued:
    return certs.self_signed_ca("Good Root")


@cache
def wanted() -> bytes:
    return certs.self_signed_ca("Root Before").pem


def test_the_quota_of_certificates_can_be_turned(aws: EmbeddedAws, bundles: Bundles) -> None:
    aws.knobs.max_ca_certificates = 1
    with pytest.raises(ClientError, match="at most 1"):
        bundles.trust_store(wanted() + root().pem)


def test_modify_loads_the_exact_version_that_it_names(aws: EmbeddedAws, bundles: Bundles) -> None:
    arn = bundles.trust_store(wanted())
    older = bundles.put(root().pem)
    bundles.put(wanted() + root().pem)
    aws.client("elbv2").modify_trust_store(TrustStoreArn=arn, **bundles.place(older))
    assert bundles.downloaded(arn) == root().pem


def test_modify_without_a_version_loads_the_latest_and_later_versions_are_not_picked_up(
    aws: EmbeddedAws, bundles: Bundles
) -> None:
    arn = bundles.trust_store(wanted())
    bundles.put(root().pem)
    aws.client("elbv2").modify_trust_store(TrustStoreArn=arn, **bundles.place())
    bundles.put(wanted())
    assert bundles.downloaded(arn) == root().pem


def test_a_missing_object_is_named_and_nothing_changes(aws: EmbeddedAws, bundles: Bundles) -> None:
    elb, s3 = aws.client("elbv2"), aws.client("s3")
    arn = bundles.trust_store(wanted())
    elsewhere = bundles.place() | {"CaCertificatesBundleS3Bucket": "no-such-bucket"}
    for place in (bundles.place(key="none.pem"), bundles.place("no-such-version"), elsewhere):
        with pytest.raises(elb.exceptions.CaCertificatesBundleNotFoundException):
            elb.modify_trust_store(TrustStoreArn=arn, **place)
    s3.delete_object(Bucket=bundles.bucket, Key="bundle.pem")
    with pytest.raises(elb.exceptions.CaCertificatesBundleNotFoundException):
        elb.modify_trust_store(TrustStoreArn=arn, **bundles.place())
    assert bundles.downloaded(arn) == wanted()


def test_an_unknown_trust_store_is_not_found_by_any_operation(aws: EmbeddedAws, bundles: Bundles) -> None:
    elb, arn = aws.client("elbv2"), bundles.trust_store(wanted())
    elb.delete_trust_store(TrustStoreArn=arn)
    gone = elb.exceptions.TrustStoreNotFoundException
    for call in (
        elb.get_trust_store_ca_certificates_bundle,
        elb.describe_trust_store_associations,
        elb.describe_trust_store_revocations,
        elb.delete_trust_store,
    ):
        with pytest.raises(gone):
            call(TrustStoreArn=arn)
    with pytest.raises(gone):
        elb.describe_trust_stores(TrustStoreArns=[arn])
    with pytest.raises(gone):
        elb.describe_trust_stores(Names=["store"])
    with pytest.raises(gone):
        elb.modify_trust_store(TrustStoreArn=arn, **bundles.place())
    assert elb.describe_trust_stores()["TrustStores"] == []


def test_a_trust_store_belongs_to_its_region(aws: EmbeddedAws, bundles: Bundles) -> None:
    arn = bundles.trust_store(wanted())
    frankfurt = aws.client("elbv2", "eu-central-1")
    with pytest.raises(frankfurt.exceptions.TrustStoreNotFoundException):
        frankfurt.describe_trust_stores(TrustStoreArns=[arn])
    with pytest.raises(frankfurt.exceptions.CaCertificatesBundleNotFoundException):
        frankfurt.create_trust_store(Name="store", **bundles.place())
    there = {"CaCertificatesBundleS3Bucket": aws.make_bucket("frankfurt", region="eu-central-1")}
    aws.client("s3", "eu-central-1").put_object(Bucket="frankfurt", Key="bundle.pem", Body=wanted())
    created = frankfurt.create_trust_store(Name="store", **bundles.place() | there)["TrustStores"][0]["TrustStoreArn"]
    assert created.startswith("arn:aws:elasticloadbalancing:eu-central-1:123456789012:truststore/store/")


def test_a_bundle_of_another_account_is_read_where_its_bucket_lets_somebody_of_this_one(
    aws: EmbeddedAws, bundles: Bundles
) -> None:
    version = bundles.put(wanted())
    other = aws.at(account="222222222222").client("elbv2")
    with pytest.raises(other.exceptions.CaCertificatesBundleNotFoundException):
        other.create_trust_store(Name="store", **bundles.place(version))
    for role, key in (("333333333333", "*"), ("222222222222", "another.pem"), ("222222222222", "*")):
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{role}:role/watcher"},
            "Action": "s3:GetObjectVersion",
            "Resource": f"arn:aws:s3:::{bundles.bucket}/{key}",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws.client("s3").put_bucket_policy(Bucket=bundles.bucket, Policy=policy)
        if (role, key) != ("222222222222", "*"):
            with pytest.raises(other.exceptions.CaCertificatesBundleNotFoundException):
                other.create_trust_store(Name="store", **bundles.place(version))
    with pytest.raises(other.exceptions.CaCertificatesBundleNotFoundException):  # the newest needs another action
        other.create_trust_store(Name="store", **bundles.place())
    made = other.create_trust_store(Name="store", **bundles.place(version))["TrustStores"][0]
    assert made["TrustStoreArn"].startswith("arn:aws:elasticloadbalancing:us-east-1:222222222222:truststore/store/")


def test_names_are_unique_and_the_number_of_trust_stores_is_limited(aws: EmbeddedAws, bundles: Bundles) -> None:
    aws.knobs.max_trust_stores = 2
    elb = aws.client("elbv2")
    bundles.trust_store(wanted(), "one")
    with pytest.raises(elb.exceptions.DuplicateTrustStoreNameException):
        bundles.trust_store(wanted(), "one")
    bundles.trust_store(wanted(), "two")
    with pytest.raises(elb.exceptions.TooManyTrustStoresException):
        bundles.trust_store(wanted(), "three")


def test_describe_pages(aws: EmbeddedAws, bundles: Bundles) -> None:
    for name in ("one", "two", "three"):
        bundles.trust_store(wanted(), name)
    pages = list(aws.client("elbv2").get_paginator("describe_trust_stores").paginate(PaginationConfig={"PageSize": 2}))
    assert [[each["Name"] for each in page["TrustStores"]] for page in pages] == [["one", "two"], ["three"]]


def test_the_download_is_good_for_ten_minutes_of_the_clock(
    aws: EmbeddedAws, bundles: Bundles, clock: VirtualClock
) -> None:
    arn = bundles.trust_store(wanted())
    url = aws.client("elbv2").get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)["Location"]
    assert "X-Amz-Signature=" in url
    clock.advance(timedelta(minutes=9, seconds=59))
    assert download(url).content == wanted()
    clock.advance(timedelta(seconds=1))
    late = download(url)
    assert (late.status_code, b"Request has expired" in late.content) == (403, True)


def test_the_download_needs_its_signature(aws: EmbeddedAws, bundles: Bundles) -> None:
    arn = bundles.trust_store(wanted())
    url = aws.client("elbv2").get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)["Location"]
    assert download(url.partition("?")[0]).status_code == 403
    assert download(url[:-1] + ("0" if url[-1] != "0" else "1")).status_code == 403


def test_a_stale_read_gives_the_bundle_before_as_often_as_ordered(aws: EmbeddedAws, bundles: Bundles) -> None:
    arn = bundles.trust_store(wanted())
    aws.stale_reads(arn, 2)
    assert bundles.downloaded(arn) == wanted()
    bundles.load(arn, root().pem)
    assert [bundles.downloaded(arn) for _ in range(3)] == [wanted(), wanted(), root().pem]
    assert aws.live_bundle(arn) == root().pem


def test_a_trust_store_in_use_cannot_be_deleted(aws: EmbeddedAws, bundles: Bundles) -> None:
    elb, arn = aws.client("elbv2"), bundles.trust_store(wanted())
    listener = make_https_listener(aws, mutual_authentication={"Mode": "verify", "TrustStoreArn": arn})
    with pytest.raises(elb.exceptions.TrustStoreInUseException):
        elb.delete_trust_store(TrustStoreArn=arn)
    elb.delete_listener(ListenerArn=listener.listener_arn)
    elb.delete_trust_store(TrustStoreArn=arn)
    assert elb.describe_trust_stores()["TrustStores"] == []
