"""Names and redirects that lead inside: nobody there is ever connected to, whenever and however DNS answers."""

import socket
import time
from collections.abc import Iterator, Sequence
from threading import Event

import pytest

from local.patience import seconds
from rotation_watcher.adapters.checked_backend import MAX_LOOKUPS, system_lookup
from rotation_watcher.adapters.crl_http import MAX_REDIRECTS, HttpDistributionPoints
from rotation_watcher.adapters.public_addresses import Address, is_public
from rotation_watcher.errors import FetchCode
from rotation_watcher.ports import Fetched, Validators
from tests.support.crl_server import CRL, HOST, Network, RawServer, answer, fails, network

INSIDE = """
    127.0.0.1 127.8.9.10 0.0.0.0 ::1 :: ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 10.0.0.5 172.16.0.1 192.168.0.1
    169.254.169.254 fd00:ec2::254 100.64.0.1 fe80::1%eth0 224.0.0.1 2002:7f00:1:: nonsense
"""
EVIL = "rebind.example.test"


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as running:
        running.server.answers["/a.crl"] = answer(body=CRL)
        yield running


def untouched(net: Network) -> bool:
    return net.server.connections == 0


@pytest.mark.parametrize("address", INSIDE.split())
def test_a_name_with_an_address_inside_is_refused_by_default(net: Network, address: str) -> None:
    net.names[EVIL] = [[address]]
    error = fails(net.points(allowed=is_public), net.url(host=EVIL))
    assert (error.code, EVIL in str(error)) == (FetchCode.ADDRESS_REFUSED, True)
    assert untouched(net)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "https://[::1]/", "http://169.254.169.254/", f"http://{EVIL}/"])
def test_an_adapter_that_was_given_no_rule_has_the_safe_one(url: str) -> None:
    points = HttpDistributionPoints(lookup=lambda _: ["127.0.0.1"], budget=2.0)
    assert fails(points, url).code is FetchCode.ADDRESS_REFUSED


@pytest.mark.parametrize("answers", [["127.0.0.1", "10.0.0.5"], ["10.0.0.5", "127.0.0.1"]])
def test_one_address_inside_refuses_a_name_whose_others_are_outside(net: Network, answers: Sequence[str]) -> None:
    net.names[EVIL] = [answers]
    assert fails(net.points(), net.url(host=EVIL)).code is FetchCode.ADDRESS_REFUSED
    assert untouched(net)


def test_a_name_is_resolved_once_and_the_connection_goes_to_the_address_that_was_checked(net: Network) -> None:
    net.names[EVIL] = [["127.0.0.1"], ["10.0.0.5"]]
    assert net.points().fetch(net.url(host=EVIL)) == Fetched(CRL, Validators())
    assert net.looked_up == [EVIL]


def test_a_name_whose_second_answer_leads_inside_is_refused_at_the_second_connection(net: Network) -> None:
    net.names[EVIL] = [["127.0.0.1"], ["10.0.0.5"]]
    net.server.answers["/moved"] = answer(302, Location="/a.crl")
    assert fails(net.points(), net.url("/moved", EVIL)).code is FetchCode.ADDRESS_REFUSED
    assert (net.looked_up, net.server.connections) == ([EVIL, EVIL], 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1.", "0.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::]"])
def test_an_address_in_the_url_is_judged_without_a_look_up(net: Network, host: str) -> None:
    error = fails(net.points(allowed=is_public), net.url(host=host))
    assert (error.code, net.looked_up, untouched(net)) == (FetchCode.ADDRESS_REFUSED, [], True)


def test_an_address_in_the_url_that_is_allowed_is_asked(net: Network) -> None:
    assert net.points().fetch(net.url(host="127.0.0.1")) == Fetched(CRL, Validators())
    assert f"Host: 127.0.0.1:{net.server.port}" in net.server.heads[0]


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "017700000001", "127.1", "0177.0.0.1", "localhost"])
def test_another_form_of_a_loopback_address_is_refused(net: Network, host: str) -> None:
    assert fails(net.points(), net.url(host=host)).code is FetchCode.URL_REFUSED
    assert (net.looked_up, untouched(net)) == ([], True)


