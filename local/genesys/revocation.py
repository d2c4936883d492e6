"""The revocation lists of every CA of a world, and who is on them.

``WorldLists`` stands in for the servers that certificates name, in process: the real adapter connects to public
addresses alone, and no server of this machine has one (``tests/contract/crl`` holds such stand-ins to it).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from local.genesys.issuing import Identity
from rotation_watcher.errors import FetchCode, FetchError
from rotation_watcher.ports import Fetched, NotModified, Validators

PERIOD = timedelta(days=7)
_RENEWED = timedelta(days=5)


class Issuing(Protocol):
    """What lists need of their world."""

    clock: Callable[[], datetime]
    backdate: timedelta

    def authorities(self) -> Iterable[tuple[str, Identity]]:
        """Every CA, with the URL of its list."""


class WorldLists:
    """``ports.DistributionPoints`` of a world: each CA makes a list every five days, and when it revokes somebody.

    A list is made ``backdate`` before the virtual now, and lasts as much longer: engines that judge by the wall clock
    take it as well.
    """

    def __init__(self, world: Issuing) -> None:
        self._world = world
        self._revoked: dict[str, dict[int, datetime]] = {}
        self._made: dict[str, tuple[datetime, bytes]] = {}
        self.made = 0
        """How many were made."""

    def revoke(self, identity: Identity) -> None:
        """Put a certificate on its CA's list. Raises LookupError for one of no CA of this world."""
        point = identity.certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        url = next(str(name.value) for name in point[0].full_name or ())
        self._authority(url)
        self._revoked.setdefault(url, {})[identity.certificate.serial_number] = self._now
        self._made.pop(url, None)

    def fetch(self, url: str, *, known: Validators | None = None) -> Fetched | NotModified:
        """See ``ports.DistributionPoints``."""
        try:
            body = self.list(url)
        except LookupError as error:
            raise FetchError(FetchCode.STATUS_UNEXPECTED, f"{url}: HTTP status 404", status=404) from error
        etag = f'"{self._made[url][0]:%Y%m%dT%H%M%S}-{len(self._revoked.get(url, {}))}"'
        if known is not None and known.etag == etag:
            return NotModified()
        return Fetched(body, Validators(etag=etag))

    def list(self, url: str) -> bytes:
        """The list at a URL (DER). Raises LookupError."""
        made = self._made.get(url)
        if made is None or self._now - made[0] >= _RENEWED:
            self._made[url] = made = (self._now, self._sign(url))
        return made[1]

    def of(self, authority: x509.Certificate) -> bytes | None:
        """The list of a CA (DER), by its certificate; None if it is none of this world's."""
        for url, one in self._world.authorities():
            if one.certificate == authority:
                return self.list(url)
        return None

    def beside(self, bundle: bytes, loaded: Iterable[bytes]) -> bytes:
        """Lists (PEM) for nginx with this truststore: those that are ``loaded`` there, and idle ones of other CAs.

        nginx wants one of every CA once it has any; load balancers leave a CA without a list unchecked.
        """
        held = [*loaded]
        checked = {x509.load_pem_x509_crl(one).issuer for one in held}
        others = [one for one in x509.load_pem_x509_certificates(bundle) if one.subject not in checked]
        idle = [x509.load_der_x509_crl(one) for one in map(self.of, others) if one is not None]
        return b"".join((*held, *(one.public_bytes(Encoding.PEM) for one in idle)))

    @property
    def _now(self) -> datetime:
        return self._world.clock() - self._world.backdate

    def _authority(self, url: str) -> Identity:
        for each, authority in self._world.authorities():
            if each == url:
                return authority
        raise LookupError(f"no CA of this world has its list at {url}")

    def _sign(self, url: str) -> bytes:
        authority = self._authority(url)
        self.made += 1
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(authority.certificate.subject)
            .last_update(self._now)
            .next_update(self._now + PERIOD + 2 * self._world.backdate)
            .add_extension(x509.CRLNumber(self.made), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
            )
        )
        for entry in self._entries(url):
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(authority.key, SHA256()).public_bytes(Encoding.DER)

    def _entries(self, url: str) -> Iterator[x509.RevokedCertificate]:
        for serial, when in sorted(self._revoked.get(url, {}).items()):
            yield x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
