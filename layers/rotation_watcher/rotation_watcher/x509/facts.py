"""The facts of a certificate that go into state, pins and alerts, as plain data."""

import msgspec

from rotation_watcher.clocks import Instant


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate as plain data.

    ``fingerprint`` is the SHA-256 of the DER, ``spki_sha256`` that of the SubjectPublicKeyInfo, both in lower-case hex;
    ``serial`` is upper-case hex without separators; ``subject`` and ``issuer`` are RFC 4514 strings; ``names`` are the
    DNS names of the SAN, lower case, or the common name alone where there is no SAN; times are aware UTC.
    """

    fingerprint: str
    spki_sha256: str
    subject: str
    issuer: str
    serial: str
    names: tuple[str, ...]
    not_before: Instant
    not_after: Instant
