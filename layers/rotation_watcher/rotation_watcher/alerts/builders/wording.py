"""Words and figures that the messages share, and the one place where hostile text becomes harmless."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from rotation_watcher.alerts.model import shortened
from rotation_watcher.expressions import Expression
from rotation_watcher.x509.facts import CertificateFacts
from rotation_watcher.x509.outline import UNKNOWN_TIME

LONGEST = 200
"""The most characters of a foreign text that are shown."""
TITLE = 88
"""The most characters of a title: with ``[CRITICAL]`` before it, it still fits an SNS subject (99)."""
_LEAST = 24
"""The characters that are left of what a title is about, however long its words are."""
DEFECT = (
    "This is a defect of the watcher itself. Deploy the newest release. If it is the newest already,"
    " open an issue with the lines under trace in the log of {function}: they name places in the code, and repeat"
    " neither a certificate nor a secret. It tries again at every run."
)
"""What to do about an exception that nobody thought of."""

_COMMON_NAME = Expression(r"(?:^|,)CN=((?:[^,\\]|\\.)*)")


def plain(text: str, longest: int = LONGEST) -> str:
    """Foreign text on one line, without anything that steers a terminal, a mail reader or the direction of reading.

    Control and format characters (line breaks, escapes, bidirectional overrides, zero-width marks) become ``?``; the
    rest stays readable in its own script. Longer text is cut with an ellipsis.
    """
    # Cut first (generously, for what the spaces take away), so that a hostile megabyte costs nothing.
    harmless = text[: 4 * longest]
    if not harmless.isprintable():  # what is printable has no sign of category C, nor any space but U+0020
        harmless = "".join("?" if unicodedata.category(sign)[0] == "C" else sign for sign in harmless)
    harmless = " ".join(harmless.split())
    whole = len(harmless) <= longest and len(text) <= 4 * longest
    return harmless if whole else harmless[: longest - 1] + "…"


def headline(about: str, words: str, life: str = "") -> str:
    """A title, ``<about>: <words>``: ASCII on one line, under 90 characters. What is cut is the middle (``shortened``).

    ``life`` stands before it. Titles become mail subjects, which SNS takes in ASCII alone; what is not ASCII becomes
    ``?``.
    """
    about, words = (
        "".join(sign if sign.isascii() else "?" for sign in plain(part).replace("…", "...")) for part in (about, words)
    )
    room = TITLE - len(life) - len(": ")
    words = words[: room - min(len(about), _LEAST)]
    return f"{life}{shortened(about, room - len(words))}: {words}"


def common_name(name: str) -> str:
    """What people call the bearer of an RFC 4514 name: its common name, else all of it. Made plain."""
    found = _COMMON_NAME.search(name)
    return plain(re.sub(r"\\(.)", r"\1", found[1]) if found else name, 90) or "(no name)"


def sentence(text: str, longest: int = LONGEST) -> str:
    """Foreign words, made plain, as a sentence: with an end, and a capital letter unless they open with a path."""
    text = plain(text, longest)
    if text.partition(" ")[0].isalpha():
        text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."


def when(moment: datetime) -> str:
    """A moment as people read it: ``2026-11-23 15:30 UTC``."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def stamp(moment: datetime) -> str:
    """The start of a condition, for an alert's id: ``20261123T153000Z``."""
    return f"{moment:%Y%m%dT%H%M%SZ}"


def days(until: datetime, now: datetime) -> str:
    """How long a certificate is still valid, or has not been, in whole days."""
    if until == UNKNOWN_TIME:
        return "validity unknown"
    if until < now:
        passed = (now - until).days
        return f"expired {count(passed, 'day')} ago" if passed else "expired today"
    return f"{count((until - now).days, 'day')} left"


def certificate(facts: CertificateFacts, now: datetime, prefix: str = "") -> dict[str, str]:
    """A certificate as labelled facts, in reading order."""
    label = f"{prefix} " if prefix else ""
    return {
        f"{label}SHA-256": plain(facts.fingerprint),
        f"{label}subject": plain(facts.subject) or "(empty)",
        f"{label}issuer": plain(facts.issuer) or "(empty)",
        f"{label}names": plain(", ".join(facts.names)) or "(none)",
        f"{label}valid from": when(facts.not_before),
        f"{label}valid until": f"{when(facts.not_after)} ({days(facts.not_after, now)})",
    }


def listed(label: str, certificates: Sequence[CertificateFacts], now: datetime, most: int = 10) -> dict[str, str]:
    """Several certificates as one labelled line each: what, until when, and the start of the fingerprint."""
    lines = {}
    for place, facts in enumerate(certificates[:most], start=1):
        name = f"{label} {place}" if len(certificates) > 1 else label
        # Facts without an issuer stand for a certificate of which only the fingerprint is at hand.
        about = f"{plain(facts.subject, 60)}, {days(facts.not_after, now)}, " if facts.issuer else ""
        lines[name] = f"{about}SHA-256 {facts.fingerprint[:16]}"
    if len(certificates) > most:
        lines[f"{label} more"] = f"and {len(certificates) - most} more"
    return lines


def count(number: int, thing: str = "certificate") -> str:
    """A number with its noun."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def enumerated(parts: Sequence[str]) -> str:
    """The parts of a sentence with commas, and "and" before the last one."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def refusing(number: int, *, will_heal: bool) -> str:
    """What it means that somebody else changed a target, which refuses so many accepted leaves since."""
    if not number:
        return "Every certificate that Genesys presents is still let in."
    leaves = count(number, "accepted certificate")
    if will_heal:
        return (
            f"As it was found it refuses {leaves} of Genesys: data actions that present one of them fail until this run"
            " has put back what is missing."
        )
    return f"As it stands it refuses {leaves} of Genesys: data actions fail as long as one of them is presented."


def short(fingerprints: Iterable[str]) -> str:
    """Fingerprints, cut to what a person compares."""
    return ", ".join(fingerprint[:16] for fingerprint in fingerprints) or "(none)"
