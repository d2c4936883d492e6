"""The vendored roots against what others have published of them."""

from cryptography.hazmat.primitives.hashes import SHA1

from rotation_watcher.trust.digicert import FINGERPRINTS, roots

PUBLISHED = {
    "DigiCert Assured ID Root G2": "a14b48d943ee0a0e40904f3ce0a4c09193515d3f",
    "DigiCert Assured ID Root G3": "f517a24f9a48c6c9f8a200269fdc0f482cab3089",
    "DigiCert Client ECC P384 Root G5": "b218fe6d07952a2207a35afd5ed8e4991029e336",
    "DigiCert Client RSA4096 Root G5": "b60d92fc064d32af1fea30fcd85fb0243463a41c",
    "DigiCert ECC P384 Root G5": "d1eeb1e8c09020bab85d3de27f78ee33a06caedb",
    "DigiCert Global Root G2": "df3c24f9bfd666761b268073fe06d1cc8d4f82a4",
    "DigiCert Global Root G3": "7e04de896a3e666d00e687d33ffad93be83d349e",
    "DigiCert RSA4096 Root G5": "87b8e6d38f1a39cd97f04a9e174b3c9ee7ee1115",
    "DigiCert TLS ECC P384 Root G5": "17f3de5e9f0f19e98ef61f32266e20c407ae30ee",
    "DigiCert TLS RSA4096 Root G5": "a78849dc5d7c758c8cde399856b3aad0b2a57135",
    "DigiCert Trusted Root G4": "ddfb16cd4931c973a2037d3fc83a4d7d775d05e4",
}
"""The thumbprints in Microsoft's root programme: of the G5 roots in its deployment notice of April 2021."""


def common_names() -> dict[str, str]:
    """The fingerprint of each root by its common name."""
    return {root.facts.subject.partition(",")[0].removeprefix("CN="): root.fingerprint for root in roots()}


def test_each_root_is_the_one_that_the_root_programme_published() -> None:
    found = {root.raw.fingerprint(SHA1()).hex() for root in roots()}  # noqa: S303  # what they published
    assert found == {*PUBLISHED.values()}


def test_each_fingerprint_stands_beside_the_name_of_its_root() -> None:
    assert common_names() == dict(FINGERPRINTS)
    assert {*FINGERPRINTS} == {*PUBLISHED}


def test_each_root_is_one_that_a_trust_store_takes() -> None:
    assert all(root.is_ca and root.self_signed for root in roots())
    assert {root.signature_hash for root in roots()} <= {"sha256", "sha384"}


def test_the_roots_made_for_client_authentication_alone_are_there() -> None:
    assert {"DigiCert Client ECC P384 Root G5", "DigiCert Client RSA4096 Root G5"} <= {*common_names()}
