from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from local.genesys.issuing import Identity, issue
from local.genesys.keys import KeyStore
from local.genesys.pki import Issuer, PrivateRoot, PublicHierarchy, StrangerKind, stranger
from tests.unit.local.conftest import DAY, START

NAME = "dataactions.prod.us-east-1.mypurecloud.com"


@pytest.fixture
def private(keys: KeyStore) -> PrivateRoot:
    return PrivateRoot.make(keys, "us-east-1", START, bits=2048)


@pytest.fixture
def public(keys: KeyStore) -> PublicHierarchy:
    return PublicHierarchy.make(keys, START)


def verify(identity: Identity, root: Identity) -> list[x509.Certificate]:
    verifier = PolicyBuilder().store(Store([root.certificate])).time(START).build_client_verifier()
    return list(verifier.verify(identity.certificate, list(identity.chain[:-1])).chain)


def leaf(issuer: Issuer, keys: KeyStore) -> Identity:
    return issuer.leaf(NAME, keys.rsa("test/leaf"), START - DAY, START + DAY)


def test_the_private_root_is_rsa_4096_of_indiana_and_signs_the_leaf_directly(keys: KeyStore) -> None:
    root = PrivateRoot.make(keys, "us-east-1", START)
    issued = leaf(root, keys)

    assert root.root.key.key_size == 4096
    place = {each.oid: each.value for each in root.root.certificate.subject}
    assert (place[NameOID.COUNTRY_NAME], place[NameOID.STATE_OR_PROVINCE_NAME]) == ("US", "Indiana")
    assert issued.chain == (root.root.certificate,)
    assert len(verify(issued, root.root)) == 2


def test_the_public_leaf_stands_below_intermediate_and_root_and_says_nowhere_that_it_is_digicert(
    public: PublicHierarchy, keys: KeyStore
) -> None:
    issued = leaf(public, keys)

    assert len(verify(issued, public.root)) == 3
    assert issued.chain == (public.intermediate.certificate, public.root.certificate)
    for certificate in (issued.certificate, *issued.chain):
        assert "digicert" not in certificate.subject.rfc4514_string().lower()
        assert "simulated" in certificate.issuer.rfc4514_string().lower()


@pytest.mark.parametrize("which", ["private", "public"])
def test_a_leaf_carries_what_real_ones_carry(which: str, keys: KeyStore, request: pytest.FixtureRequest) -> None:
    issuer: Issuer = request.getfixturevalue(which)
    certificate = leaf(issuer, keys).certificate
    extensions = certificate.extensions

    assert extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == [
        NAME
    ]
    assert set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.SERVER_AUTH,
    }
    (point,) = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert point.full_name is not None
    assert point.full_name[0].value.startswith("http://")
    theirs = issuer.signer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == theirs.digest
    assert extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_equal_keys_and_times_give_the_same_certificate_and_another_time_another_serial(
    private: PrivateRoot, keys: KeyStore
) -> None:
    assert leaf(private, keys).fingerprint == leaf(private, keys).fingerprint
    later = private.leaf(NAME, keys.rsa("test/leaf"), START, START + DAY)
    assert later.certificate.serial_number != leaf(private, keys).certificate.serial_number
    serials = [
        private.leaf(NAME, keys.rsa("test/leaf"), START, START + days * DAY).certificate.serial_number
        for days in range(1, 21)
    ]
    assert len(set(serials)) == 20
    assert all(0 < each < 1 << 127 for each in serials)


def test_generations_have_other_names_and_other_keys(keys: KeyStore) -> None:
    first, second = (PublicHierarchy.make(keys, START, generation=each) for each in (1, 2))

    assert first.root.fingerprint == second.root.fingerprint
    assert first.intermediate.certificate.subject != second.intermediate.certificate.subject
    assert first.intermediate.certificate.public_key() != second.intermediate.certificate.public_key()


def test_only_the_public_root_leaves_room_for_another_authority_below(
    private: PrivateRoot, public: PublicHierarchy
) -> None:
    lengths = [
        each.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        for each in (private.root, public.intermediate, public.root)
    ]

    assert lengths == [0, 0, None]


def test_an_identity_writes_leaf_chain_and_what_a_client_sends(public: PublicHierarchy, keys: KeyStore) -> None:
    issued = leaf(public, keys)

    def read(text: str) -> tuple[x509.Certificate, ...]:
        return tuple(x509.load_pem_x509_certificates(text.encode()))

    assert read(issued.pem()) == (issued.certificate,)
    assert read(issued.chain_pem()) == issued.chain
    assert read(issued.handshake_pem()) == (issued.certificate, public.intermediate.certificate)
    assert "PRIVATE KEY" in issued.key_pem()
    assert issued.fingerprint == issued.fingerprint.lower()
    assert len(issued.fingerprint) == 64


@pytest.mark.parametrize("which", ["private", "public"])
@pytest.mark.parametrize("kind", ["self-made-root", "no-client-auth", "expired", "not-yet-valid"])
def test_a_stranger_with_the_right_name_does_not_verify_to_the_real_root(
    which: str, kind: StrangerKind, keys: KeyStore, request: pytest.FixtureRequest
) -> None:
    issuer: Issuer = request.getfixturevalue(which)
    root = issuer.root if isinstance(issuer, PrivateRoot | PublicHierarchy) else issuer.signer
    faulty = stranger(kind, issuer, NAME, keys, START)

    assert faulty.name == NAME
    with pytest.raises(VerificationError):
        verify(faulty, root)


def test_a_self_made_root_copies_every_name_of_the_real_chain(public: PublicHierarchy, keys: KeyStore) -> None:
    forged = stranger("self-made-root", public, NAME, keys, START)

    assert [each.subject for each in forged.chain] == [
        public.intermediate.certificate.subject,
        public.root.certificate.subject,
    ]
    assert not set(forged.chain) & {public.intermediate.certificate, public.root.certificate}


def test_another_customer_verifies_faultlessly_under_another_name(public: PublicHierarchy, keys: KeyStore) -> None:
    other = stranger("other-customer", public, NAME, keys, START)

    assert len(verify(other, public.root)) == 3
    assert other.name != NAME


def test_the_builder_replaces_adds_and_leaves_out_extensions(private: PrivateRoot, keys: KeyStore) -> None:
    odd = issue(
        private.root,
        NAME,
        keys.rsa("test/leaf"),
        START,
        START + timedelta(hours=1),
        extra=[(x509.BasicConstraints(ca=True, path_length=3), False)],
        without=[x509.SubjectAlternativeName],
        serial=7,
        adjust=lambda builder: builder.add_extension(x509.OCSPNoCheck(), critical=False),
    ).certificate

    basic = odd.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.value.ca, basic.value.path_length, basic.critical) == (True, 3, False)
    assert odd.serial_number == 7
    assert odd.extensions.get_extension_for_class(x509.OCSPNoCheck) is not None
    with pytest.raises(x509.ExtensionNotFound):
        odd.extensions.get_extension_for_class(x509.SubjectAlternativeName)
