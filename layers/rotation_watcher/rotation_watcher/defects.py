"""What is said of an exception that nobody thought of: its type and its place.

Never its words: they may quote what a stranger wrote, or a secret. So neither an alert nor the log can repeat them.
"""

import traceback
from collections.abc import Iterator
from itertools import islice

_DEEPEST = 20
"""Calls of one exception that are listed, those nearest to its place: endless recursion has thousands."""
_LONGEST = 5
"""Exceptions that are listed, where one gave rise to the next."""
_PACKAGE = "rotation_watcher/"
_PARTS = 3
"""Parts of a file's path that are shown, so that it says which library but not where it is installed."""


def words(error: BaseException) -> str:
    """What happened and where, with the innermost place of ours: ``an unexpected ValueError at x509/paths.py:190``."""
    places = [*_places(error)]
    ours = [place.rpartition(_PACKAGE)[2] for place in places if _PACKAGE in place] or places
    return f"an unexpected {type(error).__name__}" + (f" at {ours[-1].partition(' ')[0]}" if ours else "")


def trace(error: BaseException) -> list[str]:
    """The lines of a traceback, the place of the error last; where one error led to another, the newest first."""
    lines: list[str] = []
    for one in islice(_chain(error), _LONGEST):
        lines += [f"{type(one).__name__}:", *_places(one)]
    return lines


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _places(error: BaseException) -> Iterator[str]:
    frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), lookup_lines=False)
    for frame in frames[-_DEEPEST:]:
        yield f"{'/'.join(frame.filename.split('/')[-_PARTS:])}:{frame.lineno} {frame.name}"
