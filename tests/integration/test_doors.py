"""The authorizer on what publish writes: an off-cycle rotation, strangers, a revocation, and the warning that it ends.

Over sockets, with the authorizer built as in Lambda; a look that it asks for is run as Lambda would run it.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509

from rotation_watcher import keys
from rotation_watcher.identity.door import EVERY
from rotation_watcher.identity.waking import APART
from rotation_watcher.targets import record
from tests.support.environments import OverSockets
from tests.support.words import word

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
SHARED = "shared-authority-deployed"


@pytest.fixture
def world(make_environment: Callable[..., OverSockets]) -> OverSockets:
    """Both authorities behind an HTTP domain and a REST domain, and one quiet run of everything."""
    environment = make_environment()
    environment.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 200})
    environment.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
    environment.add_bundle("both", ["use1"], ["Genesys", "DigiCert"])
    others = environment.world.region("sa-east-1").root_pem()
    environment.add_http_domain("http", "both", others)
    environment.add_rest_domain("rest", "both", others)
    environment.configure()
    environment.tick()
    environment.refresh_crls()
    environment.tick()
    return environment


def test_an_off_cycle_rotation_is_admitted_within_half_a_minute_and_a_stranger_never_is(world: OverSockets) -> None:
    region, door = world.world.region("us-east-1"), world.authorizer("both")
    stranger = region.stranger("other-customer", "DigiCert").pem()
    assert door.decide(region.presented("DigiCert").pem()) == (True, "pinned")
    region.schedule_emergency("DigiCert", world.clock())
    new = region.presented("DigiCert").pem()
    begin = world.clock()
    assert door.decide(new) == (False, "unknown-leaf")
    assert world.look() == 1
    world.drain()
    while not (answer := door.decide(new))[0] and world.clock() - begin < HOUR:
        assert not door.decide(stranger)[0]
        world.clock.advance(SECOND)
    assert answer == (True, "pinned")
    assert world.clock() - begin <= timedelta(seconds=30), world.clock() - begin
    assert not door.decide(stranger)[0]
    assert world.look() == 0, "neither a stranger nor a pinned leaf wakes anybody"
    assert world.authorizer("both").decide(new) == (True, "pinned")


def test_a_flood_of_leaves_that_collect_does_not_find_wakes_one_look_a_minute(world: OverSockets) -> None:
    """Of the right name and under the right CA, and yet never shown by Genesys: such as one that was stolen there."""
    region, doors = world.world.region("us-east-1"), [world.authorizer("both") for _ in range(3)]
    issuer, key = region.issuer("DigiCert"), world.world.keys.rsa("somebody")
    never_shown = issuer.leaf(
        region.presented("DigiCert").name, key, world.clock() - DAY, world.clock() + 300 * DAY
    ).pem()
    looks = 0
    for _ in range(30):
        for door in doors:
            assert door.decide(never_shown) == (False, "unknown-leaf")
        looks += world.look()
        world.drain()
        world.clock.advance(APART / 10)
    assert looks == 3


def test_a_revoked_leaf_is_refused_within_one_cycle_and_the_new_one_comes_in(world: OverSockets) -> None:
    region, door = world.world.region("us-east-1"), world.authorizer("both")
    old = region.presented("Genesys")
    assert door.decide(old.pem()) == (True, "pinned")
    region.schedule_emergency("Genesys", world.clock())
    world.world.lists.revoke(old)
    world.collect()
    world.refresh_crls()
    world.drain()
    world.clock.advance(EVERY)
    assert door.decide(old.pem()) == (False, "revoked")
    assert door.decide(region.presented("Genesys").pem()) == (True, "pinned")


def test_a_renewed_leaf_is_held_against_the_list_of_the_places_that_it_names(world: OverSockets) -> None:
    """The door finds the folder in which refresh_crls keeps that list from the leaf alone."""
    region, door = world.world.region("us-east-1"), world.authorizer("both").ports.door
    region.schedule_emergency("Genesys", world.clock())
    new = region.presented("Genesys")
    assert new.certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    decision, failures = door.decide(new.pem())
    assert (decision.reason, decision.remark, failures) == ("issued", None, [])


def test_the_warning_of_a_shared_ca_ends_where_every_api_asks_the_authorizer(world: OverSockets) -> None:
    said = [alert.target for alert in [*world.alerts, *world.new_alerts()] if word(alert) == SHARED]
    assert sorted(filter(None, said)) == ["http", "rest"]
    world.attach_authorizer("http")
    for _ in range(4):
        world.tick(HOUR)
    assert open_conditions(world, "http") == set()
    assert open_conditions(world, "rest") == {SHARED}
    world.attach_authorizer("rest")
    for _ in range(4):
        world.tick(HOUR)
    assert open_conditions(world, "rest") == set()


def open_conditions(world: OverSockets, target: str) -> set[str]:
    """The kinds of the conditions that are open at a target and were alerted, as far as they matter here."""
    known = record.decode(world.read(keys.record(world.folder(target))))
    return {one.kind for one in known.conditions.values() if one.alerted} & {SHARED}


def test_nobody_comes_in_by_a_policy_in_a_bucket_of_another_account(world: OverSockets) -> None:
    leaf = world.world.region("us-east-1").presented("DigiCert").pem()
    assert world.authorizer("both", ACCOUNT_ID=world.aws.account).decide(leaf) == (True, "pinned")
    assert world.authorizer("both", ACCOUNT_ID="999999999999").decide(leaf) == (False, "policy-unreadable")
