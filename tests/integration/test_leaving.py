"""What will leave is announced before it leaves, once, and to the day."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from rotation_watcher import unwatched
from rotation_watcher.alerts.model import Alert
from rotation_watcher.x509 import certificates
from tests.support import others
from tests.support.environments import AnyEnvironment
from tests.support.words import word

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)


@pytest.fixture(params=["a container remembers", "a container forgets"])
def memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One certificate may be two objects: a container that has read some hundred others reads it anew."""
    if request.param == "a container forgets":
        monkeypatch.setattr(certificates, "_certificate", certificates._certificate.__wrapped__)


@pytest.fixture
def rotated(environment: AnyEnvironment, memory: None) -> str:  # noqa: ARG001 - how much a container remembers
    """DigiCert's intermediate was replaced five days after the start; the fingerprint of the old one."""
    region = environment.world.region("us-east-1")
    old = region.presented("DigiCert").chain[0].fingerprint(SHA256()).hex()
    region.schedule_rotation("DigiCert", environment.clock() + 5 * DAY, intermediate="new")
    environment.tick()
    environment.clock.advance(5 * DAY)
    environment.tick()
    environment.tick()
    environment.new_alerts()
    return old


def planned(environment: AnyEnvironment) -> list[Alert]:
    return [alert for alert in environment.new_alerts() if word(alert) == "removal-planned"]


def test_a_certificate_is_announced_to_leave_three_days_before_it_does_and_only_once(
    environment: AnyEnvironment, rotated: str
) -> None:
    environment.clock.advance(26 * DAY)
    environment.tick()
    assert planned(environment) == []
    (told,) = environment.publish("http", dry_run=True).targets["http"].leaving.items()
    assert told[0] == rotated[:16]
    environment.clock.advance(DAY + timedelta(hours=1))
    environment.tick()
    environment.tick()
    (alert,) = planned(environment)
    assert (alert.target, alert.severity) == ("http", "info")
    assert rotated[:16] in " ".join(alert.facts.values()).replace(":", "").lower()
    day = told[1][:10]
    assert day in alert.title
    assert rotated in environment.live("http")
    environment.clock.advance(3 * DAY)
    environment.tick()  # after three days of silence the source is stale: this run makes it fresh
    environment.tick()
    assert rotated not in environment.live("http")
    assert f"{environment.clock():%Y-%m-%d}" >= day
    assert planned(environment) == []
    assert environment.publish("http", dry_run=True).targets["http"].leaving == {}


def test_what_somebody_still_needs_stays_if_he_says_so_in_time(environment: AnyEnvironment, rotated: str) -> None:
    environment.clock.advance(28 * DAY)
    environment.tick()
    assert len(planned(environment)) == 1
    environment.put("extra/ours.pem", (environment.live("http")[rotated].pem))
    environment.watch["bundles"][1]["extra"] = ["extra/ours.pem"]
    environment.configure()
    environment.clock.advance(5 * DAY)
    environment.tick()
    assert rotated in environment.live("http")
    assert environment.publish("http", dry_run=True).targets["http"].leaving == {}


def test_flapping_announces_nothing_to_leave(environment: AnyEnvironment) -> None:
    region = environment.world.region("us-east-1")
    region.schedule_rotation(
        "DigiCert", environment.clock() + timedelta(hours=1), intermediate="new", flapping=timedelta(hours=6)
    )
    environment.tick()
    for _ in range(30):
        environment.tick(QUARTER, schedule=False)
    assert planned(environment) == []


@pytest.mark.usefixtures("memory")
def test_an_authority_that_is_taken_out_everywhere_leaves_with_its_grace_and_nobody_is_accused(
    environment: AnyEnvironment,
) -> None:
    environment.tick()
    leaf = environment.world.region("us-east-1").presented("DigiCert").certificate.fingerprint(SHA256()).hex()
    environment.new_alerts()
    environment.watch["sources"][0]["authorities"] = ["Genesys"]
    environment.watch["bundles"][1]["authorities"] = ["Genesys"]
    environment.configure()

    def pinned() -> bool:
        return leaf in environment.read("bundles/digicert/pins.json").decode()

    for _ in range(3):
        environment.tick()
    told = {word(alert) for alert in environment.new_alerts() if alert.severity != "info"}
    assert told == {"removal-planned"}
    environment.clock.advance(29 * DAY)
    environment.tick()
    assert pinned()
    environment.clock.advance(DAY)
    environment.tick()
    environment.tick()
    assert not pinned()
    assert not {alert.severity for alert in environment.new_alerts()} & {"critical"}


def test_a_source_that_reads_another_region_by_the_same_id_leaves_the_pins_of_the_former_one_their_grace(
    environment: AnyEnvironment,
) -> None:
    environment.world.region("eu-west-1", days_left=250)
    environment.tick()
    environment.watch["sources"].pop()
    environment.add_source("euc1", "eu-west-1")
    environment.configure()
    for _ in range(3):
        environment.tick()
    pinned = json.loads(environment.read("bundles/genesys/pins.json"))["pins"]
    found = {(one["region"], one["status"]) for one in pinned if one["source"] == "euc1"}
    assert found == {("eu-central-1", "retiring"), ("eu-west-1", "current")}
    environment.clock.advance(31 * DAY)
    environment.tick()
    environment.tick()
    pinned = json.loads(environment.read("bundles/genesys/pins.json"))["pins"]
    assert "eu-central-1" not in {one["region"] for one in pinned}


def test_a_source_that_reads_another_region_under_other_intermediates_accuses_nobody(
    environment: AnyEnvironment,
) -> None:
    environment.world.region("us-east-1").schedule_rotation("DigiCert", environment.clock(), intermediate="new")
    environment.world.region("eu-west-1", days_left=250)
    for _ in range(3):
        environment.tick()
    environment.new_alerts()
    environment.watch["sources"].pop(0)
    environment.add_source("use1", "eu-west-1", ("Genesys", "DigiCert"))
    environment.configure()
    ports = environment.watcher.collect
    ends = unwatched.sources(
        {"use1": "us-east-1"}, environment.watcher.watch(), unwatched.Ports(ports.store, ports.sink, ports.clock)
    )
    assert ends == unwatched.Ends()
    for _ in range(3):
        environment.tick()
    assert {alert.severity for alert in environment.new_alerts()} == {"warning", "info"}
    pinned = json.loads(environment.read("bundles/digicert/pins.json"))["pins"]
    assert {(one["region"], one["status"]) for one in pinned} == {("us-east-1", "retiring"), ("eu-west-1", "current")}


def test_a_root_that_the_operator_takes_out_at_a_rotation_is_nobody_elses_writing(
    environment: AnyEnvironment,
) -> None:
    region = environment.world.region("us-east-1")
    environment.tick()
    region.schedule_rotation("DigiCert", environment.clock() + 20 * DAY, root="new", intermediate="new")
    environment.put("anchors/digicert.pem", region.digicert_root_pem(ahead=1))  # and not the one in use
    for _ in range(80):
        environment.tick(DAY)
    words = {word(alert) for alert in environment.new_alerts()}
    assert "rotated" in words
    assert "removal-planned" in words
    assert "state-forged" not in words
    assert len(others.pinned(environment, "digicert")) == 1, "the former leaf is pinned no more"
