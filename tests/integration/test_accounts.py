"""Targets of other accounts and regions: the same bundle proved in each, in the name of a role, from a bucket there.

What the roles and buckets may be asked is taken from the templates in ``accounts/``; that each grant is needed is the
matter of ``tests/roles``.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.credentials import AssumeRoleCredentialFetcher
from botocore.exceptions import ConnectTimeoutError
from moto.sts.models import AssumedRole

from genesys_certs import app
from genesys_certs.exits import Exit
from local.cli_serve import WallClock
from local.environment import BUCKET, Environment
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher import keys
from rotation_watcher.alerts.model import Kind, Severity
from tests.support.elsewhere import make_region_bucket
from tests.support.fleet_elsewhere import (
    DOMAINS,
    DUBLIN,
    OTHER,
    REGIONAL,
    ROLE,
    TRUST_STORES,
    Fleet,
    announce,
    assert_admits,
    forget_alerts,
    furnish,
    furnish_region,
    hours,
    lose,
    one,
    record_of,
    roles_taken_on,
    rotate,
    told_of_failures,
)


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
    told |= {Kind.FILTERS_UPDATED}  # the listener knew partners alone before
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
