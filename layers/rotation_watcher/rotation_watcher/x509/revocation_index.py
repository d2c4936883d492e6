"""A revocation list as a file that is mapped into memory and searched as it lies there.

::

    offset  octets
         0       8  "CRLINDEX"
         8       2  version, 1
        10       1  width of a row
        11       1  flags: 1 the list has a number, 2 it has a nextUpdate
        12      20  CRL number
        32       8  thisUpdate, seconds since 1970, signed
        40       8  nextUpdate, likewise
        48       8  how many rows
        56      32  SHA-256 of the issuer's SubjectPublicKeyInfo
        88      32  SHA-256 of all that stands before it and of the rows
       120          the rows, sorted (``serials``)

Numbers are big-endian. The checksum is against accidents, not against somebody who may write the file.
"""

import hashlib
import struct
from collections.abc import Buffer
from datetime import UTC, datetime, timedelta

import msgspec

from rotation_watcher.x509.certificates import Certificate
from rotation_watcher.x509.crl import Crl
from rotation_watcher.x509.serials import MAX_WIDTH, Serials, holds, tabled

VERSION = 1

_MAGIC = b"CRLINDEX"
_HEADER = struct.Struct(">8sHBB20sqqQ32s")
_DIGEST_LENGTH = 32
_BODY = _HEADER.size + _DIGEST_LENGTH
_HAS_NUMBER, _HAS_NEXT_UPDATE = 1, 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class IndexDefect(msgspec.Struct, frozen=True):
    """Why a file is not used as an index: a stable code, and a detail for people.

    Codes: ``not-an-index``, ``newer-version``, ``truncated`` (too short or too long), ``corrupt``, ``foreign`` (another
    issuer's key).
    """

    code: str
    detail: str


class Index(msgspec.Struct, frozen=True, eq=False):
    """An index that was found whole. It refers to its buffer, which must stay open as long as it is used.

    ``issuer_key`` is the SHA-256 of the issuer's SubjectPublicKeyInfo in lower-case hex; ``number`` the CRL number in
    upper-case hex; ``count`` how many rows it has; times are aware UTC.
    """

    issuer_key: str
    number: str | None
    this_update: datetime
    next_update: datetime | None
    count: int
    serials: Serials

    def __repr__(self) -> str:
        return f"Index({self.issuer_key[:16]}, {self.number}, {self.count} rows)"

    def contains(self, serial: int) -> bool:
        """Whether the list revokes this serial number; takes some microseconds in half a million."""
        return holds(self.serials, serial)


def build_index(crl: Crl, issuer: Certificate) -> bytes:
    """The index of a list that ``issuer`` signed (``crl_refusal``)."""
    facts, serials = crl.facts, crl.serials
    header = _HEADER.pack(
        _MAGIC,
        VERSION,
        serials.width,
        (_HAS_NUMBER if facts.number else 0) | (_HAS_NEXT_UPDATE if facts.next_update else 0),
        int(facts.number or "0", 16).to_bytes(20),
        (facts.this_update - _EPOCH) // _SECOND,
        ((facts.next_update or _EPOCH) - _EPOCH) // _SECOND,
        serials.rows,
        bytes.fromhex(issuer.facts.spki_sha256),
    )
    return b"".join([header, _digest(header, serials.table), serials.table])


def open_index(buffer: Buffer, *, issuer_key: str) -> Index | IndexDefect:
    """Open an index of the issuer with this key (``spki_sha256`` of its facts). Never raises.

    ``buffer`` is anything that holds bytes, such as an mmap, which cannot be closed while the index is in use. The
    checksum is verified here, once: some 30 ms for half a million rows.
    """
    view = memoryview(buffer).cast("B")
    head = bytes(view[:_BODY])
    if not head.startswith(_MAGIC):
        return IndexDefect("not-an-index", f"{len(view)} bytes of something else")
    if len(head) < _BODY:
        return IndexDefect("truncated", f"{len(head)} bytes, a header has {_BODY}")
    _, version, width, flags, number, begin, end, count, key = _HEADER.unpack_from(head)
    defect = None
    if version > VERSION:
        defect = IndexDefect("newer-version", f"version {version}, this release reads {VERSION}: update it")
    elif len(view) != _BODY + count * width:
        defect = IndexDefect("truncated", f"{len(view)} bytes, {_BODY + count * width} by its header")
    elif version != VERSION or not 0 < width <= MAX_WIDTH or head[_HEADER.size :] != _digest(head, view[_BODY:]):
        defect = IndexDefect("corrupt", "its checksum is another")
    elif key.hex() != issuer_key:
        defect = IndexDefect("foreign", "it is the index of another issuer's list")
    if defect:
        return defect
    return Index(
        issuer_key=issuer_key,
        number=f"{int.from_bytes(number):X}" if flags & _HAS_NUMBER else None,
        this_update=_EPOCH + begin * _SECOND,
        next_update=_EPOCH + end * _SECOND if flags & _HAS_NEXT_UPDATE else None,
        count=count,
        serials=tabled(view[_BODY:], width),
    )


def _digest(header: bytes, rows: memoryview) -> bytes:
    digest = hashlib.sha256(header[: _HEADER.size])
    digest.update(rows)
    return digest.digest()
