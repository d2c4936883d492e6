"""What is kept of a revocation list: ``list.der``, ``list.pem``, ``index.bin``, and ``manifest.json``. Pure.

The manifest names the exact versions of the other three, with their digests: readers go by it alone.
"""

from typing import TYPE_CHECKING

import msgspec

from rotation_watcher import formats
from rotation_watcher.clocks import Instant
from rotation_watcher.ports import Validators
from rotation_watcher.x509.crl_facts import CrlFacts

if TYPE_CHECKING:
    from rotation_watcher.x509.revocation_index import Index

FORMAT = 1
DER, PEM, INDEX, MANIFEST = "list.der", "list.pem", "index.bin", "manifest.json"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One object of a list: its version (None in a bucket without versions), its SHA-256 in hex, its bytes."""

    version: str | None
    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force for one list.

    ``url`` is what certificates name first, ``fetched_from`` the one of their URLs that gave the list, ``validators``
    its server's. ``issuer`` is a subject (RFC 4514), ``issuer_key`` the SHA-256 of its SubjectPublicKeyInfo in hex.
    ``since``: when the watcher took it. ``former``: the fingerprints of the lists before it, newest first.
    """

    format: int = FORMAT
    url: str
    fetched_from: str
    issuer: str
    issuer_key: str
    facts: CrlFacts
    validators: Validators
    since: Instant
    der: Part
    pem: Part
    index: Part
    former: tuple[str, ...] = ()

    @property
    def ever(self) -> frozenset[str]:
        """The fingerprints of this list and of those before it."""
        return frozenset({self.facts.fingerprint, *self.former})


class Held(msgspec.Struct, frozen=True):
    """What is kept of a list: the manifest and its ETag, the facts of the list that its issuer signed, and its index.

    ``opened`` is the index. ``damage``: what is wrong with what is kept, in words.
    """

    manifest: Manifest | None = None
    etag: str | None = None
    facts: CrlFacts | None = None
    opened: "Index | None" = None
    damage: str | None = None


def decode(data: bytes) -> Manifest:
    """The manifest. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=Manifest)
