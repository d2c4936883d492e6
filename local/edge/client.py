"""The client's side of one handshake: connect, present a certificate, ask once, and judge the answer without mercy.

In TLS 1.3 the client's handshake is over before the server has checked the certificate, so that a handshake without
an error proves nothing. nginx goes on and answers HTTP 400. Only its answer shows it, hence one request each.
"""

import http.client
import re
import socket
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from tempfile import NamedTemporaryFile

HOST = "127.0.0.1"
TIMEOUT = 10.0
"""Seconds that connecting and each read and write may take."""

_BODY = re.compile(r"(?P<generation>\d+) (?P<worker>\d+) (?P<verify>SUCCESS|NONE|FAILED:.+)\n")

# RFC 8446, 6.2: the alerts by which a server says that it dislikes the certificate or misses one, in the names of
# OpenSSL's ERR_reason_error_string. Any other alert (internal_error, protocol_version …) is a failure, not a verdict.
_REFUSING_ALERTS = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_DECRYPT_ERROR",  # BoringSSL: the signature on the certificate is not by the CA that it took
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    },
)


class EdgeError(Exception):
    """The edge could not be started, reloaded or asked. Never a verdict on a certificate."""


@dataclass(frozen=True)
class ClientIdentity:
    """What a TLS client owns. ``chain_pem`` holds the leaf first, then what the client presents above it."""

    name: str
    chain_pem: bytes = field(repr=False)
    key_pem: bytes = field(repr=False)  # a private key: unencrypted PEM, and in no log


@dataclass(frozen=True)
class Handshake:
    """What one connection came to. ``detail`` is the server's reason; ``protocol`` is ``TLSv1.3`` or ``TLSv1.2``."""

    admitted: bool
    detail: str
    protocol: str | None


@dataclass(frozen=True)
class Answer:
    """A handshake, with the configuration and the process that judged it: None where only a TLS alert came."""

    handshake: Handshake
    generation: int | None = None
    worker: int | None = None


def client_context(server_pem: str, identity: ClientIdentity | None, directory: Path) -> ssl.SSLContext:
    """Return a context that trusts exactly the certificate ``server_pem`` and presents ``identity`` (None: nothing).

    ``directory`` holds the private key for the moment that OpenSSL needs to read it.

    Raises EdgeError for a certificate and key that do not belong together or cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Present whatever is asked for, a weak certificate too: refusing it is the server's part.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_verify_locations(cadata=server_pem)
    if identity is not None:
        with NamedTemporaryFile(dir=directory, prefix="client-", suffix=".pem") as pair:  # made with mode 0600
            pair.write(identity.key_pem.rstrip() + b"\n" + identity.chain_pem)
            pair.flush()
            try:
                context.load_cert_chain(pair.name)
            except ssl.SSLError as error:
                raise EdgeError(f"{identity.name}: cannot be used as a client certificate: {error}") from error
    return context


def ask(port: int, context: ssl.SSLContext, timeout: float = TIMEOUT) -> Answer:
    """Make one new TLS connection to ``port`` on loopback, send one request and return what the server made of it.

    Raises OSError or http.client.HTTPException where there is no answer at all, EdgeError where the answer is none of
    an edge or contradicts itself.
    """
    connection = http.client.HTTPSConnection(HOST, port, timeout=timeout, context=context)
    protocol: str | None = None
    try:
        connection.connect()
        tls = connection.sock
        protocol = tls.version()
        if tls.session_reused:
            raise EdgeError(f"port {port}: resumed an old session, in which no certificate is checked")
        connection.request("GET", "/", headers={"Connection": "close"})
        response = connection.getresponse()
        return _judge(port, protocol, response.status, response.read().decode("utf-8", "replace"))
    except ssl.SSLError as error:
        if error.reason not in _REFUSING_ALERTS:
            raise
        return Answer(Handshake(admitted=False, detail=error.reason, protocol=protocol))
    finally:
        connection.close()


def listens(port: int) -> bool:
    """Whether somebody takes connections at a port of loopback."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def _judge(port: int, protocol: str | None, status: int, body: str) -> Answer:
    said = _BODY.fullmatch(body)
    if said is None:
        raise EdgeError(f"port {port}: HTTP {status} with an answer that is none of an edge: {body[:200]!r}")
    verify = said["verify"]
    admitted = verify == "SUCCESS"
    if status != (HTTPStatus.OK if admitted else HTTPStatus.BAD_REQUEST):
        raise EdgeError(f"port {port}: HTTP {status} contradicts the certificate's verdict {verify!r}")
    return Answer(Handshake(admitted, verify, protocol), int(said["generation"]), int(said["worker"]))
