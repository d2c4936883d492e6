"""Through collect and publish to a place for files: what a reader finds at any moment, and who else may write there."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.environment import Environment
from rotation_watcher import file_sets, keys
from rotation_watcher.adapters.file_place import MAX_BUNDLE, FilePlaces
from rotation_watcher.file_sets import BUNDLE, CRL, IDENTITY, MANIFEST, PINS, PINS_LIST, SUMS
from rotation_watcher.kinds import FILE_PLACE
from tests.support.words import word

BUCKET, FOLDER = "edge-bucket", "genesys/prod/"
STRANGER = "222222222222"
LATER = timedelta(minutes=15)
type MakeEnvironment = Callable[..., Environment]


@pytest.fixture
def environment(make_environment: MakeEnvironment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """One region, one place for files in which somebody's own root lies, nothing read yet."""
    at = make_environment()
    monkeypatch.setenv("ACCOUNT_ID", at.aws.account)
    at.watcher = at.build()
    at.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 92})
    at.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
    at.add_bundle("main", ["use1"], ["Genesys", "DigiCert"])
    at.add_file_place("edge", "main", at.world.region("sa-east-1").root_pem())
    at.configure()
    return at


def newest(environment: Environment, name: str) -> bytes:
    return bytes(environment.s3.get_object(Bucket=BUCKET, Key=FOLDER + name)["Body"].read())


def write(environment: Environment, name: str, body: bytes) -> None:
    environment.s3.put_object(Bucket=BUCKET, Key=FOLDER + name, Body=body)


def reader(environment: Environment) -> dict[str, bytes]:
    """What a reader of the contract has: the manifest first, then exactly the versions that it names."""
    manifest = json.loads(newest(environment, MANIFEST))
    files = {}
    for one in manifest["files"]:
        answer = environment.s3.get_object(Bucket=BUCKET, Key=FOLDER + one["name"], VersionId=one["version"])
        files[one["name"]] = bytes(answer["Body"].read())
        assert len(files[one["name"]]) == one["size"]
        assert hashlib.sha256(files[one["name"]]).hexdigest() == one["sha256"]
    lines = [line.split("  ") for line in files[SUMS].decode().splitlines()]
    sums = {name: digest for digest, name in lines}
    assert sums == {name: hashlib.sha256(body).hexdigest() for name, body in files.items() if name != SUMS}
    return files


def in_step(environment: Environment) -> dict[str, bytes]:
    """What a reader has, once it was seen to be what the watcher wants and what lies there newest."""
    files = reader(environment)
    assert files[PINS] == environment.read("bundles/main/pins.json")
    assert files[IDENTITY] == environment.read("bundles/main/identity.json")
    assert {name: newest(environment, name) for name in files} == files
    return files


def alerted(environment: Environment) -> list[str]:
    return sorted(word(alert) for alert in environment.new_alerts() if alert.target == "edge")


def outcome(environment: Environment) -> str:
    return str(environment.publish("edge").targets["edge"].outcome)


def test_the_first_run_places_the_whole_set_and_keeps_what_somebody_had_put_there(environment: Environment) -> None:
    environment.tick()
    files = in_step(environment)
    assert environment.world.region("sa-east-1").root_pem().strip() in files[BUNDLE].decode()
    assert environment.world.region("us-east-1").root_pem().strip() in files[BUNDLE].decode()
    assert "truststore-updated" in alerted(environment)
    record = json.loads(environment.read(keys.record(keys.target(environment.arn("edge")))))
    assert (record["applied"]["proof"], record.get("pending")) == ("bytes", None)


def test_a_quiet_run_writes_nothing_and_asks_three_things(environment: Environment) -> None:
    environment.tick()
    environment.clock.advance(LATER)
    environment.aws.calls.clear()
    assert outcome(environment) == "unchanged"
    calls = [(one.operation, one.resource) for one in environment.aws.calls]
    assert [name for name, _ in calls if name.startswith(("Put", "Delete"))] == []
    assert len([place for _, place in calls if str(place).startswith(BUCKET)]) == 3


