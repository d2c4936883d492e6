"""Going back without harm to others, and approvals gone without a trace: what long histories brought to light."""

from datetime import timedelta

from local.stage import BUCKET, Stage
from rotation_watcher import keys
from tests.support import others


def test_a_rollback_keeps_what_others_have_added_since(stage: Stage) -> None:
    stage.tick()
    earlier = set(stage.live("alb"))
    stage.put("extra/more.pem", stage.world.region("ca-central-1").root_pem())
    stage.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    stage.configure()
    stage.tick()
    others.load(stage, (stage.live_pem("alb") or b"").decode() + stage.world.region("ap-south-1").root_pem())
    stage.tick()
    added = set(stage.live("alb")) - earlier
    assert len(added) == 2
    assert stage.publish(rollback="alb").targets["alb"].outcome == "rolled-back"
    assert set(stage.live("alb")) - earlier < added  # without the extra one, with that of others
    assert earlier < set(stage.live("alb"))
    assert stage.publish("alb").targets["alb"].outcome == "held"
    assert stage.publish(release="alb").targets["alb"].outcome == "updated"
    assert set(stage.live("alb")) == earlier | added


def test_a_version_that_is_deployed_a_second_time_is_told_a_second_time(stage: Stage) -> None:
    stage.tick()
    stage.news()
    before = stage.live_pem("rest")
    for _ in range(2):
        stage.clock.advance(timedelta(minutes=1))  # API Gateway takes one update in 30 seconds
        others.turn_off_rest(stage)
        for _ in range(2):
            stage.clock.advance(timedelta(minutes=1))
            stage.publish("rest")
        assert stage.live_pem("rest") == before
    told = [alert.id for alert in stage.news() if alert.kind == "truststore-updated"]
    assert len(told) == len({*told}) == 2


def test_what_others_had_comes_back_when_mutual_tls_was_turned_off_at_a_target_that_never_was_changed(
    stage: Stage,
) -> None:
    stage.tick()
    stage.s3.delete_object(Bucket=BUCKET, Key=keys.record("rest"))  # from now on all that it holds is others'
    stage.tick()
    before = set(stage.live("rest"))
    assert len(before) == 3
    stage.clock.advance(timedelta(minutes=1))
    others.turn_off_rest(stage)
    for _ in range(2):
        stage.clock.advance(timedelta(minutes=1))
        stage.publish("rest")
    assert set(stage.live("rest")) == before


def test_a_withdrawn_approval_takes_the_pin_along_even_while_nothing_may_be_removed(stage: Stage) -> None:
    region = stage.world.region("eu-central-1")
    leaf = others.partner(region)
    others.tell_of(region, leaf)
    stage.put(f"approvals/{leaf.fingerprint}.json", others.approval(leaf))
    stage.tick()
    assert leaf.fingerprint in others.pinned(stage)
    stage.put(
        "anchors/us-east-1.pem", stage.world.region("ca-central-1").root_pem()
    )  # a mistake: nothing may leave now
    stage.s3.delete_object(Bucket=BUCKET, Key=f"approvals/{leaf.fingerprint}.json")
    stage.publish("alb")  # even before anybody has looked at the source again
    assert leaf.fingerprint not in others.pinned(stage)
    stage.tick()
    assert leaf.fingerprint not in others.pinned(stage)
    genuine = stage.world.region("us-east-1").presented("Genesys").fingerprint
    assert genuine in others.pinned(stage)


def test_a_replica_that_still_shows_the_bundle_before_the_proved_one_is_no_drift(stage: Stage) -> None:
    stage.tick()
    stage.put("extra/more.pem", stage.world.region("ca-central-1").root_pem())
    stage.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    stage.configure()
    assert stage.publish("alb").targets["alb"].outcome == "updated"
    stage.news()
    before = stage.read(keys.record("alb"))
    stage.clock.advance(timedelta(seconds=20))
    stage.aws.stale_reads(stage.arn("alb"), 3)
    assert stage.publish("alb").targets["alb"].outcome == "unchanged"
    assert (stage.news(), stage.read(keys.record("alb"))) == ([], before)
    stage.aws.stale_reads(stage.arn("alb"), 9)  # what does not pass is somebody's doing
    assert stage.publish("alb", dry_run=True).targets["alb"].drift != []
    stage.aws.stale_reads(stage.arn("alb"), 0)
