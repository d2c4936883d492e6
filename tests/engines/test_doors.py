"""The doors for nginx, HAProxy and Envoy, as they lie in ``doors/``, in the real servers and on what publish wrote."""

from pathlib import Path
from urllib.parse import quote

import pytest

from local.genesys.issuing import pem_of
from tests.engines.backend import Backend
from tests.engines.door_servers import HEADER, Nginx, Pinned, Proxy, eventually
from tests.engines.door_world import World


def test_accepted_leaves_come_in_and_nobody_else_of_the_same_ca(proxy: Proxy, world: World) -> None:
    customer, self_made = world.region.stranger("other-customer", "DigiCert"), world.region.stranger("self-made-root")
    assert proxy.publish(world.files()) == 0
    old = world.genesys
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        for stranger in (customer, self_made, None):
            assert not proxy.admits(stranger)
        assert not proxy.admits(customer, {HEADER: old.pem().replace("\n", "%0A")}), "what a client says of itself"
        world.replace_off_cycle()
        assert not proxy.admits(world.genesys), "a leaf that nobody knows yet"
        assert proxy.publish(world.files()) == 0
        proxy.follow()
        assert eventually(lambda: proxy.admits(world.genesys))
        assert proxy.admits(old), "in its grace"
        world.revoke(old)
        assert proxy.publish(world.files()) == 0
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old))
        assert proxy.admits(world.genesys)
        assert not proxy.admits(customer)


def test_without_a_pin_the_door_is_shut_and_a_broken_file_changes_nothing(proxy: Proxy, world: World) -> None:
    old = world.genesys
    world.revoke(old)
    empty = world.files()
    code = proxy.publish(empty)
    assert code == (1 if isinstance(proxy, Pinned) else 0)
    with proxy:
        assert not proxy.admits(old)
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"))
        broken = empty | {"pins.json": b'{"format": 1, "pins": [', "identity.json": b"{"}
        code = proxy.publish(broken)
        assert code == (3 if isinstance(proxy, Pinned) else 0)
        proxy.follow()
        assert not proxy.admits(old)
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"))


def test_a_pin_whose_grace_is_over_lets_nobody_in(proxy: Proxy, world: World) -> None:
    old = world.genesys
    world.replace_off_cycle()
    assert proxy.publish(world.files()) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        assert proxy.publish(world.end_the_grace(old)) == 0
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old))
        assert proxy.admits(world.genesys)


def test_a_door_whose_file_is_damaged_is_no_open_door(proxy: Proxy, world: World) -> None:
    customer = world.region.stranger("other-customer", "DigiCert")
    for text in proxy.broken_files():
        assert proxy.publish(world.files()) == 0
        proxy.put(proxy.file, text.encode())
        with proxy:
            assert not proxy.admits(customer), text
            assert not proxy.admits(world.genesys), text
    assert proxy.broken


def test_a_file_that_is_damaged_while_the_door_is_open_lets_no_stranger_in(proxy: Proxy, world: World) -> None:
    customer = world.region.stranger("other-customer", "DigiCert")
    assert proxy.publish(world.files()) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(world.genesys))
        proxy.put(proxy.file, proxy.broken_files()[-1].encode())
        proxy.follow()
        assert eventually(lambda: not proxy.admits(world.genesys)), "it is taken, as a list without a leaf"
        assert not proxy.admits(customer)


def test_a_new_truststore_is_followed(proxy: Proxy, world: World) -> None:
    files = world.files()
    assert proxy.publish(files) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(world.genesys))
        proxy.put("wanted.pem", pem_of(world.region.stranger("self-made-root", "DigiCert").chain[-1]).encode())
        proxy.follow()
        assert eventually(lambda: not proxy.admits(world.genesys))
        proxy.put("wanted.pem", files["wanted.pem"])
        proxy.follow()
        assert eventually(lambda: proxy.admits(world.genesys))


def test_a_location_of_the_operator_s_own_is_behind_the_door_too(
    tmp_path: Path, backend: Backend, world: World
) -> None:
    proxy = Nginx(tmp_path, backend)
    proxy.locations = f"location /other/ {{ proxy_pass http://127.0.0.1:{backend.server_port}; }}"
    assert proxy.publish(world.files()) == 0
    with proxy:
        assert proxy.admits(world.genesys, path="/other/")
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"), path="/other/")


SAID = (
    *(HEADER, HEADER.replace("-", "_"), "x-amzn_mtls-clientcert_LEAF", HEADER.removesuffix("-Leaf")),
    *(HEADER.replace("Leaf", one) for one in ("Serial-Number", "Issuer", "Subject", "Validity")),
)
"""What an ALB says of a client's certificate, in either mode."""


@pytest.mark.parametrize("said", SAID)
def test_what_a_client_says_of_its_certificate_does_not_reach_the_backend(
    said: str, proxy: Proxy, world: World
) -> None:
    """WSGI and CGI make one name of dashes and underscores."""
    if isinstance(proxy, Nginx):
        proxy.elsewhere = "underscores_in_headers on;"
    assert proxy.publish(world.files()) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(world.genesys))
        assert proxy.admits(world.genesys, {said: "a stranger's word", "X-Of-The-Client": "kept"})
    (_, *_, headers) = proxy.backend.headers
    assert headers["x-of-the-client"] == "kept"
    assert not [name for name in headers if name.replace("_", "-").startswith("x-amzn-mtls-clientcert")]


def test_what_a_client_says_of_itself_is_kept_from_whom_nginx_asks(
    tmp_path: Path, backend: Backend, world: World
) -> None:
    """WSGI makes one name of both: where nginx hands underscores on, some servers take the client's word."""
    proxy = Nginx(tmp_path, backend)
    proxy.elsewhere = "underscores_in_headers on;"
    assert proxy.publish(world.files()) == 0
    with proxy:
        said = {HEADER.replace("-", "_"): quote(world.genesys.pem())}
        assert proxy.admits(world.genesys, said), "the decision sees one certificate"
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"), said)
