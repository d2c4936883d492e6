"""Whether a leaf's names match the identity filters of a listener (NLB mutual TLS, since 2026-11-19).

After the chain, a listener with filters admits only certificates that one of them matches; without filters it admits
all that its trust store admits. A filter compares one name of the certificate, exactly or by prefix, and ignores case
except in the path of a URI (source: elbv2's model in botocore 1.44.8 and its documents).
"""

from collections.abc import Iterable, Sequence

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from rotation_watcher.x509.certificates import Certificate, extension
from rotation_watcher.x509.names import lower

FIELDS = ("subject-cn", "subject-ou", "san-dns", "san-uri")
MATCHES = ("exact", "prefix")


class IdentityFilter(msgspec.Struct, frozen=True):
    """One filter. As text it is ``field match value``; only the value may contain blanks."""

    field: str
    match: str
    value: str

    def __str__(self) -> str:
        return f"{self.field} {self.match} {self.value}"


MOST_SIGNS = 256
"""The longest value of a filter, in characters."""


def key_of(field: str, match: str, value: str, action: str = "accept") -> str:
    """What two filters have in common that the service takes for the same: as text, in its canonical case."""
    fold = _folded_uri if field == "san-uri" else lower
    return f"{action} {field} {match} {fold(value)}"


def naming(leaf: Certificate, believed: str | None = None) -> IdentityFilter | None:
    """The one filter that stands for a leaf; None where no filter can be written that admits it.

    An exact DNS name of its SAN: ``believed`` if it bears that, else the one that is its common name too, else the
    first in order. Only where it has none that can be written, its common name. The watcher judges a leaf by the DNS
    names (``trust.identity``); a common name beside them is the holder's word, and any customer of the CA may have it.
    """
    common = [name for name in _names(leaf, "subject-cn") if _writable(name)]
    found = sorted(name for name in _names(leaf, "san-dns") if _writable(name) and "*" not in name)
    for preferred in [name for name in (believed, *common) if name]:
        for name in found:
            if lower(name) == lower(preferred):
                return IdentityFilter("san-dns", "exact", lower(name))
    if found:
        return IdentityFilter("san-dns", "exact", lower(found[0]))
    return IdentityFilter("subject-cn", "exact", common[0]) if common else None


def _writable(name: str) -> bool:
    """Whether a filter can hold it: 1 to 256 printable ASCII characters; blanks around it might be cut off."""
    return 0 < len(name) <= MOST_SIGNS and name.isascii() and name.isprintable() and name == name.strip()


def admits(filters: Sequence[str], leaf: Certificate) -> bool | None:
    """Whether these filters, as text, admit the leaf. An empty list admits every leaf.

    None (unknown) if no understood filter matches and there are filters that are not understood.
    """
    if not filters:
        return True
    known = [one for one in map(_parsed, filters) if one is not None]
    if any(_matches(one, name) for one in known for name in _names(leaf, one.field)):
        return True
    return False if len(known) == len(filters) else None


def understood(filters: Sequence[str]) -> bool:
    """Whether each of these filters, as text, is one that this module knows."""
    return all(_parsed(one) is not None for one in filters)


def _parsed(text: str) -> IdentityFilter | None:
    field, _, rest = text.partition(" ")
    match, _, value = rest.partition(" ")
    return IdentityFilter(field, match, value) if field in FIELDS and match in MATCHES and value else None


def _names(leaf: Certificate, field: str) -> Iterable[str]:
    """The leaf's names of a field."""
    if field in {"subject-cn", "subject-ou"}:
        kind = NameOID.COMMON_NAME if field == "subject-cn" else NameOID.ORGANIZATIONAL_UNIT_NAME
        return [str(attribute.value) for attribute in leaf.raw.subject.get_attributes_for_oid(kind)]
    san = extension(leaf, x509.SubjectAlternativeName)
    if san is None:
        return []
    if field == "san-dns":
        return san.get_values_for_type(x509.DNSName)
    return san.get_values_for_type(x509.UniformResourceIdentifier)


def _matches(one: IdentityFilter, name: str) -> bool:
    fold = _folded_uri if one.field == "san-uri" else lower
    wanted, found = fold(one.value), fold(name)
    return found == wanted if one.match == "exact" else found.startswith(wanted)


def _folded_uri(uri: str) -> str:
    """Scheme and host in lower case, the path unchanged."""
    scheme, colon, rest = uri.partition(":")
    if not rest.startswith("//"):
        return lower(scheme) + colon + rest
    host, slash, path = rest[2:].partition("/")
    return lower(f"{scheme}://{host}") + slash + path
