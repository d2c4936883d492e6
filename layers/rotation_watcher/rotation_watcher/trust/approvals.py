"""An operator's approval that lets one quarantined certificate pass: ``approvals/<sha256 of the leaf>.json``.

Functions may not write that folder (decision 0027): an approval is always a person's. It covers what the person saw and
nothing later: this leaf, these reasons and, where it vouches for a chain, this root (decision 0005). What the leaf was
presented without can lie beside it: ``approvals/<sha256 of the leaf>.pem`` holds the root and intermediates.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from rotation_watcher import keys
from rotation_watcher.expressions import Expression
from rotation_watcher.trust.findings import CHAIN_REASONS, Finding, Reason
from rotation_watcher.x509.certificates import Certificate

APPROVABLE = CHAIN_REASONS | {Reason.NO_CLIENT_AUTH, Reason.NAME_MISMATCH, Reason.NO_NAME, Reason.NAME_UNCERTAIN}
"""What an operator's approval can lift. The rest no target would take, or nobody can mean."""

INVALID = "approval-invalid"
"""The code of the finding that an approval which cannot be read gives."""
INSUFFICIENT = "approval-insufficient"
"""The code of the finding that an approval which lifts fewer reasons than were found gives."""
OTHER_ROOT = "approval-other-root"
"""The code of the finding that an approval of another root, or of one to which nothing leads, gives."""
ABOUT_APPROVALS = frozenset({INSUFFICIENT, OTHER_ROOT})
"""Findings that say why an approval that is there does not count: no reasons of their own."""

_FINGERPRINT = Expression(r"[0-9a-f]{64}")
_HEXADECIMAL = Expression(r"[0-9a-f]+")
_DIGEST = Expression(r"^\s*sha-?256\s*(fingerprint)?[\s=:_-]*")
_SEPARATORS = Expression(r"[\s:_…-]+")
_FEWEST = 8
"""Digits of a name that is taken for a fingerprint that was cut short."""
_LONGEST_KEY = 160
"""Characters of a key that are shown: more than a fingerprint with colons and all has."""
FORMER = "it names no reasons, so it covers nothing; write it again with the command of the alert"
"""What is wrong with an approval of the former form that was never honoured."""

YOUR_NAME, YOUR_REASON = "YOUR NAME", "YOUR REASON"
"""What the command of an alert has in the place of who and why."""


