"""TLS sessions that are taken up again at the doors are decided by what holds now."""

import os
import ssl
from pathlib import Path

import pytest

from local.edge.client import client_context
from tests.engines.backend import Backend
from tests.engines.door_servers import Nginx, Proxy, client_of, eventually
from tests.engines.door_world import World, resumed


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_that_is_taken_up_again_is_decided_by_the_pins_of_now(
    newest: ssl.TLSVersion, proxy: Proxy, world: World
) -> None:
    old = world.genesys
    world.replace_off_cycle()
    assert proxy.publish(world.files()) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        context = client_context(proxy.server_pem, client_of(old), proxy.folder)
        context.maximum_version = newest
        answered, session = resumed(proxy.port, context, None)
        assert answered.endswith(b" 200 OK")
        assert resumed(proxy.port, context, session)[0].endswith(b" 200 OK"), "who resumes is let in all the same"
        assert proxy.publish(world.end_the_grace(old)) == 0
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old))
        assert not resumed(proxy.port, context, session)[0].endswith(b" 200 OK")


def test_a_session_that_is_taken_up_again_ends_with_the_leaf(proxy: Proxy, world: World) -> None:
    """Although nobody has written anything since, and the leaf's pin is still there."""
    short, files = world.soon_over()
    assert proxy.publish(files) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(short))
        sessions = []
        for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client_context(proxy.server_pem, client_of(short), proxy.folder)
            context.maximum_version = newest
            answered, session = resumed(proxy.port, context, None)
            assert answered.endswith(b" 200 OK")
            sessions.append((context, session))
        assert eventually(lambda: not proxy.admits(short))
        for context, session in sessions:
            assert not resumed(proxy.port, context, session)[0].endswith(b" 200 OK"), context.maximum_version


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shared", ["ssl_session_cache shared:all:1m;", "ssl_session_ticket_key {folder}/tickets;"])
def test_a_list_ends_the_sessions_that_another_line_of_nginx_would_carry_over_a_reload(
    shared: str, newest: ssl.TLSVersion, tmp_path: Path, backend: Backend, world: World
) -> None:
    """The list alone: the pin is still there, and identity.json does not name the leaf yet."""
    proxy, old = Nginx(tmp_path, backend), world.genesys
    (tmp_path / "tickets").write_bytes(os.urandom(80))
    proxy.elsewhere = shared.format(folder=tmp_path)
    world.replace_off_cycle()
    assert proxy.publish(world.files()) == 0
    proxy.give_lists(world.lists())
    with proxy:
        context = client_context(proxy.server_pem, client_of(old), proxy.folder)
        context.maximum_version = newest
        answered, session = resumed(proxy.port, context, None)
        assert answered.endswith(b" 200 OK")
        world.revoke(old)
        proxy.give_lists(world.lists())
        proxy.reload()
        assert eventually(lambda: not proxy.admits(old))
        assert eventually(lambda: not resumed(proxy.port, context, session)[0].endswith(b" 200 OK"))  # by no old worker
        assert proxy.admits(world.genesys)
