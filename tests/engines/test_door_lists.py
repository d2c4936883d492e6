"""Revocation lists at the doors for nginx, HAProxy and Envoy: whom they refuse, and what one that ran out does."""

from tests.engines.door_servers import Proxy, eventually
from tests.engines.door_world import World


def test_a_list_refuses_a_revoked_leaf_whose_pin_is_still_there(proxy: Proxy, world: World) -> None:
    old = world.genesys
    world.replace_off_cycle()
    both = world.files()
    assert proxy.publish(both) == 0
    proxy.give_lists(world.lists())
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        assert proxy.admits(world.genesys)
        world.revoke(old)
        proxy.give_lists(world.lists())
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old)), "the list names it"
        assert proxy.admits(world.genesys)
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"))


def test_what_a_list_that_ran_out_does_is_what_the_readme_says(proxy: Proxy, world: World) -> None:
    old = world.genesys
    world.replace_off_cycle()
    assert proxy.publish(world.files()) == 0
    proxy.give_lists(world.lists())
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        proxy.give_lists(world.lists_that_ran_out(old))
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old)), "it revokes all the same"
        assert proxy.admits(world.genesys) is not proxy.lists_stop_everybody
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"))
