"""docs/security/recovery.md, typed: what is lost takes nothing from a target, and its commands bring back the rest."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import jmespath
import pytest
from botocore.exceptions import ClientError

from local.environment import BUCKET, SECRET_NAME, Environment, variables_set
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher import keys
from rotation_watcher.arns import parse_target
from rotation_watcher.errors import ConfigurationError
from tests.support.elsewhere import make_region_bucket
from tests.support.shell import ROOT, typed
from tests.support.words import word

PAGE = (ROOT / "docs" / "security" / "recovery.md").read_text()
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
DUBLIN, REGIONAL, SECOND, YOURS = "eu-west-1", "watcher-eu-west-1", "watcher-second", "yours"
TARGETS = ("alb", "rest", "edge")


def commands(heading: str) -> list[str]:
    """The commands below a heading of the page."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```", section, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]


class Place(NamedTuple):
    """The environment, and the folder in which the commands are typed."""

    environment: Environment
    folder: Path

    def type(self, command: str, **names: str) -> str:
        """Type a command of the page, with a name for each word in capitals."""
        for name, value in ({"BUCKET": BUCKET} | names).items():
            command = re.sub(rf"\b{name}\b", value, command)
        assert not re.search(r"\b[A-Z]{5,}\b", command), command
        return typed(self.environment, command, self.folder).strip()

    def folder_of(self, target: str) -> str:
        """FOLDER of a target."""
        return keys.target(self.environment.arn(target)).rstrip("/").rpartition("/")[2]


@pytest.fixture
def opened() -> Iterator[Environment]:
    with Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}) as environment:
        environment.world.region("us-east-1", days_left=200)
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        yield environment


@pytest.fixture
def place(opened: Environment, tmp_path: Path) -> Place:
    """A trust store, a domain and a trust store of CloudFront that hold Genesys' root and a partner's; all is told."""
    theirs = opened.world.region("sa-east-1").root_pem()
    opened.add_trust_store("alb", "main", theirs)
    opened.add_rest_domain("rest", "main", theirs)
    opened.add_cloudfront_trust_store("edge", "main", theirs)
    opened.configure()
    look(opened)
    assert {target: len(opened.live(target)) for target in TARGETS} == dict.fromkeys(TARGETS, 2)
    opened.new_alerts()
    return Place(opened, tmp_path)


def look(environment: Environment, *targets: str, step: timedelta = QUARTER) -> dict[str, str]:
    """What a quarter of an hour brings; the outcome of each target, with why where its state cannot be used."""
    environment.clock.advance(step)
    environment.collect()
    found = {}
    for target in targets or [one["id"] for one in environment.watch["targets"]]:
        environment.clock.advance(timedelta(seconds=40))
        one = environment.publish(target).targets[target]
        found[target] = f"{one.outcome}: {one.message}" if one.outcome == "broken" else str(one.outcome)
    return found


def wipe(environment: Environment) -> None:
    """Somebody deletes every version of every object; no container lives that remembers any."""
    pages = environment.s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    for one in [one for page in pages for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, [])]:
        environment.s3.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])
    environment.watcher = environment.build()


def held(environment: Environment) -> dict[str, list[str]]:
    return {one["id"]: sorted(environment.live(one["id"])) for one in environment.watch["targets"]}


def rotate_the_root(environment: Environment, bucket: str = BUCKET) -> None:
    """Genesys' next root comes, and the operator trusts it: each target takes it, and keeps what it held."""
    before = held(environment)
    region = environment.world.region("us-east-1")
    region.schedule_rotation("Genesys", environment.clock() + DAY, root="new")
    both = region.root_pem() + region.root_pem(ahead=1)
    environment.s3.put_object(Bucket=bucket, Key="anchors/us-east-1.pem", Body=both.encode())
    for _ in range(3):
        look(environment, step=DAY)
    after = held(environment)
    for target, fingerprints in before.items():
        assert set(fingerprints) < set(after[target]), target


def told(environment: Environment) -> set[tuple[str, str]]:
    """Subject and kind of each alert that is no routine."""
    routine = {"truststore-updated", "digest", "weekly-digest", "test", "rotated", "name-learned"}
    found = {(alert.target or alert.source or "", word(alert)) for alert in environment.new_alerts()}
    return {(subject, kind) for subject, kind in found if kind not in routine}


