"""refresh_crls over the embedded S3, SNS and SQS, as bootstrap builds it: what a manifest names is there."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from local.environment import BUCKET, Environment
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.pki import PrivateRoot
from rotation_watcher import keys
from rotation_watcher.refresh_crls import Request, Summary, refresh_crls
from rotation_watcher.revocation import kept
from rotation_watcher.revocation.kept import MANIFEST, Manifest
from tests.support.crls import crl_der
from tests.support.fake_crls import FakeDistributionPoints
from tests.support.pki import Pair
from tests.support.words import word


class Listed:
    """An environment in which the region's root has a list."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.number = 0
        self.points = FakeDistributionPoints()
        issuer = environment.world.region("us-east-1").issuer("Genesys")
        assert isinstance(issuer, PrivateRoot)
        self.issuer = issuer

    def publish(self, *serials: int) -> None:
        self.number += 1
        number, now = self.number, self.environment.clock()
        pair = Pair(self.issuer.root.certificate, self.issuer.root.key)
        body = crl_der(pair, serials, number=number, this_update=now, next_update=now + timedelta(days=7))
        self.points.publish(self.issuer.crl_url, body, etag=f'"{number}"')

    def refresh(self) -> Summary:
        self.environment.clock.advance(timedelta(hours=1))
        ports = msgspec.structs.replace(self.environment.watcher.refresh_crls, points=self.points)
        return refresh_crls(self.environment.watcher.watch(), Request(), ports)

    @property
    def folder(self) -> str:
        stored = self.environment.s3.list_objects_v2(Bucket=BUCKET, Prefix="crls/")["Contents"]
        (found,) = {one["Key"].rpartition("/")[0] for one in stored if one["Key"].endswith(MANIFEST)}
        return str(found)

    @property
    def manifest(self) -> Manifest:
        return kept.decode(self.environment.read(f"{self.folder}/{MANIFEST}"))


@pytest.fixture(scope="module")
def listed() -> Iterator[Listed]:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with Environment(start, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws={"direct": True}) as environment:
        environment.world.region("us-east-1")
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        others = environment.world.region("sa-east-1").root_pem()
        environment.add_trust_store("alb", "main", others)
        environment.configure()
        environment.tick()
        environment.new_alerts()
        yield Listed(environment)


def test_what_a_manifest_names_is_there_version_by_version_also_when_it_was_replaced(listed: Listed) -> None:
    listed.publish()
    assert [one.outcome for one in listed.refresh().lists] == ["new"]
    first = listed.manifest
    listed.publish()
    assert [one.outcome for one in listed.refresh().lists] == ["new"]
    second = listed.manifest
    assert second.facts.number == f"{listed.number:X}"
    for held in (first, second):
        for name, part in (("list.der", held.der), ("list.pem", held.pem), ("index.bin", held.index)):
            stored = listed.environment.s3.get_object(
                Bucket=BUCKET, Key=f"{listed.folder}/{name}", VersionId=part.version
            )
            body = stored["Body"].read()
            assert (hashlib.sha256(body).hexdigest(), len(body)) == (part.sha256, part.size)


def test_an_unchanged_list_costs_no_write_at_all(listed: Listed) -> None:
    listed.publish()
    listed.refresh()
    listed.environment.aws.calls.clear()
    assert [one.outcome for one in listed.refresh().lists] == ["unchanged"]
    assert {call.operation for call in listed.environment.aws.calls.snapshot()} == {"GetObject"}


def test_a_revoked_leaf_is_told_its_pin_goes_and_the_queue_wakes_publish(listed: Listed) -> None:
    leaf = listed.environment.world.region("us-east-1").presented("Genesys")
    assert leaf.fingerprint in listed.environment.read(keys.pins("main")).decode()
    listed.publish(leaf.certificate.serial_number)
    summary = listed.refresh()
    assert summary.enqueued == ["alb"]
    assert [word(alert) for alert in listed.environment.new_alerts()] == ["revoked"]
    assert [*summary.revoked] == [leaf.fingerprint[:16]]
    listed.environment.drain()
    assert leaf.fingerprint not in listed.environment.read(keys.pins("main")).decode()
    assert listed.environment.live("alb"), "no CA certificate leaves a truststore by itself"
