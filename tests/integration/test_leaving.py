"""What will leave is announced before it leaves, once, and to the day."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from local.stage import Stage
from rotation_watcher.alerts.model import Alert

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)


@pytest.fixture
def rotated(stage: Stage) -> str:
    """DigiCert's intermediate was replaced five days after the start; the fingerprint of the old one."""
    region = stage.world.region("us-east-1")
    old = region.presented("DigiCert").chain[0].fingerprint(SHA256()).hex()
    region.schedule_rotation("DigiCert", stage.clock() + 5 * DAY, intermediate="new")
    stage.tick()
    stage.clock.advance(5 * DAY)
    stage.tick()
    stage.tick()
    stage.news()
    return old


def planned(stage: Stage) -> list[Alert]:
    return [alert for alert in stage.news() if alert.kind == "removal-planned"]


def test_a_certificate_is_announced_to_leave_three_days_before_it_does_and_only_once(
    stage: Stage, rotated: str
) -> None:
    stage.clock.advance(26 * DAY)
    stage.tick()
    assert planned(stage) == []
    (told,) = stage.publish("http", dry_run=True).targets["http"].leaving.items()
    assert told[0] == rotated[:16]
    stage.clock.advance(DAY + timedelta(hours=1))
    stage.tick()
    stage.tick()
    (alert,) = planned(stage)
    assert (alert.target, alert.severity) == ("http", "info")
    assert rotated[:16] in " ".join(alert.facts.values()).replace(":", "").lower()
    day = told[1][:10]
    assert day in alert.title
    assert rotated in stage.live("http")
    stage.clock.advance(3 * DAY)
    stage.tick()
    assert rotated not in stage.live("http")
    assert f"{stage.clock():%Y-%m-%d}" >= day
    assert planned(stage) == []
    assert stage.publish("http", dry_run=True).targets["http"].leaving == {}


def test_what_somebody_still_needs_stays_if_he_says_so_in_time(stage: Stage, rotated: str) -> None:
    stage.clock.advance(28 * DAY)
    stage.tick()
    assert len(planned(stage)) == 1
    stage.put("extra/ours.pem", (stage.live("http")[rotated].pem))
    stage.watch["bundles"][1]["extra"] = ["extra/ours.pem"]
    stage.configure()
    stage.clock.advance(5 * DAY)
    stage.tick()
    assert rotated in stage.live("http")
    assert stage.publish("http", dry_run=True).targets["http"].leaving == {}


def test_flapping_announces_nothing_to_leave(stage: Stage) -> None:
    region = stage.world.region("us-east-1")
    region.schedule_rotation(
        "DigiCert", stage.clock() + timedelta(hours=1), intermediate="new", flapping=timedelta(hours=6)
    )
    stage.tick()
    for _ in range(30):
        stage.tick(QUARTER, schedule=False)
    assert planned(stage) == []
