"""Answers that will not get better: of another shape, too large, endless; and how they are reported."""

import gzip
import json
import logging
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from socket import SHUT_WR, create_connection, socket
from socketserver import BaseRequestHandler, StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any

import pytest

from local.patience import seconds
from rotation_watcher.adapters.genesys import MAX_ANSWER, Genesys, make_client
from rotation_watcher.errors import SourceError, SourceReason
from rotation_watcher.ports import Credentials
from tests.support.observer import EMPTY, REGION, SECRET, TOKEN, Observer

LASTING: dict[str, tuple[dict[str, Any], SourceReason, str]] = {
    "HTML": ({"body": "<html><body>Sign in</body></html>"}, SourceReason.ANSWER_INVALID, "but a web page"),
    "a long page": (
        {"body": "<html>\x1b[31m\né" + "words and " * 100},
        SourceReason.ANSWER_INVALID,
        "expected but a web page",
    ),
    "plain words": ({"body": "no"}, SourceReason.ANSWER_INVALID, "2 bytes that are not the JSON expected"),
    "nothing": ({"body": ""}, SourceReason.ANSWER_INVALID, "0 bytes"),
    "no content": ({"status": 204}, SourceReason.ANSWER_INVALID, "status 204"),
    "UTF-16": ({"body": EMPTY.encode("utf-16")}, SourceReason.ANSWER_INVALID, "but text in UTF-16"),
    "Latin-1": ({"body": '{"entities": [], "nextUri": "é"}'.encode("latin-1")}, SourceReason.ANSWER_INVALID, "JSON"),
    "length too short": ({"body": EMPTY, "content_length": 9}, SourceReason.ANSWER_INVALID, "9 bytes"),
    "no gzip": ({"body": EMPTY, "headers": {"Content-Encoding": "gzip"}}, SourceReason.ANSWER_INVALID, "encoding"),
    "brotli": ({"body": EMPTY, "headers": {"Content-Encoding": "br"}}, SourceReason.ANSWER_INVALID, "not asked for"),
    "redirect": (
        {"status": 302, "headers": {"Location": f"https://elsewhere.example/x?token={TOKEN}"}},
        SourceReason.REDIRECTED,
        "redirects to elsewhere.example;",
    ),
    "broken redirect": ({"status": 307, "headers": {"Location": "//[x"}}, SourceReason.REDIRECTED, "(no host)"),
    "400": ({"status": 400, "body": SECRET}, SourceReason.ANSWER_INVALID, "status 400"),
    "403": ({"status": 403, "body": SECRET}, SourceReason.PERMISSION_MISSING, "actionCertificate:view"),
    "403 of 50 MB": ({"status": 403, "body": " " * 50_000_000}, SourceReason.PERMISSION_MISSING, "status 403"),
    "404": ({"status": 404}, SourceReason.ENDPOINT_MISSING, "/api/v2/integrations/actions/certificates"),
    "50 MB": ({"body": " " * 50_000_000}, SourceReason.ANSWER_TOO_LARGE, str(MAX_ANSWER)),
}


@pytest.mark.parametrize(("how", "reason", "words"), LASTING.values(), ids=LASTING)
def test_what_will_not_pass_is_reported_at_the_first_try(
    observer: Observer, how: dict[str, Any], reason: SourceReason, words: str
) -> None:
    observer.simulator.play(REGION, "certificates", times=0, **how)
    error = observer.fails()
    assert (error.reason, observer.clock.waited) == (reason, [])
    assert len(observer.asked("/certificates")) == 1
    assert words in str(error)
    assert len(str(error)) < 200
    assert str(error).isprintable()


