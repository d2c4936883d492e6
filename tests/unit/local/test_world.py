import time
from pathlib import Path

import pytest

from local.genesys.clock import VirtualClock
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.world import World
from tests.unit.local.conftest import DAY, START


def test_a_region_is_made_once(world: World) -> None:
    assert world.region("us-east-1") is world.region("us-east-1")


def test_regions_have_roots_of_their_own_and_share_the_public_authority(world: World) -> None:
    one, other = world.region("us-east-1"), world.region("eu-central-1")

    assert one.root_pem() != other.root_pem()
    assert one.digicert_root_pem() == other.digicert_root_pem()
    assert one.presented("DigiCert").fingerprint != other.presented("DigiCert").fingerprint


def test_a_region_without_a_known_name_needs_the_operators(world: World) -> None:
    with pytest.raises(ValueError, match="client name"):
        world.region("eusc-de-east-1")
    assert "eusc-de-east-1" not in world.names

    region = world.region("eusc-de-east-1", client_name="dataactions.example")
    assert region.presented("Genesys").name == "dataactions.example"
    assert "eusc-de-east-1" in world.names


def test_a_region_that_nobody_knows_works_with_a_name(world: World) -> None:
    with pytest.raises(LookupError):
        world.region("xx-north-1")
    assert world.region("xx-north-1", client_name="new.example").client_name == "new.example"


def test_a_region_keeps_the_client_it_was_made_with(world: World) -> None:
    world.region("us-east-1")
    with pytest.raises(ValueError, match="exists already"):
        world.region("us-east-1", client_name="other.example")


def test_a_world_can_be_limited_to_some_regions(clock: VirtualClock) -> None:
    world = World(clock, DEFAULT_CACHE, regions=["us-east-1"], root_key_bits=2048)

    assert world.names == ("us-east-1",)
    with pytest.raises(LookupError, match="not part"):
        world.region("eu-central-1")


def test_with_its_keys_at_hand_a_world_of_two_regions_starts_within_a_second(tmp_path: Path) -> None:
    names = ("us-east-1", "eu-central-1")

    def start() -> float:
        began = time.perf_counter()
        world = World(VirtualClock(START), tmp_path)
        for name in names:
            assert len(world.region(name, days_left=80).published()) == 3
        return time.perf_counter() - began

    start()
    assert start() < 1


def test_a_clock_never_goes_back_and_is_aware_of_its_zone(clock: VirtualClock) -> None:
    assert clock.advance(DAY) == clock() == START + DAY
    with pytest.raises(ValueError, match="forward"):
        clock.go_to(START)
    with pytest.raises(ValueError, match="aware"):
        VirtualClock(START.replace(tzinfo=None))
