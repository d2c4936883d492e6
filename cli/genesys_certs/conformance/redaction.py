"""Take out of a service's words whatever could name an account, a thing in it, or somebody. Pure.

What is known to be personal is taken out wherever it stands; then everything that has the form of a name or an id.
Rather too much than too little: words, numbers and codes are what a record is for. ``Redactor.leaks`` looks at a whole
record once more, and nothing is written where it finds something.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from genesys_certs.conformance.model import Answer

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
        (r"\b(?:assumed-role|federated-user|role|user)/[^\s\"'<>]+", "<principal>"),
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
_PLAIN = re.compile(r"[A-Za-z0-9_.,/-]{0,200}")
"""Of codes and facts, which are words of the kit's own or names of members and headers."""


class Redactor:
    """``known``: what is personal in this run, such as the account's id and the names that the operator gave.

    ``public``: a pattern of host names that are everybody's, and stay.
    """

    def __init__(self, known: Iterable[str], public: str = "") -> None:
        self._public = re.compile(public) if public else None
        words = {word for word in known if len(word) >= _SHORTEST}
        self._known = sorted(words | {quote(word, safe="") for word in words}, key=len, reverse=True)

    def also(self, *known: str) -> "Redactor":
        """One that takes these out as well."""
        return Redactor([*self._known, *known], self._public.pattern if self._public else "")

    def __call__(self, text: str) -> str:
        """The text without anything personal, in one line of at most ``LONGEST`` characters."""
        text = "".join(one if one.isprintable() else " " for one in text[:_READ])
        for word in self._known:
            text = re.sub(re.escape(word), _HIDDEN, text, flags=re.IGNORECASE)
        kept = self._public.findall(text) if self._public else []
        for place, host in enumerate(kept):
            text = text.replace(host, f"\0{place}\0", 1)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        text = _TOKEN.sub(lambda found: found[0] if _is_word(found[0]) else "<id>", text)
        text = _NUMBER.sub("<number>", text)
        for place, host in enumerate(kept):
            text = text.replace(f"\0{place}\0", host, 1)
        return " ".join(text.split())[:LONGEST]

    def answer(self, answer: Answer) -> Answer:
        """An answer without anything personal: its text as above, and code and facts only if they are plain words."""
        facts = {key: self._plain(value) if isinstance(value, str) else value for key, value in answer.facts.items()}
        return msgspec.structs.replace(answer, text=self(answer.text), code=self._plain(answer.code), facts=facts)

    def _plain(self, word: str) -> str:
        known = any(one.lower() in word.lower() for one in self._known)
        return _HIDDEN if known or not _PLAIN.fullmatch(word) else word

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
