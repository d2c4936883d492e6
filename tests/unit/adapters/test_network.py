"""Whether the network lets a function through to each service is said in seconds, and nothing is asked of it."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from local.genesys.tls import server_context
from local.patience import seconds
from rotation_watcher.adapters import network


class Secure:
    """A TLS server on 127.0.0.1 that keeps what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.context, self.ca_file = server_context(folder, ["127.0.0.1"])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.asked = b""
        self.serving = Thread(target=self._serve, daemon=True)
        self.serving.start()

    def _serve(self) -> None:
        with suppress(OSError):
            connected, _ = self.listener.accept()
            with self.context.wrap_socket(connected, server_side=True) as secured:
                self.asked = secured.recv(1)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    server = Secure(tmp_path)
    with server.listener:
        yield server
        with suppress(OSError):  # nobody is waited for any more
            server.listener.shutdown(socket.SHUT_RDWR)
        server.serving.join()  # or it might accept for whoever gets the number of this socket


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def full() -> Iterator[tuple[Any, ...]]:
    """An address that answers nobody any more: nothing is accepted there, and nobody else may queue."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield socket.AF_INET, socket.SOCK_STREAM, 6, "", address


def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_service_that_ends_its_handshake_is_reached_and_is_asked_nothing(
    secure: Secure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.ca_file))
    assert network.failures({"s3": secure.url}) == {"s3": ""}
    secure.serving.join(5)
    assert secure.asked == b""


def test_a_service_whose_certificate_is_somebody_elses_is_not_reached(secure: Secure) -> None:
    (words,) = network.failures({"s3": secure.url}).values()
    assert words.startswith(secure.url.removeprefix("https://"))
    assert "CERTIFICATE_VERIFY_FAILED" in words


def test_each_service_is_named_with_what_keeps_it_away_and_all_are_tried_at_once(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "TAKES", 0.5)
    nowhere = closed()
    begun = time.monotonic()
    found = network.failures(
        {
            "s3": f"http://{silent}",
            "sqs": f"http://{nowhere}",
            "sns": "https://sns.nowhere.invalid",
            **{f"silent {number}": f"https://{silent}" for number in range(8)},
        }
    )
    assert time.monotonic() - begun < seconds(8 * network.TAKES)
    assert found["s3"] == ""
    assert found["sqs"] == f"{nowhere}: Connection refused"
    assert found["sns"] == "sns.nowhere.invalid:443: the name is not known"
    assert {words for name, words in found.items() if name.startswith("silent")} == {
        f"{silent}: no answer in 0 seconds"
    }


def test_a_name_with_many_addresses_takes_no_longer_and_one_that_answers_is_enough(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = silent.rpartition(":")[2]
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]
    with full() as nowhere:
        monkeypatch.setattr(network, "TAKES", 0.8)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: [nowhere] * 8)
        begun = time.monotonic()
        (words,) = network.failures({"s3": "http://s3.many.invalid"}).values()
        assert time.monotonic() - begun < seconds(4 * network.TAKES), "S3 has eight addresses"
        assert words.startswith("s3.many.invalid:80: no answer in ")
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: [nowhere, *addresses])
        assert network.failures({"s3": "http://s3.many.invalid"}) == {"s3": ""}


def test_of_nothing_there_is_nothing_to_say() -> None:
    assert network.failures({}) == {}
