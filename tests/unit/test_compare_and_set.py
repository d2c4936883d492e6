"""The one loop that reads, changes and writes if nobody wrote since."""

from collections.abc import Callable

import pytest

from rotation_watcher.compare_and_set import TRIES, compare_and_set
from rotation_watcher.errors import Conflict, StoreError


class Number:
    """A number in a store with ETags; ``meanwhile`` is what others do before each write."""

    def __init__(self, value: int | None, meanwhile: Callable[["Number"], None] = lambda _: None) -> None:
        self.value, self.etag = value, None if value is None else "0"
        self.writes = 0
        self.loads = 0
        self.meanwhile = meanwhile

    def load(self) -> tuple[int, str | None]:
        self.loads += 1
        return self.value or 0, self.etag

    def set(self, value: int) -> str:
        self.writes += 1
        self.value, self.etag = value, str(self.writes)
        return self.etag

    def store(self, value: int, etag: str | None) -> str:
        self.meanwhile(self)
        if etag != self.etag:
            raise Conflict("somebody else wrote")
        return self.set(value)


def add(number: Number, known: tuple[int, str | None] | None = None) -> tuple[int, str | None]:
    return compare_and_set(number.load, lambda value: value + 1, number.store, "the number", known=known)


def test_what_is_there_is_changed_and_given_back_with_its_etag() -> None:
    number = Number(5)
    assert add(number) == (6, "1")
    assert (number.value, number.loads) == (6, 1)
    assert add(Number(None)) == (1, "1")


def test_what_the_caller_has_read_is_not_read_again() -> None:
    number = Number(5)
    assert add(number, (5, "0")) == (6, "1")
    assert number.loads == 0


def test_a_change_that_changes_nothing_writes_nothing() -> None:
    number = Number(5)
    assert compare_and_set(number.load, lambda value: value, number.store, "the number") == (5, "0")
    assert number.writes == 0


def test_the_change_is_applied_again_to_what_somebody_else_left() -> None:
    def once(number: Number) -> None:
        if number.value == 5:
            number.set(50)

    number = Number(5, once)
    assert add(number) == (51, "2")


def test_somebody_who_is_always_faster_ends_it_aloud() -> None:
    number = Number(5, lambda number: void(number.set(50)))
    with pytest.raises(StoreError, match=f"the number was written by somebody else {TRIES} times in a row"):
        add(number)
    assert number.value == 50


def test_a_store_that_refuses_every_conditional_write_is_no_busy_colleague() -> None:
    def refuse(_value: int, _etag: str | None) -> str:
        raise Conflict("412")

    number = Number(5)
    with pytest.raises(StoreError, match="the number cannot be written: S3 speaks of a conflict that is none"):
        compare_and_set(number.load, lambda value: value + 1, refuse, "the number")


def test_a_conflict_that_passes_unaided_is_survived() -> None:
    answers = [Conflict("409"), None]

    def store(_value: int, _etag: str | None) -> str:
        if error := answers.pop(0):
            raise error
        return "1"

    assert compare_and_set(Number(5).load, lambda value: value + 1, store, "the number") == (6, "1")


def void(_: object) -> None:
    """Take what nobody needs."""
