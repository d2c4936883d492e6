"""refresh_crls with the real fetching, and a server that means harm: the good list stays, nothing else is delayed."""

import time
from collections.abc import Iterable, Iterator

import pytest

from local.patience import seconds
from rotation_watcher.revocation.kept import MANIFEST
from tests.support.crl_server import HOST, Headers, Network, answer, network
from tests.support.small_refresh import CAS, SmallRefresh, intermediate, leaf, listed
from tests.support.small_world import issued


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as running:
        yield running


@pytest.fixture
def world(net: Network) -> SmallRefresh:
    """The leaf's list is in force; the intermediate's lies where no test can reach."""
    world = SmallRefresh()
    world.present((leaf(net.url()), (intermediate(),)))
    net.ports.add(80)
    world.outside = net.points(budget=0.5)
    net.server.answers["/a.crl"] = answer(200, listed(intermediate(), made=world.clock(), number=10), ETag='"10"')
    assert reasons(world)[net.url()] == "new"
    return world


def reasons(world: SmallRefresh) -> dict[str, str]:
    return {one.url: one.reason or one.outcome for one in world.refresh().lists}


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "address-refused"),
        ("http://10.0.0.1/a.crl", "address-refused"),
        ("http://localhost/a.crl", "redirect-refused"),
        ("file:///etc/passwd", "redirect-refused"),
    ],
)
def test_a_redirect_inwards_is_refused(net: Network, world: SmallRefresh, location: str, reason: str) -> None:
    good = world.manifest(net.url())
    net.server.answers["/a.crl"] = answer(302, Location=location)
    assert reasons(world)[net.url()] == reason
    assert world.manifest(net.url()) == good


def test_a_name_that_leads_inwards_at_the_next_look_up_is_refused(net: Network, world: SmallRefresh) -> None:
    net.names[HOST] = [["192.168.1.1"]]
    assert reasons(world)[net.url()] == "address-refused"


def test_a_list_that_drips_delays_no_other_and_keeps_the_good_one(net: Network, world: SmallRefresh) -> None:
    good = world.manifest(net.url())

    def drip(_: Headers) -> Iterable[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while net.server.pause():
            yield b"0"

    net.server.answers["/a.crl"] = drip
    began = time.monotonic()
    assert reasons(world) == {net.url(): "timed-out", CAS: "unresolvable"}
    assert time.monotonic() - began < seconds(5)
    assert world.manifest(net.url()) == good


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "unparsable"),
        (b"<html>log in</html>", "unparsable"),
        (b"0\x84\xff\xff\xff\xff", "truncated"),
        (listed(issued("Other"), made=SmallRefresh().clock(), number=99), "wrong-issuer"),
    ],
    ids=["empty", "a page", "a huge length", "another issuer"],
)
def test_a_body_that_is_no_list_of_ours_is_refused(net: Network, world: SmallRefresh, body: bytes, reason: str) -> None:
    good = world.store.body(f"{world.folder(net.url())}/{MANIFEST}")
    net.server.answers["/a.crl"] = answer(200, body)
    assert reasons(world)[net.url()] == reason
    assert world.store.body(f"{world.folder(net.url())}/{MANIFEST}") == good


def test_a_replay_is_refused_and_the_number_in_force_stays(net: Network, world: SmallRefresh) -> None:
    net.server.answers["/a.crl"] = answer(200, listed(intermediate(), made=world.clock(), number=9))
    assert reasons(world)[net.url()] == "older"
    assert world.manifest(net.url()).facts.number == "A"


def test_an_unchanged_list_is_one_304_and_no_write(net: Network, world: SmallRefresh) -> None:
    before = [key for key in world.store.writes if key.startswith(world.folder(net.url()))]

    def unchanged(asked: Headers) -> Iterable[bytes]:
        return [answer(304) if asked.get("If-None-Match") == '"10"' else answer(500)]

    net.server.answers["/a.crl"] = unchanged
    assert reasons(world)[net.url()] == "unchanged"
    assert [key for key in world.store.writes if key.startswith(world.folder(net.url()))] == before