def test_of_many_markers_no_more_are_taken_away_at_once_than_s3_takes() -> None:
    """DeleteObjects takes 1,000 keys (S3's API reference), and the AWS CLI lists all pages."""
    (listed,) = (one for one in commands("Objects were deleted") if "list-object-versions" in one)
    (query,) = re.findall(r"--query '(.+)' > markers\.json$", listed)
    markers = [{"Key": f"k{n}", "VersionId": f"v{n}", "IsLatest": n % 2 == 0} for n in range(3000)]
    taken: Any = jmespath.search(query, {"DeleteMarkers": markers})["Objects"]
    assert taken == [{"Key": f"k{n}", "VersionId": f"v{n}"} for n in range(0, 2000, 2)]


def test_what_was_deleted_comes_back_with_its_versions_and_nothing_is_told(place: Place) -> None:
    environment = place.environment
    before = held(environment)
    listed = environment.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    for one in listed:
        environment.s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    with pytest.raises(ConfigurationError):
        environment.collect()

    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject*",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    environment.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    keeping, lifting, listing, deleting, putting = commands("Objects were deleted")
    place.type(keeping)
    place.type(lifting)
    place.type(listing)
    assert place.type(deleting) == str(len(listed))
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        environment.s3.get_bucket_policy(Bucket=BUCKET)
    place.type(putting)
    assert json.loads(environment.s3.get_bucket_policy(Bucket=BUCKET)["Policy"]) == policy
    assert look(environment) == dict.fromkeys(TARGETS, "unchanged")
    assert held(environment) == before
    assert told(environment) == set()
    rotate_the_root(environment)


def test_a_bucket_that_is_lost_takes_nothing_from_a_target_and_a_copy_brings_it_all_back(place: Place) -> None:
    environment = place.environment
    (copying,) = commands("Before: a copy")
    place.type(copying)
    before = held(environment)
    wipe(environment)
    for run in (environment.collect, environment.publish):
        with pytest.raises(ConfigurationError):
            run()
    assert held(environment) == before

    restoring, putting, pointing, adopting = commands("The bucket is lost")
    place.type(restoring)
    assert look(environment) == {"alb": "unchanged", "rest": "target-failed", "edge": "content-unknown"}
    assert held(environment) == before

    environment.aws.make_bucket(YOURS)
    version = place.type(putting, YOURS=YOURS, FOLDER=place.folder_of("rest"))
    names = {"YOURS": YOURS, "FOLDER": place.folder_of("rest"), "DOMAIN": "rest.example.com", "VERSION": version}
    place.type(pointing, **names)
    store, etag = adopted(environment).removesuffix(".pem").split("/")[2:]
    place.type(adopting, FOLDER=place.folder_of("edge"), STORE=store, ETAG=etag)
    look(environment)
    assert look(environment) == dict.fromkeys(TARGETS, "unchanged")
    assert held(environment) == before
    rotate_the_root(environment)


def test_all_of_a_copy_brings_back_what_the_watcher_added_itself_too(place: Place) -> None:
    environment = place.environment
    (copying,) = commands("Before: a copy")
    place.type(copying)
    before, records = held(environment), [ours(environment, target) for target in TARGETS]
    assert all(records)
    wipe(environment)
    whole, _, options = commands("The bucket is lost")[0].partition(" --exclude ")
    assert options
    place.type(whole)
    for _ in range(2):
        assert look(environment) == {"alb": "unchanged", "rest": "unchanged", "edge": "unchanged"}
    assert held(environment) == before
    assert [ours(environment, target) for target in TARGETS] == records


def ours(environment: Environment, target: str) -> list[str]:
    """What the watcher knows to have added to a target itself, by the target's record."""
    return sorted(json.loads(environment.read(keys.record(keys.target(environment.arn(target)))))["ours"])


def adopted(environment: Environment) -> str:
    """Where the operator says what the trust store of CloudFront holds now."""
    store = parse_target(environment.arn("edge")).name
    etag = environment.aws.client("cloudfront").get_trust_store(Identifier=store)["ETag"]
    return keys.adopted(store, etag)