@pytest.mark.parametrize("kind", ["token", "certificates"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_that_is_a_web_page_is_not_taken_for_one_of_the_client_or_its_role(
    observer: Observer, kind: Any, status: int
) -> None:
    page = {"Content-Type": "text/html; charset=utf-8"}
    observer.simulator.play(REGION, kind, times=0, status=status, body="<html>Blocked by policy</html>", headers=page)
    error = observer.fails()
    assert error.reason is SourceReason.UNREACHABLE
    assert f"with a web page (status {status})" in str(error)


@pytest.mark.parametrize("kind", ["token", "certificates"])
def test_a_bomb_is_stopped_before_it_fills_the_memory(observer: Observer, kind: Any) -> None:
    bomb = gzip.compress(bytes(300_000_000), compresslevel=1)
    observer.simulator.play(REGION, kind, body=bomb, headers={"Content-Encoding": "gzip"})
    del bomb
    tracemalloc.start()
    try:
        error = observer.fails()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.reason is SourceReason.ANSWER_TOO_LARGE
    assert peak < 100_000_000


def test_a_bomb_within_a_bomb_is_not_unfolded_at_all(observer: Observer) -> None:
    bomb = gzip.compress(gzip.compress(bytes(100_000_000)))
    assert len(bomb) < 2_000
    observer.simulator.play(REGION, "certificates", body=bomb, headers={"Content-Encoding": "gzip, gzip"})
    tracemalloc.start()
    try:
        error = observer.fails()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (error.reason, peak < 10_000_000) == (SourceReason.ANSWER_INVALID, True)


def test_a_compressed_answer_is_understood(observer: Observer) -> None:
    listing = json.dumps({"entities": [{"status": "Current"}]}).encode()
    for _ in range(2):
        observer.simulator.play(
            REGION, "certificates", body=gzip.compress(listing), headers={"Content-Encoding": "gzip"}
        )
    assert observer.observe() == [{"status": "Current"}] * 2


@pytest.mark.parametrize("how", [{"drip": {"size": 1, "pause": 0.05}}, {"delay": 60.0}], ids=["drip", "silence"])
def test_an_answer_that_never_ends_is_cut_by_the_budget(start: Callable[..., Observer], how: dict[str, Any]) -> None:
    observer = start(budget=0.6)
    observer.simulator.play(REGION, "certificates", body=EMPTY + " " * 2000, **how)
    began = time.monotonic()
    error = observer.fails()
    assert error.reason is SourceReason.UNREACHABLE
    assert 0.5 < time.monotonic() - began < seconds(4)


class Dripping(StreamRequestHandler):
    """Sends what its server holds and then a byte now and then, until nobody listens any more."""

    def handle(self) -> None:
        server: Any = self.server
        with suppress(OSError):
            self.wfile.write(server.first)
            while not server.closing.wait(0.02):
                self.wfile.write(b"x")
                self.wfile.flush()


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX-More: "], ids=["status line", "headers"])
def test_headers_that_never_end_are_cut_by_the_budget(first: bytes) -> None:
    """Each byte comes in time for the client's own patience."""
    with ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads = True
        peer: Any = server
        peer.first, peer.closing = first, Event()
        Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        began = time.monotonic()
        with pytest.raises(SourceError, match="did not answer within 1 seconds in all"):
            Genesys(lambda: datetime.now(UTC), make_client, budget=0.6).certificates(
                api_url=url, login_url=url, credentials=Credentials("id", SECRET)
            )
        assert 0.5 < time.monotonic() - began < seconds(4)
        peer.closing.set()
        server.shutdown()


class Proxy(BaseRequestHandler):
    """A forward proxy: CONNECT, and then whatever both sides say."""

    def handle(self) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += self.request.recv(4096)
        host, _, port = asked.split()[1].decode().rpartition(":")
        with suppress(OSError), create_connection((host, int(port))) as beyond:
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            Thread(target=self.pump, args=[beyond, self.request], daemon=True).start()
            self.pump(self.request, beyond)

    @staticmethod
    def pump(source: socket, goal: socket) -> None:
        with suppress(OSError):
            while said := source.recv(4096):
                goal.sendall(said)
            goal.shutdown(SHUT_WR)


def test_an_answer_that_never_ends_is_cut_by_the_budget_behind_a_proxy_too(
    start: Callable[..., Observer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingTCPServer(("127.0.0.1", 0), Proxy) as proxy:
        proxy.daemon_threads = True
        Thread(target=proxy.serve_forever, args=[0.02], daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        observer = start(budget=seconds(0.9))
        observer.simulator.play(REGION, "certificates", body=EMPTY + " " * 2000, drip={"size": 1, "pause": 0.05})
        began = time.monotonic()
        assert "did not answer within" in str(observer.fails())
        assert time.monotonic() - began < seconds(6)
        assert observer.asked("/oauth/token") == [200], "the proxy let it through"
        proxy.shutdown()


def listen(caplog: pytest.LogCaptureFixture) -> None:
    """Let everybody log everything, also those that the functions hush."""
    for name in (None, "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)


@pytest.mark.parametrize(
    ("kind", "echo"),
    [
        ("token", f'"{TOKEN}"'),
        ("token", f"access_token={TOKEN}&expires_in=3600"),
        ("token", f'{{"access_token": "{TOKEN}", "token_type": "{TOKEN}"}}'),
        ("token", f"<html>{TOKEN}</html>"),
        ("certificates", f"<html>You sent: Authorization: Bearer {TOKEN}</html>"),
        ("certificates", f'{{"entities": "{TOKEN}"}}'),
        ("certificates", TOKEN),
    ],
)
def test_an_answer_that_echoes_a_secret_puts_it_into_no_error_and_no_log(
    observer: Observer, caplog: pytest.LogCaptureFixture, kind: Any, echo: str
) -> None:
    listen(caplog)
    observer.simulator.play(REGION, "token", body=json.dumps({"access_token": TOKEN}))
    if kind == "token":
        observer.simulator.clear()
    observer.simulator.play(REGION, kind, body=echo)
    assert observer.fails().reason is SourceReason.ANSWER_INVALID
    assert "canary" not in repr(vars(observer.api))
    assert "canary" not in caplog.text
    assert any(record.name.startswith("httpcore") for record in caplog.records)


def test_a_good_observation_writes_no_secret_into_any_log(observer: Observer, caplog: pytest.LogCaptureFixture) -> None:
    listen(caplog)
    observer.simulator.play(REGION, "token", body=json.dumps({"access_token": TOKEN}))
    observer.simulator.play(REGION, "certificates", body=EMPTY, times=2)
    assert observer.observe() == []
    assert "canary" not in caplog.text
    assert any(record.name.startswith("httpcore") for record in caplog.records)
