"""Which word was probably meant."""

import difflib
from collections.abc import Iterable

_MOST = 2


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.7) -> list[str]:
    """The known words that are most like it, the likeliest first; one with the same letters goes before all others."""
    lower = word.lower()
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(lower, [*by_lower], n=5, cutoff=cutoff)
    same = [one for one in found if sorted(one) == sorted(lower)]
    return [by_lower[one] for one in (same or found)[:_MOST]]


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.7) -> str:
    """``Did you mean this or that?``, or nothing."""
    found = nearest(word, known, cutoff=cutoff)
    return f"Did you mean {' or '.join(found)}?" if found else ""
