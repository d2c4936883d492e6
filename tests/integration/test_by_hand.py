"""What a person asks of publish, and what publish does about what others do."""

import copy
import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from local.environment import BUCKET
from rotation_watcher import arns, keys
from rotation_watcher.alerts.model import Severity
from rotation_watcher.errors import RequestRefused, TargetBusy
from rotation_watcher.kinds import ALB_TRUST_STORE
from rotation_watcher.ports import BundleObject, Live, TrustTarget
from rotation_watcher.targets.record import decode
from tests.support.environments import AnyEnvironment
from tests.support.words import word

DAY = timedelta(days=1)


def kinds(environment: AnyEnvironment) -> list[str]:
    return [word(alert) for alert in environment.new_alerts()]


def quiet(environment: AnyEnvironment) -> None:
    environment.tick()
    environment.new_alerts()


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(environment: AnyEnvironment) -> None:
    environment.collect()
    environment.forget_calls()
    summary = environment.publish(dry_run=True)
    assert [(name, target.outcome) for name, target in summary.targets.items()] == [
        ("alb", "would-update"),
        ("rest", "would-update"),
        ("http", "would-update"),
    ]
    assert len(summary.targets["alb"].added) == 2
    assert environment.writes() == []


def test_a_dry_run_of_collect_says_what_it_saw_and_writes_nothing(environment: AnyEnvironment) -> None:
    environment.forget_calls()
    summary = environment.collect(dry_run=True)
    assert set(summary.sources["use1"].current) == {"DigiCert", "Genesys"}
    assert environment.writes() == []


def test_observe_changes_no_target_and_says_once_what_it_would_do(environment: AnyEnvironment) -> None:
    environment.watch["mode"] = "observe"
    environment.configure()
    before = {target: environment.live_pem(target) for target in ("alb", "rest", "http")}
    for _ in range(3):
        environment.tick()
    assert {target: environment.live_pem(target) for target in before} == before
    told = environment.new_alerts()
    planned = [alert for alert in told if alert.kind == "change-planned"]
    assert len(planned) == 3
    assert {"As it stands it refuses" in alert.what_it_means for alert in planned} == {True}
    assert all(any(name.startswith("refused") for name in alert.facts) for alert in planned)
    assert {alert.severity for alert in planned} == {Severity.CRITICAL}
    assert "truststore-updated" not in {alert.kind for alert in told}
    assert environment.read(keys.wanted("genesys")).count(b"BEGIN CERTIFICATE") == 2
    with pytest.raises(RequestRefused, match="the mode is observe"):
        environment.publish(rollback="alb")


def test_what_is_due_in_observe_is_urgent_from_when_genesys_presents_what_is_refused(
    environment: AnyEnvironment,
) -> None:
    frankfurt = environment.world.region("eu-central-1")
    quiet(environment)
    environment.watch["mode"] = "observe"
    environment.configure()

    def planned() -> list[tuple[str, Severity, str]]:
        environment.tick()
        return [
            (str(one.target), one.severity, one.id) for one in environment.new_alerts() if one.kind == "change-planned"
        ]

    environment.put("anchors/eu-central-1.pem", frankfurt.root_pem() + frankfurt.root_pem(ahead=1))
    due = planned()
    assert due
    assert {severity for _, severity, _ in due} == {Severity.WARNING}
    frankfurt.schedule_rotation("Genesys", environment.clock() + DAY, root="new")
    assert planned() == [], "it is announced: nothing is worse yet"
    environment.clock.advance(DAY)
    assert [*planned(), *planned()] == [(target, Severity.CRITICAL, known) for target, _, known in due]


