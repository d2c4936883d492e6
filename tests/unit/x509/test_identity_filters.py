"""Which leaves the identity filters of a listener let pass."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from rotation_watcher.x509.certificates import Certificate, parse_text
from rotation_watcher.x509.identity_filters import IdentityFilter, admits, key_of, naming, understood
from tests.support import certs

SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Data Actions"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Second Unit"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Client.mypurecloud.com"),
    ]
)
URIS = ("spiffe://Example.org/Actions/v1", "urn:Genesys:Actions")


def leaf(subject: x509.Name = SUBJECT, *, san: bool = True) -> Certificate:
    """A leaf with several names of each kind."""
    key = certs.ec_key()
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(certs.NOT_BEFORE).not_valid_after(certs.NOT_AFTER)
    if san:
        names = [x509.DNSName("client.mypurecloud.com"), x509.DNSName("Other.example.com")]
        uris = [x509.UniformResourceIdentifier(uri) for uri in URIS]
        builder = builder.add_extension(x509.SubjectAlternativeName([*names, *uris]), critical=False)
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    return parse_text(pem).certificates[0]


LEAF = leaf()


@pytest.mark.parametrize(
    ("one", "passes"),
    [
        ("subject-cn exact client.MYPURECLOUD.com", True),
        ("subject-cn exact client.mypurecloud.co", False),
        ("subject-cn prefix client.", True),
        ("subject-cn prefix lient", False),
        ("subject-ou exact data actions", True),
        ("subject-ou prefix SECOND", True),
        ("subject-ou exact Data", False),
        ("san-dns exact other.example.com", True),
        ("san-dns prefix OTHER", True),
        ("san-dns exact spiffe://example.org/Actions/v1", False),
        ("san-uri exact SPIFFE://EXAMPLE.ORG/Actions/v1", True),
        ("san-uri exact spiffe://example.org/actions/v1", False),
        ("san-uri prefix spiffe://Example.ORG/Act", True),
        ("san-uri prefix spiffe://example.org/act", False),
        ("san-uri prefix spiffe://exam", True),
        ("san-uri exact URN:Genesys:Actions", True),
        ("san-uri exact urn:genesys:actions", False),
        ("san-uri exact client.mypurecloud.com", False),
    ],
)
def test_a_filter_compares_the_names_of_its_field(one: str, *, passes: bool) -> None:
    assert admits([one], LEAF) is passes


def test_no_filter_lets_everything_pass() -> None:
    assert admits([], LEAF) is True


def test_one_match_among_many_is_enough() -> None:
    assert admits(["san-dns exact nobody", "subject-cn prefix client"], LEAF) is True
    assert admits(["san-dns exact nobody", "subject-cn prefix nobody"], LEAF) is False


@pytest.mark.parametrize("strange", ["san-mail exact a@b", "san-dns suffix .com", "san-dns exact ", "nonsense", ""])
def test_a_filter_that_nobody_knows_leaves_the_question_open(strange: str) -> None:
    assert admits([strange], LEAF) is None
    assert admits([strange, "san-dns exact nobody"], LEAF) is None
    assert admits([strange, "subject-cn prefix client"], LEAF) is True


def test_one_filter_that_nobody_knows_is_enough_for_not_understanding_them_all() -> None:
    known, strange = "san-dns exact nobody", "san-mail exact a@b"
    assert understood([known, known])
    assert not understood([known, strange])
    assert not understood([strange])


def test_a_leaf_without_such_names_does_not_pass() -> None:
    bare = leaf(x509.Name([]), san=False)
    assert [admits([f"{field} prefix c"], bare) for field in ("subject-cn", "subject-ou", "san-dns", "san-uri")] == [
        False
    ] * 4


def test_a_filter_is_written_as_it_is_read() -> None:
    assert str(IdentityFilter("subject-ou", "exact", "Data Actions")) == "subject-ou exact Data Actions"
    assert admits([str(IdentityFilter("subject-ou", "exact", "Data Actions"))], LEAF) is True


def named(common: str | None, *names: str) -> Certificate:
    """A leaf with this common name and these DNS names."""
    key = certs.ec_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(SUBJECT).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(certs.NOT_BEFORE).not_valid_after(certs.NOT_AFTER)
    if names:
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(san, critical=False)
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    return parse_text(pem).certificates[0]


@pytest.mark.parametrize(
    ("common", "names", "believed", "expected"),
    [
        ("a.example.com", ("a.example.com",), None, "san-dns exact a.example.com"),
        ("A.example.com", ("b.example.com", "a.Example.com"), None, "san-dns exact a.example.com"),
        ("a.example.com", ("a.example.com", "c.example.com"), "C.example.com", "san-dns exact c.example.com"),
        ("Somebody Ltd.", ("d.example.com", "c.example.com"), "other.example.com", "san-dns exact c.example.com"),
        ("Somebody Ltd.", (), None, "subject-cn exact Somebody Ltd."),
        (None, ("", "a" * 257, "b" * 256), None, f"san-dns exact {'b' * 256}"),
        ("Somebody Ltd.", ("*.example.com",), None, "subject-cn exact Somebody Ltd."),
        ("B\u00fccher", (), None, None),
        (" padded", (), None, None),
        (None, (), "believed.example.com", None),
    ],
)
def test_the_one_name_for_a_leaf_is_one_by_which_it_was_judged(
    common: str | None, names: tuple[str, ...], believed: str | None, expected: str | None
) -> None:
    leaf = named(common, *names)
    chosen = naming(leaf, believed)

    assert (str(chosen) if chosen else None) == expected
    assert chosen is None or admits([str(chosen)], leaf) is True


def test_filters_that_the_service_takes_for_the_same_have_one_key() -> None:
    assert key_of("san-dns", "exact", "A.example.com") == key_of("san-dns", "exact", "a.EXAMPLE.com")
    assert key_of("san-uri", "exact", "SPIFFE://A/b") == key_of("san-uri", "exact", "spiffe://a/b")
    assert key_of("san-uri", "exact", "spiffe://a/B") != key_of("san-uri", "exact", "spiffe://a/b")
    assert key_of("san-dns", "prefix", "a") != key_of("san-dns", "exact", "a")
