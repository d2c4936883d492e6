"""Going back without harm to others, and approvals gone without a trace: what long histories brought to light."""

from datetime import timedelta

from rotation_watcher import keys
from tests.support import others
from tests.support.environments import AnyEnvironment
from tests.support.words import word


def test_a_rollback_keeps_what_others_have_added_since(environment: AnyEnvironment) -> None:
    environment.tick()
    earlier = set(environment.live("alb"))
    environment.put("extra/more.pem", environment.world.region("ca-central-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    environment.configure()
    environment.tick()
    environment.load_elsewhere(
        "alb", (environment.live_pem("alb") or b"").decode() + environment.world.region("ap-south-1").root_pem()
    )
    environment.tick()
    added = set(environment.live("alb")) - earlier
    assert len(added) == 2
    assert environment.publish(rollback="alb").targets["alb"].outcome == "rolled-back"
    assert set(environment.live("alb")) - earlier < added  # without the extra one, with that of others
    assert earlier < set(environment.live("alb"))
    assert environment.publish("alb").targets["alb"].outcome == "held"
    assert environment.publish(release="alb").targets["alb"].outcome == "updated"
    assert set(environment.live("alb")) == earlier | added


def test_a_version_that_is_deployed_a_second_time_is_alerted_a_second_time(environment: AnyEnvironment) -> None:
    environment.tick()
    environment.new_alerts()
    before = environment.live_pem("rest")
    for _ in range(2):
        environment.clock.advance(timedelta(minutes=1))  # API Gateway takes one update in 30 seconds
        environment.turn_off("rest")
        for _ in range(2):
            environment.clock.advance(timedelta(minutes=1))
            environment.publish("rest")
        assert environment.live_pem("rest") == before
    told = [alert.id for alert in environment.new_alerts() if word(alert) == "truststore-updated"]
    assert len(told) == len({*told}) == 2


def test_what_others_had_comes_back_when_mutual_tls_was_turned_off_at_a_target_that_never_was_changed(
    environment: AnyEnvironment,
) -> None:
    environment.tick()
    environment.delete(keys.record(environment.folder("rest")))  # from now on all that it holds is others'
    environment.tick()
    before = set(environment.live("rest"))
    assert len(before) == 3
    environment.clock.advance(timedelta(minutes=1))
    environment.turn_off("rest")
    for _ in range(2):
        environment.clock.advance(timedelta(minutes=1))
        environment.publish("rest")
    assert set(environment.live("rest")) == before


def test_a_withdrawn_approval_takes_the_pin_along_even_while_nothing_may_be_removed(
    environment: AnyEnvironment,
) -> None:
    region = environment.world.region("eu-central-1")
    leaf = others.partner(region)
    others.tell_of(region, leaf)
    environment.put(f"approvals/{leaf.fingerprint}.json", others.approval(leaf))
    environment.tick()
    assert leaf.fingerprint in others.pinned(environment)
    environment.put(
        "anchors/us-east-1.pem", environment.world.region("ca-central-1").root_pem()
    )  # a mistake: nothing may leave now
    environment.delete(f"approvals/{leaf.fingerprint}.json")
    environment.publish("alb")  # even before the source was read again
    assert leaf.fingerprint not in others.pinned(environment)
    environment.tick()
    assert leaf.fingerprint not in others.pinned(environment)
    genuine = environment.world.region("us-east-1").presented("Genesys").fingerprint
    assert genuine in others.pinned(environment)


def test_a_replica_that_still_shows_the_bundle_before_the_proved_one_is_no_drift(environment: AnyEnvironment) -> None:
    environment.tick()
    environment.put("extra/more.pem", environment.world.region("ca-central-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    environment.configure()
    assert environment.publish("alb").targets["alb"].outcome == "updated"
    environment.new_alerts()
    before = environment.read(keys.record(environment.folder("alb")))
    environment.clock.advance(timedelta(seconds=20))
    environment.stale_reads("alb", 3)
    assert environment.publish("alb").targets["alb"].outcome == "unchanged"
    assert (environment.new_alerts(), environment.read(keys.record(environment.folder("alb")))) == ([], before)
    environment.stale_reads("alb", 9)  # what does not pass is somebody's doing
    assert environment.publish("alb", dry_run=True).targets["alb"].drift != []
    environment.stale_reads("alb", 0)
