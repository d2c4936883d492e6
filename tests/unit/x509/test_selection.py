"""Who is let in where a truststore holds several CAs of one name: our word against OpenSSL's, in every order."""

import subprocess
from collections.abc import Sequence
from datetime import datetime
from itertools import permutations
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519

from rotation_watcher.x509 import selection
from rotation_watcher.x509.certificates import Certificate, parse_bundle
from rotation_watcher.x509.paths import Path as TrustPath
from rotation_watcher.x509.selection import Misled, candidates_in_order, chain_taken
from rotation_watcher.x509.truststore import read
from tests.support import pki
from tests.support.pki import DAY, NOW, Pair, ec_key, rsa_key

CASES = Path(__file__).parent / "cases"


def openssl_admits(bundle: bytes, leaf: str, folder: Path, at: datetime = NOW) -> bool:
    (folder / "bundle").write_bytes(bundle)
    (folder / "leaf").write_text(leaf)
    command = [
        "openssl",
        "verify",
        "-purpose",
        "sslclient",
        "-no-CApath",
        "-no-CAstore",
        "-attime",
        f"{at.timestamp():.0f}",
    ]
    return (
        subprocess.run(
            [*command, "-CAfile", folder / "bundle", folder / "leaf"], capture_output=True, check=False
        ).returncode
        == 0
    )


def admits(bundle: bytes, leaf: Certificate, at: datetime = NOW) -> bool:
    held = candidates_in_order([*read(bundle).blocks.values()])
    return isinstance(chain_taken(leaf, held, at=at), TrustPath)


def of(*pairs: Pair) -> bytes:
    return "".join(pair.pem for pair in pairs).encode()


def crowd() -> tuple[list[Pair], list[Pair]]:
    """CAs of few names and several ages, and leaves under each, with and without key identifiers."""
    roots = [pki.root("Shared", key=ec_key(), aki=ski) for ski in (True, False, False)]
    roots += [
        pki.root("Shared", key=rsa_key(2048), aki=False),
        pki.root("Shared", key=ec_key(), aki=False, start=NOW - 9 * DAY, end=NOW - DAY),
    ]
    between = [pki.intermediate("Issuing", roots[place], aki=False) for place in (0, 1, 2)]
    leaves = [pki.leaf(issuer, aki=aki) for issuer in (*roots, *between) for aki in (True, False)]
    return [*roots, *between], leaves


@pytest.mark.parametrize("seed", range(12))
def test_whom_we_call_admitted_openssl_admits_in_that_very_order(seed: int, tmp_path: Path) -> None:
    dice = Random(seed)  # noqa: S311 - the same cases at every run
    cas, leaves = crowd()
    admitted = 0
    for _ in range(6):
        chosen = dice.sample(cas, dice.randint(2, len(cas)))
        bundle = of(*chosen)
        for leaf in dice.sample(leaves, 4):
            if admits(bundle, leaf.read):
                admitted += 1
                assert openssl_admits(bundle, leaf.pem, tmp_path), [pair.read.facts.subject for pair in chosen]
    assert admitted  # else this would say nothing


def test_the_order_of_two_cas_of_one_name_decides(tmp_path: Path) -> None:
    one, two = (pki.root("Shared", key=ec_key(), aki=False) for _ in range(2))
    client = pki.leaf(one, aki=False)
    for order in permutations([one, two]):
        expected = order[0] is one
        assert admits(of(*order), client.read) is openssl_admits(of(*order), client.pem, tmp_path) is expected
    held = candidates_in_order([two.read, one.read])
    misled = chain_taken(client.read, held, at=NOW)
    assert isinstance(misled, Misled)
    assert misled.fingerprint == two.read.fingerprint
    assert "another CA of this name stands before" in misled.detail


def test_a_key_identifier_frees_from_the_order(tmp_path: Path) -> None:
    one, two = (pki.root("Shared", key=ec_key()) for _ in range(2))
    client = pki.leaf(one)
    for order in permutations([one, two]):
        assert admits(of(*order), client.read)
        assert openssl_admits(of(*order), client.pem, tmp_path)


