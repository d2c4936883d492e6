"""Places in the watcher's own words that are filled at delivery: what writes a command does not know the stack.

Pure. A place is marked by two characters that ``wording.plain`` takes out of every foreign text (private use, which no
certificate's name keeps), so nothing that comes from outside can hold one, and what fills a place is never read again.
"""

from collections.abc import Mapping
from enum import StrEnum

from rotation_watcher.expressions import Expression

_OPEN, _CLOSE = "\ue000", "\ue001"
_PLACE = Expression(f"{_OPEN}([a-z_]*){_CLOSE}")


class Fill(StrEnum):
    """What a place stands for. Kept in outboxes: a word stays what it is."""

    REGION = "region"
    """The AWS region of the stack."""
    BUCKET = "bucket"
    """The name of the stack's bucket."""
    COLLECT = "collect"
    """The real name of the function, as for the next three."""
    PUBLISH = "publish"
    REFRESH_CRLS = "refresh_crls"
    REPORT = "report"

    @property
    def mark(self) -> str:
        """The place as it stands in a text until it is filled."""
        return f"{_OPEN}{self.value}{_CLOSE}"


MARKS: Mapping[str, str] = {fill.value: fill.mark for fill in Fill}
"""By the names that templates use."""


def filled(text: str, values: Mapping[Fill, str]) -> str:
    """The text with every place filled.

    One that nothing is known for (another release may have written it) is shown as ``<name>``, for people to fill.
    """
    known = {fill.value: value for fill, value in values.items()}
    return _PLACE.sub(lambda place: known.get(place[1], f"<{place[1]}>"), text)
