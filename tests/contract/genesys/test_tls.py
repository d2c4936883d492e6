"""The peer is not who it should be, speaks no TLS, or is not there."""

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from rotation_watcher.adapters.genesys import TRIES, Genesys, make_client
from rotation_watcher.errors import SourceReason
from tests.support.observer import Observer


def test_a_certificate_of_another_name_fails_and_is_not_tried_again(start: Callable[..., Observer]) -> None:
    observer = start(names=("api.mypurecloud.com",))
    error = observer.fails()
    assert (error.reason, observer.clock.waited) == (SourceReason.TLS_FAILED, [])
    assert "not valid for '127.0.0.1'" in str(error)
    assert observer.simulator.requests == []


def test_a_certificate_of_an_unknown_authority_fails_and_is_not_tried_again(observer: Observer) -> None:
    observer.api = Genesys(observer.clock, make_client, pause=observer.pause)
    error = observer.fails()
    assert (error.reason, observer.clock.waited) == (SourceReason.TLS_FAILED, [])
    assert "unable to get local issuer certificate" in str(error)


@pytest.mark.parametrize(
    ("greeting", "reason", "pauses"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", SourceReason.TLS_FAILED, 0),
        (b"", SourceReason.UNREACHABLE, TRIES - 1),
    ],
    ids=["plain HTTP", "hangs up"],
)
def test_a_server_that_speaks_no_tls_is_reported(
    observer: Observer, greeting: bytes, reason: SourceReason, pauses: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        greeting_all = Thread(target=greet, args=(server, greeting), daemon=True)
        greeting_all.start()
        observer.simulator.url = f"https://127.0.0.1:{server.getsockname()[1]}"
        assert observer.fails().reason is reason
        assert len(observer.clock.waited) == pauses
        server.shutdown(socket.SHUT_RDWR)
        greeting_all.join()  # or it might accept for whoever gets the number of this socket


def greet(server: socket.socket, greeting: bytes) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(5000)
            connection.sendall(greeting)


def test_a_port_that_nobody_listens_on_is_tried_three_times(observer: Observer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        observer.simulator.url = f"https://127.0.0.1:{server.getsockname()[1]}"
    assert observer.fails().reason is SourceReason.UNREACHABLE
    assert len(observer.clock.waited) == TRIES - 1


def test_a_ca_file_that_cannot_be_loaded_is_named(observer: Observer, tmp_path: Path) -> None:
    for content in (None, "no certificate"):
        path = tmp_path / "corporate-ca.pem"
        if content is not None:
            path.write_text(content)
        observer.api = Genesys(observer.clock, partial(make_client, path), pause=observer.pause)
        error = observer.fails()
        assert (error.reason, str(path) in str(error)) == (SourceReason.TLS_FAILED, True)
