"""Take out of a service's words whatever could name an account, a thing in it, or somebody. Pure.

What is known to be personal is taken out wherever it stands; then everything that has the form of a name or an id.
Rather too much than too little: words, numbers and codes are what a record is for. ``Redactor.leaks`` looks at a whole
record once more, and nothing is written where it finds something.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

LONGEST = 300
"""Characters of a text in a record."""
_READ = 2000
_SHORTEST = 4
"""A known word of fewer characters stands in ordinary words, too; such a name is found by its form alone."""
_HIDDEN = "<hidden>"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        (r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", "<url>"),
        (r"\barn:[^\s\"'<>]+", "<arn>"),
        (r"[^\s\"'<>=(]+@[^\s\"'<>)]+", "<address>"),
        (r"\b(?:X-Amz-|AWSAccessKeyId|Signature)[^\s\"'<>]*=[^\s\"'<>]+", "<signature>"),
        (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<id>"),
        (r"\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}\b", "<ip>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "<ip>"),
        (r"\b\d{4}[- ]\d{4}[- ]\d{4}\b", "<account>"),
        (r"(?<!\d)\d{12}(?!\d)", "<account>"),
        (r"\b(?:[a-z0-9_*-]+\.)+[a-z][a-z0-9-]+\b", "<host>"),
    )
)
_TOKEN = re.compile(r"[A-Za-z0-9/+_=-]{6,}")
_NUMBER = re.compile(r"\d{7,}")
_FIELD_WORDS = re.compile(
    r"(?:secp\d+[rk]\d|prime256v1|P-?\d{3}|SHA-?\d{1,3}|RSA-?\d{3,4}|ECDSA-?P?\d{3}|Ed25519|X509v?\d?|PKCS#?\d+"
    r"|sha\d+With(?:RSA|RSAEncryption|ECDSA)|ecdsa-with-SHA\d+|TLS_?1_\d|\d+)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Z]+s?|[A-Za-z]?[a-z]+(?:[A-Z]+[a-z]*)*")
"""Letters alone: a word, an abbreviation, the name of an operation."""
_LONGEST_WORD = 48


class Redactor:
    """``known``: what is personal in this run, such as the account's id and the names that the operator gave."""

    def __init__(self, known: Iterable[str]) -> None:
        words = {word for word in known if len(word) >= _SHORTEST}
        self._known = sorted(words | {quote(word, safe="") for word in words}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without anything personal, in one line of at most ``LONGEST`` characters."""
        text = "".join(one if one.isprintable() else " " for one in text[:_READ])
        for word in self._known:
            text = re.sub(re.escape(word), _HIDDEN, text, flags=re.IGNORECASE)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        text = _TOKEN.sub(lambda found: found[0] if _is_word(found[0]) else "<id>", text)
        text = _NUMBER.sub("<number>", text)
        return " ".join(text.split())[:LONGEST]

    def leaks(self, document: str) -> list[str]:
        """What a document that was made of redacted texts names all the same, by its kind; empty: nothing."""
        low = document.lower()
        found = ["a name that is known to be personal"] if any(word.lower() in low for word in self._known) else []
        forms = {
            "an account's id": r"(?<!\d)\d{12}(?!\d)",
            "an ARN": r"\barn:",
            "a URL": r"://",
            "a signature": r"X-Amz-",
            "an access key": r"\bA(?:KIA|SIA)[A-Z0-9]{12,}",
            "a key or a certificate": r"-----BEGIN|PRIVATE KEY",
        }
        return found + [kind for kind, form in forms.items() if re.search(form, document, re.IGNORECASE)]


def _is_word(token: str) -> bool:
    """Whether it is a word or a term of the field, and no id."""
    parts = [part for part in re.split(r"[/_=+-]", token) if part]
    return len(token) <= _LONGEST_WORD and all(_FIELD_WORDS.fullmatch(one) or _WORD.fullmatch(one) for one in parts)
