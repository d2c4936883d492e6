"""Whether a certificate names an OCSP responder (RFC 5280 4.2.2.1)."""

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from rotation_watcher.x509.certificates import Certificate


def names_responder(certificate: Certificate) -> bool:
    """Whether it does, by a URL. Never raises: what cannot be read names none."""
    try:
        access = certificate.raw.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    return any(
        one.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(one.access_location, x509.UniformResourceIdentifier)
        for one in access
    )
