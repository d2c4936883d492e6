"""The index file: what it holds is what the list holds, and anything but a whole one of ours is refused."""

import hashlib
import mmap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.x509.crl import is_revoked
from rotation_watcher.x509.revocation_index import Index, IndexDefect, build_index, open_index
from tests.support.crls import crl
from tests.support.pki import DAY, NOW, root

ROOT = root("Root")
KEY = ROOT.read.facts.spki_sha256
OTHER_KEY = root("Root").read.facts.spki_sha256
FULL = (5, 0, -1, -128, 127, 128, 255, 256, (1 << 160) - 1, -(1 << 159), 1 << 159)


def built(serials: tuple[int, ...] = FULL, number: int | None = 0x1F) -> bytes:
    return build_index(crl(ROOT, serials, number=number), ROOT.read)


def opened(data: bytes) -> Index:
    index = open_index(data, issuer_key=KEY)
    assert isinstance(index, Index), index
    return index


def sealed(data: bytes) -> bytes:
    """The same with a checksum that fits."""
    return data[:88] + hashlib.sha256(data[:88] + data[120:]).digest() + data[120:]


def code_of(data: bytes, key: str = KEY) -> str:
    defect = open_index(data, issuer_key=key)
    assert isinstance(defect, IndexDefect), defect
    return defect.code


def test_the_header_says_what_the_list_says() -> None:
    index = opened(built())
    assert (index.issuer_key, index.number, index.count) == (KEY, "1F", len(FULL))
    assert (index.this_update, index.next_update) == (NOW - DAY, NOW + 6 * DAY)
    bare = opened(build_index(crl(ROOT, number=None, next_update=None), ROOT.read))
    assert (bare.number, bare.next_update, bare.count) == (None, None, 0)
    assert not bare.contains(0)


def test_the_longest_number_and_times_before_1970_have_their_place() -> None:
    early = NOW.replace(year=1951)
    index = opened(build_index(crl(ROOT, number=(1 << 159) - 1, this_update=early), ROOT.read))
    assert index.number == "7" + "F" * 39
    assert index.this_update == early


@settings(max_examples=100)
@given(
    st.lists(st.integers(-(1 << 159), (1 << 160) - 1) | st.integers(-300, 300), max_size=300),
    st.lists(st.integers(-(1 << 200), 1 << 200) | st.integers(-300, 300), max_size=20),
)
def test_it_contains_what_is_in_it_and_nothing_else(serials: list[int], others: list[int]) -> None:
    found = crl(ROOT, serials)
    index = opened(build_index(found, ROOT.read))
    for serial in {*serials, *others}:
        assert index.contains(serial) == (serial in serials) == is_revoked(found.serials, serial)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 127, 128, 129, 1000])
def test_first_last_and_all_between_are_found(count: int) -> None:
    index = opened(built(tuple(range(0, 2 * count, 2))))
    assert [serial for serial in range(-3, 2 * count + 3) if index.contains(serial)] == [*range(0, 2 * count, 2)]


def test_a_negative_number_is_not_the_positive_one_of_the_same_octets() -> None:
    assert not opened(built((-1,))).contains(255)
    assert not opened(built((255,))).contains(-1)


def test_the_octets_of_two_neighbours_are_no_third_number() -> None:
    assert not opened(built((0x0001, 0x0100))).contains(0x0101)
    assert opened(built((0x0001, 0x0100, 0x0101))).contains(0x0101)


def test_it_is_searched_where_it_lies_in_a_mapped_file(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(built())
    with (tmp_path / "index").open("rb") as file:
        index = open_index(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), issuer_key=KEY)
    assert isinstance(index, Index)
    assert all(index.contains(serial) for serial in FULL)
    assert not index.contains(6)


def test_every_octet_counts() -> None:
    data = built()
    for at in range(len(data)):
        assert isinstance(open_index(data[:at], issuer_key=KEY), IndexDefect), at
        bent = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert isinstance(open_index(bent, issuer_key=KEY), IndexDefect), at


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not-an-index"),
        (b"PK\x03\x04 and so on", "not-an-index"),
        (built()[:100], "truncated"),
        (built()[:-1], "truncated"),
        (built() + b"\0", "truncated"),
        (built()[:-1] + b"\0", "corrupt"),
        (sealed(built()[:9] + b"\2" + built()[10:]), "newer-version"),
        (sealed(built()[:9] + b"\0" + built()[10:]), "corrupt"),
        (sealed(built(())[:10] + b"\0" + built(())[11:]), "corrupt"),
        (sealed(built(())[:10] + b"\x16" + built(())[11:]), "corrupt"),
    ],
    ids=[str(row) for row in range(10)],
)
def test_a_file_that_is_no_whole_index_of_this_release_is_refused(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_the_index_of_another_key_of_the_same_name_is_foreign() -> None:
    assert code_of(built(), OTHER_KEY) == "foreign"


def test_equal_lists_give_equal_files() -> None:
    assert built((1, 2, 3)) == built((3, 1, 2))
