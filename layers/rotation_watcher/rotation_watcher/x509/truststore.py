"""A truststore as text: its blocks in order, and changes that keep everybody else's content byte for byte.

A target's content has several owners. What is not understood here may mean something to the service or to its owner: so
a new version is the old text, byte for byte, without or with our own blocks. Order is part of the content: if two CAs
have one name, it decides which clients OpenSSL admits (its issue 26667).

A block counts as a certificate only in the form that every engine reads: each marker alone on its line, exactly as
RFC 7468 writes it, around lines of base64 of one DER value. Anything else between two markers (``TRUSTED CERTIFICATE``,
blanks in a marker …) is kept unchanged and admits nobody. If the text is broken so that appended blocks might be
swallowed, if OpenSSL refuses it as a whole (``openssl_pem``), or if it holds a private key, nothing may be changed:
``unsafe`` names the line.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache

import msgspec

from rotation_watcher.expressions import Expression
from rotation_watcher.x509 import openssl_pem, pem
from rotation_watcher.x509.certificates import MAX_BLOCKS, Block, Certificate, certificate_block
from rotation_watcher.x509.names import Name, names_of
from rotation_watcher.x509.pem import Defect
from rotation_watcher.x509.signatures import silenced

_MARKER = re.compile(r"-----\s*+(BEGIN|END)\s++((?:[A-Z0-9]++\s*+){1,8}+)-----")
_KEY = Expression(
    r"(?<!-)-{2,}+\s*+BEGIN\s[A-Z0-9 ]{0,40}PRIVATE\s++KEY"
    r"|[^\w\s]\s*+BEGIN\s++(?:(?:RSA|EC|DSA|ENCRYPTED|OPENSSH)\s++)?PRIVATE\s++KEY",  # other dashes than hyphens
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"-----BEGIN CERTIFICATE-----[ \t]{0,80}\r?\n"
    r"((?:[ \t]*+[A-Za-z0-9+/=][A-Za-z0-9+/= \t]*+\r?\n)++)"
    r"-----END CERTIFICATE-----[ \t]{0,80}\r?\n?"
)
_REST_OF_LINE = re.compile(r"[ \t]*+\r?(?:\n|\Z)")


class Line(msgspec.Struct, frozen=True):
    """A finding in a truststore: the line on which it begins (from 1), and the defect."""

    line: int
    defect: Defect

    @property
    def words(self) -> str:
        """The finding for people: ``line 7: …``."""
        return f"line {self.line}: {self.defect.detail}"


class _Segment(msgspec.Struct, frozen=True):
    """A piece of the text: a block, or (``block`` None) text between blocks."""

    text: str
    block: Block | None


class Contents(msgspec.Struct, frozen=True):
    """A truststore, split without loss: the joined texts of the segments are the data."""

    segments: tuple[_Segment, ...]
    unsafe: tuple[Line, ...]

    @property
    def blocks(self) -> dict[str, Block]:
        """The blocks by fingerprint, in the order of their first appearance."""
        found: dict[str, Block] = {}
        for segment in self.segments:
            if segment.block is not None:
                found.setdefault(segment.block.fingerprint, segment.block)
        return found

    @property
    def unusual(self) -> tuple[Line, ...]:
        """The blocks in a form that not every engine reads: kept, and the first suspects if a service objects."""
        found, at, lines = [], 0, pem.Lines("".join(segment.text for segment in self.segments))
        for segment in self.segments:
            if segment.block is not None and segment.block.certificate is None and segment.block.defect is not None:
                found.append(Line(lines.of(at), segment.block.defect))
            at += len(segment.text)
        return tuple(found)

    @property
    def data(self) -> bytes:
        """The bytes that were read."""
        return "".join(segment.text for segment in self.segments).encode("latin-1")


EMPTY = Contents((), ())


_LARGE = 1024 * 1024
"""Bytes of a truststore of which few are remembered: that of a thousand certificates takes ten megabytes of memory."""


def read(data: bytes) -> Contents:
    """``split``, remembered: a run of ``publish`` reads what a target holds at every step."""
    return _read_large(data) if len(data) > _LARGE else _read_small(data)


def split(data: bytes) -> Contents:
    """Split a truststore into segments. Never raises; no byte of the data is lost."""
    text = data.decode("latin-1")  # every byte is a character: what is written back is what was read
    segments: list[_Segment] = []
    line = pem.Lines(text).of
    keys = _KEY.finditer(text) if "PRIVATE" in text.upper() else ()  # most hold the word nowhere: quicker to see
    unsafe: list[Line] = [Line(line(key.start()), _private_key()) for key in keys]
    with silenced():
        openssl = openssl_pem.read(text)
    at, opened = 0, None
    for marker in _MARKER.finditer(text):
        label = " ".join(marker[2].split())
        if marker[1] == "BEGIN":
            if opened is not None:
                unsafe.append(Line(line(opened[1]), Defect("unterminated", "a BEGIN line without its END")))
            opened = (label, marker.start())
            continue
        if opened is None:
            continue  # an END alone: text, which every engine passes over
        if opened[0] != label:
            unsafe.append(Line(line(opened[1]), Defect("unterminated", f"BEGIN {opened[0]} ends as {label}")))
        begin, end = opened[1], _with_line_end(text, marker.end())
        whole_line = end == len(text) or text[end - 1] == "\n"
        block = openssl.begins.get(begin)
        if block is None or block.pem != text[begin:end]:
            block = _block(label, text[begin:end], plain=whole_line and begin in openssl.begins)
        if block.defect is not None and block.defect.code == "private-key":
            unsafe.append(Line(line(begin), block.defect))
        segments += [_Segment(text[at:begin], None)] if at < begin else []
        segments.append(_Segment(text[begin:end], block))
        at, opened = end, None
    if opened is not None:
        unsafe.append(Line(line(opened[1]), Defect("unterminated", "a BEGIN line without its END")))
    unsafe += _refused(openssl.fault, unsafe, line)
    segments += [_Segment(text[at:], None)] if at < len(text) else []
    contents = Contents(tuple(segments), ())
    unsafe += _of_the_whole(text, contents, known=bool(unsafe))
    return msgspec.structs.replace(
        contents, unsafe=tuple(sorted({*unsafe}, key=lambda one: (one.line, one.defect.code)))
    )


_read_small, _read_large = lru_cache(8)(split), lru_cache(2)(split)


def without(contents: Contents, fingerprints: Collection[str]) -> Contents:
    """The truststore without the copy of each certificate that the watcher put there; the rest keeps its bytes.

    The watcher adds a certificate only where there is none, in the form of ``pem.armour``. So of several copies one at
    most is ours, and others' stays: the blocks may still hold a fingerprint that is named here.
    """
    gone = {place for fingerprint in fingerprints for place in _ours(contents, fingerprint)}
    return msgspec.structs.replace(
        contents, segments=tuple(s for place, s in enumerate(contents.segments) if place not in gone)
    )


def _of_the_whole(text: str, contents: Contents, *, known: bool) -> Iterator[Line]:
    """What is wrong with a text beyond any line. ``known``: something is named already."""
    if "\0" in text or (text.strip() and not contents.blocks and not known):
        yield Line(1, Defect("no-certificate", "this is no PEM text with certificates"))
    if len(contents.segments) > 2 * MAX_BLOCKS:
        yield Line(1, Defect("too-many", f"more than {MAX_BLOCKS} certificates"))


def _refused(fault: openssl_pem.Fault | None, known: Collection[Line], line: Callable[[int], int]) -> list[Line]:
    """Why OpenSSL refuses the whole file, unless that line is named already."""
    if fault is None or line(fault.place) in {one.line for one in known}:
        return []
    return [Line(line(fault.place), Defect("refused-whole", f"{fault.detail}: OpenSSL refuses the file as a whole"))]


def changed(
    contents: Contents,
    *,
    first: Iterable[Certificate | Block] = (),
    last: Iterable[Certificate | Block] = (),
) -> bytes:
    """The bytes of the truststore with other blocks before and after the rest.

    The rest keeps its bytes and its order; only a missing final end of line is added. The caller ensures that nothing
    is ``unsafe``.
    """
    parts = [*(item.pem for item in first), contents.data.decode("latin-1"), *(item.pem for item in last)]
    return "".join(part if part.endswith("\n") or not part else f"{part}\n" for part in parts).encode("latin-1")


def of_blocks(blocks: Mapping[str, Block]) -> Contents:
    """Contents made of blocks alone."""
    return Contents(tuple(_Segment(block.pem, block) for block in blocks.values()), ())


def _ours(contents: Contents, fingerprint: str) -> list[int]:
    """The place of our copy of a certificate: one, or none if others put theirs in the place of ours.

    Several copies in our form differ in nothing but their place. Ours stands behind the rest as a rule, and never
    behind a comment. The first copy stays where that place counts: engines take the first of a name.
    """
    blocks = [(place, segment.block) for place, segment in enumerate(contents.segments) if segment.block is not None]
    copies = [(place, block) for place, block in blocks if block.fingerprint == fingerprint]
    if len(copies) <= 1:
        return [place for place, _ in copies]
    own = [place for place, block in copies if block.pem == pem.armour(block.der)]
    (begin, first), (end, _) = copies[:2]
    name = _subject(first)
    if any(begin < place < end and _subject(block) == name for place, block in blocks):
        own = [place for place in own if place != begin]
    bare = [place for place in own if place == 0 or not _is_comment(contents.segments[place - 1])]
    return (bare or own)[-1:]


def _subject(block: Block) -> Name | None:
    names = names_of(block.der)
    return names.subject if names else None


def _is_comment(segment: _Segment) -> bool:
    return segment.block is None and bool(segment.text.strip())


def _block(label: str, whole: str, *, plain: bool) -> Block:
    """The block of two markers; ``whole`` is the text with them. ``plain``: OpenSSL reads it, and nothing is beside."""
    text = whole if whole.endswith("\n") else f"{whole}\n"
    found = _PLAIN.fullmatch(whole) if plain else None
    if found is not None and (der := pem.plain_base64(found[1])) is not None:
        return certificate_block(der)._replace(pem=text)
    # Keyed by its text: it is not the certificate that it may hold, which a service need not be able to read.
    key = f"block-{hashlib.sha256(' '.join(whole.split()).encode()).hexdigest()}"
    if "PRIVATE KEY" in label:
        return Block(key, text, None, _private_key())
    if label in openssl_pem.CERTIFICATES:
        hidden = certificate_block(pem.der_of(whole)).defect
        if hidden is not None and hidden.code == "private-key":
            return Block(key, text, None, hidden)
        return Block(key, text, None, Defect("unusual-form", f"a {label} block that not every engine reads"))
    return Block(key, text, None, Defect("not-a-certificate", f"a block {label[:40]}"))


def _private_key() -> Defect:
    return Defect("private-key", "a private key: take it out, and replace that key wherever it is used")


def _with_line_end(text: str, at: int) -> int:
    """The position after the rest of the line, if that is white space only; else ``at``."""
    match = _REST_OF_LINE.match(text, at)
    return match.end() if match else at
