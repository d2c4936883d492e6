"""Where a certificate says that its revocation list lies (RFC 5280 4.2.1.13).

A distribution point is taken if its list covers every reason and is signed by the certificate's own issuer. The names
of one point are ways to one list, and several points are mostly ways to equal ones: a caller tries them in order.
"""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

from rotation_watcher.x509.certificates import Certificate

MAX_URLS = 10
"""The most URLs that are taken from one certificate; usual ones name one or two."""
MAX_URL = 2048
"""The longest URL that is taken, in characters."""


class Untaken(NamedTuple):
    """A name or a point that is not followed: a stable code, and the name, at most 200 characters of hostile text.

    Codes: ``other-scheme`` (such as ldap), ``not-a-url``, ``other-name`` (a directory name, or one relative to the
    issuer), ``indirect`` (somebody else signs the list), ``some-reasons`` (the list covers a part of the reasons),
    ``too-many``.
    """

    code: str
    name: str


class DistributionPoints(NamedTuple):
    """The URLs (http and https) in the certificate's order, each once, and what is not followed.

    ``names`` gives for each URL every URI of its point, those of other schemes too: by any of them the issuing
    distribution point of the list may be named (RFC 5280 6.3.3 (b) (2) (i)).
    """

    urls: tuple[str, ...]
    untaken: tuple[Untaken, ...]
    names: dict[str, frozenset[str]]


def distribution_points(certificate: Certificate) -> DistributionPoints:
    """The distribution points of a certificate; empty where it names none. Never raises."""
    return named_by(certificate.raw)


def named_by(raw: x509.Certificate) -> DistributionPoints:
    """The same of a certificate of the library's. Raises what it raises where extensions cannot be read."""
    names: dict[str, frozenset[str]] = {}
    untaken: list[Untaken] = []
    for point in _points(raw):
        uris = [name.value for name in point.full_name or () if isinstance(name, x509.UniformResourceIdentifier)]
        refused = _untaken(point, uris)
        if refused is not None:
            untaken.append(refused)
            continue
        for uri in uris:
            code = _fault(uri)
            if code is not None:
                untaken.append(Untaken(code, uri[:200]))
            elif len(names) == MAX_URLS and uri not in names:
                untaken.append(Untaken("too-many", uri[:200]))
            else:
                names[uri] = names.get(uri, frozenset()) | frozenset(uris)
    return DistributionPoints(tuple(names), tuple(dict.fromkeys(untaken))[:MAX_URLS], names)


def _points(raw: x509.Certificate) -> Iterable[x509.DistributionPoint]:
    try:
        return raw.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return ()


def _untaken(point: x509.DistributionPoint, uris: list[str]) -> Untaken | None:
    """Why a point is not taken at all."""
    first = uris[0][:200] if uris else ""
    if point.crl_issuer:
        return Untaken("indirect", first)
    if point.reasons:
        return Untaken("some-reasons", first)
    return None if uris else Untaken("other-name", "")


def _fault(uri: str) -> str | None:
    """Why a URI is not taken."""
    try:
        parts = urlsplit(uri)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "not-a-url"
    if parts.scheme not in {"http", "https"}:
        return "other-scheme" if parts.scheme else "not-a-url"
    plain = uri.isascii() and uri.isprintable() and " " not in uri and len(uri) <= MAX_URL
    return None if host and plain and parts.username is None else "not-a-url"
