"""An operator's word that lets one quarantined certificate pass: ``approvals/<sha256 of the leaf>.json``.

Functions may not write that folder (DESIGN.md): the word is always a person's. What it can lift is the assessment's
matter.
"""

from datetime import UTC, datetime

import msgspec

from rotation_watcher.trust.findings import Finding

INVALID = "approval-invalid"
"""The code of the finding that an approval which cannot be read gives."""


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

    Unknown fields are passed over; types are not bent; ``until`` comes back as UTC. Never raises, and never repeats
    what the file holds.
    """
    approval = _decode(data)
    wrong = approval if isinstance(approval, str) else _wrong(approval)
    if isinstance(approval, str) or wrong:
        return Finding(INVALID, f"approvals/{fingerprint}.json: {wrong}")
    return msgspec.structs.replace(approval, until=approval.until and approval.until.astimezone(UTC))


def _decode(data: bytes) -> Approval | str:
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=Approval)  # some editors leave a mark
    except msgspec.DecodeError as error:
        return str(error)[:200]
    except (UnicodeDecodeError, RecursionError):
        return "not readable as JSON"


def _wrong(approval: Approval) -> str | None:
    if not approval.by.strip() or not approval.why.strip():
        return "by and why must say something"
    if approval.until is None:
        return None
    if approval.until.tzinfo is None:
        return "until needs a time zone, such as a final Z"
    try:
        approval.until.astimezone(UTC)
    except OverflowError:
        return "until is out of range; leave it out for no end"
    return None
