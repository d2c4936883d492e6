import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import IPAddress
from cryptography.x509.oid import ExtendedKeyUsageOID

from local.edge import BundleRefused, ClientIdentity, EdgeError, Handshake, TlsEdge
from local.edge.client import ask, client_context
from local.genesys.issuing import Identity, PrivateKey, issue

DAY = timedelta(days=1)
NAME = "dataactions.example"
BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def _key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _authority(name: str, issuer: Identity | None = None) -> Identity:
    now = datetime.now(UTC)
    return issue(issuer, name, _key(), now - 10 * DAY, now + 100 * DAY, authority=True)


def _leaf(
    issuer: Identity,
    *,
    name: str = NAME,
    days: tuple[int, int] = (-1, 30),
    usage: str = "client",
    key: PrivateKey | None = None,
) -> Identity:
    now = datetime.now(UTC)
    eku = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}[usage]
    return issue(issuer, name, key or _key(), now + days[0] * DAY, now + days[1] * DAY, eku=[eku])


def _client(leaf: Identity, *, alone: bool = False) -> ClientIdentity:
    chain = leaf.pem() if alone else leaf.handshake_pem()
    return ClientIdentity(NAME, chain.encode(), leaf.key_pem().encode())


def _bundle(*authorities: Identity) -> bytes:
    return "".join(each.pem() for each in authorities).encode()


@pytest.fixture(scope="module")
def root() -> Identity:
    return _authority("Root")


@pytest.fixture(scope="module")
def other_root() -> Identity:
    return _authority("Root")  # the same name, another key


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[TlsEdge]:
    with TlsEdge(tmp_path / "edge") as each:
        yield each


