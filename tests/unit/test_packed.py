"""What a container remembers is given back as it was, for its ETag alone, and takes no more than its room."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.packed import Packed
from rotation_watcher.ports import StoredObject

ROOM = 1000


def stored(body: bytes, etag: str = '"1"') -> StoredObject:
    return StoredObject(body, etag, f"version of {etag}")


@given(body=st.binary(max_size=200))
def test_what_is_kept_comes_back_as_it_was(body: bytes) -> None:
    packed = Packed(ROOM)
    assert packed.keep("a", stored(body))
    assert packed.get("a", '"1"') == stored(body)


@pytest.mark.parametrize("asked", [("a", '"2"'), ("a", None), ("b", '"1"')])
def test_it_counts_for_its_key_and_its_etag_alone(asked: tuple[str, str | None]) -> None:
    packed = Packed(ROOM)
    packed.keep("a", stored(b"{}"))
    assert packed.get(*asked) is None


def test_what_is_newer_takes_the_place_of_what_was() -> None:
    packed = Packed(ROOM)
    packed.keep("a", stored(b"1" * 300))
    packed.keep("a", stored(b"2", '"2"'))
    assert packed.get("a", '"1"') is None
    assert packed.get("a", '"2"') == stored(b"2", '"2"')
    assert packed.size == len(zlib.compress(b"2", 1))


def test_for_what_there_is_no_room_nothing_is_kept_and_the_rest_stays() -> None:
    random = bytes(range(256)) * 2
    packed = Packed(len(zlib.compress(b"{}", 1)) + 20)
    assert packed.keep("small", stored(b"{}"))
    assert not packed.keep("large", stored(random))
    assert [*packed] == ["small"]
    assert not packed.keep("small", stored(random, '"2"')), "its former text is not what lies there any more"
    assert (packed.get("small", '"1"'), packed.size) == (None, 0)


def test_text_that_repeats_takes_little_room() -> None:
    packed = Packed(ROOM)
    assert packed.keep("a", stored(b'{"fingerprint":"00"}' * 1000))


def test_what_is_not_named_is_forgotten_and_its_room_is_free() -> None:
    packed = Packed(ROOM)
    for key in "abc":
        packed.keep(key, stored(b"{}"))
    packed.only({"b", "d"})
    assert ([*packed], packed.size) == (["b"], len(zlib.compress(b"{}", 1)))
    packed.clear()
    assert ([*packed], packed.size) == ([], 0)
