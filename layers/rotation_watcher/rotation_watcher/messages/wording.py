"""Words and figures that the messages share, and the one place where hostile text becomes harmless."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from rotation_watcher.facts import CertificateFacts

LONGEST = 200
"""The most characters of a foreign text that are shown."""


def plain(text: str, longest: int = LONGEST) -> str:
    """Foreign text on one line, without anything that steers a terminal, a mail reader or the direction of reading.

    Control and format characters (line breaks, escapes, bidirectional overrides, zero-width marks) become ``?``; the
    rest stays readable in its own script. Longer text is cut with an ellipsis.
    """
    harmless = "".join("?" if unicodedata.category(sign)[0] == "C" else sign for sign in text)
    harmless = " ".join(harmless.split())
    return harmless if len(harmless) <= longest else harmless[: longest - 1] + "…"


def when(moment: datetime) -> str:
    """A moment as people read it: ``2026-11-23 15:30 UTC``."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def days(until: datetime, now: datetime) -> str:
    """How long it is from now, in whole days."""
    count = (until - now).days
    if count < 0:
        return f"{-count} days ago" if count < -1 else "expired"
    return "1 day left" if count == 1 else f"{count} days left"


def certificate(facts: CertificateFacts, now: datetime, prefix: str = "") -> dict[str, str]:
    """A certificate as labelled facts, in reading order."""
    label = f"{prefix} " if prefix else ""
    return {
        f"{label}subject": plain(facts.subject),
        f"{label}names": plain(", ".join(facts.names)) or "(none)",
        f"{label}issuer": plain(facts.issuer),
        f"{label}valid": f"{when(facts.not_before)} to {when(facts.not_after)} ({days(facts.not_after, now)})",
        f"{label}fingerprint": facts.fingerprint,
    }


def listed(label: str, certificates: Sequence[CertificateFacts], now: datetime, most: int = 10) -> dict[str, str]:
    """Several certificates as one labelled line each: what, until when, and the start of the fingerprint."""
    lines = {}
    for place, facts in enumerate(certificates[:most], start=1):
        name = f"{label} {place}" if len(certificates) > 1 else label
        about = f"{plain(facts.subject, 100)}, {days(facts.not_after, now)}, " if facts.issuer else ""
        lines[name] = f"{about}SHA-256 {facts.fingerprint[:16]}"
    if len(certificates) > most:
        lines[f"{label} more"] = f"{len(certificates) - most} more"
    return lines


def count(number: int, thing: str = "certificate") -> str:
    """A number with its noun."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def short(fingerprints: Iterable[str]) -> str:
    """Fingerprints, cut to what a person compares."""
    return ", ".join(fingerprint[:16] for fingerprint in fingerprints) or "(none)"
