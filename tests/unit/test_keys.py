"""What an ``s3://`` URI names."""

import pytest

from rotation_watcher import keys


@pytest.mark.parametrize(
    "key", ["a.pem", "a#b?c%20d e+f", "/rooted", "a//b/../c", "s3://inner/x", "folder/", "根.pem", "a\nb", "?", "#"]
)
def test_the_key_is_what_follows_the_bucket_as_it_stands(key: str) -> None:
    assert keys.place(f"s3://some-bucket/{key}") == ("some-bucket", key)


@pytest.mark.parametrize(
    "uri", ["", "s3://", "s3:///key", "s3://bucket", "s3://bucket/", "s3:/bucket/key", "S3://b/k", "https://b/k", "b/k"]
)
def test_what_names_no_object_is_none(uri: str) -> None:
    assert keys.place(uri) is None
