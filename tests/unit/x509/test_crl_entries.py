"""The walk over a list by itself: the library, which refuses the same lists, does not stand before it here."""

import pytest

from rotation_watcher.x509.crl_entries import frame
from tests.support.crls import Entry, crl_der, entry_der, entry_extension
from tests.support.pki import root, rsa_key, tlv

ROOT = root("Root", key=rsa_key(2048))
DATE = tlv(0x17, b"250101000000Z")
GOOD = tlv(0x30, tlv(2, b"\x05") + DATE)
BAD = {
    "a serial of no length": tlv(0x30, tlv(2, b"") + DATE),
    "a serial of 22 octets": tlv(0x30, tlv(2, b"\1" * 22) + DATE),
    "no serial": tlv(0x30, DATE),
    "no date": tlv(0x30, tlv(2, b"\x05") + tlv(4, b"250101000000Z")),
    "cut off behind the serial": tlv(0x30, tlv(2, b"\x05")),
    "a date longer than its entry": tlv(0x30, tlv(2, b"\x05") + b"\x17\x7f" + bytes(13)),
    "an entry longer than the list": b"\x30\x13" + GOOD[2:],
    "an entry longer than the list by far": b"\x30\x7f" + GOOD[2:],
    "an entry and its date longer than the list": b"\x30\x14\x02\x01\x05\x17\x0f" + bytes(13),
    "an entry of no definite length": b"\x30\x80" + GOOD[2:],
    "no entry": tlv(0x31, GOOD[2:]),
    "less than an entry": b"\x30\0",
    "extensions of another kind": tlv(0x30, tlv(2, b"\x05") + DATE + tlv(0x31, b"")),
    "an extension without a value": tlv(0x30, tlv(2, b"\x05") + DATE + tlv(0x30, tlv(0x30, tlv(6, b"\x55")))),
    "extensions twice": tlv(0x30, tlv(2, b"\x05") + DATE + tlv(0x30, b"") * 2),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("before", [b"", GOOD], ids=["alone", "behind another"])
def test_an_entry_of_another_structure_is_refused(case: str, before: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        frame(crl_der(ROOT, raw=before + BAD[case]), 10)


def test_long_and_short_lengths_are_one() -> None:
    long = b"\x30\x82" + (len(GOOD) - 2).to_bytes(2) + GOOD[2:]
    entry = entry_der(Entry(7, entry_extension("1.2.3.4", bytes(300), critical=False)))
    assert frame(crl_der(ROOT, raw=GOOD + long + entry), 10).serials == [b"\5", b"\5", b"\7"]


@pytest.mark.parametrize(("flag", "critical"), [(b"\x01\x01\xff", True), (b"\x01\x01\x00", False), (b"", False)])
def test_an_extension_is_critical_if_it_says_so(flag: bytes, *, critical: bool) -> None:
    extension = tlv(0x30, tlv(6, b"\x2a\x03\x04") + flag + tlv(4, b"\x05\0"))
    found = frame(crl_der(ROOT, [1, Entry(5, tlv(0x30, extension)), 6]), 10)
    assert (found.critical, found.entries) == (critical, 3)


def test_the_two_algorithms_must_be_one() -> None:
    der = crl_der(ROOT, [5])
    assert frame(der, 10).entries == 1
    with pytest.raises(ValueError, match="algorithm"):
        frame(der.replace(bytes.fromhex("0d01010b"), bytes.fromhex("0d01010c"), 1), 10)


@pytest.mark.parametrize("more", [b"\5\0", tlv(0xA1, b"")])
def test_nothing_may_stand_where_nothing_is_known_to_stand(more: bytes) -> None:
    der = crl_der(ROOT, [5])
    with pytest.raises(ValueError, match=r"\w"):
        frame(der + more, 10)
