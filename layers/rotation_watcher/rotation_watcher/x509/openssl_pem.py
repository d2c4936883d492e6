"""How OpenSSL reads a file of certificates, line by line: ``PEM_X509_INFO_read_bio`` behind ``-CAfile``.

Other readers look for markers anywhere. OpenSSL takes lines of 254 characters at most, wants markers that are a line of
their own, and refuses the whole file for one block that it cannot decode: then nobody is let in. What stands here
follows ``crypto/pem/pem_lib.c`` and ``pem_info.c`` of 3.0; ``tests/unit/x509/test_openssl_pem.py`` compares the two.
"""

import ssl
from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec
from cryptography import x509

from rotation_watcher.x509.certificates import Block, certificate_block
from rotation_watcher.x509.names import first, values
from rotation_watcher.x509.pem import canonical_at, der_length, plain_base64

CERTIFICATES = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}
"""The labels under which OpenSSL reads a certificate (PEM_STRING_X509, _OLD, _TRUSTED)."""

_BEGIN, _END, _TAIL = "-----BEGIN ", "-----END ", "-----"
_LONGEST = 254
_COLUMNS = 64
_USUAL_LENGTH = 16 * 1024
"""Of a canonical block, in characters: a longer one is read line by line."""
_BOM = "\xef\xbb\xbf"
_BLANK = "".join(map(chr, [*range(33), *range(0x80, 0x100)]))
"""What is cut off a line's end; above 0x7F where C's ``char`` is signed."""
_SPACES = str.maketrans("", "", " \t\r\n")
_SEQUENCE, _OID, _UTF8, _OCTETS, _REJECT, _OTHER = 0x30, 0x06, 0x0C, 0x04, 0xA0, 0xA1
_CLIENT_AUTH, _ANY = bytes.fromhex("2b06010505070302"), bytes.fromhex("551d2500")


class Fault(msgspec.Struct, frozen=True):
    """Why OpenSSL refuses a whole file, and the place in its text from which on."""

    place: int
    detail: str


class Read(msgspec.Struct, frozen=True):
    """What OpenSSL reads: the places at which blocks begin, and what stops it, if anything does.

    Of a block that is written as ``pem.armour`` writes it, and that we parse too, there is the Block; else None.
    """

    begins: Mapping[int, Block | None]
    fault: Fault | None


class _Failed(Exception):
    """A block that makes OpenSSL refuse the file."""


def read(text: str) -> Read:
    """Read a file as OpenSSL does; ``text`` has a character for each byte. Never raises."""
    begins: dict[int, Block | None] = {}
    lines = _Lines(text)
    for place, line in lines:
        if line.startswith(_BEGIN) and (block := _usual(text, place)) is not None:
            begins[place] = block
            lines.at = place + len(block.pem)
            continue
        stripped = (line.removeprefix(_BOM) if not place else line).rstrip(_BLANK)
        if not (stripped.startswith(_BEGIN) and stripped.endswith(_TAIL)):
            continue
        label = stripped[len(_BEGIN) : -len(_TAIL)]
        try:
            _check(label, *_body(label, lines))
        except _Failed as failed:
            return Read(begins, Fault(place, str(failed)))
        begins[place] = None
    return Read(begins, None)


def refuses_clients(der: bytes) -> bool:
    """Whether the settings behind a TRUSTED CERTIFICATE keep OpenSSL from using it for client certificates.

    ``reject`` holds clientAuth (or any), or there is a ``trust`` that holds neither (``obj_trust``). Settings that
    cannot be read count as such.
    """
    try:
        trust, reject = _settings(der[der_length(der) :])
    except ValueError:
        return True
    wanted = {_CLIENT_AUTH, _ANY}
    return bool(wanted & {*reject}) or (trust is not None and not wanted & {*trust})


class _Lines:
    """The lines as BIO_gets gives them, each with its place. ``at``: where the next one begins."""

    def __init__(self, text: str) -> None:
        self._text, self.at = text, 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        at, text = self.at, self._text
        if at >= len(text):
            raise StopIteration
        self.at = text.find("\n", at, at + _LONGEST) + 1 or min(at + _LONGEST, len(text))
        return at, text[at : self.at]