class _File(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON. Approvals of the first releases had neither ``reasons`` nor ``root``."""

    by: str
    why: str
    until: datetime | None = None
    reasons: tuple[str, ...] | None = None
    root: str | None = None


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who lets the certificate pass, why, until when (None: no end; otherwise aware UTC), and what it covers.

    ``reasons`` are codes (None: the former form, which ``completed`` fills from the history), ``root`` the SHA-256 of
    the root that it vouches for. ``above`` are certificates that the operator added, for this leaf alone.
    """

    by: str
    why: str
    until: datetime | None = None
    reasons: tuple[str, ...] | None = None
    root: str | None = None
    above: tuple[Certificate, ...] = ()

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.until is None or now <= self.until

    @property
    def unsigned(self) -> str | None:
        """What is wrong where the command of the alert was typed as it stands; None where somebody filled it in."""
        left = {"by": (self.by, YOUR_NAME), "why": (self.why, YOUR_REASON)}
        still = [f"{field} is still {given}" for field, (said, given) in left.items() if said.strip().upper() == given]
        return f"{' and '.join(still)}: write it again with your own" if still else None

    def lifts(self, codes: Iterable[str]) -> bool:
        """Whether it lifts all these reasons. Without an anchor or with the wrong one, it is the root that counts."""
        named = {*(self.reasons or ())}
        return {*codes} <= (named | CHAIN_REASONS if named & CHAIN_REASONS else named)

    def covers(self, codes: Iterable[str], root: str | None) -> bool:
        """Whether it lifts these reasons for a path that ends at this root (None: at an anchor, or there is none)."""
        codes = {*codes}
        return self.lifts(codes) and (codes.isdisjoint(CHAIN_REASONS) or (root is not None and root == self.root))

    def completed(self, lifted: Iterable[Finding], root: str | None) -> "Approval":
        """An approval of the former form covers what was lifted when it was first honoured, and that root."""
        if self.reasons is not None:
            return self
        return msgspec.structs.replace(self, reasons=tuple(finding.code for finding in lifted), root=root)


def decode_approval(data: bytes, fingerprint: str) -> Approval | Finding:
    """The approval in ``data`` (JSON with ``by``, ``why``, ``reasons``, perhaps ``until`` and ``root``), or the fault.

    Unknown fields are passed over; types are not bent; ``until`` comes back as UTC, ``root`` as 64 lower-case digits.
    Never raises, and never repeats what the file holds.
    """
    file = _decode(data)
    wrong = file if isinstance(file, str) else _wrong(file)
    if isinstance(file, str) or wrong:
        return Finding(INVALID, f"approvals/{fingerprint}.json: {wrong}")
    return Approval(
        by=file.by,
        why=file.why,
        until=file.until and file.until.astimezone(UTC),
        reasons=file.reasons,
        root=file.root and _digits(file.root),
    )


def encode_approval(approval: Approval) -> bytes:
    """The JSON of ``approvals/<sha256 of the leaf>.json``; ``above`` lies in a file of its own.

    Raises ValueError, with what ``decode_approval`` would say, for one that would not be honoured.
    """
    file = _File(approval.by, approval.why, approval.until, approval.reasons, approval.root)
    if wrong := _wrong(file):
        raise ValueError(wrong)
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def misnamed(written: Iterable[str], fingerprints: Iterable[str]) -> dict[str, Finding]:
    """Files that mean to approve one of these leaves and are never read, by the leaf; each with the name it must have.

    ``written`` are the keys below ``approvals/``. Their names are fingerprints in another spelling (capitals, colons,
    ``sha256 Fingerprint=``), with another extension, or cut short. The right name is asked for rather than another one
    read: a fingerprint that was cut short may be anybody's.
    """
    written, found = {*written}, {}
    for fingerprint in sorted({*fingerprints}):
        right = (keys.approval(fingerprint), keys.approved_chain(fingerprint))
        for key in sorted(written):
            wanted = right[key.lower().endswith(".pem")]
            digits = _digits_of_name(key)
            if wanted not in written and len(digits) >= _FEWEST and fingerprint.startswith(digits):
                found[fingerprint] = Finding(INVALID, f"{key[:_LONGEST_KEY]} is not read: name it {wanted}")
                break
    return found


def _digits_of_name(key: str) -> str:
    """The hexadecimal digits of a fingerprint in a file's name; empty where the name is none."""
    name = _DIGEST.sub("", key.rpartition("/")[2].partition(".")[0].lower())
    digits = _SEPARATORS.sub("", name)
    return digits if _HEXADECIMAL.fullmatch(digits) else ""


def _decode(data: bytes) -> _File | str:
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_File)  # some editors leave a mark
    except msgspec.DecodeError as error:
        return str(error)[:200]
    except (UnicodeDecodeError, RecursionError):
        return "not readable as JSON"


def _wrong(file: _File) -> str | None:
    if not file.by.strip() or not file.why.strip():
        return "by and why must say something"
    return _wrong_cover(file) or _wrong_end(file.until)


def _wrong_cover(file: _File) -> str | None:
    if file.reasons is not None and not ({*file.reasons} and {*file.reasons} <= APPROVABLE):
        return f"reasons must name one or more of {', '.join(sorted(APPROVABLE))}"
    if file.root is not None and not _FINGERPRINT.fullmatch(_digits(file.root)):
        return "root must be the SHA-256 of a root, 64 hexadecimal digits"
    if file.root is None and {*(file.reasons or ())} & CHAIN_REASONS:
        return "an approval of a chain must name its root, by the SHA-256"
    return None


def _digits(root: str) -> str:
    """A fingerprint as openssl prints it has capital letters and colons."""
    return root.replace(":", "").strip().lower()


def _wrong_end(until: datetime | None) -> str | None:
    if until is None:
        return None
    if until.tzinfo is None:
        return "until needs a time zone, such as a final Z"
    try:
        until.astimezone(UTC)
    except OverflowError:
        return "until is out of range; leave it out for no end"
    return None