def test_observing_changes_nothing_and_says_what_would_be_done(environment: Environment) -> None:
    environment.watch["mode"] = "observe"
    environment.configure()
    environment.tick()
    listed = environment.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [one["Key"] for one in listed] == [FOLDER + BUNDLE]
    assert alerted(environment) == ["change-planned"]


def test_a_new_leaf_under_the_same_root_changes_the_pins_and_not_the_bundle(environment: Environment) -> None:
    environment.tick()
    before = in_step(environment)
    region = environment.world.region("us-east-1")
    region.schedule_rotation("Genesys", environment.clock() + timedelta(minutes=5))
    environment.tick()
    after = in_step(environment)
    assert before[BUNDLE] == after[BUNDLE]
    assert before[PINS] != after[PINS]
    assert region.presented("Genesys").fingerprint in after[PINS].decode()


@pytest.mark.parametrize("name", [BUNDLE, PINS, IDENTITY, SUMS, MANIFEST])
def test_what_somebody_overwrites_is_told_once_and_put_back(environment: Environment, name: str) -> None:
    environment.tick()
    before = in_step(environment)
    environment.new_alerts()
    environment.clock.advance(LATER)
    theirs = environment.world.region("ca-central-1").root_pem()
    write(environment, name, theirs.encode())
    environment.schedule()
    after = in_step(environment)
    assert {key: body for key, body in after.items() if key not in {BUNDLE, SUMS}} == {
        key: body for key, body in before.items() if key not in {BUNDLE, SUMS}
    }
    assert (theirs.strip() in after[BUNDLE].decode()) == (name == BUNDLE), "what others add to the bundle stays"
    assert alerted(environment).count("drift-found") == 1
    environment.clock.advance(LATER)
    environment.schedule()
    assert alerted(environment) == []


@pytest.mark.parametrize("name", [BUNDLE, PINS, MANIFEST])
def test_what_somebody_deletes_comes_back(environment: Environment, name: str) -> None:
    environment.tick()
    before = in_step(environment)
    environment.clock.advance(LATER)
    environment.s3.delete_object(Bucket=BUCKET, Key=FOLDER + name)
    environment.schedule()
    after = in_step(environment)
    assert after[BUNDLE] == before[BUNDLE], "others' certificates too"


@pytest.mark.parametrize("name", [BUNDLE, PINS])
def test_where_a_drift_is_only_reported_it_stays(environment: Environment, name: str) -> None:
    environment.tick()
    environment.watch["targets"][0]["on_drift"] = "report"
    environment.configure()
    environment.clock.advance(LATER)
    write(environment, name, b"somebody's")
    environment.schedule()
    environment.clock.advance(LATER)
    environment.schedule()
    assert newest(environment, name) == b"somebody's"
    assert alerted(environment).count("drift-found") == 1


@pytest.mark.parametrize("name", [BUNDLE, MANIFEST])
def test_what_somebody_makes_huge_is_not_read_to_its_end(environment: Environment, name: str) -> None:
    environment.tick()
    write(environment, name, b"#" * (MAX_BUNDLE + 1))
    environment.clock.advance(LATER)
    assert outcome(environment) == "target-failed"


def test_another_stack_that_keeps_the_same_place_is_told(environment: Environment) -> None:
    environment.tick()
    environment.new_alerts()
    environment.clock.advance(LATER)
    write(environment, MANIFEST, newest(environment, MANIFEST).replace(b"s3://watcher-bucket/", b"s3://other-stack/"))
    environment.schedule()
    assert "two-stacks" in alerted(environment)


