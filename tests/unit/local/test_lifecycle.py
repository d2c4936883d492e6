"""The embedded bucket's lifecycle: what S3 would expire goes, at the midnight after, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.aws.lifecycle import Lifecycle
from local.aws.server import EmbeddedAws
from tests.stack.template import RESOURCES

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULES: list[dict[str, Any]] = [
    {"Id": "old", "Status": "Enabled", "Prefix": "sources/", "NoncurrentVersionExpiration": {"NoncurrentDays": 2}},
    {"Id": "log", "Status": "Enabled", "Prefix": "log/", "ExpirationInDays": 3},
    {"Id": "off", "Status": "Disabled", "Prefix": "", "ExpirationInDays": 1},
]


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(lambda: NOON) as aws:
        aws.make_bucket("bucket")
        yield aws


def put(aws: EmbeddedAws, key: str, body: bytes = b"x") -> str:
    return str(aws.client("s3").put_object(Bucket="bucket", Key=key, Body=body)["VersionId"])


def test_old_versions_go_at_the_midnight_after_their_days_and_current_ones_stay(aws: EmbeddedAws) -> None:
    cycle = Lifecycle(aws.client("s3"), "bucket", RULES)
    first, other = put(aws, "sources/a"), put(aws, "targets/a")
    cycle.apply(NOON)
    second = put(aws, "sources/a")
    put(aws, "targets/a")
    assert cycle.apply(NOON + DAY) == []
    assert cycle.apply(NOON + 3 * DAY) == []  # two days, and then the next midnight
    assert [one.id for one in cycle.apply(NOON + 4 * DAY)] == [first]

    left = {one.id for one in cycle.look(NOON + 400 * DAY)}
    assert cycle.apply(NOON + 400 * DAY) == []
    assert {second, other} < left
    assert first not in left


def test_an_old_object_gets_a_marker_which_goes_when_it_is_alone(aws: EmbeddedAws) -> None:
    cycle = Lifecycle(aws.client("s3"), "bucket", [*RULES, {**RULES[0], "Id": "log-old", "Prefix": "log/"}])
    put(aws, "log/a")
    assert cycle.apply(NOON) == []
    cycle.apply(NOON + 4 * DAY)
    assert [(one.marker, one.succeeded is None) for one in cycle.look(NOON + 4 * DAY)] == [(True, True), (False, False)]
    cycle.apply(NOON + 8 * DAY)
    cycle.apply(NOON + 9 * DAY)
    assert cycle.look(NOON + 9 * DAY) == []


def test_a_marker_that_is_alone_stays_without_a_rule_for_current_objects(aws: EmbeddedAws) -> None:
    cycle = Lifecycle(aws.client("s3"), "bucket", RULES)
    put(aws, "sources/a")
    aws.client("s3").delete_object(Bucket="bucket", Key="sources/a")
    for day in (0, 4, 5, 400):
        cycle.apply(NOON + day * DAY)
    assert [one.marker for one in cycle.look(NOON + 400 * DAY)] == [True]


def test_a_rule_with_tags_takes_the_versions_that_bear_them_all(aws: EmbeddedAws) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    cycle = Lifecycle(aws.client("s3"), "bucket", [{**RULES[0], "TagFilters": tags}])
    wanted = ["", "a=1", "a=1&b=2", "a=1&b=2&c=3", "a=1&b=3", ""]
    versions = []
    for one in wanted:
        put = aws.client("s3").put_object(Bucket="bucket", Key="sources/a", Body=one.encode(), Tagging=one)
        versions.append(put["VersionId"])
    cycle.look(NOON)
    assert {one.id for one in cycle.apply(NOON + 9 * DAY)} == {*versions[2:4]}


def test_a_rule_that_is_not_simulated_is_refused_and_none_of_the_template_is(aws: EmbeddedAws) -> None:
    with pytest.raises(ValueError, match="Transitions"):
        Lifecycle(aws.client("s3"), "bucket", [{"Id": "x", "Status": "Enabled", "Transitions": []}])
    Lifecycle(aws.client("s3"), "bucket", RESOURCES["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"])