def test_a_rollback_brings_back_what_was_there_and_holds_until_released(environment: AnyEnvironment) -> None:
    quiet(environment)
    environment.put("anchors/us-east-1.pem", environment.world.region("us-east-1").root_pem() * 2)
    environment.put("extra/more.pem", environment.world.region("ca-central-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    environment.configure()
    before = set(environment.live("alb"))
    environment.tick()
    assert set(environment.live("alb")) > before
    assert environment.publish(rollback="alb").targets["alb"].outcome == "rolled-back"
    assert set(environment.live("alb")) == before
    environment.tick()
    assert set(environment.live("alb")) == before
    assert environment.publish("alb").targets["alb"].outcome == "held"
    assert environment.publish(release="alb").targets["alb"].outcome == "updated"
    assert set(environment.live("alb")) > before
    assert [kind for kind in kinds(environment) if kind == "rolled-back"] == ["rolled-back"]


def test_a_rollback_that_would_refuse_a_current_leaf_is_refused_by_name(environment: AnyEnvironment) -> None:
    quiet(environment)
    held = environment.live_pem("alb")
    with pytest.raises(RequestRefused, match=r"would refuse the current leaf .* data actions would fail"):
        environment.publish(rollback="alb")
    assert environment.live_pem("alb") == held


def test_drift_is_alerted_and_healed_and_what_others_added_stays(environment: AnyEnvironment) -> None:
    quiet(environment)
    wanted = set(environment.live("alb"))
    stranger = environment.world.region("ca-central-1").root_pem()
    environment.load_elsewhere("alb", stranger)
    foreign = set(environment.live("alb"))
    environment.publish("alb")
    back = set(environment.live("alb")) - foreign
    assert foreign < set(environment.live("alb"))
    assert len(back) == 2  # the two roots that are wanted; the root that others took away stays away
    assert len(wanted) == 3
    assert kinds(environment) == ["drift-found", "truststore-updated"]
    environment.publish("alb")
    assert kinds(environment) == []


def test_drift_is_only_alerted_where_the_target_says_so(environment: AnyEnvironment) -> None:
    environment.watch["targets"][0]["on_drift"] = "report"
    environment.configure()
    quiet(environment)
    environment.load_elsewhere("alb", environment.world.region("ca-central-1").root_pem())
    replaced = set(environment.live("alb"))
    for _ in range(2):
        environment.publish("alb")
    assert set(environment.live("alb")) == replaced
    alerts = environment.new_alerts()
    assert [(word(alert), alert.severity) for alert in alerts] == [("drift-found", "critical")]


def test_a_domain_that_was_pointed_elsewhere_is_brought_back(environment: AnyEnvironment) -> None:
    quiet(environment)
    environment.clock.advance(timedelta(minutes=1))
    environment.load_elsewhere("rest", environment.world.region("ca-central-1").root_pem())
    for _ in range(2):
        environment.clock.advance(timedelta(minutes=1))
        environment.publish("rest")
    assert kinds(environment) == ["drift-found", "truststore-updated"]
    assert environment.location("rest") == f"s3://{BUCKET}/{keys.deployed(environment.folder('rest'))}"


def test_mutual_tls_turned_off_is_critical_and_turned_on_again(environment: AnyEnvironment) -> None:
    quiet(environment)
    held = set(environment.live("rest"))
    environment.clock.advance(timedelta(minutes=1))
    environment.turn_off("rest")
    assert environment.live("rest") == {}
    for _ in range(2):
        environment.clock.advance(timedelta(minutes=1))
        environment.publish("rest")
    assert set(environment.live("rest")) == held
    assert "mtls-off" in kinds(environment)


def test_a_listener_switched_to_passthrough_and_an_open_default_endpoint_are_alerted_once(
    environment: AnyEnvironment,
) -> None:
    quiet(environment)
    environment.pass_through("alb")
    environment.open_endpoint("rest")
    for _ in range(3):
        environment.publish()
    alerts = environment.new_alerts()
    assert sorted((alert.kind, alert.target, alert.severity) for alert in alerts) == [
        ("mtls-off", "alb", "critical"),
        ("mtls-off", "rest", "critical"),
    ]


def test_removals_beyond_the_limit_wait_for_a_word_and_additions_go_on(environment: AnyEnvironment) -> None:
    for number, region in enumerate(("ca-central-1", "ap-south-1", "eu-west-1")):
        environment.put(f"extra/{number}.pem", environment.world.region(region).root_pem())
    environment.watch["bundles"][0]["extra"] = [f"extra/{number}.pem" for number in range(3)]
    environment.configure()
    quiet(environment)
    full = set(environment.live("alb"))
    del environment.watch["bundles"][0]["extra"]
    environment.configure()
    for _ in range(2):
        environment.publish("alb")
    assert kinds(environment) == ["removal-planned"]
    environment.clock.advance(31 * DAY)
    environment.tick()  # the source is fresh again
    for _ in range(2):
        environment.publish("alb")
    assert set(environment.live("alb")) == full
    assert kinds(environment).count("removal-held") == 1
    assert environment.publish(release="alb").targets["alb"].outcome == "updated"
    assert len(full - set(environment.live("alb"))) == 3


def test_content_that_the_service_rejects_is_alerted_once_held_and_nothing_is_lost(environment: AnyEnvironment) -> None:
    quiet(environment)
    held = environment.live_pem("alb")
    environment.reject_updates("alb", 9)
    environment.put("extra/new.pem", environment.world.region("ca-central-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/new.pem"]
    environment.configure()
    outcomes = [environment.publish("alb").targets["alb"].outcome for _ in range(3)]
    assert outcomes == ["rejected", "held", "held"]
    assert environment.live_pem("alb") == held
    assert kinds(environment) == ["truststore-update-failed"]


def test_a_stale_read_back_is_read_again_and_not_acted_on(environment: AnyEnvironment) -> None:
    environment.collect()
    environment.stale_reads("alb", 3)
    assert environment.publish("alb").targets["alb"].outcome == "updated"
    record = decode(environment.read(keys.record(environment.folder("alb"))))
    assert record.hold is None
    assert len(record.versions) == 1  # as found


def test_an_update_that_hangs_is_taken_up_again_and_alerted_when_it_lasts(environment: AnyEnvironment) -> None:
    environment.settle_after(timedelta(hours=2))
    environment.collect()
    assert environment.publish("rest").targets["rest"].outcome == "still-updating"
    for _ in range(7):
        environment.clock.advance(timedelta(minutes=7))
        environment.publish("rest")
    assert [kind for kind in kinds(environment) if kind == "truststore-update-failed"] == ["truststore-update-failed"]
    environment.clock.advance(timedelta(hours=2))
    assert environment.publish("rest").targets["rest"].outcome == "updated"


def test_a_lost_record_loses_nothing_that_is_needed_or_of_others(environment: AnyEnvironment) -> None:
    quiet(environment)
    held = set(environment.live("alb"))
    environment.delete(keys.record(environment.folder("alb")))
    environment.clock.advance(2 * DAY)
    for _ in range(2):
        environment.tick()
    assert set(environment.live("alb")) == held


def test_pins_widen_before_the_target_and_narrow_after_the_grace(environment: AnyEnvironment) -> None:
    region = environment.world.region("us-east-1")
    quiet(environment)
    old = region.presented("Genesys").fingerprint
    region.schedule_rotation("Genesys", environment.clock() + timedelta(minutes=1))
    environment.tick()
    environment.tick()
    new = region.presented("Genesys").fingerprint

    def pinned() -> set[str]:
        return {pin["certificate"]["fingerprint"] for pin in json.loads(environment.read(keys.pins("genesys")))["pins"]}

    assert {old, new} <= pinned()
    environment.clock.advance(31 * DAY)
    environment.tick()
    environment.tick()
    assert new in pinned()
    assert old not in pinned()


def test_two_sources_of_one_region_that_disagree_are_alerted_once(environment: AnyEnvironment) -> None:
    elsewhere = environment.world.region("eu-west-1")
    environment.put("anchors/twin.pem", elsewhere.root_pem())
    url = environment.simulator.api_url("eu-west-1")
    environment.add_source("zwilling", "us-east-1", anchored=False, anchors="anchors/twin.pem")
    environment.watch["sources"][-1] |= {"client_name": elsewhere.client_name, "api_url": url, "login_url": url}
    environment.configure()
    for _ in range(2):
        environment.collect()
    assert "sources-disagree" not in kinds(environment)
    for _ in range(4):
        environment.collect()
    assert kinds(environment) == ["sources-disagree"]


def test_a_bundle_that_no_target_loads_is_published_by_the_schedule_all_the_same(environment: AnyEnvironment) -> None:
    environment.add_bundle("carried", ["euc1"])
    environment.configure()
    environment.collect()
    assert environment.publish(sweep=True).bundles == {"carried": "written"}
    assert environment.read(keys.wanted("carried")).decode() == environment.world.region("eu-central-1").root_pem()
    assert environment.publish(sweep=True).bundles == {"carried": "unchanged"}


class Spoiled:
    """A trust store that somebody else overwrites in the moment after our update."""

    def __init__(self, environment: AnyEnvironment, target: TrustTarget, pem: str) -> None:
        self._environment, self._target, self._pem = environment, target, pem
        self.spoils = 1

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:
        return self._target.read(arn, known_endpoints)

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        self._target.update(arn, bundle, expected=expected)
        if self.spoils:
            self.spoils -= 1
            self._environment.load_elsewhere("alb", self._pem)


def spoil(environment: AnyEnvironment, pem: str) -> None:
    ports = environment.watcher.publish
    spoiled = Spoiled(environment, ports.targets[ALB_TRUST_STORE], pem)
    environment.watcher.publish = copy.replace(ports, targets={**ports.targets, ALB_TRUST_STORE: spoiled})


def test_what_is_read_back_and_refuses_a_leaf_is_rolled_back_alerted_and_held(environment: AnyEnvironment) -> None:
    quiet(environment)
    proved, ours = (
        set(environment.live("alb")),
        set(decode(environment.read(keys.record(environment.folder("alb")))).ours),
    )
    (theirs,) = proved - ours
    spoil(environment, environment.world.region("ap-south-1").root_pem())
    environment.put("extra/new.pem", environment.world.region("ca-central-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/new.pem"]
    environment.configure()
    assert environment.publish("alb").targets["alb"].outcome == "rolled-back"
    assert set(environment.live("alb")) & proved == ours  # what others have overwritten is theirs to bring back
    assert len(set(environment.live("alb")) - proved) == 1
    assert environment.publish("alb").targets["alb"].outcome == "held"
    (alert,) = environment.new_alerts()
    assert alert.kind == "rolled-back"
    assert theirs[:16] in str(alert.facts)


def test_nothing_is_rolled_back_to_a_version_that_refuses_a_current_leaf(environment: AnyEnvironment) -> None:
    environment.collect()
    spoil(environment, environment.world.region("ap-south-1").root_pem())
    assert environment.publish("alb").targets["alb"].outcome == "would-refuse"
    assert "rolled-back" not in kinds(environment)
    environment.clock.advance(timedelta(minutes=5))
    assert environment.publish("alb").targets["alb"].outcome == "updated"


def test_a_domain_that_takes_the_truststore_with_warnings_is_alerted_with_its_words(
    environment: AnyEnvironment,
) -> None:
    quiet(environment)
    environment.warn_of_updates("Certificate 1 (CN=Somebody) cannot be used.")
    extra = environment.world.region("us-east-1").stranger("self-made-root").chain[-1]
    environment.put("extra/more.pem", extra.public_bytes(Encoding.PEM).decode())
    environment.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    environment.configure()
    for _ in range(2):
        environment.clock.advance(timedelta(minutes=1))
        environment.publish("rest")
    warned = [alert for alert in environment.new_alerts() if word(alert) == "truststore-update-failed"]
    warnings = environment.warnings("rest")
    assert len(warnings) == 1
    assert len(warned) == 1
    assert warnings[0][:40] in warned[0].what_happened


class Mute:
    """A target that cannot be read for a while: from a read on, so many times."""

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


@pytest.mark.parametrize(
    ("target", "first", "times", "outcome"),
    [
        ("rest", 2, 1, "target-busy"),  # where the account's pace is asked for, it is read again under the claim
        ("alb", 2, 1, "updated"),
        ("alb", 2, 5, "updated"),
        ("alb", 2, 99, "unproven"),
    ],
)
def test_a_target_that_falls_silent_leaves_no_claim_behind_and_heals(
    environment: AnyEnvironment, target: str, first: int, times: int, outcome: str
) -> None:
    environment.collect()
    ports, kind = environment.watcher.publish, arns.parse_target(environment.arn(target)).kind
    mute = Mute(ports.targets[kind], first, times)
    environment.watcher.publish = copy.replace(ports, targets={**ports.targets, kind: mute})
    assert environment.publish(target).targets[target].outcome == outcome
    assert decode(environment.read(keys.record(environment.folder(target)))).claim is None
    environment.watcher.publish = ports
    assert environment.publish(target).targets[target].outcome == ("unchanged" if outcome == "updated" else "updated")
    assert kinds(environment).count("truststore-updated") == 1
