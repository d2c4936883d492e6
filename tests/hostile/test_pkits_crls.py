"""NIST's PKITS: its revocation lists, and the published results of its cases that lists decide.

A case is a certificate whose name tells the result: ``Valid…`` or ``Invalid…``. It counts as good here if it and every
CA above it have a list that is not refused and does not revoke them. Paths themselves are not judged.
"""

from functools import cache
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from rotation_watcher.x509.certificates import Certificate, is_signed_by, parse_text
from rotation_watcher.x509.crl import Crl, is_revoked, read
from rotation_watcher.x509.crl_refusal import refusal
from rotation_watcher.x509.names import Name, names_of
from tests.support.pki import NOW, pem_of

PKITS = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
ROOT = (PKITS / "certs" / "TrustAnchorRootCertificate.crt").read_bytes()
DECIDED_BY_LISTS = (
    "MissingCRL",
    "RevokedCA",
    "RevokedEE",
    "BadCRLSignature",
    "BadCRLIssuerName",
    "WrongCRL",
    "TwoCRLs",
    "UnknownCRLEntryExtension",
    "UnknownCRLExtension",
    "OldCRLnextUpdate",
    "pre2000CRLnextUpdate",
    "GeneralizedTimeCRLnextUpdate",
    "NegativeSerialNumber",
    "LongSerialNumber",
    "SeparateCertificateandCRLKeys",
    "BasicSelfIssuedCRLSigningKey",
    "keyUsageCriticalcRLSignFalse",
    "keyUsageNotCriticalcRLSignFalse",
    "distributionPoint",
    "NoissuingDistributionPoint",
    "onlyContains",
    "onlySomeReasons",
    "IDPwithindirectCRL",
    "cRLIssuer",
    "deltaCRL",
)
"""Sections 4.4, 4.5.6 to 4.5.8, 4.7.4, 4.7.5, 4.14 and 4.15."""
NARROWER = {
    # published as valid, and refused here: lists that another key signs, lists of several issuers, lists in parts, and
    # distribution points whose name is no URL
    "ValidSeparateCertificateandCRLKeysTest19EE": "wrong-issuer",
    "ValidBasicSelfIssuedCRLSigningKeyTest6EE": "wrong-issuer",
    "ValidIDPwithindirectCRLTest22EE": "indirect",
    "ValidIDPwithindirectCRLTest24EE": "no-list",
    "ValidIDPwithindirectCRLTest25EE": "no-list",
    "ValidcRLIssuerTest28EE": "wrong-distribution-point",
    "ValidcRLIssuerTest29EE": "wrong-distribution-point",
    "ValidcRLIssuerTest30EE": "no-list",
    "ValidcRLIssuerTest33EE": "no-list",
    "ValiddistributionPointTest1EE": "wrong-distribution-point",
    "ValiddistributionPointTest4EE": "wrong-distribution-point",
    "ValiddistributionPointTest5EE": "wrong-distribution-point",
    "ValiddistributionPointTest7EE": "wrong-distribution-point",
    "ValidonlySomeReasonsTest18EE": "wrong-distribution-point",
    "ValidonlySomeReasonsTest19EE": "wrong-distribution-point",
    # a delta list lifts the hold
    "ValiddeltaCRLTest5EE": "revoked",
}
ONLY_IN_THE_DELTA = "InvaliddeltaCRLTest4EE"
"""Published as invalid by a delta list, which RFC 5280 5.2.4 lets a client ignore, as ALB and OpenSSL's default do."""
REASONS = {
    "InvalidMissingCRLTest1EE": "no-list",
    "InvalidRevokedCATest2EE": "above-revoked",
    "InvalidRevokedEETest3EE": "revoked",
    "InvalidBadCRLSignatureTest4EE": "bad-signature",
    "InvalidUnknownCRLEntryExtensionTest8EE": "unknown-critical",
    "InvalidUnknownCRLExtensionTest9EE": "unknown-critical",
    "InvalidOldCRLnextUpdateTest11EE": "expired",
    "Invalidpre2000CRLnextUpdateTest12EE": "expired",
    "InvalidNegativeSerialNumberTest15EE": "revoked",
    "InvalidLongSerialNumberTest18EE": "revoked",
    "InvalidkeyUsageCriticalcRLSignFalseTest4EE": "issuer-cannot-sign",
    "InvalidIDPwithindirectCRLTest23EE": "indirect",
    "InvaliddeltaCRLIndicatorNoBaseTest1EE": "delta",
    "InvalidonlyContainsAttributeCertsTest14EE": "out-of-scope",
    "InvalidonlyContainsCACertsTest12EE": "out-of-scope",
    "InvalidonlyContainsUserCertsTest11EE": "out-of-scope",
    "InvalidonlySomeReasonsTest15EE": "some-reasons",
}
"""Of some cases also why, so that none is refused for a reason that would refuse everything."""
CASES = sorted(
    path.stem
    for path in (PKITS / "certs").glob("*EE.crt")
    if path.stem.removeprefix("Invalid").removeprefix("Valid").startswith(DECIDED_BY_LISTS)
)


