"""A fleet in two accounts and two regions, for the tests of targets elsewhere."""

import json
from datetime import timedelta
from typing import Any, NamedTuple

from local.aws.other_place import OtherPlace
from local.environment import Environment
from rotation_watcher import keys
from rotation_watcher.adapters.s3 import PROBE
from rotation_watcher.alerts.model import Alert, Kind
from tests.support.verdicts import admits

OTHER, DUBLIN = "222222222222", "eu-west-1"
ROLE = f"arn:aws:iam::{OTHER}:role/genesys-certificate-watcher-targets"
THERE: dict[str, Any] = {"role_arn": ROLE, "external_id": "our-watcher"}
REGIONAL = f"watcher-{DUBLIN}"
TRUST_STORES = ("home", "dublin", "other", "other-dublin")
DOMAINS = ("rest", "rest-dublin", "rest-other", "rest-other-dublin")


class Fleet(NamedTuple):
    """The environment, and the other places in it."""

    environment: Environment
    dublin: OtherPlace
    other: OtherPlace
    other_dublin: OtherPlace


IN_DUBLIN = {"dublin", "rest-dublin", "other-dublin"}


def furnish_region(fleet: Fleet) -> None:
    """A trust store at home; two trust stores, one of the other account, and a domain in the other region."""
    environment, dublin, _, other_dublin = fleet
    theirs = others(environment)
    environment.add_trust_store("home", "main", theirs)
    environment.add_trust_store("dublin", "main", theirs, at=dublin)
    environment.add_trust_store("other-dublin", "main", theirs, at=other_dublin, **THERE)
    environment.add_rest_domain("rest-dublin", "main", theirs, at=dublin)
    environment.configure()


def standing_region(fleet: Fleet) -> Environment:
    """The same, each brought up to date once, and what was told of it forgotten."""
    furnish_region(fleet)
    fleet.environment.tick()
    forget_alerts(fleet.environment)
    return fleet.environment


def forget_alerts(environment: Environment) -> None:
    """Hear all that was told, and judge from now on only what comes."""
    environment.new_alerts()
    environment.alerts.clear()


def others(environment: Environment) -> str:
    return environment.world.region("sa-east-1").root_pem()


def furnish(fleet: Fleet) -> None:
    """A trust store and a domain in each place, and a listener and a trust store of CloudFront in the other account."""
    environment, dublin, other, other_dublin = fleet
    theirs = others(environment)
    environment.add_trust_store("home", "main", theirs)
    environment.add_trust_store("dublin", "main", theirs, at=dublin)
    store = environment.add_trust_store("other", "main", theirs, at=other, **THERE)
    environment.add_trust_store("other-dublin", "main", theirs, at=other_dublin, **THERE)
    environment.add_rest_domain("rest", "main", theirs)
    environment.add_rest_domain("rest-dublin", "main", theirs, at=dublin)
    environment.add_rest_domain("rest-other", "main", theirs, at=other, **THERE)
    environment.add_rest_domain("rest-other-dublin", "main", theirs, at=other_dublin, **THERE)
    filters = [{"Field": "subject-ou", "Action": "accept", "MatchType": "exact", "Value": "Partner"}]
    environment.add_listener("nlb-other", "main", store, filters, at=other, **THERE)
    environment.add_cloudfront_trust_store("edge-other", "main", theirs, at=other, **THERE)
    environment.configure()


def one(environment: Environment, kind: Kind) -> Alert:
    environment.new_alerts()
    (alert,) = [alert for alert in environment.alerts if alert.kind is kind]
    return alert


def record_of(environment: Environment, target: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(environment.read(keys.record(environment.folder(target))))
    return found


def assert_admits(environment: Environment, *targets: str) -> None:
    identity, now = environment.world.region("us-east-1").presented("Genesys"), environment.clock()
    for target in targets:
        assert admits(environment.live_pem(target) or b"", identity, now), target


def announce(environment: Environment, ahead: timedelta) -> None:
    """So far ahead Genesys presents a leaf of a new root, which the operator trusts already."""
    east = environment.world.region("us-east-1")
    east.schedule_rotation("Genesys", environment.clock() + ahead, root="new")
    environment.put("anchors/us-east-1.pem", east.root_pem() + east.root_pem(ahead=1))


def roles_taken_on(environment: Environment) -> int:
    return len([call for call in environment.aws.calls.snapshot() if call.operation == "AssumeRole"])


def rotate(environment: Environment) -> None:
    """Genesys presents a leaf of a new root, of which the watcher hears a day before."""
    announce(environment, timedelta(days=1))
    for _ in range(2):
        environment.tick(timedelta(hours=13))
        environment.tick()


def told_of_failures(environment: Environment) -> list[Alert]:
    environment.new_alerts()
    return [alert for alert in environment.alerts if alert.kind is Kind.TRUSTSTORE_UPDATE_FAILED]


def hours(environment: Environment, number: int) -> None:
    """So long by the schedules."""
    for _ in range(number * 4):
        environment.clock.advance(timedelta(minutes=15))
        environment.schedule()
        environment.drain()


def open_now(environment: Environment, target: str) -> set[str]:
    return {key.partition(":")[0] for key in record_of(environment, target).get("conditions", {})}


def lose(fleet: Fleet, how: str) -> None:
    """Take the regional bucket from the watcher."""
    s3 = fleet.dublin.client("s3")
    if how == "unversioned":
        s3.put_bucket_versioning(Bucket=REGIONAL, VersioningConfiguration={"Status": "Suspended"})
        s3.put_object(Bucket=REGIONAL, Key=PROBE, Body=b"")
        return
    if how in {"denied", "unread"}:
        refusal = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject" if how == "denied" else "s3:GetObject*",
            "Resource": f"arn:aws:s3:::{REGIONAL}/*",
        }
        s3.put_bucket_policy(Bucket=REGIONAL, Policy=json.dumps({"Version": "2012-10-17", "Statement": [refusal]}))
        return
    versions = s3.list_object_versions(Bucket=REGIONAL).get("Versions", [])
    for each in versions:
        s3.delete_object(Bucket=REGIONAL, Key=each["Key"], VersionId=each["VersionId"])
    s3.delete_bucket(Bucket=REGIONAL)
