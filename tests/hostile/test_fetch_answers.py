"""Answers of a server that means harm: endless, slow, packed, lying, oversized. Each ends in its time and size."""

import gzip
import time
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace

import pytest

from local.patience import seconds
from rotation_watcher.adapters import checked_backend
from rotation_watcher.adapters.crl_http import MAX_BYTES
from rotation_watcher.errors import FetchCode
from rotation_watcher.ports import Fetched, NotModified, Validators
from tests.support.crl_server import CRL, Headers, Network, answer, fails, network

OK = "HTTP/1.1 200 OK\r\n"
CHUNKED = f"{OK}Transfer-Encoding: chunked\r\n\r\n".encode()


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as running:
        yield running


def code(net: Network, given: bytes | Callable[[Headers], Iterable[bytes]], **points: float) -> FetchCode:
    net.server.answers["/a.crl"] = given
    return fails(net.points(**points), net.url()).code


def dripping(net: Network, first: bytes, drop: bytes) -> Callable[[Headers], Iterable[bytes]]:
    """An answer that goes on and on, a drop at a time."""

    def drip(_: Headers) -> Iterable[bytes]:
        yield first
        while net.server.pause():
            yield drop

    return drip


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (f"{OK}Content-Length: 1000\r\n\r\n".encode(), b"x"),
        (f"{OK}\r\n".encode(), b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED + b"1;", b"x"),
        (CHUNKED + b"0\r\n", b"A: b\r\n"),
        (b"", b"H"),
        (OK.encode(), b"A: b\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b""),
    ],
    ids=["body", "no length", "chunks", "chunk header", "trailers", "status line", "headers", "continue", "silence"],
)
def test_what_drips_is_cut_by_the_budget(net: Network, first: bytes, drop: bytes) -> None:
    began = time.monotonic()
    assert code(net, dripping(net, first, drop), budget=0.15) is FetchCode.TIMED_OUT
    assert 0.1 < time.monotonic() - began < seconds(2)


def test_the_budget_covers_all_redirects_together(net: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def slow(_: Headers) -> Iterable[bytes]:
        nonlocal now
        now += 40.0
        yield answer(302, Location="/a.crl")

    monkeypatch.setattr(checked_backend, "time", SimpleNamespace(monotonic=lambda: now))
    assert code(net, slow, budget=100.0) is FetchCode.TIMED_OUT
    assert net.server.connections == 3


def test_what_is_left_of_the_run_counts_where_it_is_less_than_the_budget(net: Network) -> None:
    net.server.answers["/a.crl"] = dripping(net, b"", b"")
    began = time.monotonic()
    assert fails(net.points(remaining=lambda: 0.1, budget=30.0), net.url()).code is FetchCode.TIMED_OUT
    assert time.monotonic() - began < seconds(2)


@pytest.mark.parametrize("left", [0.0, -5.0])
def test_nobody_is_asked_when_the_run_has_no_time_left(net: Network, left: float) -> None:
    assert fails(net.points(remaining=lambda: left), net.url()).code is FetchCode.TIMED_OUT
    assert (net.looked_up, net.server.connections) == ([], 0)


@pytest.mark.parametrize("head", [CHUNKED, f"{OK}\r\n".encode()], ids=["chunks", "no length"])
def test_an_endless_body_is_cut_at_the_limit(net: Network, head: bytes) -> None:
    sent = 0

    def endless(_: Headers) -> Iterable[bytes]:
        nonlocal sent
        yield head
        piece = bytes(100_000)
        while not net.server.stopping.is_set():
            sent += len(piece)
            yield b"%x\r\n%s\r\n" % (len(piece), piece) if head is CHUNKED else piece

    assert code(net, endless, limit=1_000_000) is FetchCode.ANSWER_TOO_LARGE
    assert sent < 20_000_000


@pytest.mark.parametrize("length", [str(MAX_BYTES + 1), "1" + "0" * 19])
def test_a_length_beyond_the_limit_is_refused_before_the_body_comes(net: Network, length: str) -> None:
    assert code(net, answer(length=length)) is FetchCode.ANSWER_TOO_LARGE


def test_fifty_million_bytes_are_taken_and_one_more_is_not(net: Network) -> None:
    largest = bytes(MAX_BYTES)
    head = f"{OK}\r\n".encode()
    net.server.answers["/a.crl"] = lambda _: [head, largest]
    fetched = net.points().fetch(net.url())
    assert isinstance(fetched, Fetched)
    assert len(fetched.body) == MAX_BYTES == 50_000_000
    assert code(net, lambda _: [head, largest, b"x"]) is FetchCode.ANSWER_TOO_LARGE


@pytest.mark.parametrize(
    "length", ["5, 6", "-1", "0x10", "1e3", " ", "five", "+5", "1" * 21, "1" * 5000, str(len(CRL) + 1)]
)
def test_a_length_that_does_not_fit_is_refused(net: Network, length: str) -> None:
    assert code(net, answer(body=CRL, length=length)) is FetchCode.ANSWER_INVALID


def test_two_lengths_that_differ_are_refused(net: Network) -> None:
    assert code(net, answer(body=CRL, content_length="3")) is FetchCode.ANSWER_INVALID


def test_what_comes_after_the_length_is_not_read(net: Network) -> None:
    net.server.answers["/a.crl"] = answer(body=CRL) + answer(body=b"smuggled")
    assert net.points().fetch(net.url()) == Fetched(CRL, Validators())


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "GZIP", "x"])
def test_a_packed_body_is_refused_unread(net: Network, coding: str) -> None:
    bomb = gzip.compress(gzip.compress(bytes(10_000_000)))
    assert code(net, answer(body=bomb, Content_Encoding=coding)) is FetchCode.ANSWER_INVALID


