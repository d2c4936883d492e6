"""URLs that a certificate or a redirect names, taken apart strictly: what parsers read differently is refused.

A URL in a certificate is ASCII (an IA5String), so an internationalised name comes in its ASCII form. Nothing is
decoded, unescaped or repaired. A name that ends in a number must be an IPv4 address in four plain decimal parts, since
C libraries read ``2130706433``, ``0x7f.1`` and ``017700000001`` as addresses too.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL = 2048
"""The most characters of a URL."""
_MAX_NAME = 253
_URL = re.compile(r"[!-\[\]-~]+")  # printable ASCII, no space; some parsers read a backslash as a slash
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_BRACKETED = re.compile(r"\[[^\[\]]*\](:\d*)?", re.ASCII)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)


class Place(msgspec.Struct, frozen=True):
    """Where a URL leads. ``host`` is a name in lower case without its last dot, or an address without brackets.

    ``target`` is path and query, as they stand in the URL.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header names them: an IPv6 address in brackets, no port where it is the usual."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Place:
    """Take a URL apart. Raises ValueError with words that quote none of it: they follow "the URL"."""
    parts = _split(url)
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("is neither http nor https")
    if "@" in parts.netloc:
        raise ValueError("holds a user name or password")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("names a port that is none") from None
    if port is None:
        port = DEFAULT_PORTS[parts.scheme]
    query = f"?{parts.query}" if parts.query else ""
    return Place(parts.scheme, _host(parts), port, (parts.path or "/") + query)


def follow(place: Place, location: bytes) -> Place:
    """Where a Location header leads, seen from a place; never from https to http. Raises ValueError like ``parse``."""
    reference = location.decode("latin-1")
    _split(reference)
    try:
        url = urljoin(f"{place.scheme}://{place.authority}{place.target}", reference)
    except ValueError:
        raise ValueError("is malformed") from None
    target = parse(url)
    if (place.scheme, target.scheme) == ("https", "http"):
        raise ValueError("leaves https for http")
    return target


def _split(url: str) -> SplitResult:
    """Split what is ASCII, without blanks and controls, which the standard library would drop in silence."""
    if len(url) > MAX_URL or not _URL.fullmatch(url):
        raise ValueError(f"is empty, longer than {MAX_URL} characters, or holds some that no URL may hold")
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError("is malformed") from None


def _host(parts: SplitResult) -> str:
    text = parts.hostname or ""
    if "[" in parts.netloc:
        if not _BRACKETED.fullmatch(parts.netloc):  # the standard library drops what is written beside them
            raise ValueError("holds other text beside an IPv6 address")
        return _ipv6(text)
    host = text.removesuffix(".")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except AddressValueError:
            raise ValueError("names an IPv4 address in another form than four decimal numbers") from None
    if len(host) > _MAX_NAME or not _NAME.fullmatch(host):
        raise ValueError("names a host that is no full DNS name")
    return host


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except AddressValueError:
        raise ValueError("names an IPv6 address that is none") from None
    if address.scope_id is not None:
        raise ValueError("names an IPv6 address with a scope")
    return str(address)
