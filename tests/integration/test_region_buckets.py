"""The bucket of another region, from which targets load: lost, refusing, exchanged, another stack's."""

from datetime import timedelta
from typing import Any

import pytest

from local.environment import Environment
from rotation_watcher import configuration, keys
from rotation_watcher.adapters.s3 import RegionBucket
from rotation_watcher.alerts.model import Kind, Severity, Status
from rotation_watcher.errors import RequestRefused, TargetError
from tests.support.elsewhere import make_region_bucket
from tests.support.fleet_elsewhere import (
    DUBLIN,
    IN_DUBLIN,
    REGIONAL,
    ROLE,
    Fleet,
    assert_admits,
    forget_alerts,
    furnish_region,
    hours,
    lose,
    one,
    open_now,
    others,
    record_of,
    rotate,
    standing_region,
    told_of_failures,
)


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


def test_where_it_only_observes_what_is_due_is_told_beside_the_bucket_that_is_gone(fleet: Fleet) -> None:
    environment = standing_region(fleet)
    environment.watch["mode"] = "observe"
    environment.configure()
    lose(fleet, "gone")
    environment.watcher = environment.build()
    rotate(environment)
    assert {alert.target for alert in told_of_failures(environment)} == IN_DUBLIN
    planned = [one for one in environment.alerts if one.kind is Kind.CHANGE_PLANNED and one.status is Status.OPEN]
    for target in IN_DUBLIN:
        told = [one.severity for one in planned if one.target == target]
        assert told == [Severity.WARNING, Severity.CRITICAL], "once when announced, once when presented"


def test_of_what_nobody_knows_no_change_is_planned(fleet: Fleet) -> None:
    environment = fleet.environment
    furnish_region(fleet)
    environment.watch["mode"] = "observe"
    environment.configure()
    fleet.dublin.client("apigateway").update_domain_name(
        domainName="rest-dublin.example.com",
        patchOperations=[{"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": ""}],
    )
    environment.aws.settle()
    lose(fleet, "gone")
    environment.tick()
    hours(environment, 1)
    told = {(alert.target, alert.kind) for alert in environment.new_alerts()}
    assert {("rest-dublin", Kind.MTLS_OFF), ("rest-dublin", Kind.TRUSTSTORE_UPDATE_FAILED)} <= told
    assert ("dublin", Kind.CHANGE_PLANNED) in told
    assert ("rest-dublin", Kind.CHANGE_PLANNED) not in told, "what others had there is unknown, and would come back"


def exchange(fleet: Fleet) -> str:
    """Another bucket for the region, and no role may read the former one; its name."""
    make_region_bucket(fleet.environment.aws, DUBLIN, "other-watcher", roles=[ROLE])
    fleet.environment.reach(region_buckets=[f"other-watcher-{DUBLIN}"], roles=[ROLE])
    lose(fleet, "unread")
    return f"other-watcher-{DUBLIN}"


def test_what_the_stack_deployed_from_a_bucket_that_it_has_no_more_is_no_strangers(fleet: Fleet) -> None:
    environment = standing_region(fleet)
    other = exchange(fleet)
    hours(environment, 1)
    environment.new_alerts()
    assert environment.alerts == []
    rotate(environment)
    assert_admits(environment, "home", *IN_DUBLIN)
    said = fleet.dublin.client("apigateway").get_domain_name(domainName="rest-dublin.example.com")
    assert said["mutualTlsAuthentication"]["truststoreUri"].startswith(f"s3://{other}/")


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


def with_partner(fleet: Fleet) -> Environment:
    """The fleet with a second version deployed everywhere, which an operator may want to leave again."""
    environment = standing_region(fleet)
    environment.put("extra/partner.pem", environment.world.region("ap-south-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/partner.pem"]
    environment.configure()
    environment.tick()
    environment.clock.advance(timedelta(minutes=1))
    forget_alerts(environment)
    return environment


def test_a_going_back_that_an_exchange_of_buckets_interrupts_is_given_up_and_is_nobodys_forgery(fleet: Fleet) -> None:
    environment = with_partner(fleet)
    environment.aws.fail_next("apigateway", "UpdateDomainName", "BadRequestException", 400)
    environment.publish(rollback="rest-dublin")
    assert record_of(environment, "rest-dublin")["pending"]["hold"] == "by-hand"
    exchange(fleet)
    hours(environment, 1)
    environment.new_alerts()
    assert Kind.STATE_FORGED not in {alert.kind for alert in environment.alerts}
    told = [alert.what_happened for alert in environment.alerts if "given up" in alert.what_happened]
    assert len(told) == 1
    assert f"lies in the bucket {REGIONAL}, from which the target loads no more" in told[0]
    assert "pending" not in record_of(environment, "rest-dublin")


def test_after_an_exchange_only_a_version_that_can_be_loaded_is_gone_back_to(fleet: Fleet) -> None:
    environment = with_partner(fleet)
    (former,) = [one["version"] for one in record_of(environment, "dublin")["versions"][:1]]
    exchange(fleet)
    with pytest.raises(RequestRefused, match="no such earlier version; known: none"):
        environment.publish(rollback="dublin")
    with pytest.raises(RequestRefused, match=f"version {former} lies in the bucket {REGIONAL}, from"):
        environment.publish(rollback="dublin", to=former)


def test_a_domain_that_was_turned_off_is_told_with_the_bucket_in_which_its_version_lies(fleet: Fleet) -> None:
    environment = standing_region(fleet)
    next(one for one in environment.watch["targets"] if one["id"] == "rest-dublin")["on_drift"] = "report"
    environment.configure()
    environment.tick()
    make_region_bucket(environment.aws, DUBLIN, "other-watcher", roles=[ROLE])
    environment.reach(region_buckets=[f"other-watcher-{DUBLIN}"], roles=[ROLE])
    version = record_of(environment, "rest-dublin")["applied"]["version"]
    fleet.dublin.client("apigateway").update_domain_name(
        domainName="rest-dublin.example.com",
        patchOperations=[{"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": ""}],
    )
    environment.aws.settle()
    forget_alerts(environment)
    hours(environment, 1)
    told = one(environment, Kind.MTLS_OFF)
    (load,) = [line for line in told.what_to_do.splitlines() if version in line]
    assert f"s3://{REGIONAL}/" in load


def test_a_bucket_that_the_stack_no_longer_names_stops_the_targets_of_its_region_alone(fleet: Fleet) -> None:
    environment = standing_region(fleet)

    def configured() -> configuration.Configured:
        watcher, ports = environment.watcher, environment.watcher.collect
        configuration.keep(watcher.watch, watcher.parse, ports.store, ports.sink, ports.clock, dry_run=False)
        return configuration.in_use(watcher.watch, watcher.parse, ports.store, dry_run=False)

    everything = {target.id for target in configured().watch.targets}
    forget_alerts(environment)
    environment.reach(region_buckets=[], roles=[ROLE])
    found = configured()
    assert {target.id for target in found.watch.targets} == everything - IN_DUBLIN
    assert "home" in {target.id for target in found.watch.targets}
    assert found.dropped == {}, "nothing is wound up: it may come back"
    (alert,) = [alert for alert in environment.new_alerts() if alert.kind is Kind.CONFIGURATION_REFUSED]
    assert "goes on with the last one" in alert.what_it_means
    assert "leaves out the targets that are named here" in alert.what_it_means
    environment.reach(region_buckets=[REGIONAL], roles=[ROLE])
    assert {target.id for target in configured().watch.targets} == everything
