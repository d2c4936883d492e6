from collections import Counter
from datetime import timedelta

from rotation_watcher.alerts.model import Kind
from tests.support.environments import AnyEnvironment
from tests.support.verdicts import admits

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)


def told(environment: AnyEnvironment) -> Counter[tuple[str, str | None, str | None]]:
    """How often each kind was alerted for each source or target, by distinct alert."""
    environment.new_alerts()
    distinct = {alert.id: alert for alert in environment.alerts}
    return Counter((alert.kind.value, alert.source or alert.target, alert.authority) for alert in distinct.values())


def assert_presented_is_admitted(environment: AnyEnvironment) -> None:
    """What Genesys presents at this moment gets through every target that is for it."""
    now = environment.clock()
    for target, region, authority in (
        ("alb", "us-east-1", "Genesys"),
        ("alb", "eu-central-1", "Genesys"),
        ("rest", "us-east-1", "Genesys"),
        ("rest", "eu-central-1", "Genesys"),
        ("http", "us-east-1", "DigiCert"),
    ):
        identity = environment.world.region(region).presented(authority)  # type: ignore[arg-type]  # a literal
        assert admits(environment.live_pem(target) or b"", identity, now), (
            f"{target} refuses {region} {authority} at {now}"
        )


def test_the_first_run_widens_every_target_and_keeps_what_others_had_put_there(environment: AnyEnvironment) -> None:
    before = {target: set(environment.live(target)) for target in ("alb", "rest", "http")}
    environment.tick()
    assert_presented_is_admitted(environment)
    assert all(before[target] < set(environment.live(target)) for target in before)
    kinds = Counter(kind for kind, _, _ in told(environment).elements())
    assert kinds == {"name-learned": 1, "truststore-updated": 3, "shared-authority-deployed": 1}


def test_a_whole_rotation_of_both_authorities_alerts_each_change_once_however_the_api_flaps(
    environment: AnyEnvironment,
) -> None:
    east, frankfurt = environment.world.region("us-east-1"), environment.world.region("eu-central-1")
    start = environment.clock()
    east.schedule_rotation("DigiCert", start + 40 * DAY, flapping=timedelta(minutes=80), intermediate="new")
    east.schedule_rotation("Genesys", start + 20 * DAY, flapping=timedelta(minutes=80))
    frankfurt.schedule_rotation("Genesys", start + 30 * DAY, flapping=timedelta(minutes=80))
    environment.tick(QUARTER)
    for day in (1, 2.5, 20, 30, 40):
        environment.clock.go_to(start + day * DAY)
        for _ in range(8 if day in {20, 30, 40} else 2):
            assert_presented_is_admitted(environment)
            environment.tick(QUARTER, schedule=False)
            assert_presented_is_admitted(environment)
    counted = told(environment)
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
    assert len(environment.alerts) == len({alert.key for alert in environment.alerts})


def test_a_change_is_trusted_at_first_sight_and_announced_when_two_observations_agree(
    environment: AnyEnvironment,
) -> None:
    environment.tick()
    environment.new_alerts()
    region = environment.world.region("us-east-1")
    region.schedule_rotation("DigiCert", environment.clock() + timedelta(minutes=25), intermediate="new")
    seen = []
    for _ in range(4):
        environment.clock.advance(timedelta(minutes=10))
        environment.collect()
        environment.drain()
        assert_presented_is_admitted(environment)
        counted = told(environment)
        seen.append((counted["upcoming-published", "use1", "DigiCert"], counted["rotated", "use1", "DigiCert"]))
    assert seen == [(0, 0), (1, 0), (1, 0), (1, 1)]


def test_flapping_alone_changes_no_target_and_alerts_nobody(environment: AnyEnvironment) -> None:
    environment.tick()
    environment.new_alerts()
    held = {target: set(environment.live(target)) for target in ("alb", "rest", "http")}
    for _ in range(6):
        environment.simulator.play("us-east-1", "certificates", body='{"entities": [], "pageNumber": 1}', times=2)
        environment.tick(QUARTER)
        environment.tick(QUARTER)
    assert environment.new_alerts() == []
    assert {target: set(environment.live(target)) for target in held} == held


def test_the_old_intermediate_leaves_after_its_grace_and_not_before(environment: AnyEnvironment) -> None:
    region = environment.world.region("us-east-1")
    region.schedule_rotation("DigiCert", environment.clock() + 5 * DAY, intermediate="new")
    old = region.presented("DigiCert").chain[0]
    environment.tick()
    environment.clock.advance(5 * DAY)
    environment.tick()
    environment.tick()
    fingerprint = next(
        key for key, block in environment.live("http").items() if block.certificate and block.certificate.raw == old
    )
    environment.clock.advance(29 * DAY)
    environment.tick()
    assert fingerprint in environment.live("http")
    environment.clock.advance(2 * DAY)
    environment.tick()  # after two days of silence the source is stale: this run makes it fresh
    environment.tick()
    environment.tick()  # after two days without a run, the first run alone ends no grace
    assert fingerprint not in environment.live("http")
    assert_presented_is_admitted(environment)


def test_a_new_root_is_in_the_truststore_before_its_first_leaf_is_presented(environment: AnyEnvironment) -> None:
    frankfurt = environment.world.region("eu-central-1")
    environment.tick()
    environment.put("anchors/eu-central-1.pem", frankfurt.root_pem() + frankfurt.root_pem(ahead=1))
    environment.tick()
    frankfurt.schedule_rotation("Genesys", environment.clock() + DAY, root="new")
    environment.clock.advance(DAY)
    assert_presented_is_admitted(environment)  # before the watcher has run again
    environment.tick()
    environment.tick()
    assert told(environment)["issuer-changed", "euc1", "Genesys"] == 1


def test_a_quiet_run_writes_nothing(environment: AnyEnvironment) -> None:
    environment.tick()
    environment.new_alerts()
    environment.forget_calls()
    environment.collect()
    environment.publish()
    writes = environment.writes()
    assert writes == []
    assert len(environment.calls()) > 10


def test_freshness_is_marked_when_a_third_of_the_limit_has_passed(environment: AnyEnvironment) -> None:
    environment.tick()
    environment.clock.advance(timedelta(hours=2, minutes=1))
    environment.forget_calls()
    environment.collect()
    writes = [(call.operation, call.resource) for call in environment.writes()]
    assert [operation for operation, _ in writes] == ["PutObject", "PutObject"]
    assert all("history.json" in resource for _, resource in writes)


def test_every_alert_carries_the_attributes_for_filter_policies_and_reads_as_mail(environment: AnyEnvironment) -> None:
    environment.tick()
    for alert in environment.new_alerts():
        assert alert.kind in Kind
        assert alert.source or alert.target
        assert all((alert.what_happened, alert.what_it_means, alert.what_to_do))
