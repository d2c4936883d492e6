"""What a person asks of publish, and what publish does about what others do."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from local.stage import BUCKET, Stage
from rotation_watcher import keys
from rotation_watcher.errors import RequestRefused, TargetBusy
from rotation_watcher.kinds import ALB_TRUST_STORE
from rotation_watcher.ports import BundleObject, Live, TrustTarget
from rotation_watcher.targets.record import decode
from tests.support import others

DAY = timedelta(days=1)


def kinds(stage: Stage) -> list[str]:
    return [alert.kind.value for alert in stage.news()]


def quiet(stage: Stage) -> None:
    stage.tick()
    stage.news()


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(stage: Stage) -> None:
    stage.collect()
    stage.aws.calls.clear()
    summary = stage.publish(dry_run=True)
    assert [(name, target.outcome) for name, target in summary.targets.items()] == [
        ("alb", "would-update"),
        ("rest", "would-update"),
        ("http", "would-update"),
    ]
    assert len(summary.targets["alb"].added) == 2
    assert [call.operation for call in stage.aws.calls if call.mutating] == []


def test_a_dry_run_of_collect_says_what_it_saw_and_writes_nothing(stage: Stage) -> None:
    stage.aws.calls.clear()
    summary = stage.collect(dry_run=True)
    assert set(summary.sources["use1"].current) == {"DigiCert", "Genesys"}
    assert [call.operation for call in stage.aws.calls if call.mutating] == []


def test_observe_changes_no_target_and_says_once_what_it_would_do(stage: Stage) -> None:
    stage.watch["mode"] = "observe"
    stage.configure()
    before = {target: stage.live_pem(target) for target in ("alb", "rest", "http")}
    for _ in range(3):
        stage.tick()
    assert {target: stage.live_pem(target) for target in before} == before
    told = kinds(stage)
    assert told.count("change-planned") == 3
    assert "truststore-updated" not in told
    assert stage.read(keys.wanted("genesys")).count(b"BEGIN CERTIFICATE") == 2
    with pytest.raises(RequestRefused, match="the mode is observe"):
        stage.publish(rollback="alb")


def test_a_rollback_brings_back_what_was_there_and_holds_until_released(stage: Stage) -> None:
    quiet(stage)
    stage.put("anchors/us-east-1.pem", stage.world.region("us-east-1").root_pem() * 2)
    stage.put("extra/more.pem", stage.world.region("ca-central-1").root_pem())
    stage.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    stage.configure()
    before = set(stage.live("alb"))
    stage.tick()
    assert set(stage.live("alb")) > before
    assert stage.publish(rollback="alb").targets["alb"].outcome == "rolled-back"
    assert set(stage.live("alb")) == before
    stage.tick()
    assert set(stage.live("alb")) == before
    assert stage.publish("alb").targets["alb"].outcome == "held"
    assert stage.publish(release="alb").targets["alb"].outcome == "updated"
    assert set(stage.live("alb")) > before
    assert [kind for kind in kinds(stage) if kind == "rolled-back"] == ["rolled-back"]


def test_a_rollback_that_would_refuse_a_current_leaf_is_refused_by_name(stage: Stage) -> None:
    quiet(stage)
    held = stage.live_pem("alb")
    with pytest.raises(RequestRefused, match=r"would refuse the current leaf .* data actions would fail"):
        stage.publish(rollback="alb")
    assert stage.live_pem("alb") == held


def test_drift_is_told_and_healed_and_what_others_added_stays(stage: Stage) -> None:
    quiet(stage)
    wanted = set(stage.live("alb"))
    stranger = stage.world.region("ca-central-1").root_pem()
    others.load(stage, stranger)
    foreign = set(stage.live("alb"))
    stage.publish("alb")
    back = set(stage.live("alb")) - foreign
    assert foreign < set(stage.live("alb"))
    assert len(back) == 2  # the two roots that are wanted; the root that others took away stays away
    assert len(wanted) == 3
    assert kinds(stage) == ["drift-found", "truststore-updated"]
    stage.publish("alb")
    assert kinds(stage) == []


def test_drift_is_only_told_where_the_target_says_so(stage: Stage) -> None:
    stage.watch["targets"][0]["on_drift"] = "report"
    stage.configure()
    quiet(stage)
    others.load(stage, stage.world.region("ca-central-1").root_pem())
    replaced = set(stage.live("alb"))
    for _ in range(2):
        stage.publish("alb")
    assert set(stage.live("alb")) == replaced
    alerts = stage.news()
    assert [(alert.kind, alert.severity) for alert in alerts] == [("drift-found", "critical")]


def test_a_domain_that_was_pointed_elsewhere_is_brought_back(stage: Stage) -> None:
    quiet(stage)
    stage.clock.advance(timedelta(minutes=1))
    others.point_rest(stage, stage.world.region("ca-central-1").root_pem())
    for _ in range(2):
        stage.clock.advance(timedelta(minutes=1))
        stage.publish("rest")
    assert kinds(stage) == ["drift-found", "truststore-updated"]
    domain = stage.aws.client("apigateway").get_domain_name(domainName="rest.example.com")
    assert domain["mutualTlsAuthentication"]["truststoreUri"] == f"s3://{BUCKET}/targets/rest/bundle.pem"


def test_mutual_tls_turned_off_is_critical_and_turned_on_again(stage: Stage) -> None:
    quiet(stage)
    held = set(stage.live("rest"))
    stage.clock.advance(timedelta(minutes=1))
    others.turn_off_rest(stage)
    assert stage.live("rest") == {}
    for _ in range(2):
        stage.clock.advance(timedelta(minutes=1))
        stage.publish("rest")
    assert set(stage.live("rest")) == held
    assert "mtls-off" in kinds(stage)


def test_a_listener_switched_to_passthrough_and_an_open_default_endpoint_are_told_once(stage: Stage) -> None:
    quiet(stage)
    others.pass_through(stage)
    others.open_rest(stage)
    for _ in range(3):
        stage.publish()
    alerts = stage.news()
    assert sorted((alert.kind, alert.target, alert.severity) for alert in alerts) == [
        ("mtls-off", "alb", "critical"),
        ("mtls-off", "rest", "critical"),
    ]


def test_removals_beyond_the_limit_wait_for_a_word_and_additions_go_on(stage: Stage) -> None:
    for number, region in enumerate(("ca-central-1", "ap-south-1", "eu-west-1")):
        stage.put(f"extra/{number}.pem", stage.world.region(region).root_pem())
    stage.watch["bundles"][0]["extra"] = [f"extra/{number}.pem" for number in range(3)]
    stage.configure()
    quiet(stage)
    full = set(stage.live("alb"))
    del stage.watch["bundles"][0]["extra"]
    stage.configure()
    for _ in range(2):
        stage.publish("alb")
    assert set(stage.live("alb")) == full
    assert kinds(stage) == ["removal-held"]
    assert stage.publish(release="alb").targets["alb"].outcome == "updated"
    assert len(full - set(stage.live("alb"))) == 3


def test_content_that_the_service_rejects_is_told_once_held_and_nothing_is_lost(stage: Stage) -> None:
    quiet(stage)
    held = stage.live_pem("alb")
    stage.aws.fail_next("elbv2", "ModifyTrustStore", "InvalidCaCertificatesBundle", times=9)
    stage.put("extra/new.pem", stage.world.region("ca-central-1").root_pem())
    stage.watch["bundles"][0]["extra"] = ["extra/new.pem"]
    stage.configure()
    outcomes = [stage.publish("alb").targets["alb"].outcome for _ in range(3)]
    assert outcomes == ["rejected", "held", "held"]
    assert stage.live_pem("alb") == held
    assert kinds(stage) == ["truststore-update-failed"]


def test_a_stale_read_back_is_read_again_and_not_acted_on(stage: Stage) -> None:
    stage.collect()
    stage.aws.stale_reads(stage.arn("alb"), 3)
    assert stage.publish("alb").targets["alb"].outcome == "updated"
    record = decode(stage.read(keys.record("alb")))
    assert record.hold is None
    assert len(record.versions) == 1  # as found


def test_an_update_that_hangs_is_taken_up_again_and_told_when_it_lasts(stage: Stage) -> None:
    stage.aws.knobs.settle_delay = timedelta(hours=2)
    stage.collect()
    assert stage.publish("rest").targets["rest"].outcome == "still-updating"
    for _ in range(7):
        stage.clock.advance(timedelta(minutes=7))
        stage.publish("rest")
    assert [kind for kind in kinds(stage) if kind == "truststore-update-failed"] == ["truststore-update-failed"]
    stage.clock.advance(timedelta(hours=2))
    assert stage.publish("rest").targets["rest"].outcome == "updated"


def test_a_lost_record_loses_nothing_that_is_needed_or_of_others(stage: Stage) -> None:
    quiet(stage)
    held = set(stage.live("alb"))
    stage.s3.delete_object(Bucket=BUCKET, Key=keys.record("alb"))
    stage.clock.advance(2 * DAY)
    for _ in range(2):
        stage.tick()
    assert set(stage.live("alb")) == held


def test_pins_widen_before_the_target_and_narrow_after_the_grace(stage: Stage) -> None:
    region = stage.world.region("us-east-1")
    quiet(stage)
    old = region.presented("Genesys").fingerprint
    region.schedule_rotation("Genesys", stage.clock() + timedelta(minutes=1))
    stage.tick()
    stage.tick()
    new = region.presented("Genesys").fingerprint

    def pinned() -> set[str]:
        return {pin["certificate"]["fingerprint"] for pin in json.loads(stage.read(keys.pins("genesys")))["pins"]}

    assert {old, new} <= pinned()
    stage.clock.advance(31 * DAY)
    stage.tick()
    stage.tick()
    assert new in pinned()
    assert old not in pinned()


def test_two_sources_of_one_region_that_disagree_are_told_once(stage: Stage) -> None:
    elsewhere = stage.world.region("eu-west-1")
    stage.put("anchors/twin.pem", elsewhere.root_pem())
    url = stage.simulator.api_url("eu-west-1")
    stage.add_source("zwilling", "us-east-1", anchored=False, anchors="anchors/twin.pem")
    stage.watch["sources"][-1] |= {"client_name": elsewhere.client_name, "api_url": url, "login_url": url}
    stage.configure()
    for _ in range(2):
        stage.collect()
    assert "sources-disagree" not in kinds(stage)
    for _ in range(4):
        stage.collect()
    assert kinds(stage) == ["sources-disagree"]


def test_a_bundle_that_no_target_loads_is_published_by_the_schedule_all_the_same(stage: Stage) -> None:
    stage.add_bundle("carried", ["euc1"])
    stage.configure()
    stage.collect()
    assert stage.publish(enqueue="all").bundles == {"carried": "written"}
    assert stage.read(keys.wanted("carried")).decode() == stage.world.region("eu-central-1").root_pem()
    assert stage.publish(enqueue="all").bundles == {"carried": "unchanged"}


class Spoiled:
    """A trust store that somebody else overwrites in the moment after our update."""

    def __init__(self, stage: Stage, target: TrustTarget, pem: str) -> None:
        self._stage, self._target, self._pem = stage, target, pem
        self.spoils = 1

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:
        return self._target.read(arn, known_endpoints)

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        self._target.update(arn, bundle, expected=expected)
        if self.spoils:
            self.spoils -= 1
            others.load(self._stage, self._pem)


def spoil(stage: Stage, pem: str) -> None:
    ports = stage.watcher.publish
    spoiled = Spoiled(stage, ports.targets[ALB_TRUST_STORE], pem)
    stage.watcher.publish = ports._replace(targets={**ports.targets, ALB_TRUST_STORE: spoiled})


def test_what_is_read_back_and_refuses_a_leaf_is_rolled_back_told_and_held(stage: Stage) -> None:
    quiet(stage)
    proved = set(stage.live("alb"))
    spoil(stage, stage.world.region("ap-south-1").root_pem())
    stage.put("extra/new.pem", stage.world.region("ca-central-1").root_pem())
    stage.watch["bundles"][0]["extra"] = ["extra/new.pem"]
    stage.configure()
    assert stage.publish("alb").targets["alb"].outcome == "rolled-back"
    assert set(stage.live("alb")) == proved
    assert stage.publish("alb").targets["alb"].outcome == "held"
    assert kinds(stage) == ["rolled-back"]


def test_nothing_is_rolled_back_to_a_version_that_refuses_a_current_leaf(stage: Stage) -> None:
    stage.collect()
    spoil(stage, stage.world.region("ap-south-1").root_pem())
    assert stage.publish("alb").targets["alb"].outcome == "would-refuse"
    assert "rolled-back" not in kinds(stage)
    stage.clock.advance(timedelta(minutes=5))
    assert stage.publish("alb").targets["alb"].outcome == "updated"


def test_a_domain_that_takes_the_truststore_with_warnings_is_told_with_its_words(stage: Stage) -> None:
    quiet(stage)
    stage.aws.knobs.truststore_warnings = ("Certificate 1 (CN=Somebody) cannot be used.",)
    extra = stage.world.region("us-east-1").stranger("self-made-root").chain[-1]
    stage.put("extra/more.pem", extra.public_bytes(Encoding.PEM).decode())
    stage.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    stage.configure()
    for _ in range(2):
        stage.clock.advance(timedelta(minutes=1))
        stage.publish("rest")
    warned = [alert for alert in stage.news() if alert.kind == "truststore-update-failed"]
    domain = stage.aws.client("apigateway").get_domain_name(domainName="rest.example.com")
    warnings = domain["mutualTlsAuthentication"].get("truststoreWarnings", [])
    assert len(warnings) == 1
    assert len(warned) == 1
    assert warnings[0][:40] in warned[0].what_happened


class Mute:
    """A trust store that cannot be read for a while: from a read on, so many times."""

    def __init__(self, target: TrustTarget, first: int, times: int) -> None:
        self._target, self._first, self._times = target, first, times
        self.reads = 0

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:
        self.reads += 1
        if self._first <= self.reads < self._first + self._times:
            raise TargetBusy("throttled")
        return self._target.read(arn, known_endpoints)

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        self._target.update(arn, bundle, expected=expected)


@pytest.mark.parametrize(("first", "times", "outcome"), [(2, 1, "target-busy"), (3, 5, "updated"), (3, 99, "unproven")])
def test_a_target_that_falls_silent_leaves_no_claim_behind_and_heals(
    stage: Stage, first: int, times: int, outcome: str
) -> None:
    stage.collect()
    ports = stage.watcher.publish
    mute = Mute(ports.targets[ALB_TRUST_STORE], first, times)
    stage.watcher.publish = ports._replace(targets={**ports.targets, ALB_TRUST_STORE: mute})
    assert stage.publish("alb").targets["alb"].outcome == outcome
    assert decode(stage.read(keys.record("alb"))).claim is None
    stage.watcher.publish = ports
    assert stage.publish("alb").targets["alb"].outcome == ("unchanged" if outcome == "updated" else "updated")
    assert kinds(stage).count("truststore-updated") == 1
