"""The watch file in its bucket, found by its URI."""

import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher import bootstrap
from rotation_watcher.errors import ConfigurationError
from tests.support.fakes import ManualClock

ENVIRONMENT = {"BUCKET": "state", "TOPIC_ARN": "arn:t", "PUBLISH_QUEUE_URL": "https://q", "AWS_REGION": "us-east-1"}


@pytest.mark.parametrize("key", ["watch.json", "our watch#1.json", "a?b%20c+d.json", "/rooted.json"])
def test_the_watch_file_is_read_whatever_its_key_holds(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedAws(ManualClock()) as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        aws.make_bucket("conf")
        aws.client("s3").put_object(Bucket="conf", Key=key, Body=b"[]")
        watcher = bootstrap.build(environment=ENVIRONMENT | {"WATCH_FILE_URI": f"s3://conf/{key}"})
        with pytest.raises(ConfigurationError) as caught:
            watcher.watch()

    assert "does not exist" not in str(caught.value)
