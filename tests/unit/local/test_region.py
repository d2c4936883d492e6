from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from local.genesys.clock import VirtualClock
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.region import AUTHORITIES, Authority, Region
from local.genesys.timeline import FlapShape
from local.genesys.world import World
from tests.unit.local.conftest import DAY, START

HOUR = timedelta(hours=1)

type MakeRegion = Callable[[float], Region]


def told(region: Region, turn: int = 1) -> list[tuple[str, str, str]]:
    """Return (authority, status, fingerprint of the first certificate) of what is published."""
    found = []
    for entity in region.published(turn=turn):
        text = "\n".join(line.strip() for line in entity["certificate"].splitlines())
        leaf = x509.load_pem_x509_certificates(text.encode())[0]
        found.append((entity["signingAuthority"], entity["status"], leaf.fingerprint(SHA256()).hex()))
    return found


def digicert(region: Region, turn: int = 1) -> dict[str, str]:
    return {status: fingerprint for authority, status, fingerprint in told(region, turn) if authority == "DigiCert"}


def test_a_region_starts_with_one_current_leaf_of_each_authority_named_after_its_client(
    make_region: MakeRegion,
) -> None:
    region = make_region(300)

    assert told(region) == [
        ("DigiCert", "Current", region.presented("DigiCert").fingerprint),
        ("Genesys", "Current", region.presented("Genesys").fingerprint),
    ]
    for authority in AUTHORITIES:
        leaf = region.presented(authority)
        assert leaf.name == region.client_name == "dataactions.prod.us-east-1.mypurecloud.com"
        assert leaf.certificate.not_valid_after_utc == START + 300 * DAY
        assert leaf.certificate.not_valid_before_utc == START - 65 * DAY