def test_a_copy_of_an_earlier_version_is_no_work_of_ours(environment: Environment) -> None:
    environment.tick()
    region = environment.world.region("us-east-1")
    (first,) = [one["version"] for one in json.loads(newest(environment, MANIFEST))["files"] if one["name"] == BUNDLE]
    region.schedule_rotation("DigiCert", environment.clock() + timedelta(minutes=5), intermediate="new")
    environment.tick()
    assert in_step(environment)[BUNDLE]
    environment.new_alerts()
    environment.clock.advance(LATER)
    source: Any = {"Bucket": BUCKET, "Key": FOLDER + BUNDLE, "VersionId": first}
    environment.s3.copy_object(Bucket=BUCKET, Key=FOLDER + BUNDLE, CopySource=source)
    environment.schedule()
    in_step(environment)
    assert alerted(environment).count("drift-found") == 1


def copy_in_place(environment: Environment) -> None:
    """Somebody writes each object again with its own bytes (another class of storage, a restored backup).

    The versions before are gone for good, as a lifecycle rule has it.
    """
    for one in environment.s3.list_object_versions(Bucket=BUCKET)["Versions"]:
        if one["IsLatest"]:
            place = {"Bucket": BUCKET, "Key": one["Key"]}
            environment.s3.copy_object(**place, CopySource=place, MetadataDirective="COPY", StorageClass="STANDARD_IA")
    for one in environment.s3.list_object_versions(Bucket=BUCKET)["Versions"]:
        if not one["IsLatest"]:
            environment.s3.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])


def test_a_set_whose_versions_are_gone_is_placed_anew_though_its_bytes_lie_there(environment: Environment) -> None:
    environment.tick()
    environment.clock.advance(LATER)
    copy_in_place(environment)
    environment.watcher = environment.build()
    outcome(environment)
    environment.clock.advance(LATER)
    assert outcome(environment) in {"unchanged", "updated"}
    in_step(environment)
    assert "drift-found" in alerted(environment)


def test_a_role_that_may_not_write_there_is_told_with_the_way_out(environment: Environment) -> None:
    environment.aws.fail_next("s3", "ListObjectsV2", "AccessDenied", 403, times=1)
    environment.collect()
    assert outcome(environment) == "target-denied"
    (alert,) = [one for one in environment.new_alerts() if one.target == "edge"]
    assert "TargetArns must name it" in alert.what_happened


def given_up(environment: Environment, account: str) -> Any:
    """The bucket is deleted, and somebody of another account takes its name and lets everybody in; their S3."""
    for one in environment.s3.list_object_versions(Bucket=BUCKET).get("Versions", []):
        environment.s3.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])
    environment.s3.delete_bucket(Bucket=BUCKET)
    theirs = environment.aws.at(account=account).client("s3")
    theirs.create_bucket(Bucket=BUCKET)
    theirs.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return theirs


def test_a_bucket_whose_name_another_account_has_taken_is_neither_read_nor_written(environment: Environment) -> None:
    environment.tick()
    environment.new_alerts()
    theirs = given_up(environment, STRANGER)
    theirs.put_object(
        Bucket=BUCKET, Key=FOLDER + BUNDLE, Body=environment.world.region("eu-west-1").root_pem().encode()
    )
    environment.clock.advance(LATER)
    assert outcome(environment) == "target-denied"
    (alert,) = [one for one in environment.new_alerts() if one.target == "edge"]
    assert f"FileBucketArns its bucket, and {BUCKET} must belong to account 123456789012" in alert.what_happened
    assert "bucket_account" in alert.what_happened
    assert [one["Key"] for one in theirs.list_objects_v2(Bucket=BUCKET)["Contents"]] == [FOLDER + BUNDLE]


def test_each_call_says_to_whom_the_bucket_must_belong(environment: Environment) -> None:
    asked: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(params)

    adapter: Any = environment.watcher.publish.targets[FILE_PLACE]
    adapter._s3.meta.events.register("provide-client-params.s3", note)
    environment.tick()
    write(environment, PINS, b"[]")
    environment.clock.advance(LATER)
    outcome(environment)
    in_step(environment)
    there = [one for one in asked if one["Bucket"] == BUCKET]
    assert len(there) > 20
    assert {one.get("ExpectedBucketOwner") for one in there} == {environment.aws.account}


