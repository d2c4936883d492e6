"""A server on 127.0.0.1 that sends exactly the bytes that a test hands it, and a network in which names lead to it."""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from tempfile import NamedTemporaryFile
from threading import Event, Thread
from typing import Any, Self

from cryptography.x509.oid import ExtendedKeyUsageOID

from rotation_watcher.adapters.crl_http import HttpDistributionPoints
from rotation_watcher.adapters.public_addresses import Address
from rotation_watcher.errors import FetchError
from rotation_watcher.ports import DistributionPoints, Validators
from tests.support.certs import Issued, issue, self_signed_ca

HOST = "crl.example.test"
CRL = b"a CRL, as far as HTTP goes"

type Headers = dict[str, str]
type Answer = Callable[[Headers], Iterable[bytes]]


def answer(status: int = 200, body: bytes = b"", *, length: int | str | None = None, **headers: str) -> bytes:
    """An answer as bytes. ``length`` lies about the body's; a header's ``_`` stands for ``-``."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class RawServer:
    """Answers each target with its bytes in ``answers``, or what the function there gives; 404 to every other.

    ``heads`` are the requests as they came, ``connections`` counts them, ``names`` are those that TLS asked for.
    """

    def __init__(self, identity: Issued | None = None) -> None:
        self.answers: dict[str, bytes | Answer] = {}
        self.heads: list[str] = []
        self.connections = 0
        self.names: list[str | None] = []
        self.stopping = Event()
        self._context = self._make_context(identity) if identity else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()  # or it might accept for the next server, which gets the number of this socket
        self._listener.close()

    def pause(self) -> bool:
        """Wait for the next drop of what drips; False when the test is over."""
        return not self.stopping.wait(0.02)

    def _make_context(self, identity: Issued) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with NamedTemporaryFile() as file:
            file.write(identity.pem + identity.key_pem)
            file.flush()
            context.load_cert_chain(file.name)
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        return context

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, self._secured(connection) as stream:
                head = b""
                while b"\r\n\r\n" not in head:
                    received = stream.recv(65536)
                    if not received:
                        return
                    head += received
                for piece in self._answer(head.decode("latin-1")):
                    stream.sendall(piece)
        except OSError:  # the client has hung up
            return

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self._context.wrap_socket(connection, server_side=True) if self._context else connection

    def _answer(self, head: str) -> Iterable[bytes]:
        self.heads.append(head)
        request, *lines = head.strip().split("\r\n")
        given = self.answers.get(request.split(" ")[1], answer(404))
        return [given] if isinstance(given, bytes) else given(dict(line.split(": ", 1) for line in lines))


class Network:
    """A server, with TLS or without, and names that lead to it; whatever is not named here leads nowhere."""

    def __init__(self, server: RawServer, root: Issued | None = None) -> None:
        self.server = server
        self.names: dict[str, list[Sequence[str]]] = {HOST: [["127.0.0.1"]]}
        """The answers for each name, one a look-up; the last one stays."""
        self.looked_up: list[str] = []
        self.ports = {server.port}
        self.scheme = "https" if root else "http"
        self._root = root

    def url(self, path: str = "/a.crl", host: str = HOST) -> str:
        """A URL at the server."""
        return f"{self.scheme}://{host}:{self.server.port}{path}"

    def points(self, **given: Any) -> HttpDistributionPoints:
        """The adapter, which may go to this server alone unless the test gives another rule."""
        defaults: dict[str, Any] = {
            "allowed": is_127_0_0_1,
            "ports": self.ports,
            "lookup": self.lookup,
            "budget": 10.0,
            "tls": self._tls,
        }
        return HttpDistributionPoints(**(defaults | given))

    def lookup(self, name: str) -> Sequence[str]:
        """What DNS says."""
        self.looked_up.append(name)
        answers = self.names.get(name)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _tls(self) -> ssl.SSLContext:
        assert self._root is not None
        return ssl.create_default_context(cadata=self._root.pem.decode())


def is_127_0_0_1(address: Address) -> bool:
    """The rule of these tests: the server's own address alone."""
    return str(address) == "127.0.0.1"


@contextmanager
def network(*, tls: bool = False, name: str = HOST) -> Iterator[Network]:
    """A running server; with ``tls`` its certificate bears the name."""
    root = self_signed_ca() if tls else None
    with ExitStack() as running:
        identity = issue(root, name, eku=(ExtendedKeyUsageOID.SERVER_AUTH,)) if root else None
        yield Network(running.enter_context(RawServer(identity)), root)


def fails(points: DistributionPoints, url: str, known: Validators | None = None) -> FetchError:
    """The error of a fetch, whose text must be short, printable, and without what is behind the host in the URL."""
    try:
        fetched = points.fetch(url, known=known)
    except FetchError as error:
        words = str(error)
        assert words.isprintable()
        assert words.isascii()
        assert len(words) < 200
        assert "canary" not in words
        return error
    raise AssertionError(f"was fetched: {fetched}")