def test_upcoming_appears_for_digicert_alone_when_90_days_are_left_and_is_issued_then(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(95)
    clock.advance(5 * DAY - HOUR)
    assert region.upcoming("DigiCert") is None

    clock.advance(2 * HOUR)
    upcoming = region.upcoming("DigiCert")
    assert upcoming is not None
    assert upcoming.certificate.not_valid_before_utc == START + 5 * DAY
    assert digicert(region)["Upcoming"] == upcoming.fingerprint
    assert region.upcoming("Genesys") is None
    assert [status for authority, status, _ in told(region) if authority == "Genesys"] == ["Current"]


@pytest.mark.parametrize("authority", AUTHORITIES)
def test_left_alone_a_leaf_is_replaced_30_days_before_it_expires_year_after_year(
    authority: Authority, make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(95)
    seen = [region.presented(authority)]
    for _ in range(4 * 52):
        clock.advance(7 * DAY)
        presented = region.presented(authority)
        now = clock()
        assert presented.certificate.not_valid_before_utc <= now < presented.certificate.not_valid_after_utc
        if presented.fingerprint != seen[-1].fingerprint:
            assert seen[-1].certificate.not_valid_after_utc - now > 22 * DAY
            seen.append(presented)

    assert len(seen) >= 5
    assert len({each.certificate.public_key().public_numbers().n for each in seen[:5]}) == 5  # type: ignore[union-attr]  # all RSA


def test_the_leaf_that_was_announced_is_the_one_that_is_presented_from_the_rotation_on(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(95)
    region.schedule_rotation("DigiCert", START + 40 * DAY)
    old = region.presented("DigiCert")
    clock.advance(40 * DAY - HOUR)
    announced = region.upcoming("DigiCert")
    assert announced is not None
    assert region.presented("DigiCert").fingerprint == old.fingerprint

    clock.advance(HOUR)
    assert region.presented("DigiCert").fingerprint == announced.fingerprint
    assert digicert(region) == {"Current": announced.fingerprint}


def test_a_scheduled_rotation_is_announced_as_long_before_as_it_says(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(300)
    region.schedule_rotation("DigiCert", START + 20 * DAY, announce=7 * DAY)
    clock.advance(13 * DAY - HOUR)
    assert region.upcoming("DigiCert") is None
    clock.advance(HOUR)
    assert region.upcoming("DigiCert") is not None


def test_a_rotation_that_is_already_due_to_be_announced_is_announced_at_once(make_region: MakeRegion) -> None:
    region = make_region(300)
    region.schedule_rotation("DigiCert", START + 20 * DAY)

    upcoming = region.upcoming("DigiCert")
    assert upcoming is not None
    assert upcoming.certificate.not_valid_before_utc == START


def test_while_a_rotation_flaps_even_turns_give_the_old_view_and_afterwards_none_does(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(95)
    region.schedule_rotation("DigiCert", START + 40 * DAY, flapping=2 * HOUR)
    clock.advance(40 * DAY - HOUR)
    before = digicert(region, 0)
    assert set(before) == {"Current", "Upcoming"}

    clock.advance(HOUR)
    after = {"Current": before["Upcoming"]}
    assert [digicert(region, turn) for turn in range(4)] == [before, after, before, after]
    assert region.presented("DigiCert").fingerprint == after["Current"]
    clock.advance(2 * HOUR)
    assert [digicert(region, turn) for turn in range(2)] == [after, after]


@pytest.mark.parametrize(
    ("shape", "statuses"),
    [("empty", []), ("missing-current", []), ("doubled", ["Current", "Current"]), ("alternating", ["Current"])],
)
def test_flapping_takes_other_shapes(
    shape: FlapShape, statuses: list[str], make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(300)
    old = region.presented("Genesys").fingerprint
    region.schedule_rotation("Genesys", START + DAY, flapping=HOUR, shape=shape)
    clock.advance(DAY)
    new = region.presented("Genesys").fingerprint

    disturbed = [(status, leaf) for authority, status, leaf in told(region, 0) if authority == "Genesys"]
    assert [status for status, _ in disturbed] == statuses
    assert old != new
    assert {leaf for _, leaf in disturbed} == {
        "empty": set(),
        "missing-current": set(),
        "doubled": {old, new},
        "alternating": {old},
    }[shape]
    assert ("Genesys", "Current", new) in told(region, 1)


def test_the_genesys_leaf_changes_at_its_rotation_under_the_same_root(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(300)
    root, old = region.root_pem(), region.presented("Genesys")
    region.schedule_rotation("Genesys", START + DAY)
    clock.advance(DAY)

    new = region.presented("Genesys")
    assert new.fingerprint != old.fingerprint
    assert new.certificate.not_valid_before_utc == START + DAY
    assert region.root_pem() == root == new.chain_pem()


def test_a_new_private_root_is_the_one_that_could_be_uploaded_ahead(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(300)
    old, ahead = region.root_pem(), region.root_pem(ahead=1)
    region.schedule_rotation("Genesys", START + DAY, root="new")
    assert region.root_pem() == region.all_roots_pem() == old
    clock.advance(DAY)

    assert region.presented("Genesys").chain_pem() == ahead == region.root_pem() != old
    assert region.all_roots_pem() == old + ahead


def test_a_new_intermediate_is_announced_with_the_next_leaf(make_region: MakeRegion, clock: VirtualClock) -> None:
    region = make_region(300)
    region.schedule_rotation("DigiCert", START + DAY, intermediate="new")
    old, new = region.presented("DigiCert"), region.upcoming("DigiCert")

    assert new is not None
    assert new.chain[0] != old.chain[0]
    assert new.chain[1] == old.chain[1]
    clock.advance(DAY)
    assert region.presented("DigiCert").fingerprint == new.fingerprint


def test_a_leaf_announced_under_the_old_intermediate_is_dropped_when_the_rotation_brings_a_new_one(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(80)
    old, announced = region.presented("DigiCert"), region.upcoming("DigiCert")
    assert announced is not None
    region.schedule_rotation("DigiCert", START + DAY, intermediate="new")
    clock.advance(DAY)

    new = region.presented("DigiCert")
    assert new.fingerprint != announced.fingerprint
    assert new.chain[0] != old.chain[0] == announced.chain[0]


def test_a_new_public_root_brings_another_intermediate(make_region: MakeRegion, clock: VirtualClock) -> None:
    region = make_region(300)
    old_root = region.digicert_root_pem()
    region.schedule_rotation("DigiCert", START + DAY, root="new")
    old, new = region.presented("DigiCert"), region.upcoming("DigiCert")

    assert new is not None
    assert not set(new.chain) & set(old.chain)
    assert region.digicert_root_pem() == old_root
    clock.advance(DAY)
    assert region.digicert_root_pem() != old_root
    assert region.all_digicert_roots_pem() == old_root + region.digicert_root_pem()


def test_an_emergency_presents_a_leaf_that_was_never_announced_and_drops_the_announced_one(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(80)
    announced = region.upcoming("DigiCert")
    assert announced is not None
    region.schedule_emergency("DigiCert", START + DAY)
    assert region.upcoming("DigiCert") == announced
    clock.advance(DAY)

    assert region.presented("DigiCert").fingerprint != announced.fingerprint
    assert region.presented("DigiCert").certificate.not_valid_before_utc == START + DAY
    assert region.upcoming("DigiCert") is None


def test_a_withdrawn_upcoming_leaf_disappears_and_another_comes_later(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(80)
    first = region.upcoming("DigiCert")
    region.schedule_withdrawal(START + DAY, again=3 * DAY)
    clock.advance(DAY)
    assert region.upcoming("DigiCert") is None

    clock.advance(3 * DAY)
    second = region.upcoming("DigiCert")
    assert first is not None
    assert second is not None
    assert second.fingerprint != first.fingerprint


def test_a_leaf_that_was_withdrawn_for_good_is_followed_by_one_that_was_never_announced(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(80)
    region.schedule_withdrawal()
    assert region.upcoming("DigiCert") is None
    clock.advance(49 * DAY)
    old = region.presented("DigiCert")
    assert region.upcoming("DigiCert") is None
    clock.advance(DAY)

    new = region.presented("DigiCert")
    assert new.fingerprint != old.fingerprint
    assert new.certificate.not_valid_before_utc == START + 50 * DAY
    clock.advance(276 * DAY)
    assert region.upcoming("DigiCert") is not None


def test_on_hold_a_leaf_expires_in_use_until_a_rotation_is_scheduled(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(95)
    old = region.presented("Genesys").fingerprint
    region.schedule_hold("Genesys")
    region.schedule_rotation("Genesys", START + 120 * DAY)
    clock.advance(119 * DAY)
    assert region.presented("Genesys").fingerprint == old
    assert region.presented("Genesys").certificate.not_valid_after_utc < clock()
    clock.advance(DAY)
    assert region.presented("Genesys").fingerprint != old


def test_a_scheduled_rotation_stands_in_for_the_automatic_one(make_region: MakeRegion, clock: VirtualClock) -> None:
    region = make_region(95)
    old = region.presented("Genesys").fingerprint
    region.schedule_rotation("Genesys", START + 80 * DAY)
    clock.advance(80 * DAY - HOUR)
    assert region.presented("Genesys").fingerprint == old


def test_a_rotation_scheduled_for_after_the_expiry_comes_besides_the_automatic_one(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(95)
    region.schedule_rotation("Genesys", START + 100 * DAY)
    leaves = {region.presented("Genesys").fingerprint}
    for _ in range(2):
        clock.advance(65 * DAY)
        leaves.add(region.presented("Genesys").fingerprint)

    assert len(leaves) == 3


def test_a_leaf_that_is_nearly_over_lives_half_of_what_it_has_left(
    make_region: MakeRegion, clock: VirtualClock
) -> None:
    region = make_region(20)
    old = region.presented("Genesys").fingerprint
    clock.advance(10 * DAY - HOUR)
    assert region.presented("Genesys").fingerprint == old
    clock.advance(HOUR)
    assert region.presented("Genesys").fingerprint != old


def test_a_long_sleep_gives_the_same_leaves_as_many_observations() -> None:
    clocks = VirtualClock(START), VirtualClock(START)
    sleeper, looker = (
        World(clock, DEFAULT_CACHE, root_key_bits=2048).region("us-east-1", days_left=95) for clock in clocks
    )
    for region in (sleeper, looker):
        region.schedule_rotation("DigiCert", START + 50 * DAY, flapping=HOUR, intermediate="new")
        region.schedule_rotation("Genesys", START + 51 * DAY, root="new")
    for _ in range(500):
        clocks[1].advance(DAY)
        told(looker)
    clocks[0].advance(500 * DAY)

    assert told(sleeper) == told(looker)


def test_what_is_past_cannot_be_scheduled(make_region: MakeRegion, clock: VirtualClock) -> None:
    region = make_region(95)
    clock.advance(DAY)

    with pytest.raises(ValueError, match="is past"):
        region.schedule_rotation("Genesys", START)


def test_the_genesys_authority_has_no_intermediate_to_renew(make_region: MakeRegion) -> None:
    with pytest.raises(ValueError, match="no intermediate"):
        make_region(95).schedule_rotation("Genesys", intermediate="new")


def test_what_is_said_besides_is_published_too(make_region: MakeRegion) -> None:
    region = make_region(300)
    forged = region.stranger("self-made-root")
    region.extra_entities.append(region.entity(forged, "Genesys", "Upcoming"))

    assert ("Genesys", "Upcoming", forged.fingerprint) in told(region)


def test_near_the_real_now_certificates_are_valid_for_real_clocks() -> None:
    real_now = datetime.now(UTC)
    clock = VirtualClock(real_now - 60 * DAY)
    region = World(clock, DEFAULT_CACHE, root_key_bits=2048).region("eu-central-1", days_left=95)
    for authority in AUTHORITIES:
        region.schedule_rotation(authority, clock() + 50 * DAY)
    old = [region.presented(each) for each in AUTHORITIES]
    clock.advance(55 * DAY)
    new = [region.presented(each) for each in AUTHORITIES]

    assert len({each.fingerprint for each in old + new}) == 4
    for each in old + new:
        for certificate in (each.certificate, *each.chain):
            assert certificate.not_valid_before_utc <= real_now <= certificate.not_valid_after_utc


def test_backdated_leaves_are_valid_before_they_are_issued(clock: VirtualClock) -> None:
    world = World(clock, DEFAULT_CACHE, root_key_bits=2048, backdate=30 * DAY)
    region = world.region("us-east-1")
    region.schedule_emergency("Genesys")

    assert region.presented("Genesys").certificate.not_valid_before_utc == START - 30 * DAY