def test_an_expired_ca_that_stands_first_is_taken_by_some_engines_and_passed_over_by_others(tmp_path: Path) -> None:
    key = ec_key()
    old, new = pki.root("Shared", key=key, end=NOW - DAY, start=NOW - 9 * DAY), pki.root("Shared", key=key)
    client = pki.leaf(new)
    assert openssl_admits(of(old, new), client.pem, tmp_path)
    assert not admits(of(old, new), client.read)
    assert admits(of(new, old), client.read)


def test_a_block_that_we_cannot_read_but_openssl_can_may_mislead(tmp_path: Path) -> None:
    one, two = (pki.root("Shared", key=ec_key(), aki=False) for _ in range(2))
    client = pki.leaf(one, aki=False)
    bundle = of(two).replace(b"CERTIFICATE", b"X509 CERTIFICATE") + of(one)
    assert not openssl_admits(bundle, client.pem, tmp_path)
    assert not admits(bundle, client.read)
    harmless = of(one).replace(b"CERTIFICATE", b"X509 CERTIFICATE") + of(one)
    assert openssl_admits(harmless, client.pem, tmp_path)
    assert admits(harmless, client.read)


def test_a_ca_that_no_one_but_engines_can_parse_misleads_them(tmp_path: Path) -> None:
    one, two = (pki.root("Shared", key=ec_key(), aki=False) for _ in range(2))
    client = pki.leaf(one, aki=False)
    number = two.raw.serial_number
    own = number.to_bytes(number.bit_length() // 8 + 1)
    negative = pki.patched(two, two.key, pki.swap(own, b"\x80" + own[1:]), hashes.SHA256())
    unparsed = pki.pem_of(negative).encode()
    assert certificates(unparsed) == []
    for bundle, expected in ((unparsed + of(one), False), (of(one) + unparsed, True)):
        assert openssl_admits(bundle, client.pem, tmp_path) is expected
        assert admits(bundle, client.read) is expected


def test_a_ca_with_a_key_of_another_kind_is_passed_over(tmp_path: Path) -> None:
    one = pki.root("Shared", key=ec_key(), aki=False)
    client = pki.leaf(one, aki=False)
    for key in (rsa_key(2048), ed25519.Ed25519PrivateKey.generate()):
        bundle = of(pki.root("Shared", key=key, aki=False), one)
        assert openssl_admits(bundle, client.pem, tmp_path)
        assert admits(bundle, client.read)


def test_whether_one_may_be_the_issuer_of_another_is_found_once_for_all_engines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = pki.root("Asked")
    client, asked = pki.leaf(root), []

    def fits(below: Certificate, above: Certificate) -> bool:
        asked.append((below, above))
        return True

    monkeypatch.setattr(selection, "key_identifier_fits", fits)
    held = candidates_in_order([*read(of(root)).blocks.values()])
    for at in (NOW, NOW + DAY):
        assert isinstance(chain_taken(client.read, held, at=at), TrustPath)
    assert asked == [(client.read, root.read)] * 2  # engines that heed the usage of a key, and such as do not


def test_the_kept_cases_are_judged_as_openssl_judges_them(tmp_path: Path) -> None:
    for bundle, leaf in (
        ("names/same-name.bundle.pem", "names/same-name.leaf.pem"),
        ("names/issuer-encoding.root.pem", "names/issuer-encoding.leaf.pem"),
        ("order/live.pem", "order/client.pem"),
    ):
        data, text = (CASES / bundle).read_bytes(), (CASES / leaf).read_text()
        (client,) = certificates(text.encode())
        at = max(client.facts.not_before, NOW)
        assert admits(data, client, at) is openssl_admits(data, text, tmp_path, at), bundle
    assert admits(
        (CASES / "names/issuer-encoding.root.pem").read_bytes(),
        certificates((CASES / "names/issuer-encoding.leaf.pem").read_bytes())[0],
    )


def certificates(data: bytes) -> Sequence[Certificate]:
    return [block.certificate for block in parse_bundle(data)[0] if block.certificate]
