"""Canary secrets, and the search for them: whole or in part, plain or in the forms that programs write text in."""

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

SHORTEST = 12
"""So many characters of a secret in a row are a leak: nobody writes them by chance."""


def new(prefix: str = "") -> str:
    """A secret that looks different in every form: URL encoding, JSON and base64 each change it."""
    return f'{prefix}{secrets.token_urlsafe(12)}+/{secrets.token_urlsafe(9)}&"é{secrets.token_urlsafe(12)}'


def plain() -> str:
    """A secret that a header takes as it is."""
    return secrets.token_urlsafe(36)


def forms(secret: str) -> Iterator[tuple[str, str]]:
    """The forms in which a secret may show up, by name. Base64 has three, by where in a longer text it stands."""
    yield "plain", secret
    yield "URL-encoded", quote(secret, safe="")
    yield "form-encoded", quote_plus(secret)
    yield "JSON", json.dumps(secret)[1:-1]
    yield "repr", repr(secret)[1:-1]
    yield "hex", secret.encode().hex()
    for before in range(3):
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            text = encode(b"\0" * before + secret.encode()).decode().rstrip("=")
            # The ends depend on what stands beside the secret.
            yield f"{name}+{before}", text[4 if before else 0 : -2]


@dataclass
class Scan:
    """What to search for: names of secrets and their texts; ``words`` are searched for as they stand."""

    secrets: dict[str, str] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)

    def leaks(self, surfaces: Mapping[str, str]) -> list[str]:
        """Each surface that holds a part of a secret: ``surface: secret, form`` (never the secret itself)."""
        needles = [(what, parts(text)) for what, text in self._texts()]
        found = set()
        for where, text in surfaces.items():
            said = parts(text)
            found |= {f"{where}: {what}" for what, wanted in needles if not said.isdisjoint(wanted)}
            found |= {f"{where}: {word}" for word in self.words if word in text}
        return sorted(found)

    def _texts(self) -> Iterator[tuple[str, str]]:
        for name, secret in self.secrets.items():
            for form, text in forms(secret):
                if len(text) < SHORTEST:
                    raise ValueError(f"{name}: too short to be looked for")
                yield f"{name}, {form}", text


def parts(text: str) -> set[str]:
    """All runs of ``SHORTEST`` characters of a text: quicker to compare than to search one by one."""
    return {text[start : start + SHORTEST] for start in range(len(text) - SHORTEST + 1)}
