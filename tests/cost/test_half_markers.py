"""Reading PEM takes no longer than the text is long, whatever beginnings of markers it holds."""

import pytest

from rotation_watcher.x509 import pem
from tests.support import pki
from tests.support.processor import spent

BLOCK = pki.root("Theirs").pem


def seconds(opening: str, unit: str, size: int) -> float:
    """CPU time that text of this size takes, the least of three measurements."""
    text, taken = opening + unit * (size // len(unit)), []
    for _ in range(3):
        with spent() as one:
            pem.blocks(text)
        taken.append(one.seconds)
    return min(taken)


UNITS = (
    "-----BEGIN",
    "-----BEGIN ",
    "-----BEGIN CERTIFICATE",
    "-----BEGIN CERTIFICATE-----",
    "-----END CERTIFICATE-----",
    "-----BEGIN\t\n",
    "-----" + " " * 100,
    "-",
    "- ",
    "--\n",
    " ",
    "A ",
    BLOCK,
)
OPENINGS = ("", "-----", "-----BEGIN", "-----BEGIN ", "-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("opening", OPENINGS)
def test_eight_times_the_half_markers_take_about_eight_times_as_long(opening: str, unit: str) -> None:
    assert seconds(opening, unit, 1 << 16) < 3 * 8 * seconds(opening, unit, 1 << 13)  # by squares it would be 64 times


@pytest.mark.parametrize(("opening", "unit"), [("", "-----BEGIN"), ("-----BEGIN CERTIFICATE-----", "- ")])
def test_a_megabyte_of_half_markers_takes_as_long_as_its_sixteenths_together(opening: str, unit: str) -> None:
    assert seconds(opening, unit, 1 << 20) < 3 * 16 * seconds(opening, unit, 1 << 16)
