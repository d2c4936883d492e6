"""What is published, read by others: a linter for RFC 5280, OpenSSL's own figures, and counts of certificates."""

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint import loader  # type: ignore[import-untyped]  # it ships no types
from pkilint.pkix import certificate as linting  # type: ignore[import-untyped]  # as above
from pkilint.pkix import extension, name
from pkilint.validation import (  # type: ignore[import-untyped]  # as above
    ValidationFindingSeverity,
    ValidationResult,
)

from local.genesys.issuing import CLIENT_AND_SERVER, issue
from rotation_watcher.trust.digicert import roots
from tests.engines.judges import missing
from tests.engines.script import BUNDLES, Outcome

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----\n.+?\n-----END CERTIFICATE-----\n", re.DOTALL)


def lint(certificate: x509.Certificate) -> set[tuple[str, str]]:
    """pkilint's findings of RFC 5280 of the severities warning and above: (severity, code)."""
    document = loader.RFC5280CertificateDocumentLoader().load_der_document(
        certificate.public_bytes(Encoding.DER), "certificate"
    )
    results: Iterable[ValidationResult] = linting.create_pkix_certificate_validator_container(
        linting.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            linting.create_issuer_validator_container([]),
            linting.create_validity_validator_container(),
            linting.create_subject_validator_container([]),
            linting.create_extensions_validator_container([]),
            linting.create_spki_validator_container([]),
        ],
    ).validate(document.root)
    return {
        (described.finding.severity.name, described.finding.code)
        for result in results
        for described in result.finding_descriptions
        if described.finding.severity <= ValidationFindingSeverity.WARNING
    }


def _lint_all(pems: Iterable[bytes]) -> dict[str, set[tuple[str, str]]]:
    distinct = {each for pem in pems for each in x509.load_pem_x509_certificates(pem)}
    assert distinct
    found = {f"{each.subject.rfc4514_string()}": lint(each) for each in distinct}
    return {subject: findings for subject, findings in found.items() if findings}


def test_pkilint_finds_nothing_in_any_published_truststore(outcome: Outcome) -> None:
    written = [body for key, body in outcome.files.items() if key.endswith(("wanted.pem", "bundle.pem"))]
    assert len(written) == 2 * len(BUNDLES)
    assert _lint_all([*outcome.published.values(), *written]) == {}


def test_pkilint_finds_nothing_in_the_leaves_that_the_simulator_issues(outcome: Outcome) -> None:
    assert _lint_all(body for key, body in outcome.files.items() if "/seen/" in key) == {}


def test_pkilint_finds_nothing_in_the_vendored_roots() -> None:
    assert _lint_all([root.pem.encode() for root in roots()]) == {}


def test_pkilint_finds_what_is_wrong_with_a_leaf(outcome: Outcome) -> None:
    real = outcome.clients["current Genesys"]
    start, end = real.certificate.not_valid_before_utc, real.certificate.not_valid_after_utc
    without = [x509.AuthorityKeyIdentifier]
    bad = issue(
        outcome.clients["current DigiCert"], "leaf", real.key, start, end, without=without, eku=CLIENT_AND_SERVER
    )
    assert lint(bad.certificate)


@pytest.mark.parametrize("bundle", BUNDLES)
def test_openssl_reads_every_certificate_of_a_truststore_and_nothing_stands_between_them(
    bundle: str, outcome: Outcome, files: dict[str, Path]
) -> None:
    blocks = _BLOCK.findall(outcome.published[bundle])
    assert b"".join(blocks) == outcome.published[bundle]
    read = _openssl("storeutl", "-noout", "-certs", str(files[bundle]))
    assert read.splitlines()[-1] == f"Total found: {len(blocks)}"
    (stored,) = (
        body for key, body in outcome.files.items() if key.startswith(f"targets/{bundle}-") and "bundle" in key
    )
    assert stored == outcome.published[bundle]


@pytest.mark.parametrize("bundle", BUNDLES)
def test_pins_and_manifest_say_what_openssl_says_of_the_same_certificates(
    bundle: str, outcome: Outcome, tmp_path: Path
) -> None:
    pins = [pin["certificate"] for pin in json.loads(outcome.files[f"bundles/{bundle}/pins.json"])["pins"]]
    wanted = json.loads(outcome.files[f"bundles/{bundle}/manifest.json"])["certificates"]
    listed = pins + [entry["certificate"] for entry in wanted]
    seen = {key.partition("/seen/")[2].removesuffix(".pem"): body for key, body in outcome.files.items()}
    ours = {each["fingerprint"]: (each["spki_sha256"], each["serial"], each["not_after"]) for each in listed}
    assert len(pins) == {"genesys": 2, "digicert": 2, "combined": 3}[bundle]
    assert {fingerprint: _said(seen[fingerprint], tmp_path) for fingerprint in ours} == {
        fingerprint: (fingerprint, *facts) for fingerprint, facts in ours.items()
    }


def _said(pem: bytes, folder: Path) -> tuple[str, str, str, str]:
    """Fingerprint, hash of the public key, serial and end of a certificate, as OpenSSL has them."""
    file, key = folder / "certificate.pem", folder / "key.der"
    file.write_bytes(pem)
    key.unlink(missing_ok=True)
    text = _openssl(
        "x509",
        "-in",
        str(file),
        "-noout",
        "-fingerprint",
        "-sha256",
        "-serial",
        "-enddate",
        "-pubkey",
        "-dateopt",
        "iso_8601",
    )
    said = dict(
        line.split("=", 1) for line in text.splitlines() if re.match(r"(?i)(sha256 fingerprint|serial|notafter)=", line)
    )
    public = text[text.index("-----BEGIN PUBLIC KEY") :]
    (folder / "key.pem").write_text(public[: public.index("-----END PUBLIC KEY-----") + 25])
    _openssl("pkey", "-pubin", "-in", str(folder / "key.pem"), "-outform", "DER", "-out", str(key))
    digest = _openssl("dgst", "-sha256", str(key)).rpartition(" ")[2].strip()
    lower = {field.lower(): value for field, value in said.items()}
    fingerprint = lower["sha256 fingerprint"].replace(":", "").lower()
    serial = lower["serial"].lstrip("0")
    return fingerprint, digest, serial, lower["notafter"].replace(" ", "T")


def _openssl(*arguments: str) -> str:
    if "openssl" in missing():
        pytest.skip(missing()["openssl"])
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True).stdout
