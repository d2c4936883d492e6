"""Targets of other accounts and regions: the same bundle proved in each, in the name of a role, from a bucket there.

What the roles and buckets may be asked is taken from the templates in ``accounts/``; that each grant is needed is the
matter of ``tests/roles``.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.credentials import AssumeRoleCredentialFetcher
from botocore.exceptions import ConnectTimeoutError
from moto.sts.models import AssumedRole

from genesys_certs import app
from genesys_certs.exits import Exit
from local.aws.other_place import OtherPlace
from local.cli_serve import WallClock
from local.environment import BUCKET, Environment
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher import keys
from rotation_watcher.adapters.s3 import PROBE, RegionBucket
from rotation_watcher.alerts.model import Alert, Kind, Severity, Status
from rotation_watcher.errors import TargetError
from tests.support.elsewhere import allow_roles, make_region_bucket
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


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with Environment(start, DEFAULT_CACHE, world={"root_key_bits": 2048}) as environment:
        made = Fleet(
            environment,
            environment.aws.at(DUBLIN),
            environment.aws.at(account=OTHER),
            environment.aws.at(DUBLIN, OTHER),
        )
        make_region_bucket(environment.aws, DUBLIN, "watcher", roles=[ROLE])
        allow_roles(environment.aws, BUCKET, [ROLE])
        environment.reach(region_buckets=[REGIONAL], roles=[ROLE])
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        yield made


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


def test_one_bundle_is_proved_in_every_account_and_region_through_a_rotation(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish(fleet)
    before = {target: {*environment.live(target)} for target in (*TRUST_STORES, *DOMAINS)}
    environment.tick()
    everywhere = (*TRUST_STORES, *DOMAINS, "edge-other")
    assert_admits(environment, *everywhere)
    announce(environment, timedelta(days=2))
    for _ in range(3):
        environment.tick(timedelta(days=1))
        environment.tick()
        assert_admits(environment, *everywhere)
    bundles = {target: {*environment.live(target)} for target in (*TRUST_STORES, *DOMAINS)}
    assert len({frozenset(one) for one in bundles.values()}) == 1
    assert all(before[target] < bundles[target] for target in bundles)
    for target in (*everywhere, "nlb-other"):
        record = record_of(environment, target)
        assert record.get("pending") is None, target
        assert record["applied"]["proof"] == {"rest": "version", "edge": "etag"}.get(target.partition("-")[0], "bytes")
    s3 = fleet.dublin.client("s3")
    for target, bucket in (("rest-other", BUCKET), ("rest-dublin", REGIONAL), ("rest-other-dublin", REGIONAL)):
        arn = environment.arn(target)
        place = fleet.other if target == "rest-other" else fleet.other_dublin if "other" in target else fleet.dublin
        said = place.client("apigateway").get_domain_name(domainName=f"{target}.example.com")
        mutual = said["mutualTlsAuthentication"]
        key = keys.deployed(keys.target(arn))
        assert mutual["truststoreUri"] == f"s3://{bucket}/{key}"
        loaded = s3.get_object(Bucket=bucket, Key=key, VersionId=mutual["truststoreVersion"])["Body"].read()
        assert loaded == environment.live_pem(target)
    environment.new_alerts()
    told = {Kind.TRUSTSTORE_UPDATED, Kind.NAME_LEARNED, Kind.UPCOMING_PUBLISHED, Kind.ISSUER_CHANGED, Kind.ROTATED}
    told |= {Kind.FILTERED_OUT, Kind.FILTERS_UPDATED}  # the listener knew partners alone before
    assert {alert.kind for alert in environment.alerts} <= told


def test_a_role_is_taken_on_once_for_all_its_targets_regions_and_runs(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish(fleet)
    environment.aws.calls.clear()
    for _ in range(3):
        environment.tick()
    assert roles_taken_on(environment) == 1


def test_a_role_that_may_not_be_taken_on_is_told_with_its_remedy_and_keeps_no_other_target_waiting(
    fleet: Fleet,
) -> None:
    environment = fleet.environment
    furnish(fleet)
    environment.aws.fail_next("sts", "AssumeRole", "AccessDenied", 403, times=50)
    environment.tick()
    assert_admits(environment, "home", "dublin", "rest", "rest-dublin")
    environment.new_alerts()
    failed = {alert.target: alert for alert in environment.alerts if alert.kind is Kind.TRUSTSTORE_UPDATE_FAILED}
    assert {"other", "other-dublin", "rest-other", "edge-other"} <= failed.keys()
    assert not {"home", "dublin", "rest", "rest-dublin"} & failed.keys()
    alert = failed["other-dublin"]
    assert "the role of its account cannot be taken on: An error occurred (AccessDenied)" in alert.what_happened
    assert alert.facts["reason"] == "role-refused"
    assert alert.what_to_do.startswith(
        f"It is in the account {OTHER}; the command below is for the account of the watcher. Compare TargetRoleArns"
    )
    environment.aws.faults.clear()
    environment.tick()
    assert_admits(environment, "other", "other-dublin", "rest-other", "rest-other-dublin", "edge-other")


def test_revocation_lists_reach_a_trust_store_of_another_region_from_the_bucket_there(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish(fleet)
    environment.tick()
    environment.refresh_crls()
    environment.tick()
    lists = {target: environment.aws.live_lists(environment.arn(target)) for target in TRUST_STORES}
    assert len(lists["home"]) == 1
    assert all(held == lists["home"] for held in lists.values())
    kept = fleet.dublin.client("s3").list_objects_v2(Bucket=REGIONAL, Prefix="crls/")["Contents"]
    assert [each["Key"].rpartition("/")[2] for each in kept] == ["list.pem"]  # one for both trust stores there


def test_domains_of_different_places_do_not_wait_for_each_other(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish(fleet)
    environment.collect()
    outcomes = {name: one.outcome for run in environment.drain() for name, one in run.targets.items()}
    assert {name: outcomes[name] for name in DOMAINS} == dict.fromkeys(DOMAINS, "updated")
    held = environment.s3.list_objects_v2(Bucket=BUCKET, Prefix="targets/pace-")["Contents"]
    assert {each["Key"].removeprefix("targets/pace-api-gateway-domain") for each in held} == {
        ".json",
        f"-{DUBLIN}.json",
        f"-{OTHER}.json",
        f"-{OTHER}-{DUBLIN}.json",
    }


def test_drift_elsewhere_is_healed_and_told_with_commands_for_that_region(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish(fleet)
    environment.tick()
    forget_alerts(environment)
    arn = environment.arn("other-dublin")
    elb = fleet.other_dublin.client("elbv2")
    bucket = f"others-{OTHER}-{DUBLIN}"
    elb.modify_trust_store(
        TrustStoreArn=arn, CaCertificatesBundleS3Bucket=bucket, CaCertificatesBundleS3Key="before/other-dublin.pem"
    )
    environment.clock.advance(timedelta(minutes=15))
    environment.schedule()
    assert_admits(environment, "other-dublin")
    told = one(environment, Kind.DRIFT_FOUND)
    assert told.target == "other-dublin"
    assert f"aws cloudtrail lookup-events --region {DUBLIN} " in told.what_to_do
    assert f"It is in the account {OTHER}, and the command below needs credentials of that account." in told.what_to_do


def test_a_target_of_another_region_goes_back_to_the_version_in_the_bucket_there(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish(fleet)
    environment.tick()
    first = environment.live_pem("other-dublin")
    environment.put("extra/partner.pem", environment.world.region("ap-south-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/partner.pem"]
    environment.configure()
    environment.tick()
    assert environment.live_pem("other-dublin") != first
    environment.clock.advance(timedelta(minutes=1))
    assert environment.publish(rollback="other-dublin").targets["other-dublin"].outcome == "rolled-back"
    assert environment.live_pem("other-dublin") == first


def test_a_domain_elsewhere_whose_mutual_tls_is_turned_off_gets_back_what_it_had(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish(fleet)
    environment.tick()
    before = environment.live_pem("rest-other-dublin")
    fleet.other_dublin.client("apigateway").update_domain_name(
        domainName="rest-other-dublin.example.com",
        patchOperations=[{"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": ""}],
    )
    environment.aws.settle()
    assert environment.live_pem("rest-other-dublin") is None
    environment.clock.advance(timedelta(minutes=1))
    environment.tick()
    assert environment.live_pem("rest-other-dublin") == before


def short_lived(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """Let STS give credentials that end so soon. The SDK renews them from 15 minutes before, and must from 10."""
    made = AssumedRole.__init__

    def ends_soon(role: AssumedRole, *given: Any, **named: Any) -> None:
        made(role, *given, **named)
        role.expiration = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=minutes)

    monkeypatch.setattr(AssumedRole, "__init__", ends_soon)


def test_a_role_is_taken_on_again_before_its_credentials_end(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = fleet.environment
    furnish(fleet)
    short_lived(monkeypatch, 5)
    environment.tick()
    assert_admits(environment, "other", "other-dublin", "rest-other", "rest-other-dublin", "edge-other")
    environment.aws.calls.clear()
    monkeypatch.undo()
    environment.tick()
    assert roles_taken_on(environment) == 1, "those that end are replaced, those that last are kept"
    environment.aws.calls.clear()
    environment.tick()
    assert roles_taken_on(environment) == 0


def test_credentials_that_still_last_are_used_where_sts_refuses_new_ones(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = fleet.environment
    furnish(fleet)
    short_lived(monkeypatch, 13)
    environment.tick()
    forget_alerts(environment)
    environment.aws.fail_next("sts", "AssumeRole", "ServiceUnavailable", 503, times=500)
    environment.put("extra/partner.pem", environment.world.region("ap-south-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/partner.pem"]
    environment.configure()
    before = environment.live_pem("other")
    environment.tick()
    assert environment.live_pem("other") != before
    environment.new_alerts()
    assert Kind.TRUSTSTORE_UPDATE_FAILED not in {alert.kind for alert in environment.alerts}


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


def test_a_bucket_that_is_gone_is_told_before_a_root_changes_and_critically_while_genesys_is_refused(
    fleet: Fleet,
) -> None:
    environment = standing_region(fleet)
    lose(fleet, "gone")
    environment.watcher = environment.build()  # a container of its own: nothing is remembered of what domains load
    hours(environment, 1)
    told = told_of_failures(environment)
    assert {alert.target for alert in told} == IN_DUBLIN
    assert len(told) == len({alert.target for alert in told}), "each once"
    for alert in told:
        assert alert.facts["reason"] == "bucket-unusable"
        assert f"bucket {REGIONAL}, from which targets of {DUBLIN} load, does not exist" in alert.what_happened
        assert "accounts/region-bucket.yaml" in alert.what_to_do
    assert {alert.severity for alert in told} == {Severity.WARNING}
    environment.alerts.clear()

    rotate(environment)
    told = told_of_failures(environment)
    assert {(alert.target, alert.severity, alert.status) for alert in told} == {
        (target, Severity.CRITICAL, Status.OPEN) for target in IN_DUBLIN
    }
    assert len(told) == len(IN_DUBLIN), "each once more, when it became worse"
    assert_admits(environment, "home")

    make_region_bucket(environment.aws, DUBLIN, "watcher", roles=[ROLE])
    environment.watcher = environment.build()
    for _ in range(2):
        environment.tick()
    assert_admits(environment, "home", *IN_DUBLIN)
    for target in IN_DUBLIN:
        assert not {"stuck", "unchangeable", "unreadable"} & open_now(environment, target)


@pytest.mark.parametrize("how", ["denied", "unread", "unversioned"])
def test_a_bucket_that_cannot_be_used_is_told_by_the_next_container_before_a_root_changes(
    how: str, fleet: Fleet
) -> None:
    environment = standing_region(fleet)
    lose(fleet, how)
    environment.watcher = environment.build()
    hours(environment, 1)
    told = told_of_failures(environment)
    assert {alert.target for alert in told} == IN_DUBLIN
    assert {alert.facts["reason"] for alert in told} == {"bucket-unusable"}
    assert len(told) == len(IN_DUBLIN)
    if how == "unversioned":
        assert all("keeps no versions" in alert.what_happened for alert in told), told[0].what_happened


def test_a_bucket_that_refuses_what_publish_writes_is_told_once_and_critically(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish_region(fleet)
    environment.tick()
    lose(fleet, "denied")
    forget_alerts(environment)
    rotate(environment)
    told = told_of_failures(environment)
    opened = [alert for alert in told if alert.status is Status.OPEN]
    assert {alert.target for alert in opened} == IN_DUBLIN
    assert {alert.facts["reason"] for alert in told} == {"bucket-unusable"}
    assert Status.RESOLVED not in {alert.status for alert in told}
    assert [alert.target for alert in told if alert.severity is Severity.CRITICAL]
    assert_admits(environment, "home")


def test_a_bucket_that_answers_by_turns_does_not_flap_and_hides_nothing(fleet: Fleet) -> None:
    environment = standing_region(fleet)
    lose(fleet, "gone")
    for turn in range(8):
        if turn % 2:
            environment.aws.fail_next("s3", "HeadBucket", "ServiceUnavailable", 503, times=4)
        hours(environment, 1)
        environment.aws.faults.clear()
    told = told_of_failures(environment)
    assert sorted(alert.target or "" for alert in told) == sorted(IN_DUBLIN)

    fleet.dublin.client("elbv2").modify_trust_store(
        TrustStoreArn=environment.arn("dublin"),
        CaCertificatesBundleS3Bucket=f"others-{environment.aws.account}-{DUBLIN}",
        CaCertificatesBundleS3Key="before/dublin.pem",
    )
    hours(environment, 1)
    environment.new_alerts()
    drifted = [alert for alert in environment.alerts if alert.kind is Kind.DRIFT_FOUND]
    assert [alert.target for alert in drifted] == ["dublin"]
    assert "in this run" not in drifted[0].what_to_do
    assert [alert.severity for alert in told_of_failures(environment) if alert.target == "dublin"][-1:] == [
        Severity.CRITICAL
    ]


def test_a_bucket_that_fails_at_each_write_hides_no_drift_and_is_critical_while_genesys_is_refused(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = standing_region(fleet)

    def failing(_store: RegionBucket, *_given: Any, **_named: Any) -> Any:
        raise TargetError("cannot write: An error occurred (InternalError)")

    for method in ("get", "put"):
        monkeypatch.setattr(RegionBucket, method, failing)
    fleet.dublin.client("elbv2").modify_trust_store(
        TrustStoreArn=environment.arn("dublin"),
        CaCertificatesBundleS3Bucket=f"others-{environment.aws.account}-{DUBLIN}",
        CaCertificatesBundleS3Key="before/dublin.pem",
    )
    hours(environment, 1)
    told = {alert.kind: alert for alert in environment.new_alerts() if alert.target == "dublin"}
    assert Kind.DRIFT_FOUND in told
    assert told[Kind.TRUSTSTORE_UPDATE_FAILED].severity is Severity.CRITICAL
    monkeypatch.undo()
    hours(environment, 1)
    assert_admits(environment, "dublin")


def test_a_door_that_cannot_be_shut_again_is_told_so(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish_region(fleet)
    environment.tick()
    lose(fleet, "gone")
    hours(environment, 1)
    forget_alerts(environment)
    fleet.dublin.client("apigateway").update_domain_name(
        domainName="rest-dublin.example.com",
        patchOperations=[{"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": ""}],
    )
    environment.aws.settle()
    hours(environment, 1)
    told = {alert.kind: alert for alert in environment.new_alerts() if alert.target == "rest-dublin"}
    door = told[Kind.MTLS_OFF]
    assert "The watcher cannot turn it on again, because the bucket" in door.what_happened
    assert not door.what_to_do.startswith("Nothing")
    assert told[Kind.TRUSTSTORE_UPDATE_FAILED].severity is Severity.CRITICAL
    assert "the watcher cannot turn it on again" in told[Kind.TRUSTSTORE_UPDATE_FAILED].what_it_means


def test_a_role_that_is_refused_through_a_rotation_is_critical(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = fleet.environment
    furnish_region(fleet)
    short_lived(monkeypatch, 5)
    environment.tick()
    environment.aws.fail_next("sts", "AssumeRole", "AccessDenied", 403, times=500)
    hours(environment, 1)
    (told,) = told_of_failures(environment)
    assert (told.target, told.severity) == ("other-dublin", Severity.WARNING)
    environment.alerts.clear()
    rotate(environment)
    (told,) = told_of_failures(environment)
    assert (told.target, told.severity) == ("other-dublin", Severity.CRITICAL)
    assert "By what the watcher proved last, the target refuses" in told.what_it_means


def test_a_bucket_that_is_not_where_its_name_says_is_told(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish_region(fleet)
    lose(fleet, "gone")
    environment.aws.make_bucket(REGIONAL, region="eu-central-1")
    environment.tick()
    alert = {one.target: one for one in told_of_failures(environment)}["dublin"]
    assert f"bucket {REGIONAL} is in eu-central-1, not in {DUBLIN}" in alert.what_happened


def test_a_dry_run_says_of_a_bucket_that_is_gone(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish_region(fleet)
    environment.tick()
    lose(fleet, "gone")
    environment.watcher = environment.build()
    environment.aws.calls.clear()
    planned = environment.publish(dry_run=True)
    assert not [call for call in environment.aws.calls.snapshot() if call.mutating]
    assert planned.targets["home"].outcome == "unchanged"
    assert planned.targets["dublin"].outcome == "bucket-unusable"
    assert any("bucket-unusable" in line or REGIONAL in line for line in planned.text)


def test_what_the_stack_deployed_from_a_bucket_that_it_has_no_more_is_no_strangers(fleet: Fleet) -> None:
    environment = standing_region(fleet)
    make_region_bucket(environment.aws, DUBLIN, "other-watcher", roles=[ROLE])
    environment.reach(region_buckets=[f"other-watcher-{DUBLIN}"], roles=[ROLE])
    lose(fleet, "unread")  # no role may read the former one any more
    hours(environment, 1)
    environment.new_alerts()
    assert environment.alerts == []
    rotate(environment)
    assert_admits(environment, "home", *IN_DUBLIN)
    said = fleet.dublin.client("apigateway").get_domain_name(domainName="rest-dublin.example.com")
    assert said["mutualTlsAuthentication"]["truststoreUri"].startswith(f"s3://other-watcher-{DUBLIN}/")


def test_another_stacks_bucket_of_a_region_is_not_taken_for_its_state(fleet: Fleet) -> None:
    environment = standing_region(fleet)
    theirs = f"strangers-{DUBLIN}"
    environment.aws.make_bucket(theirs, region=DUBLIN)
    key, body = keys.deployed(keys.target(environment.arn("rest-dublin"))), others(environment).encode()
    version = fleet.dublin.client("s3").put_object(Bucket=theirs, Key=key, Body=body)["VersionId"]
    fleet.dublin.client("apigateway").update_domain_name(
        domainName="rest-dublin.example.com",
        patchOperations=[
            {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": f"s3://{theirs}/{key}"},
            {"op": "replace", "path": "/mutualTlsAuthentication/truststoreVersion", "value": version},
        ],
    )
    environment.aws.settle()
    hours(environment, 1)
    environment.new_alerts()
    told = next(alert for alert in environment.alerts if alert.kind is Kind.TWO_STACKS)
    assert told.facts["bucket of the other"] == theirs
    assert f"From {theirs} targets of this region load" in told.what_to_do
    assert "deploy this one with ExistingBucketName" not in told.what_to_do


def test_a_role_of_which_sts_says_nothing_is_waited_for_once_a_run(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = fleet.environment
    furnish(fleet)
    waits: list[str] = []

    def silent(fetcher: AssumeRoleCredentialFetcher) -> Any:
        waits.append(str(vars(fetcher)["_role_arn"]))
        raise ConnectTimeoutError(endpoint_url="https://sts.amazonaws.com/")

    monkeypatch.setattr(AssumeRoleCredentialFetcher, "fetch_credentials", silent)
    environment.aws.settle()
    environment.collect()
    [*environment.drain()]
    waits.clear()
    looked = environment.publish(sweep=True)
    assert waits == [ROLE]
    elsewhere = {name: one for name, one in looked.targets.items() if "other" in name}
    assert {one.outcome for one in elsewhere.values()} == {"role-unanswered"}
    assert all("STS gives no answer" in str(one.message) for one in elsewhere.values())
    assert_admits(environment, "home", "dublin")


def test_the_command_line_says_what_it_cannot_see_from_here_and_what_the_function_sees(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    with Environment(now, DEFAULT_CACHE, clock=WallClock(), world={"root_key_bits": 2048}) as environment:
        dublin, there = environment.aws.at(DUBLIN), environment.aws.at(DUBLIN, OTHER)
        make_region_bucket(environment.aws, DUBLIN, "watcher", roles=[ROLE])
        environment.reach(region_buckets=[REGIONAL], roles=[ROLE])
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        fleet = Fleet(environment, dublin, environment.aws.at(account=OTHER), there)
        furnish_region(fleet)
        environment.deploy(RegionBucketArns=f"arn:aws:s3:::{REGIONAL}", TargetRoleArns=ROLE)
        environment.collect()
        environment.report()
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        environment.aws.calls.clear()

        def said(*arguments: str) -> tuple[int, str]:
            capsys.readouterr()
            code = app.main(arguments)
            return code, capsys.readouterr().out

        code, out = said("plan", "--from-here", "--json")
        found = json.loads(out)
        assert (code, found.get("failures")) == (0, {}), found
        assert [one["target"] for one in found["targets"]] == ["home", "dublin", "rest-dublin"]
        assert found["left_out"] == {
            "other-dublin": f"left out: only publish may take on {ROLE}. After the deployment or upload,"
            " `genesys-certs plan` asks it."
        }
        assert roles_taken_on(environment) == 0
        assert not [call for call in environment.aws.calls.snapshot() if call.operation == "PutObject"]
        code, out = said("plan", "--from-here", "--target", "other-dublin")
        assert (code, f"only publish may take on {ROLE}" in " ".join(out.split())) == (0, True)
        code, out = said("plan")
        assert (code, "other-dublin" in out) == (0, True)

        lose(fleet, "gone")
        code, out = said("plan")
        assert f"{REGIONAL}, from which targets of {DUBLIN} load, does not exist" in " ".join(out.split())
        code, out = said("doctor")
        assert code == Exit.CRITICAL
        assert "bucket-unusable" in out
