from collections import Counter
from datetime import timedelta

from local.stage import Stage
from rotation_watcher.alerts.model import Kind
from tests.support.verdicts import admits

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)


def told(stage: Stage) -> Counter[tuple[str, str | None, str | None]]:
    """How often each kind was told of each source or target, by distinct alert."""
    stage.news()
    distinct = {alert.id: alert for alert in stage.alerts}
    return Counter((alert.kind.value, alert.source or alert.target, alert.authority) for alert in distinct.values())


def assert_presented_is_admitted(stage: Stage) -> None:
    """What Genesys presents at this moment gets through every target that is for it."""
    now = stage.clock()
    for target, region, authority in (
        ("alb", "us-east-1", "Genesys"),
        ("alb", "eu-central-1", "Genesys"),
        ("rest", "us-east-1", "Genesys"),
        ("rest", "eu-central-1", "Genesys"),
        ("http", "us-east-1", "DigiCert"),
    ):
        identity = stage.world.region(region).presented(authority)  # type: ignore[arg-type]  # a literal
        assert admits(stage.live_pem(target) or b"", identity, now), f"{target} refuses {region} {authority} at {now}"


def test_the_first_look_widens_every_target_and_keeps_what_others_had_put_there(stage: Stage) -> None:
    before = {target: set(stage.live(target)) for target in ("alb", "rest", "http")}
    stage.tick()
    assert_presented_is_admitted(stage)
    assert all(before[target] < set(stage.live(target)) for target in before)
    kinds = Counter(kind for kind, _, _ in told(stage).elements())
    assert kinds == {"name-learned": 1, "truststore-updated": 3, "shared-authority-deployed": 1}


def test_a_whole_rotation_of_both_authorities_tells_each_change_once_however_the_api_flaps(stage: Stage) -> None:
    east, frankfurt = stage.world.region("us-east-1"), stage.world.region("eu-central-1")
    start = stage.clock()
    east.schedule_rotation("DigiCert", start + 40 * DAY, flapping=timedelta(minutes=80), intermediate="new")
    east.schedule_rotation("Genesys", start + 20 * DAY, flapping=timedelta(minutes=80))
    frankfurt.schedule_rotation("Genesys", start + 30 * DAY, flapping=timedelta(minutes=80))
    stage.tick(QUARTER)
    for day in (1, 2.5, 20, 30, 40):
        stage.clock.go_to(start + day * DAY)
        for _ in range(8 if day in {20, 30, 40} else 2):
            assert_presented_is_admitted(stage)
            stage.tick(QUARTER, schedule=False)
            assert_presented_is_admitted(stage)
    counted = told(stage)
    assert counted["upcoming-published", "use1", "DigiCert"] == 1
    assert counted["rotated", "use1", "DigiCert"] == 1
    assert counted["rotated", "use1", "Genesys"] == 1
    assert counted["rotated", "euc1", "Genesys"] == 1
    assert counted["issuer-changed", "use1", "DigiCert"] == 1
    assert {kind for kind, _, _ in counted} <= {
        "name-learned",
        "upcoming-published",
        "issuer-changed",
        "rotated",
        "truststore-updated",
        "shared-authority-deployed",
    }
    assert len(stage.alerts) == len({alert.id for alert in stage.alerts})


def test_a_change_is_trusted_at_first_sight_and_announced_when_two_looks_agree(stage: Stage) -> None:
    stage.tick()
    stage.news()
    region = stage.world.region("us-east-1")
    region.schedule_rotation("DigiCert", stage.clock() + timedelta(minutes=25), intermediate="new")
    seen = []
    for _ in range(4):
        stage.clock.advance(timedelta(minutes=10))
        stage.collect()
        stage.drain()
        assert_presented_is_admitted(stage)
        counted = told(stage)
        seen.append((counted["upcoming-published", "use1", "DigiCert"], counted["rotated", "use1", "DigiCert"]))
    assert seen == [(0, 0), (1, 0), (1, 0), (1, 1)]


def test_flapping_alone_changes_no_target_and_tells_nobody(stage: Stage) -> None:
    stage.tick()
    stage.news()
    held = {target: set(stage.live(target)) for target in ("alb", "rest", "http")}
    for _ in range(6):
        stage.simulator.play("us-east-1", "certificates", body='{"entities": [], "pageNumber": 1}', times=2)
        stage.tick(QUARTER)
        stage.tick(QUARTER)
    assert stage.news() == []
    assert {target: set(stage.live(target)) for target in held} == held


def test_the_old_intermediate_leaves_after_its_grace_and_not_before(stage: Stage) -> None:
    region = stage.world.region("us-east-1")
    region.schedule_rotation("DigiCert", stage.clock() + 5 * DAY, intermediate="new")
    old = region.presented("DigiCert").chain[0]
    stage.tick()
    stage.clock.advance(5 * DAY)
    stage.tick()
    stage.tick()
    fingerprint = next(
        key for key, block in stage.live("http").items() if block.certificate and block.certificate.raw == old
    )
    stage.clock.advance(29 * DAY)
    stage.tick()
    assert fingerprint in stage.live("http")
    stage.clock.advance(2 * DAY)
    stage.tick()
    assert fingerprint not in stage.live("http")
    assert_presented_is_admitted(stage)


def test_a_new_root_is_in_the_truststore_before_its_first_leaf_is_presented(stage: Stage) -> None:
    frankfurt = stage.world.region("eu-central-1")
    stage.tick()
    stage.put("anchors/eu-central-1.pem", frankfurt.root_pem() + frankfurt.root_pem(ahead=1))
    stage.tick()
    frankfurt.schedule_rotation("Genesys", stage.clock() + DAY, root="new")
    stage.clock.advance(DAY)
    assert_presented_is_admitted(stage)  # before the watcher has looked again
    stage.tick()
    stage.tick()
    assert told(stage)["issuer-changed", "euc1", "Genesys"] == 1


def test_a_quiet_run_writes_nothing(stage: Stage) -> None:
    stage.tick()
    stage.news()
    stage.aws.calls.clear()
    stage.collect()
    stage.publish()
    writes = [(call.service, call.operation, call.resource) for call in stage.aws.calls if call.mutating]
    assert writes == []
    assert len(list(stage.aws.calls)) > 10


def test_freshness_is_marked_when_a_third_of_the_limit_has_passed(stage: Stage) -> None:
    stage.tick()
    stage.clock.advance(timedelta(hours=2, minutes=1))
    stage.aws.calls.clear()
    stage.collect()
    writes = [(call.operation, call.resource) for call in stage.aws.calls if call.mutating]
    assert [operation for operation, _ in writes] == ["PutObject", "PutObject"]
    assert all("history.json" in resource for _, resource in writes)


def test_every_alert_carries_the_attributes_for_filter_policies_and_reads_as_mail(stage: Stage) -> None:
    stage.tick()
    for alert in stage.news():
        assert alert.kind in Kind
        assert alert.source or alert.target
        assert all((alert.what_happened, alert.what_it_means, alert.what_to_do))
