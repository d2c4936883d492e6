"""A watch file that no function may read any more (a key, a policy of its bucket): Genesys rotates all the same."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher.adapters.s3 import S3Store
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import StoredObject
from tests.support.functions import Context, load

FUNCTIONS = ("collect", "publish", "refresh_crls", "report")


def _now() -> datetime:
    """The wall's clock, by which the functions go."""
    return datetime.now(UTC)


def test_a_rotation_is_followed_and_each_run_fails_by_what_it_could_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with Environment(_now(), DEFAULT_CACHE, clock=_now, world={"root_key_bits": 2048}) as environment:
        region = environment.world.region("us-east-1")
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        environment.add_trust_store("alb", "main", environment.world.region("sa-east-1").root_pem())
        environment.configure()
        for name in FUNCTIONS:
            load(name).handler({}, Context())
        region.schedule_rotation("Genesys", _now() + timedelta(days=1), root="new")
        coming = region.root_pem(ahead=1)
        environment.put("anchors/us-east-1.pem", region.root_pem() + coming)
        before = len(environment.live("alb"))
        read = S3Store.get

        def denied(store: S3Store, key: str, *, version: str | None = None) -> StoredObject | None:
            if key == "watch.json":
                raise StoreError(f"cannot read s3://{store.bucket}/{key}: AccessDenied: kms:Decrypt")
            return read(store, key, version=version)

        monkeypatch.setattr(S3Store, "get", denied)
        for name in FUNCTIONS:
            with pytest.raises(StoreError, match=r"cannot be read, and the last good one is in use: .*kms:Decrypt"):
                load(name).handler({}, Context())
        assert coming.strip() in (environment.live_pem("alb") or b"").decode()
        assert len(environment.live("alb")) == before + 1
