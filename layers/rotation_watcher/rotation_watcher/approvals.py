"""An operator's word that lets one quarantined certificate pass: ``approvals/<sha256 of the leaf>.json``.

Functions may not write that folder (DESIGN.md): the word is always a person's. What it can lift is the assessment's
matter.
"""

from datetime import UTC, datetime

import msgspec

INVALID = "approval-invalid"
"""The code of the finding that an approval which cannot be read gives."""


class Finding(msgspec.Struct, frozen=True):
    """A reason or remark: its stable code and a few words, which may quote names out of certificates."""

    code: str
    detail: str


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who lets the certificate pass, why, and until when (None: no end; otherwise aware UTC)."""

    by: str
    why: str
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.until is None or now <= self.until


def decode_approval(data: bytes, fingerprint: str) -> Approval | Finding:
    """The approval in ``data`` (JSON with ``by``, ``why`` and perhaps ``until``), or what is wrong with it.

    Unknown fields are passed over; types are not bent; ``until`` comes back as UTC. Never raises, and never repeats what
    the file holds.
    """
    where = f"approvals/{fingerprint}.json"
    try:
        approval = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=Approval)  # some editors leave a mark
    except msgspec.DecodeError as error:
        return Finding(INVALID, f"{where}: {str(error)[:200]}")
    except (UnicodeDecodeError, RecursionError):
        return Finding(INVALID, f"{where}: not readable as JSON")
    if not approval.by.strip() or not approval.why.strip():
        return Finding(INVALID, f"{where}: by and why must say something")
    if approval.until is None:
        return approval
    if approval.until.tzinfo is None:
        return Finding(INVALID, f"{where}: until needs a time zone, such as a final Z")
    try:
        return msgspec.structs.replace(approval, until=approval.until.astimezone(UTC))
    except OverflowError:
        return Finding(INVALID, f"{where}: until is out of range; leave it out for no end")
