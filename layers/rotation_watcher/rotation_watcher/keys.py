"""Where things lie in the bucket (DESIGN.md, "S3"). Functions may not write below anchors/, approvals/ and extra/."""

import hashlib
from typing import NamedTuple

STATE = ("sources/", "bundles/", "targets/")
"""What functions write: nothing in there says whom to trust."""

DIGICERT_ANCHORS = "anchors/digicert.pem"
"""The operator's own list of DigiCert roots, instead of the vendored one."""

PEM_TYPE = "application/x-pem-file"
JSON_TYPE = "application/json"


class Place(NamedTuple):
    """An object in S3."""

    bucket: str
    key: str


def place(uri: str) -> Place | None:
    """What ``s3://bucket/key`` names, or None where that is no such URI.

    It is no URL: what follows the bucket is the key as it stands, with its ``#``, ``?``, ``%`` and ``//``.
    """
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return Place(bucket, key) if scheme == "s3" and separator and bucket and key else None


def history(source: str) -> str:
    """The state of a source."""
    return f"sources/{source}/history.json"


def seen(source: str, fingerprint: str) -> str:
    """A certificate that a source has shown, written once."""
    return f"sources/{source}/seen/{fingerprint}.pem"


def approval(fingerprint: str) -> str:
    """An operator's word for one quarantined leaf."""
    return f"approvals/{fingerprint}.json"


def wanted(bundle: str) -> str:
    """The CA certificates that verify the accepted leaves."""
    return f"bundles/{bundle}/wanted.pem"


def pins(bundle: str) -> str:
    """The accepted leaves, for whoever checks identity behind the truststore."""
    return f"bundles/{bundle}/pins.json"


def manifest(bundle: str) -> str:
    """Why each certificate is in the bundle, since when and until when."""
    return f"bundles/{bundle}/manifest.json"


def added(arn: str, fingerprint: str) -> str:
    """The proof that the watcher added a certificate to the target of that ARN."""
    return f"bundles/.added/{hashlib.sha256(arn.encode()).hexdigest()[:32]}/{fingerprint}.pem"


def deployed(target: str) -> str:
    """Exactly what a target loads; its versions are what was deployed when."""
    return f"targets/{target}/bundle.pem"


def record(target: str) -> str:
    """What the watcher did to a target, and who may do so now."""
    return f"targets/{target}/record.json"