def test_without_a_copy_nothing_leaves_and_what_must_be_said_is_told(place: Place) -> None:
    environment = place.environment
    before = held(environment)
    wipe(environment)
    environment.put("anchors/us-east-1.pem", environment.world.region("us-east-1").root_pem())
    environment.configure()
    alerts: set[tuple[str, str]] = set()
    for _ in range(4):
        assert look(environment) == {"alb": "unchanged", "rest": "target-failed", "edge": "content-unknown"}
        alerts |= told(environment)
    assert alerts == {("rest", "truststore-update-failed"), ("edge", "truststore-update-failed")}
    assert held(environment) == before
    environment.clock.advance(60 * DAY)
    look(environment)
    assert held(environment) == before, "what it does not know to be its own never leaves"


def test_a_stack_in_another_region_takes_over_what_the_lost_one_kept_there(opened: Environment, tmp_path: Path) -> None:
    environment, place = opened, Place(opened, tmp_path)
    dublin = environment.aws.at(DUBLIN)
    make_region_bucket(environment.aws, DUBLIN, "watcher")
    environment.reach(region_buckets=[REGIONAL])
    theirs = environment.world.region("sa-east-1").root_pem()
    environment.add_trust_store("alb", "main", theirs, at=dublin)
    environment.add_rest_domain("rest", "main", theirs, at=dublin)
    environment.configure()
    look(environment)
    before = held(environment)
    assert {len(each) for each in before.values()} == {2}
    (copying,) = commands("Before: a copy")
    place.type(copying)
    wipe(environment)
    assert held(environment) == before, "they load from the bucket of their own region"

    with variables_set(second_stack(environment)):
        (restoring,) = commands("The region is lost")
        place.type(restoring, SECOND=SECOND)
        there = environment.aws.client("ssm", DUBLIN).get_parameter(Name=SECRET_NAME)["Parameter"]["ARN"]
        environment.watch["sources"][0]["credentials"] = there
        environment.s3.put_object(Bucket=SECOND, Key="watch.json", Body=json.dumps(environment.watch).encode())
        environment.watcher = environment.build()
        for _ in range(2):
            assert look(environment) == {"alb": "unchanged", "rest": "unchanged"}
        assert held(environment) == before
        rotate_the_root(environment, SECOND)
        # The domain loads from the new stack's bucket from its first update on; the trust store's mark stays.
        assert told(environment) == {("alb", "two-stacks"), ("rest", "two-stacks"), ("rest", "over: two-stacks")}


def second_stack(environment: Environment) -> dict[str, str]:
    """What a stack in Dublin would make, and set for its functions."""
    boto3.DEFAULT_SESSION = None  # of this process, in which a command may have said its region; a container has none
    aws, place = environment.aws, {"AWS_DEFAULT_REGION": DUBLIN, "AWS_REGION": DUBLIN}
    aws.make_bucket(SECOND, region=DUBLIN)
    secret = {"client_id": environment.simulator.client_id, "client_secret": environment.simulator.client_secret}
    aws.client("ssm", DUBLIN).put_parameter(Name=SECRET_NAME, Type="SecureString", Value=json.dumps(secret))
    environment.sqs, sns = aws.client("sqs", DUBLIN), aws.client("sns", DUBLIN)
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = environment.sqs.create_queue(QueueName="publish.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    environment.mailbox_url = environment.sqs.create_queue(QueueName="alerts")["QueueUrl"]
    attributes: Any = environment.sqs.get_queue_attributes(
        QueueUrl=environment.mailbox_url, AttributeNames=["QueueArn"]
    )
    arn = attributes["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    return place | {
        "BUCKET": SECOND,
        "TOPIC_ARN": topic,
        "PUBLISH_QUEUE_URL": queue,
        "WATCH_FILE_URI": f"s3://{SECOND}/watch.json",
        "REGION_BUCKET_ARNS": "",
    }


def test_every_command_of_the_page_is_typed_above() -> None:
    """Those of a deployment are in docs/deploy.md, and typed by tests/deployed."""
    all_of_them = re.findall(r"^ *(aws .*)$", PAGE, re.MULTILINE)
    headings = ("Before: a copy", "Objects were deleted", "The bucket is lost", "The region is lost")
    assert [one for heading in headings for one in commands(heading)] == all_of_them
    assert len(all_of_them) == 11