def test_a_packed_transfer_is_refused(net: Network) -> None:
    given = f"{OK}Transfer-Encoding: gzip, chunked\r\n\r\n".encode()
    assert code(net, given) is FetchCode.ANSWER_INVALID


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_that_is_called_unpacked_is_taken(net: Network, coding: str) -> None:
    net.server.answers["/a.crl"] = answer(body=CRL, Content_Encoding=coding)
    assert net.points().fetch(net.url()) == Fetched(CRL, Validators())


@pytest.mark.parametrize("known", [None, Validators(), Validators("*", "yesterday")])
def test_not_modified_without_having_asked_is_refused(net: Network, known: Validators | None) -> None:
    net.server.answers["/a.crl"] = answer(304, ETag='"one"')
    assert fails(net.points(), net.url(), known).code is FetchCode.ANSWER_INVALID


def test_not_modified_is_taken_after_a_redirect_too(net: Network) -> None:
    net.server.answers |= {"/a.crl": answer(302, Location="/b.crl"), "/b.crl": answer(304)}
    assert net.points().fetch(net.url(), known=Validators('"one"')) == NotModified()
    assert all('If-None-Match: "one"' in head for head in net.server.heads)


@pytest.mark.parametrize(
    "given",
    [
        answer(body=CRL, X="x" * 200_000),
        OK.encode() + b"A: b\r\n" * 50_000 + b"\r\n",
        b"HTTP/1.1 200 " + b"x" * 200_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"",
        b"\x00" * 1000,
        b"HTTP/1.1 200 OK\r\nA\x00: b\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"f" * 100,
        CHUNKED + b"5\r\nab",
        b"HTTP/1.1 103 Early\r\n\r\n",
    ],
    ids=range(12),
)
def test_what_is_no_http_is_refused(net: Network, given: bytes) -> None:
    assert code(net, given) is FetchCode.ANSWER_INVALID


def test_headers_of_the_same_name_give_no_validator(net: Network) -> None:
    net.server.answers["/a.crl"] = answer(body=CRL, ETag='"one"', etag='"two"')
    assert net.points().fetch(net.url()) == Fetched(CRL, Validators())


def test_a_request_holds_these_headers_and_no_others_whatever_the_server_sets(net: Network) -> None:
    net.server.answers |= {
        "/a.crl?q=1": answer(302, Location="/b.crl", Set_Cookie="canary=1", WWW_Authenticate="Basic"),
        "/b.crl": answer(body=CRL),
    }
    net.points().fetch(net.url("/a.crl?q=1#fragment"), known=Validators('"one"', "Thu, 26 Nov 2026 07:00:00 GMT"))
    sent = [
        f"Host: crl.example.test:{net.server.port}",
        "User-Agent: genesys-certificate-rotation-watcher",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        'If-None-Match: "one"',
        "If-Modified-Since: Thu, 26 Nov 2026 07:00:00 GMT",
    ]
    assert [head.strip().split("\r\n") for head in net.server.heads] == [
        ["GET /a.crl?q=1 HTTP/1.1", *sent],
        ["GET /b.crl HTTP/1.1", *sent],
    ]


def test_a_server_that_is_not_there_is_unreachable(net: Network) -> None:
    with network() as gone:
        url = gone.url()
    assert fails(net.points(ports={gone.server.port}), url).code is FetchCode.UNREACHABLE
