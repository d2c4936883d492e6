"""What lies in a place for files: which names, and the manifest that says which versions belong together.

Pure. A reader takes the manifest first, and then exactly the versions that it names: so it never sees half of a change.
``docs/files.md`` is the contract; ``edge/fetch/genesys-files`` reads it line by line, so the form is part of it.
"""

import hashlib
from collections.abc import Mapping

import msgspec

from rotation_watcher import formats, keys

FORMAT = 1
BUNDLE, PINS, PINS_LIST = "ca-bundle.pem", "pins.json", "pins.txt"
IDENTITY, CRL = "identity.json", "crl.pem"
SUMS, MANIFEST = "SHA256SUMS", "manifest.json"
COMPANIONS = (PINS, PINS_LIST, IDENTITY, CRL)
"""What may lie beside the bundle."""
NOBODY = "0" * 64
"""The SHA-256 of no certificate: what stands in an empty list of pins, which some server might take for no list."""
TYPES = {
    BUNDLE: keys.PEM_TYPE,
    PINS: keys.JSON_TYPE,
    PINS_LIST: "text/plain",
    IDENTITY: keys.JSON_TYPE,
    CRL: keys.PEM_TYPE,
    SUMS: "text/plain",
    MANIFEST: keys.JSON_TYPE,
}
"""The name and content type of each file that is ever written."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its S3 version id, its bytes, its SHA-256 in hex, its ETag without quotes."""

    name: str
    version: str
    size: int
    sha256: str
    etag: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The files that belong together, by name.

    ``serial`` grows with each manifest of a place. ``source`` is the object of the stack's bucket, ``source_version``
    its exact version, of which ``ca-bundle.pem`` is a copy.
    """

    format: int = FORMAT
    serial: int
    source: str
    source_version: str
    files: tuple[Entry, ...]

    def entry(self, name: str) -> Entry | None:
        """The file of that name; None where the manifest names none."""
        return next((one for one in self.files if one.name == name), None)


def encode(manifest: Manifest) -> bytes:
    """The manifest's text: JSON with each file on a line of its own, its members always in the same order."""
    head: dict[str, str | int] = {
        "format": manifest.format,
        "serial": manifest.serial,
        "source": manifest.source,
        "source_version": manifest.source_version,
    }
    lines = [f"{_text(name)}: {_text(value)}," for name, value in head.items()]
    files = ",\n".join(f"  {_entry(one)}" for one in sorted(manifest.files, key=lambda one: one.name))
    return "\n".join(["{", *(f" {line}" for line in lines), ' "files": [', files, " ]", "}", ""]).encode()


def decode(data: bytes) -> Manifest:
    """The manifest. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=Manifest)


def sums(digests: Mapping[str, str]) -> bytes:
    """The text of ``SHA256SUMS``, as ``sha256sum -c`` reads it, of digests by name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode()


def sha256(body: bytes) -> str:
    """The SHA-256 by which a file's content is known, in hex."""
    return hashlib.sha256(body).hexdigest()


def _entry(one: Entry) -> str:
    return "{" + ", ".join(f'"{name}": {_text(getattr(one, name))}' for name in one.__struct_fields__) + "}"


def _text(value: str | int) -> str:
    return msgspec.json.encode(value).decode()
