"""A bucket under a KMS key of the operator's own: ETags are no digests, and all goes on as without one.

Whether ALB, API Gateway and CloudFront read from such a bucket AWS does not say; here they do.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto.s3.models import s3_backends

from local.aws.encryption import BY_KMS
from local.aws.stored import Reader, Stored, read_object
from local.environment import BUCKET, Environment
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher.targets.decide import Outcome

KEY = "arn:aws:kms:us-east-1:123456789012:key/own"
QUARTER = timedelta(minutes=15)


def read_without_a_key(account: str, region: str, bucket: str, key: str, version: str | None = None) -> Stored | None:
    """Read as a service does that no key lets in."""
    found = s3_backends[account]["aws"].get_object(bucket, key, version_id=version or None)
    return None if getattr(found, "encryption", "") == BY_KMS else read_object(account, region, bucket, key, version)


@pytest.fixture
def reader() -> Reader:
    return read_object


@pytest.fixture
def environment(reader: Reader) -> Iterator[Environment]:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    aws = {"read_object": reader, "direct": True}
    with Environment(start, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws=aws) as opened:
        opened.world.region("us-east-1")
        others = opened.world.region("sa-east-1").root_pem()
        opened.add_source("use1", "us-east-1")
        opened.add_bundle("main", ["use1"])
        opened.add_trust_store("one", "main", others)
        opened.add_trust_store("two", "main", others)
        opened.add_rest_domain("rest", "main", others)
        opened.configure()
        opened.aws.encrypt_bucket(BUCKET, KEY)
        yield opened


def test_targets_are_brought_up_to_date_and_a_quiet_run_writes_nothing(environment: Environment) -> None:
    environment.tick()
    environment.clock.advance(QUARTER)
    environment.aws.settle()
    environment.publish()
    environment.clock.advance(QUARTER)
    outcomes = {name: one.outcome for name, one in environment.publish().targets.items()}
    assert outcomes == dict.fromkeys(("one", "two", "rest"), Outcome.UNCHANGED)
    (key, *_) = [each for each in environment.watcher.store.list("targets/") if each.endswith("/bundle.pem")]
    held = environment.s3.head_object(Bucket=BUCKET, Key=key)
    assert (held["ServerSideEncryption"], held["SSEKMSKeyId"]) == ("aws:kms", KEY)
    environment.clock.advance(QUARTER)
    environment.aws.calls.clear()
    environment.publish(sweep=True)
    assert environment.aws.calls.of("s3", "PutObject") == []


@pytest.mark.parametrize("reader", [read_without_a_key])
def test_where_services_cannot_read_under_the_key_a_bucket_without_one_is_the_way_out(environment: Environment) -> None:
    def outcomes() -> set[str]:
        environment.clock.advance(QUARTER)
        environment.aws.settle()
        return {one.outcome for one in environment.publish().targets.values()}

    environment.tick()
    assert outcomes() == {Outcome.FAILED}
    environment.s3.delete_bucket_encryption(Bucket=BUCKET)
    environment.watcher = environment.build()
    assert outcomes() == {Outcome.UPDATED}
    outcomes()
    assert outcomes() == {Outcome.UNCHANGED}
    for key in environment.watcher.store.list("targets/"):
        if key.endswith("/bundle.pem"):
            assert "SSEKMSKeyId" not in environment.s3.head_object(Bucket=BUCKET, Key=key)
