"""A door that asks for client certificates, and one knock at it: a full TLS handshake and one request.

In TLS 1.3 the client's part is over before the server has judged its certificate, so only an answer tells of an
admission. The server's own certificate is not verified: nothing is sent but the request, and who answers is not asked.
"""

import http.client
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from genesys_certs.conformance.material import Made
from genesys_certs.problems import Problem

SECONDS = 15.0
"""That connecting, and each read, may take."""

type Connect = Callable[[str, int], socket]


class Door(NamedTuple):
    """Where to knock. ``name`` is what the handshake asks for (SNI), which needs no DNS record."""

    host: str
    port: int
    name: str


class Seen(NamedTuple):
    """What a client saw: the HTTP status and who names itself the server, or (status 0) how the connection ended."""

    status: int = 0
    server: str = ""
    ended: str = ""

    @property
    def words(self) -> str:
        """As a record has it."""
        return f"HTTP {self.status} by {self.server or 'nobody'}" if self.status else self.ended


def knock(connect: Connect, door: Door, chain: Sequence[Made]) -> Seen:
    """Shake hands and ask once. ``chain``: the client's certificate, then what it sends above it; empty: none.

    Raises Problem where there is no connection: that is no verdict.
    """
    context = _context(chain)
    try:
        plain = connect(door.host, door.port)
    except OSError as error:
        raise Problem("no-connection", f"The door cannot be reached: {type(error).__name__}.") from None
    try:
        with context.wrap_socket(plain, server_hostname=door.name) as tls:
            tls.sendall(f"GET / HTTP/1.1\r\nHost: {door.name}\r\nConnection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(tls)
            answer.begin()
            return Seen(answer.status, (answer.getheader("Server") or "").partition("/")[0][:40])
    except ssl.SSLError as error:
        return Seen(ended=(error.reason or type(error).__name__).replace("_", " ").lower())
    except (http.client.HTTPException, OSError) as error:
        return Seen(ended=f"no answer: {type(error).__name__}")
    finally:
        plain.close()


def _context(chain: Sequence[Made]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if chain:
        key = chain[0].key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with TemporaryDirectory() as folder:  # for its owner alone; OpenSSL reads a file
            pair = Path(folder, "client.pem")
            pair.write_bytes(key + b"".join(one.pem for one in chain))
            context.load_cert_chain(pair)
    return context
