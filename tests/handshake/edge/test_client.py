import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.x509 import IPAddress

from local.edge import ClientIdentity, EdgeError, TlsEdge
from local.edge.client import ask, client_context
from local.genesys.issuing import Identity, issue
from tests.handshake.edge.certificates import DAY, bundle_of, client_of, new_authority, new_key, new_leaf


def test_the_private_key_of_a_client_stays_neither_on_disk_nor_in_its_repr(
    edge: TlsEdge, root: Identity, tmp_path: Path
) -> None:
    leaf = new_leaf(root)
    edge.load({"alb": bundle_of(root)})
    assert edge.handshake("alb", client_of(leaf)).admitted

    files = {each.name: each for each in (tmp_path / "edge").iterdir() if each.is_file()}

    assert [name for name, file in files.items() if leaf.key_pem()[28:-26].encode() in file.read_bytes()] == []
    assert files["server.key"].stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in repr(client_of(leaf))


def test_a_certificate_with_a_strangers_key_is_an_error_that_names_the_identity(edge: TlsEdge, root: Identity) -> None:
    mixed = ClientIdentity("mixed", new_leaf(root).pem().encode(), new_leaf(root).key_pem().encode())
    edge.load({"alb": bundle_of(root)})

    with pytest.raises(EdgeError, match="mixed: cannot be used"):
        edge.handshake("alb", mixed)


def _answer_once(context: ssl.SSLContext, answer: bytes) -> tuple[int, threading.Thread]:
    """Serve one connection: a handshake, then ``answer`` as it is."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with (
            listener,
            listener.accept()[0] as plain,
            context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as tls,
        ):
            try:
                tls.do_handshake()
                tls.recv(65536)
                tls.sendall(answer)
            except ssl.SSLError:
                # The client is to see its alert: closing with the client's request unread would reset it away.
                with suppress(ConnectionError):
                    socket.socket.recv(tls, 65536)

    thread = threading.Thread(target=serve)
    thread.start()
    return listener.getsockname()[1], thread


def _server(tmp_path: Path, trusted: Identity) -> tuple[ssl.SSLContext, str]:
    san = [IPAddress(ip_address("127.0.0.1"))]
    own = issue(None, "server", new_key(), datetime.now(UTC) - DAY, datetime.now(UTC) + DAY, san=san)
    pair = tmp_path / "pair.pem"
    pair.write_text(own.key_pem() + own.pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    context.load_verify_locations(cadata=trusted.pem())
    return context, own.pem()


@pytest.mark.parametrize(
    ("protocol", "presented", "detail"),
    [
        ("TLSv1_2", True, "TLSV1_ALERT_UNKNOWN_CA"),
        ("TLSv1_3", True, "TLSV1_ALERT_UNKNOWN_CA"),
        ("TLSv1_3", False, "TLSV13_ALERT_CERTIFICATE_REQUIRED"),
    ],
)
def test_a_servers_alert_about_the_certificate_is_a_refusal(
    root: Identity, tmp_path: Path, protocol: str, detail: str, *, presented: bool
) -> None:
    context, server_pem = _server(tmp_path, root)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = context.minimum_version = ssl.TLSVersion[protocol]
    stranger = client_of(new_leaf(new_authority("Elsewhere"))) if presented else None
    port, thread = _answer_once(context, b"")

    seen = ask(port, client_context(server_pem, stranger, tmp_path)).handshake
    thread.join()

    assert (seen.admitted, seen.detail) == (False, detail)


@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        ("200 OK", "1 1 FAILED:certificate has expired\n", "contradicts"),
        ("200 OK", "1 1 NONE\n", "contradicts"),
        ("400 Bad Request", "1 1 SUCCESS\n", "contradicts"),
        ("502 Bad Gateway", "1 1 SUCCESS\n", "contradicts"),
        ("502 Bad Gateway", "1 1 NONE\n", "contradicts"),
        ("400 Bad Request", "<html>Bad Request</html>", "none of an edge"),
        ("200 OK", "", "none of an edge"),
    ],
)
def test_an_odd_answer_is_an_error_and_no_verdict(
    root: Identity, tmp_path: Path, status: str, body: str, complaint: str
) -> None:
    context, server_pem = _server(tmp_path, root)
    answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    port, thread = _answer_once(context, answer.encode())

    with pytest.raises(EdgeError, match=complaint):
        ask(port, client_context(server_pem, None, tmp_path))
    thread.join()


def test_an_alert_that_is_not_about_the_certificate_is_no_verdict(root: Identity, tmp_path: Path) -> None:
    context, server_pem = _server(tmp_path, root)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    client = client_context(server_pem, None, tmp_path)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    port, thread = _answer_once(context, b"")

    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        ask(port, client)
    thread.join()


def test_a_server_of_another_certificate_is_no_edge(root: Identity, tmp_path: Path) -> None:
    context, _ = _server(tmp_path, root)
    port, thread = _answer_once(context, b"")

    with pytest.raises(ssl.SSLCertVerificationError):
        ask(port, client_context(root.pem(), None, tmp_path))
    thread.join()


@pytest.mark.parametrize("protocol", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nginx_resumes_no_session_even_for_a_client_that_would(
    edge: TlsEdge, root: Identity, tmp_path: Path, protocol: ssl.TLSVersion
) -> None:
    edge.load({"alb": bundle_of(root)})
    server_pem = (tmp_path / "edge" / "server.pem").read_text()
    context = client_context(server_pem, client_of(new_leaf(root)), tmp_path)
    context.minimum_version = context.maximum_version = protocol
    session, reused, answers = None, [], []
    for _ in range(2):
        with (
            socket.create_connection(("127.0.0.1", edge.port("alb"))) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as tls,
        ):
            tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answers.append(tls.makefile("rb").read())
            session = tls.session
            reused.append(tls.session_reused)

    assert [b"SUCCESS" in each for each in answers] == [True, True]
    assert reused == [False, False]