def test_a_leaf_of_the_bundles_root_is_admitted_over_tls_1_3(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": _bundle(root)})

    assert edge.handshake("alb", _client(_leaf(root))) == Handshake(admitted=True, detail="SUCCESS", protocol="TLSv1.3")


def test_a_leaf_of_the_same_name_under_a_root_of_the_same_name_is_refused(
    edge: TlsEdge, root: Identity, other_root: Identity
) -> None:
    edge.load({"alb": _bundle(root)})

    seen = edge.handshake("alb", _client(_leaf(other_root)))

    assert not seen.admitted
    assert seen.detail.startswith("FAILED:")


def test_a_client_without_a_certificate_is_refused(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": _bundle(root)})

    assert edge.handshake("alb", None) == Handshake(admitted=False, detail="NONE", protocol="TLSv1.3")


@pytest.mark.parametrize(
    ("days", "usage", "reason"),
    [
        ((-9, -1), "client", "FAILED:certificate has expired"),
        ((2, 30), "client", "FAILED:certificate is not yet valid"),
        ((-1, 30), "server", "FAILED:unsuitable certificate purpose"),
    ],
    ids=["expired", "not yet valid", "without clientAuth"],
)
def test_a_leaf_that_may_not_be_used_now_is_refused_with_openssls_reason(
    edge: TlsEdge, root: Identity, days: tuple[int, int], usage: str, reason: str
) -> None:
    edge.load({"alb": _bundle(root)})

    seen = edge.handshake("alb", _client(_leaf(root, days=days, usage=usage)))

    assert (seen.admitted, seen.detail) == (False, reason)


def test_a_leaf_too_weak_for_nginx_is_presented_and_refused_there(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": _bundle(root)})
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - weak on purpose

    seen = edge.handshake("alb", _client(_leaf(root, key=weak)))

    assert (seen.admitted, seen.detail) == (False, "FAILED:EE certificate key too weak")


@pytest.mark.parametrize("alone", [False, True], ids=["with its intermediate", "alone"])
def test_a_leaf_below_an_intermediate_of_the_bundle_is_admitted(edge: TlsEdge, root: Identity, *, alone: bool) -> None:
    intermediate = _authority("Intermediate", root)
    edge.load({"alb": _bundle(intermediate, root)})

    assert edge.handshake("alb", _client(_leaf(intermediate), alone=alone)).admitted


def test_a_bundle_with_the_root_alone_admits_only_a_client_that_presents_the_intermediate(
    edge: TlsEdge, root: Identity
) -> None:
    leaf = _leaf(_authority("Intermediate", root))
    edge.load({"alb": _bundle(root)})

    assert edge.handshake("alb", _client(leaf)).admitted
    assert not edge.handshake("alb", _client(leaf, alone=True)).admitted


def test_four_authorities_may_stand_between_leaf_and_root_and_not_five(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": _bundle(root)})
    authority, admitted = root, []
    for depth in range(1, 6):
        authority = _authority(f"Intermediate {depth}", authority)
        admitted.append(edge.handshake("alb", _client(_leaf(authority))).admitted)

    assert admitted == [True, True, True, True, False]


def test_each_target_judges_by_its_own_bundle(edge: TlsEdge, root: Identity, other_root: Identity) -> None:
    edge.load({"alb": _bundle(root), "api": _bundle(other_root), "both": _bundle(root, other_root)})
    ours, theirs = _client(_leaf(root)), _client(_leaf(other_root))

    seen = {
        target: [each.admitted for each in edge.handshakes(target, [ours, theirs])] for target in ("alb", "api", "both")
    }

    assert seen == {"alb": [True, False], "api": [False, True], "both": [True, True]}


def test_a_return_from_load_means_that_only_the_new_bundle_judges(
    edge: TlsEdge, root: Identity, other_root: Identity
) -> None:
    ours, theirs = _client(_leaf(root)), _client(_leaf(other_root))
    for turn in range(12):
        wide = turn % 2 == 0
        edge.load({"alb": _bundle(root, other_root) if wide else _bundle(root)})

        seen = edge.handshakes("alb", [ours, theirs] * 10)

        assert [each.admitted for each in seen] == [True, wide] * 10, f"turn {turn}"


def test_no_handshake_fails_while_bundles_widen_and_narrow(edge: TlsEdge, root: Identity, other_root: Identity) -> None:
    ours = _client(_leaf(root))
    edge.load({"alb": _bundle(root)})
    over, seen, troubles = threading.Event(), list[Handshake](), list[EdgeError]()

    def shake() -> None:
        while not over.is_set():
            try:
                seen.append(edge.handshake("alb", ours))
            except EdgeError as error:
                troubles.append(error)

    threads = [threading.Thread(target=shake) for _ in range(3)]
    for thread in threads:
        thread.start()
    counts = []
    for turn in range(10):
        edge.load({"alb": _bundle(root, other_root) if turn % 2 == 0 else _bundle(root)})
        counts.append(len(seen))
    over.set()
    for thread in threads:
        thread.join()

    assert troubles == []
    assert [each for each in seen if not each.admitted] == []
    assert counts[-1] > counts[0] > 0


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        (b"", "cannot load certificate .*no start line"),
        (b"# nothing but a remark\n", "cannot load certificate .*no start line"),
        (BROKEN, "cannot load certificate .*bundle-2-"),
        (_bundle(_authority("Good")) + BROKEN, "cannot load certificate .*bundle-2-"),
    ],
    ids=["empty", "without a certificate", "broken", "broken at the end"],
)
def test_an_invalid_bundle_raises_nginxs_words_and_the_old_one_serves_on(
    edge: TlsEdge, root: Identity, other_root: Identity, bundle: bytes, words: str
) -> None:
    ours = _client(_leaf(root))
    edge.load({"alb": _bundle(root), "api": _bundle(root)})
    before = edge.port("alb"), edge.port("api")

    with pytest.raises(BundleRefused, match=words) as caught:
        edge.load({"alb": _bundle(other_root), "api": bundle})

    assert str(caught.value).startswith("api: ")
    assert (edge.port("alb"), edge.port("api")) == before
    assert edge.handshake("alb", ours).admitted
    assert edge.handshake("api", ours).admitted

    edge.load({"alb": _bundle(other_root), "api": _bundle(root)})

    assert not edge.handshake("alb", ours).admitted
    assert edge.handshake("api", ours).admitted


def test_an_invalid_first_bundle_starts_nothing_and_a_good_one_then_serves(edge: TlsEdge, root: Identity) -> None:
    with pytest.raises(BundleRefused, match=r"cannot load certificate .*no start line"):
        edge.load({"alb": b""})
    with pytest.raises(EdgeError, match="not loaded"):
        edge.port("alb")

    edge.load({"alb": _bundle(root)})

    assert edge.handshake("alb", _client(_leaf(root))).admitted


def test_targets_come_and_go_and_the_others_keep_their_port(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": _bundle(root), "api": _bundle(root)})
    alb, api = edge.port("alb"), edge.port("api")

    edge.load({"alb": _bundle(root), "new": _bundle(root)})

    assert edge.port("alb") == alb
    assert edge.handshake("new", _client(_leaf(root))).admitted
    with pytest.raises(EdgeError, match="'api' is not loaded"):
        edge.handshake("api", None)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", api), timeout=2)


def test_no_target_at_all_is_an_error(edge: TlsEdge) -> None:
    with pytest.raises(EdgeError, match="one target"):
        edge.load({})


def test_the_same_bundles_again_start_no_new_worker(edge: TlsEdge, root: Identity, tmp_path: Path) -> None:
    edge.load({"alb": _bundle(root)})
    log = (tmp_path / "edge" / "error.log").read_text()

    edge.load({"alb": _bundle(root)})

    assert (tmp_path / "edge" / "error.log").read_text() == log
    assert log.count("start worker process ") == 1


def test_only_the_bundles_that_are_served_lie_in_the_directory(edge: TlsEdge, root: Identity, tmp_path: Path) -> None:
    edge.load({"alb": b"# one\n" + _bundle(root)})
    with pytest.raises(BundleRefused):
        edge.load({"alb": BROKEN})
    edge.load({"alb": b"# three\n" + _bundle(root), "api": _bundle(root)})

    lying = sorted(each.read_bytes() for each in (tmp_path / "edge").glob("bundle-*"))

    assert lying == sorted([b"# three\n" + _bundle(root), _bundle(root)])


def test_a_silent_client_holds_a_reload_up_for_seconds_and_not_for_ever(
    edge: TlsEdge, root: Identity, other_root: Identity
) -> None:
    edge.load({"alb": _bundle(root)})
    with socket.create_connection(("127.0.0.1", edge.port("alb"))):
        began = time.monotonic()
        edge.load({"alb": _bundle(other_root)})

    assert time.monotonic() - began < 15
    assert not edge.handshake("alb", _client(_leaf(root))).admitted


def test_a_dead_nginx_is_an_error_and_never_a_refusal_and_load_brings_it_back(
    edge: TlsEdge, root: Identity, tmp_path: Path
) -> None:
    edge.load({"alb": _bundle(root)})
    os.kill(int((tmp_path / "edge" / "nginx.pid").read_text()), 15)
    process = edge._nginx.process
    assert process is not None
    process.wait(10)

    with pytest.raises(EdgeError, match=r"alb .*: no verdict: ConnectionRefusedError"):
        edge.handshake("alb", _client(_leaf(root)))

    edge.load({"alb": _bundle(root)})

    assert edge.handshake("alb", _client(_leaf(root))).admitted


def test_a_port_that_somebody_else_took_is_an_error_with_nginxs_words_and_the_old_bundle_serves_on(
    edge: TlsEdge, root: Identity, other_root: Identity
) -> None:
    ours = _client(_leaf(root))
    edge.load({"alb": _bundle(root)})
    wanted = {"alb": _bundle(other_root), "api": _bundle(root)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        edge._ports["api"] = port  # as if it had been free when it was drawn

        with pytest.raises(EdgeError, match=rf"bind\(\) to 127\.0\.0\.1:{port} failed .*in use") as caught:
            edge.load(wanted)

    assert "still could not bind" in str(caught.value)  # not while nginx still tries, and may yet take over

    assert edge.handshake("alb", ours).admitted

    edge.load(wanted)

    assert not edge.handshake("alb", ours).admitted
    assert edge.handshake("api", ours).admitted


def test_leaving_the_edge_ends_every_process_of_it(root: Identity, tmp_path: Path) -> None:
    with TlsEdge(tmp_path) as edge:
        edge.load({"alb": _bundle(root)})
        port, worker, master = edge.port("alb"), edge._worker, int((tmp_path / "nginx.pid").read_text())
        assert worker is not None

    for pid in (master, worker):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_the_private_key_of_a_client_stays_neither_on_disk_nor_in_its_repr(
    edge: TlsEdge, root: Identity, tmp_path: Path
) -> None:
    leaf = _leaf(root)
    edge.load({"alb": _bundle(root)})
    assert edge.handshake("alb", _client(leaf)).admitted

    files = {each.name: each for each in (tmp_path / "edge").iterdir() if each.is_file()}

    assert [name for name, file in files.items() if leaf.key_pem()[28:-26].encode() in file.read_bytes()] == []
    assert files["server.key"].stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in repr(_client(leaf))


def test_a_certificate_with_a_strangers_key_is_an_error_that_names_the_identity(edge: TlsEdge, root: Identity) -> None:
    mixed = ClientIdentity("mixed", _leaf(root).pem().encode(), _leaf(root).key_pem().encode())
    edge.load({"alb": _bundle(root)})

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
    own = issue(None, "server", _key(), datetime.now(UTC) - DAY, datetime.now(UTC) + DAY, san=san)
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
    stranger = _client(_leaf(_authority("Elsewhere"))) if presented else None
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
    edge.load({"alb": _bundle(root)})
    server_pem = (tmp_path / "edge" / "server.pem").read_text()
    context = client_context(server_pem, _client(_leaf(root)), tmp_path)
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


def test_a_thousand_full_handshakes_of_rsa_leaves_take_seconds(edge: TlsEdge, root: Identity) -> None:
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(4)]
    clients = [_client(_leaf(root, key=key)) for key in keys]
    edge.load({"alb": _bundle(root)})

    began = time.monotonic()
    seen = edge.handshakes("alb", clients * 250)
    took = time.monotonic() - began

    assert len(seen) == 1000
    assert {each.detail for each in seen} == {"SUCCESS"}
    assert took < 60, "an alarm for gross mistakes only: the machine is shared"