@pytest.mark.parametrize("port", [0, 22, 25, 53, 6379, 8080, 65535])
def test_another_port_than_80_and_443_is_refused_by_default(net: Network, port: int) -> None:
    points = HttpDistributionPoints(lookup=net.lookup)
    error = fails(points, f"http://{HOST}:{port}/canary")
    assert (error.code, str(port) in str(error), net.looked_up) == (FetchCode.URL_REFUSED, True, [])


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/canary", FetchCode.ADDRESS_REFUSED),
        ("http://[fd00:ec2::254]/latest/meta-data/canary", FetchCode.ADDRESS_REFUSED),
        ("http://inside.example.test/canary", FetchCode.ADDRESS_REFUSED),
        ("//inside.example.test/canary", FetchCode.ADDRESS_REFUSED),
        ("http://169.254.169.254:22/canary", FetchCode.URL_REFUSED),
        ("http://2852039166/canary", FetchCode.REDIRECT_REFUSED),
        ("http://0xa9.0xfe.0xa9.0xfe/canary", FetchCode.REDIRECT_REFUSED),
        ("http://canary:canary@crl.example.test/", FetchCode.REDIRECT_REFUSED),
        ("file:///etc/canary", FetchCode.REDIRECT_REFUSED),
        ("ldap://crl.example.test/canary", FetchCode.REDIRECT_REFUSED),
        ("gopher://crl.example.test/canary", FetchCode.REDIRECT_REFUSED),
        ("http://localhost/canary", FetchCode.REDIRECT_REFUSED),
        ("http://none.example.test/canary", FetchCode.UNRESOLVABLE),
        ("", FetchCode.REDIRECT_REFUSED),
    ],
)
def test_a_redirect_inside_or_elsewhere_is_refused(net: Network, location: str, code: FetchCode) -> None:
    net.names["inside.example.test"] = [["10.0.0.5"]]
    net.ports |= {80}
    net.server.answers["/moved"] = answer(302, Location=location)
    assert fails(net.points(), net.url("/moved")).code is code
    assert net.server.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect_is_followed_and_checked(net: Network, status: int) -> None:
    net.server.answers["/good"] = answer(status, Location="/a.crl")
    net.server.answers["/bad"] = answer(status, Location=f"http://10.0.0.5:{net.server.port}/")
    assert net.points().fetch(net.url("/good")) == Fetched(CRL, Validators())
    assert fails(net.points(), net.url("/bad")).code is FetchCode.ADDRESS_REFUSED


def test_a_redirect_to_another_server_of_the_same_address_is_refused(net: Network) -> None:
    with RawServer() as other:
        net.server.answers["/moved"] = answer(302, Location=f"http://{HOST}:{other.port}/a.crl")
        assert fails(net.points(), net.url("/moved")).code is FetchCode.URL_REFUSED
        assert other.connections == 0


def test_a_redirect_without_a_place_or_to_two_is_refused(net: Network) -> None:
    net.server.answers["/none"] = answer(302)
    net.server.answers["/two"] = answer(302, Location="/a.crl", location="/b.crl")
    for path in ("/none", "/two"):
        assert fails(net.points(), net.url(path)).code is FetchCode.REDIRECT_REFUSED


def test_three_redirects_are_followed_and_a_fourth_is_not(net: Network) -> None:
    for number in range(5):
        net.server.answers[f"/{number}"] = answer(302, Location=f"/{number - 1}" if number else "/a.crl")
    assert net.points().fetch(net.url(f"/{MAX_REDIRECTS - 1}")) == Fetched(CRL, Validators())
    assert fails(net.points(), net.url(f"/{MAX_REDIRECTS}")).code is FetchCode.REDIRECT_REFUSED


def test_redirects_in_a_circle_end(net: Network) -> None:
    net.server.answers["/a"] = answer(302, Location="/b")
    net.server.answers["/b"] = answer(302, Location="/a")
    assert fails(net.points(), net.url("/a")).code is FetchCode.REDIRECT_REFUSED
    assert net.server.connections == MAX_REDIRECTS + 1


def test_the_rule_is_asked_for_every_address_of_a_name(net: Network) -> None:
    asked: list[Address] = []

    def allowed(address: Address) -> bool:
        asked.append(address)
        return True

    net.names[HOST] = [["127.0.0.1", "127.0.0.2", "::1"]]
    net.points(allowed=allowed).fetch(net.url())
    assert [str(address) for address in asked] == ["127.0.0.1", "127.0.0.2", "::1"]


def test_the_next_address_is_tried_where_one_does_not_answer(net: Network) -> None:
    net.names[HOST] = [["::ffff:127.0.0.9", "127.0.0.1"]]
    assert net.points(allowed=lambda _: True).fetch(net.url()) == Fetched(CRL, Validators())
    net.names[HOST] = [["127.0.0.9"] * 4 + ["127.0.0.1"]]
    assert fails(net.points(allowed=lambda _: True), net.url()).code is FetchCode.UNREACHABLE


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_a_proxy_of_the_environment_is_not_asked(net: Network, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with RawServer() as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        assert net.points().fetch(net.url()) == Fetched(CRL, Validators())
        assert proxy.connections == 0


def test_a_name_without_an_address_is_unresolvable(net: Network) -> None:
    net.names[EVIL] = [[]]
    assert fails(net.points(), net.url(host=EVIL)).code is FetchCode.UNRESOLVABLE


def test_look_ups_that_hang_are_left_behind_and_no_more_than_a_few_hang_at_once(net: Network) -> None:
    over = Event()
    hanging: list[str] = []

    def lookup(name: str) -> Sequence[str]:
        hanging.append(name)
        over.wait()
        return ["127.0.0.1"]

    points = net.points(lookup=lookup, budget=0.05)
    began = time.monotonic()
    try:
        for _ in range(MAX_LOOKUPS + 2):
            assert fails(points, net.url()).code is FetchCode.TIMED_OUT
        assert (len(hanging), time.monotonic() - began < seconds(2)) == (MAX_LOOKUPS, True)
    finally:
        over.set()
    assert untouched(net)


def test_the_system_is_asked_for_the_full_name_so_that_its_search_list_adds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def getaddrinfo(host: object, port: object, **how: object) -> list[tuple[object, ...]]:
        asked.append((host, port, how))
        inside = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1%eth0", 0, 0, 2))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)), inside]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert system_lookup(HOST) == ["192.0.2.1", "fe80::1%eth0"]
    assert asked == [(b"crl.example.test.", None, {"type": socket.SOCK_STREAM})]
