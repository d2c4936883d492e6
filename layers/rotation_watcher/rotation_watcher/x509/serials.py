"""Serial numbers as a sorted table of fixed width, which is searched in place.

A serial number is kept as the two's complement of its DER INTEGER, extended to the width of the table: so negative
ones (which RFC 5280 4.1.2.2 forbids, and which exist) have their place, and no two numbers share one. The order is that
of the bytes, in which negative numbers stand behind the others.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

MAX_WIDTH = 21
"""The longest serial number, in octets of its DER: 20 by RFC 5280 4.1.2.2, and one more where its first bit is set."""
_STRIDE = 64
"""Of so many rows one is kept as an object: to look at a row of the table costs more than a step of the search."""
_SIGN = 0x80


class Serials(NamedTuple):
    """A sorted table: ``table`` holds ``rows`` rows of ``width`` octets, ``marks`` every 64th of them.

    A number that stands in a list twice stands here twice.
    """

    table: memoryview
    width: int
    rows: int
    marks: tuple[bytes, ...]


def packed(contents: Sequence[bytes]) -> Serials:
    """The table of these serial numbers, each given as the content of its DER INTEGER, 1 to ``MAX_WIDTH`` octets."""
    width = max(map(len, contents), default=1)
    rows = [each.rjust(width, b"\0" if each[0] < _SIGN else b"\xff") for each in contents]
    rows.sort()
    return tabled(memoryview(b"".join(rows)), width)


def tabled(table: memoryview, width: int) -> Serials:
    """A table that is sorted already, such as one from a file; whole rows of ``width`` octets."""
    marks = tuple(bytes(table[at : at + width]) for at in range(0, len(table), _STRIDE * width))
    return Serials(table, width, len(table) // width, marks)


def holds(serials: Serials, serial: int) -> bool:
    """Whether the table holds this serial number: binary search among the marks, then a search of 64 rows at once."""
    table, width, _, marks = serials
    try:
        wanted = serial.to_bytes(width, signed=True)
    except OverflowError:  # longer than every number in the table
        return False
    first = max(0, bisect_right(marks, wanted) - 1) * _STRIDE * width
    rows = bytes(table[first : first + _STRIDE * width])
    at = rows.find(wanted)
    while at > 0 and at % width:  # the octets of two neighbours, by chance
        at = rows.find(wanted, at + 1)
    return at >= 0


def within(some: Serials, others: Serials) -> bool:
    """Whether every number of the one table stands in the other; takes a second or two for half a million."""
    if (some.width, some.table) == (others.width, others.table):
        return True
    rows = (bytes(some.table[at : at + some.width]) for at in range(0, len(some.table), some.width))
    return all(holds(others, int.from_bytes(row, signed=True)) for row in rows)