def test_a_bucket_of_another_account_is_kept_where_the_watch_file_names_that(environment: Environment) -> None:
    given_up(environment, STRANGER)
    environment.watch["targets"][0]["bucket_account"] = STRANGER
    environment.configure()
    environment.tick()
    in_step(environment)
    environment.watch["targets"][0]["bucket_account"] = "333333333333"
    environment.configure()
    environment.clock.advance(LATER)
    assert outcome(environment) == "target-denied"


def test_a_bucket_without_versions_is_refused_and_its_bundle_stays(environment: Environment) -> None:
    environment.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    before = newest(environment, BUNDLE)
    environment.collect()
    assert outcome(environment) in {"failed", "target-failed"}
    assert MANIFEST not in file_names(environment)
    assert before != b""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(8))
def test_a_run_that_dies_between_two_of_its_writes_shows_no_reader_half_a_set_and_the_next_completes_it(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, number: int, *, after: bool
) -> None:
    environment.tick()
    before = in_step(environment)
    environment.new_alerts()
    region = environment.world.region("us-east-1")
    region.schedule_rotation("DigiCert", environment.clock() + timedelta(minutes=5), intermediate="new")
    environment.clock.advance(LATER)
    environment.collect()
    adapter: Any = environment.watcher.publish.targets[FILE_PLACE]
    writes: list[str] = []

    def dying(arn: str, name: str, body: bytes, found: Any) -> Any:
        dies = len(writes) == number
        writes.append(name)
        if dies and not after:
            raise KeyboardInterrupt
        written = FilePlaces._put(adapter, arn, name, body, found)  # where a run dies
        if dies:
            raise KeyboardInterrupt
        return written

    with monkeypatch.context() as patch:
        patch.setattr(adapter, "_put", dying)
        with pytest.raises(KeyboardInterrupt):
            environment.publish("edge")
    assert reader(environment)[BUNDLE] in {before[BUNDLE], newest(environment, BUNDLE)}
    environment.clock.advance(timedelta(minutes=40))
    environment.schedule()
    files = in_step(environment)
    assert region.presented("DigiCert").fingerprint in files[PINS].decode()
    assert len(files[BUNDLE]) > len(before[BUNDLE])
    assert "drift-found" not in alerted(environment), "nobody else did anything"
    environment.clock.advance(LATER)
    environment.schedule()
    assert in_step(environment) == files


def file_names(environment: Environment) -> set[str]:
    listed = environment.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    return {one["Key"].removeprefix(FOLDER) for one in listed}


def test_every_file_of_the_set_is_one_of_the_contract(environment: Environment) -> None:
    environment.tick()
    assert file_names(environment) <= {BUNDLE, PINS, PINS_LIST, IDENTITY, CRL, SUMS, MANIFEST} == {*file_sets.TYPES}


@pytest.mark.parametrize("on_drift", ["heal", "report"])
@pytest.mark.parametrize("observed", [False, True])
def test_where_somebody_has_carried_the_very_bundle_the_rest_is_placed_beside_it(
    make_environment: MakeEnvironment, on_drift: str, *, observed: bool
) -> None:
    at = make_environment()
    at.world.region("us-east-1", days_left=200)
    at.add_source("use1", "us-east-1")
    at.add_bundle("main", ["use1"])
    at.add_file_place("edge", "main", at.world.region("us-east-1").root_pem(), on_drift=on_drift)
    at.watch["mode"] = "observe" if observed else "apply"
    at.configure()
    at.tick()
    if observed:
        assert outcome(at) == "would-update"
        assert "change-planned" in alerted(at)
        at.watch["mode"] = "apply"
        at.configure()
        at.tick()
    assert in_step(at)[BUNDLE] == at.world.region("us-east-1").root_pem().encode()
    assert "truststore-updated" in alerted(at)
    at.tick()
    at.tick()
    at.clock.advance(LATER)
    at.aws.calls.clear()
    assert outcome(at) == "unchanged"
    assert not [one for one in at.aws.calls if one.mutating]