@cache
def lists() -> dict[Name, list[Crl]]:
    found: dict[Name, list[Crl]] = {}
    for path in sorted((PKITS / "crls").glob("*.crl")):
        crl = read(path.read_bytes())
        assert isinstance(crl, Crl), (path.name, crl)
        found.setdefault(crl.issuer, []).append(crl)
    return found


@cache
def authorities() -> dict[Name, list[Certificate]]:
    found: dict[Name, list[Certificate]] = {}
    for path in sorted((PKITS / "certs").glob("*.crt")):
        if "EE." not in path.name:
            for one in parse_text(pem_of(path.read_bytes())).certificates:
                found.setdefault(one.names.subject, []).append(one)
    return found


@cache
def doubts(der: bytes) -> frozenset[str]:
    """Why a certificate is not good; empty if it is."""
    if der == ROOT:
        return frozenset()
    raw = x509.load_der_x509_certificate(der)
    names = names_of(der)
    assert names is not None
    found: set[str] = set()
    for issuer in authorities().get(names.issuer, ()):
        if is_signed_by(raw, issuer.key):
            here = doubts_under(raw, issuer)
            if not here:
                return frozenset()
            found |= here
    return frozenset(found or {"no-issuer"})


def doubts_under(raw: x509.Certificate, issuer: Certificate) -> set[str]:
    found: set[str] = set()
    accepted = 0
    for crl in lists().get(issuer.names.subject, ()):
        refused = refusal(
            crl,
            issuer=issuer,
            distribution_point="",
            at=NOW,
            before=None,
            covers_cas=is_ca(raw),
            covers_leaves=not is_ca(raw),
        )
        if refused:
            found.add(refused.code.value)
        elif is_revoked(crl.serials, raw.serial_number):
            return {"revoked"}
        else:
            accepted += 1
    if not accepted:
        return found or {"no-list"}
    return {f"above-{each}" for each in doubts(issuer.raw.public_bytes(Encoding.DER))}


def is_ca(raw: x509.Certificate) -> bool:
    try:
        return raw.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def test_all_lists_are_read() -> None:
    assert sum(len(each) for each in lists().values()) == 173


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("case", CASES)
def test_a_case_ends_as_published_or_is_refused_by_a_documented_choice(case: str) -> None:
    found = doubts((PKITS / "certs" / f"{case}.crt").read_bytes())
    if case == ONLY_IN_THE_DELTA:
        assert not found
    elif case in NARROWER:
        assert NARROWER[case] in found
    else:
        assert bool(found) == case.startswith("Invalid"), found
    assert REASONS.get(case) in {None, *found}


def test_enough_cases_are_judged() -> None:
    assert len(CASES) == 71
    assert sum(case.startswith("Valid") for case in CASES if case not in NARROWER) >= 9
