"""The watch file in its bucket, found by its URI."""

from collections.abc import Iterator

import msgspec
import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher import bootstrap
from rotation_watcher.errors import ConfigurationError
from tests.support.fakes import ManualClock

ENVIRONMENT = {"BUCKET": "state", "TOPIC_ARN": "arn:t", "PUBLISH_QUEUE_URL": "https://q", "AWS_REGION": "us-east-1"}

FLEET = b"""\
# by default in the mode observe
sources: [{id: use1, region: us-east-1, credentials: "arn:aws:ssm:us-east-1:123456789012:parameter/genesys"}]
bundles: [{id: main, sources: [use1]}]
groups:
  web:
    bundle: main
    targets: ["arn:aws:apigateway:us-east-1::/domainnames/api.example.com"]
"""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedAws]:
    """An embedded AWS to which the environment of this process leads."""
    with EmbeddedAws(ManualClock()) as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        yield started


def put(aws: EmbeddedAws, bucket: str, key: str, body: bytes) -> None:
    """One object in a bucket that is made for it."""
    aws.make_bucket(bucket)
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


@pytest.mark.parametrize("key", ["watch.yaml", "conf/fleet.YML"])
def test_a_watch_file_in_yaml_is_read_by_its_name(key: str, aws: EmbeddedAws) -> None:
    put(aws, "conf", key, FLEET)
    watcher = bootstrap.build(environment=ENVIRONMENT | {"WATCH_FILE_URI": f"s3://conf/{key}"})
    assert [target.id for target in watcher.watch().targets] == ["api-example-com"]
    assert watcher.parse(msgspec.to_builtins(watcher.watch())) == watcher.watch()


@pytest.mark.parametrize("key", ["watch.json", "our watch#1.json", "a?b%20c+d.json", "/rooted.json"])
def test_the_watch_file_is_read_whatever_its_key_holds(key: str, aws: EmbeddedAws) -> None:
    put(aws, "conf", key, b"[]")
    watcher = bootstrap.build(environment=ENVIRONMENT | {"WATCH_FILE_URI": f"s3://conf/{key}"})
    with pytest.raises(ConfigurationError) as caught:
        watcher.watch()

    assert "does not exist" not in str(caught.value)


def test_no_watch_file_is_read_in_the_stacks_bucket_once_that_is_somebody_elses(
    aws: EmbeddedAws,
) -> None:
    """A name that was given up is anybody's, and a watch file says where a secret is sent."""
    put(aws, "state", "watch.yaml", FLEET)
    variables = ENVIRONMENT | {"WATCH_FILE_URI": "s3://state/watch.yaml"}
    assert bootstrap.build(environment=variables | {"ACCOUNT_ID": aws.account}).watch().targets
    with pytest.raises(ConfigurationError, match="may not read it"):
        bootstrap.build(environment=variables | {"ACCOUNT_ID": "999999999999"}).watch()


def test_a_watch_file_in_another_bucket_is_read_only_where_that_is_of_the_account_that_was_named(
    aws: EmbeddedAws,
) -> None:
    put(aws, "conf", "watch.yaml", FLEET)
    variables = ENVIRONMENT | {"WATCH_FILE_URI": "s3://conf/watch.yaml"}
    strangers = variables | {"ACCOUNT_ID": "999999999999"}
    assert bootstrap.build(environment=variables | {"ACCOUNT_ID": aws.account}).watch().targets
    with pytest.raises(ConfigurationError, match=r"sources\[0\].credentials \(line 2\)"):  # it was read
        bootstrap.build(environment=strangers | {"WATCH_FILE_ACCOUNT": aws.account}).watch()
    with pytest.raises(ConfigurationError, match=r"of account 999999999999 \(parameter WatchFileAccount\)"):
        bootstrap.build(environment=strangers | {"WATCH_FILE_ACCOUNT": ""}).watch()
