import os
import socket
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local.edge import BundleRefused, EdgeError, Handshake, TlsEdge
from local.genesys.issuing import Identity
from local.patience import seconds
from tests.handshake.edge.certificates import bundle_of, client_of, new_authority, new_leaf

BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def test_a_return_from_load_means_that_only_the_new_bundle_judges(
    edge: TlsEdge, root: Identity, other_root: Identity
) -> None:
    ours, theirs = client_of(new_leaf(root)), client_of(new_leaf(other_root))
    for turn in range(12):
        wide = turn % 2 == 0
        edge.load({"alb": bundle_of(root, other_root) if wide else bundle_of(root)})

        seen = edge.handshakes("alb", [ours, theirs] * 10)

        assert [each.admitted for each in seen] == [True, wide] * 10, f"turn {turn}"


def test_no_handshake_fails_while_bundles_widen_and_narrow(edge: TlsEdge, root: Identity, other_root: Identity) -> None:
    ours = client_of(new_leaf(root))
    edge.load({"alb": bundle_of(root)})
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
        edge.load({"alb": bundle_of(root, other_root) if turn % 2 == 0 else bundle_of(root)})
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
        (bundle_of(new_authority("Good")) + BROKEN, "cannot load certificate .*bundle-2-"),
    ],
    ids=["empty", "without a certificate", "broken", "broken at the end"],
)
def test_an_invalid_bundle_raises_nginxs_words_and_the_old_one_serves_on(
    edge: TlsEdge, root: Identity, other_root: Identity, bundle: bytes, words: str
) -> None:
    ours = client_of(new_leaf(root))
    edge.load({"alb": bundle_of(root), "api": bundle_of(root)})
    before = edge.port("alb"), edge.port("api")

    with pytest.raises(BundleRefused, match=words) as caught:
        edge.load({"alb": bundle_of(other_root), "api": bundle})

    assert str(caught.value).startswith("api: ")
    assert (edge.port("alb"), edge.port("api")) == before
    assert edge.handshake("alb", ours).admitted
    assert edge.handshake("api", ours).admitted

    edge.load({"alb": bundle_of(other_root), "api": bundle_of(root)})

    assert not edge.handshake("alb", ours).admitted
    assert edge.handshake("api", ours).admitted


def test_an_invalid_first_bundle_starts_nothing_and_a_good_one_then_serves(edge: TlsEdge, root: Identity) -> None:
    with pytest.raises(BundleRefused, match=r"cannot load certificate .*no start line"):
        edge.load({"alb": b""})
    with pytest.raises(EdgeError, match="not loaded"):
        edge.port("alb")

    edge.load({"alb": bundle_of(root)})

    assert edge.handshake("alb", client_of(new_leaf(root))).admitted


def test_targets_come_and_go_and_the_others_keep_their_port(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": bundle_of(root), "api": bundle_of(root)})
    alb, api = edge.port("alb"), edge.port("api")

    edge.load({"alb": bundle_of(root), "new": bundle_of(root)})

    assert edge.port("alb") == alb
    assert edge.handshake("new", client_of(new_leaf(root))).admitted
    with pytest.raises(EdgeError, match="'api' is not loaded"):
        edge.handshake("api", None)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", api), timeout=2)


def test_no_target_at_all_is_an_error(edge: TlsEdge) -> None:
    with pytest.raises(EdgeError, match="one target"):
        edge.load({})


def test_the_same_bundles_again_start_no_new_worker(edge: TlsEdge, root: Identity, tmp_path: Path) -> None:
    edge.load({"alb": bundle_of(root)})
    log = (tmp_path / "edge" / "error.log").read_text()

    edge.load({"alb": bundle_of(root)})

    assert (tmp_path / "edge" / "error.log").read_text() == log
    assert log.count("start worker process ") == 1


def test_only_the_bundles_that_are_served_lie_in_the_directory(edge: TlsEdge, root: Identity, tmp_path: Path) -> None:
    one, two, three = (f"# {number}\n".encode() + bundle_of(root) for number in range(3))

    def lying() -> list[bytes]:
        return sorted(each.read_bytes() for each in (tmp_path / "edge").glob("bundle-*"))

    edge.load({"alb": one})
    with pytest.raises(BundleRefused):
        edge.load({"alb": BROKEN})
    assert lying() == [one]

    edge.load({"alb": two, "api": three})
    assert lying() == [two, three]


def test_a_silent_client_holds_a_reload_up_for_seconds_and_not_for_ever(
    edge: TlsEdge, root: Identity, other_root: Identity
) -> None:
    edge.load({"alb": bundle_of(root)})
    with socket.create_connection(("127.0.0.1", edge.port("alb"))):
        began = time.monotonic()
        edge.load({"alb": bundle_of(other_root)})

    assert time.monotonic() - began < seconds(15)
    assert not edge.handshake("alb", client_of(new_leaf(root))).admitted


def test_a_dead_nginx_is_an_error_and_never_a_refusal_and_load_brings_it_back(
    edge: TlsEdge, root: Identity, tmp_path: Path
) -> None:
    edge.load({"alb": bundle_of(root)})
    os.kill(int((tmp_path / "edge" / "nginx.pid").read_text()), 15)
    process = edge._nginx.process
    assert process is not None
    process.wait(10)

    with pytest.raises(EdgeError, match=r"alb .*: no verdict: ConnectionRefusedError"):
        edge.handshake("alb", client_of(new_leaf(root)))

    edge.load({"alb": bundle_of(root)})

    assert edge.handshake("alb", client_of(new_leaf(root))).admitted


def test_a_port_that_somebody_else_took_is_an_error_with_nginxs_words_and_the_old_bundle_serves_on(
    edge: TlsEdge, root: Identity, other_root: Identity
) -> None:
    ours = client_of(new_leaf(root))
    edge.load({"alb": bundle_of(root)})
    wanted = {"alb": bundle_of(other_root), "api": bundle_of(root)}
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
        edge.load({"alb": bundle_of(root)})
        port, worker, master = edge.port("alb"), edge._worker, int((tmp_path / "nginx.pid").read_text())
        assert worker is not None

    for pid in (master, worker):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_a_thousand_full_handshakes_of_rsa_leaves_take_seconds(edge: TlsEdge, root: Identity) -> None:
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(4)]
    clients = [client_of(new_leaf(root, key=key)) for key in keys]
    edge.load({"alb": bundle_of(root)})

    began = time.monotonic()
    seen = edge.handshakes("alb", clients * 250)
    took = time.monotonic() - began

    assert len(seen) == 1000
    assert {each.detail for each in seen} == {"SUCCESS"}
    assert took < 60, "an alarm for gross mistakes only: the machine is shared"
