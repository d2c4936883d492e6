"""The identity filters of an NLB's listener, over sockets and with the real adapters, through a DigiCert rotation."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rotation_watcher.x509.certificates import blocks_of
from rotation_watcher.x509.identity_filters import admits
from tests.support.environments import OverSockets
from tests.support.words import word

PARTNERS = {"Field": "subject-ou", "Action": "accept", "MatchType": "exact", "Value": "Partner"}
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)


class Door:
    """The listener as its clients meet it."""

    def __init__(self, environment: OverSockets) -> None:
        self.environment = environment
        self._elb = environment.aws.client("elbv2")

    @property
    def mutual(self) -> dict[str, Any]:
        """Its ``MutualAuthentication``."""
        found = self._elb.describe_listeners(ListenerArns=[self.environment.arn("door")])["Listeners"][0]
        described: dict[str, Any] = found["MutualAuthentication"]
        return described

    @property
    def filters(self) -> list[dict[str, str]]:
        """Its filters."""
        return list(self.mutual["ClientCertificateIdentityFilters"])

    def put(self, *filters: dict[str, str]) -> None:
        """Somebody else replaces them."""
        mutual = {key: value for key, value in self.mutual.items() if key != "TrustStoreAssociationStatus"}
        mutual["ClientCertificateIdentityFilters"] = [*filters]
        self._elb.modify_listener(ListenerArn=self.environment.arn("door"), MutualAuthentication=mutual)

    def lets_in(self, pem: str) -> bool:
        """Whether its filters admit a leaf."""
        texts = [f"{one['Field']} {one['MatchType']} {one['Value']}" for one in self.filters]
        (block,) = blocks_of(pem.encode()).values()
        assert block.certificate is not None
        return admits(texts, block.certificate) is True

    def lets_genesys_in(self) -> bool:
        """Whether what Genesys presents at this moment comes in."""
        return self.lets_in(self.environment.world.region("us-east-1").presented("DigiCert").pem())


@pytest.fixture
def door(make_environment: Callable[..., OverSockets]) -> Door:
    """A DigiCert bundle at a trust store, and a listener before it with a filter of somebody else's."""
    environment = make_environment()
    environment.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 92})
    environment.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
    environment.add_bundle("digicert", ["use1"], ["DigiCert"])
    others = environment.world.region("sa-east-1").root_pem()
    store = environment.add_trust_store("nlb", "digicert", others)
    environment.add_listener("door", "digicert", store, [PARTNERS])
    environment.configure()
    return Door(environment)


def stranger(environment: OverSockets) -> str:
    """The certificate of another customer of DigiCert's CA."""
    region, now = environment.world.region("us-east-1"), environment.clock()
    key = environment.world.keys.rsa("stranger")
    made = region.issuer("DigiCert").leaf("another-customer.example.com", key, now - DAY, now + 300 * DAY)
    return made.pem()


def test_the_name_is_added_and_everything_else_of_the_listener_stays(door: Door) -> None:
    before = door.mutual
    door.environment.tick()

    assert door.filters[0] == PARTNERS
    assert len(door.filters) == 2
    assert door.lets_genesys_in()
    assert not door.lets_in(stranger(door.environment)), "the trust store alone admits every customer of that CA"
    assert {key: value for key, value in door.mutual.items() if "Filters" not in key} == {
        key: value for key, value in before.items() if "Filters" not in key
    }
    kinds = [word(alert) for alert in door.environment.new_alerts() if alert.target == "door"]
    assert kinds == ["filters-updated"]


def test_a_quiet_run_changes_and_writes_nothing(door: Door) -> None:
    for _ in range(3):
        door.environment.tick()
    door.environment.forget_calls()
    door.environment.publish("door")

    assert door.environment.writes() == []


def test_a_rotation_never_shuts_genesys_out_and_never_lets_a_stranger_in(door: Door) -> None:
    environment = door.environment
    start = environment.clock()
    region = environment.world.region("us-east-1")
    region.schedule_rotation("DigiCert", start + 40 * DAY, flapping=timedelta(minutes=80), intermediate="new")
    environment.tick()
    for day in (1, 20, 40, 41, 75):
        environment.clock.go_to(start + day * DAY)
        for _ in range(4):
            assert door.lets_genesys_in(), f"day {day}"
            environment.tick()
            assert door.lets_genesys_in(), f"day {day}"
        assert PARTNERS in door.filters
        assert not door.lets_in(stranger(environment))


def test_what_somebody_took_out_comes_back_and_what_he_put_in_stays(door: Door) -> None:
    door.environment.tick()
    added = PARTNERS | {"Value": "Second partner"}
    door.put(PARTNERS, added)
    assert not door.lets_genesys_in()
    door.environment.tick()

    assert door.lets_genesys_in()
    assert door.filters[:2] == [PARTNERS, added]
    kinds = [word(alert) for alert in door.environment.new_alerts() if alert.target == "door"]
    assert kinds == ["filters-updated", "drift-found", "filters-updated"]


def test_an_emptied_listener_is_closed_again_with_what_others_had_there(door: Door) -> None:
    door.environment.tick()
    before = door.filters
    door.put()
    assert door.lets_in(stranger(door.environment))
    door.environment.tick()

    assert door.filters == before
    (told,) = [one for one in door.environment.new_alerts() if one.kind.value == "drift-found"]
    assert told.severity.value == "warning", "it is closed again in the same run (docs/severity.md)"


@pytest.mark.parametrize("after", [False, True])
def test_an_update_whose_answer_is_lost_is_completed_by_a_later_run(*, after: bool, door: Door) -> None:
    door.environment.aws.fail_next("elbv2", "ModifyListener", "InternalFailure", 500, times=4, after=after)
    door.environment.tick(schedule=False)
    door.environment.aws.faults.clear()
    for _ in range(2):
        door.environment.tick()

    assert door.lets_genesys_in()
    assert door.filters[0] == PARTNERS
    assert len(door.filters) == 2
    kinds = [word(alert) for alert in door.environment.new_alerts() if alert.target == "door"]
    assert kinds.count("filters-updated") == 1


def test_a_listener_that_is_turned_off_is_alerted_and_given_no_filter(door: Door) -> None:
    door.environment.tick()
    door.environment.aws.client("elbv2").modify_listener(
        ListenerArn=door.environment.arn("door"), MutualAuthentication={"Mode": "off"}
    )
    for _ in range(2):
        door.environment.tick()

    assert door.mutual == {"Mode": "off"}
    kinds = [word(alert) for alert in door.environment.new_alerts() if alert.target == "door"]
    assert kinds == ["filters-updated", "mtls-off"]


def test_a_listener_that_was_turned_on_again_gets_back_what_it_had(door: Door) -> None:
    door.environment.tick()
    before = door.filters
    elb, arn = door.environment.aws.client("elbv2"), door.environment.arn("door")
    for mutual in ({"Mode": "off"}, {"Mode": "verify", "TrustStoreArn": door.environment.arn("nlb")}):
        elb.modify_listener(ListenerArn=arn, MutualAuthentication=mutual)
        door.environment.tick()

    assert door.filters == before
