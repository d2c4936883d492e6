"""Regular expressions that are compiled when they are first used.

A function's start would make some sixty, 0.1 ms each, and an ordinary run applies few of them. What every run applies
to long texts (``x509.pem``, ``x509.truststore``) is compiled at once, by ``re``. A test finds both kinds, and times
them on hostile texts (``tests/cost/test_patterns.py``).
"""

import re
from collections.abc import Callable, Iterator
from functools import cached_property

import msgspec


class Expression(msgspec.Struct, frozen=True, dict=True):
    """A regular expression: its text and its flags, equal by them as the library's own are.

    An error in it shows at its first use: the test uses all.
    """

    pattern: str
    flags: int = 0

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The library's own object."""
        return re.compile(self.pattern, self.flags)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """The whole text, as a match."""
        return self.compiled.fullmatch(text)

    def match(self, text: str) -> re.Match[str] | None:
        """A match at the text's beginning."""
        return self.compiled.match(text)

    def search(self, text: str) -> re.Match[str] | None:
        """The first match anywhere."""
        return self.compiled.search(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """All matches, from left to right."""
        return self.compiled.finditer(text)

    def sub(self, replacement: str | Callable[[re.Match[str]], str], text: str, count: int = 0) -> str:
        """The text with its first ``count`` matches replaced; 0: all of them."""
        return self.compiled.sub(replacement, text, count=count)