def _usual(text: str, place: int) -> Block | None:
    """The block at a place, if it is written as ``pem.armour`` writes it and we parse it too; else None."""
    found = canonical_at(text, place, _USUAL_LENGTH)
    block = certificate_block(found[1], found[0]) if found is not None else None
    return block if block is not None and block.certificate is not None else None


def _body(label: str, lines: Iterator[tuple[int, str]]) -> tuple[bool, str]:
    """Whether a block has headers, and its base64 (``get_header_and_data``). Raises _Failed."""
    head: list[str] = []
    data: list[str] = []
    blank = headed = short = partial = False
    for _, line in lines:
        continued, partial = partial, len(line) == _LONGEST and not line.endswith("\n")
        headed = headed or (not blank and ":" in line)
        stripped = line.rstrip(_BLANK)
        if not stripped:
            if not continued:
                if blank:
                    raise _Failed("a second blank line in a block")
                blank = True
            continue
        if stripped.startswith(_END):
            if stripped != f"{_END}{label}{_TAIL}":
                raise _Failed("a block whose END line is another one's, or has something behind it")
            return (bool(head), "".join(data)) if blank or headed else (False, "".join(head))
        if short:
            raise _Failed("a line behind the short last one of a block")
        if blank:
            data.append(stripped)
            short = len(stripped) < _COLUMNS
            if len(stripped) > _COLUMNS:
                raise _Failed("a long line behind a blank one in a block")
        else:
            head.append(stripped)
    raise _Failed("a BEGIN line without its END")


def _check(label: str, headed: bool, body: str) -> None:  # noqa: FBT001 - one result of _body
    """Decode a block and parse what OpenSSL parses of it. Raises _Failed."""
    packed = body.translate(_SPACES).partition("-")[0]
    der = plain_base64(packed) if packed.isascii() and not any(map(str.isspace, packed)) else None
    if der is None:
        raise _Failed("a block that is no base64, empty or cut short")
    if label not in CERTIFICATES and label != "X509 CRL":
        return
    if headed:
        raise _Failed(f"a {label} block with headers")
    if label == "X509 CRL":
        try:
            x509.load_der_x509_crl(der[: der_length(der)])
        except ValueError:
            raise _Failed("a revocation list that cannot be read") from None
    elif not _parses(der[: der_length(der)]):
        raise _Failed("a certificate that cannot be read")
    elif label == "TRUSTED CERTIFICATE":
        try:
            _settings(der[der_length(der) :])
        except ValueError:
            raise _Failed("trust settings that cannot be read") from None


@lru_cache(256)
def _parses(der: bytes) -> bool:
    """Whether OpenSSL parses this DER as a certificate. What ``cryptography`` refuses, the interpreter's is asked."""
    if certificate_block(der).certificate is not None:
        return True
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _settings(data: bytes) -> tuple[list[bytes] | None, list[bytes]]:
    """The purposes of ``trust`` (None: unset) and ``reject`` in an X509_CERT_AUX. Raises ValueError."""
    if not data:
        return None, []
    whole = first(data)
    if whole.tag != _SEQUENCE:
        raise ValueError("no settings")
    trust: list[bytes] | None = None
    reject: list[bytes] = []
    order = iter((_SEQUENCE, _REJECT, _UTF8, _OCTETS, _OTHER))
    for value in values(whole.content):
        if value.tag not in order:  # consumes it: each at most once, in this order
            raise ValueError("settings of an unknown kind")
        if value.tag == _SEQUENCE:
            trust = _purposes(value.content)
        elif value.tag == _REJECT:
            reject = _purposes(value.content)
    return trust, reject


def _purposes(data: bytes) -> list[bytes]:
    found = [*values(data)]
    if any(one.tag != _OID for one in found):
        raise ValueError("no list of purposes")
    return [one.content for one in found]
