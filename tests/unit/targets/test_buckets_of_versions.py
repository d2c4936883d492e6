"""In which bucket a version lies: what was deployed before the bucket of a region was exchanged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.config import Target
from rotation_watcher.kinds import Proof
from rotation_watcher.ports import Live
from rotation_watcher.targets import places
from rotation_watcher.targets.plan import Buckets
from rotation_watcher.targets.plausible import plausible
from rotation_watcher.targets.record import Applied, Pending, Record

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ARN = "arn:aws:apigateway:eu-west-1::/domainnames/api.example.com"
KEY = keys.deployed(keys.target(ARN))
HERE = Buckets("ours", "ours-eu-west-1")


def applied(bucket: str = "", version: str = "v1") -> Applied:
    return Applied(version=version, bucket=bucket, sha256="0" * 64, fingerprints=(), at=NOW, proof="bytes")


def live(location: str, version: str = "v1") -> Live:
    return Live(
        bundle=b"", location=location, version=version, settled=True, warnings=(), endpoints=(), proof=Proof.BYTES
    )


@pytest.mark.parametrize(
    ("bucket", "location", "buckets", "expected"),
    [
        ("former", f"s3://former/{KEY}", HERE, True),
        ("former", f"s3://strangers/{KEY}", HERE, False),
        ("former", f"s3://former/x/{KEY}", HERE, False),
        ("", f"s3://anybodys/{KEY}", HERE, True),
        ("", f"s3://anybodys/x{KEY}", HERE, False),
        ("", f"https://anybodys/{KEY}", HERE, False),
        ("former", f"s3://former/{KEY}", Buckets("ours", "ours"), False),
    ],
)
def test_only_what_this_stack_deployed_counts_as_its_own_after_an_exchange(
    bucket: str, location: str, buckets: Buckets, *, expected: bool
) -> None:
    record = Record(target="api", arn=ARN, applied=applied(bucket))
    assert places.exchanged(record, live(location), buckets) is expected
    assert not places.exchanged(record, live(location, "v2"), buckets)
    assert not places.exchanged(Record(target="api", arn=ARN), live(location), buckets)


@pytest.mark.parametrize("bucket", ["https://look.example/", "-x", "two words", "UPPER", "a" * 64, "é"])
def test_a_text_that_names_no_bucket_is_dropped_from_the_record_and_told(bucket: str) -> None:
    target = msgspec.convert({"id": "api", "arn": ARN, "bundle": "main"}, Target)
    pending: Any = Pending(version="v3", bucket=bucket, sha256="0" * 64, fingerprints=(), ours=(), at=NOW)
    kept = applied("ours-eu-west-1", "v0")
    record = Record(
        target="api", arn=ARN, applied=applied(bucket), versions=(applied(bucket, "v2"), kept), pending=pending
    )
    after = plausible(record, target, timedelta(minutes=15), NOW)
    assert bucket not in msgspec.json.encode(after).decode()
    assert (after.pending, after.versions) == (None, (kept,))
    assert [alert.kind.value for alert in after.outbox] == ["state-forged"]
    sound = msgspec.structs.replace(record, applied=kept, versions=(), pending=None)
    assert plausible(sound, target, timedelta(minutes=15), NOW) == sound
