"""Regular expressions that are compiled when they are first used."""

import copy
import re

import pytest

from rotation_watcher.expressions import Expression

WORD = Expression(r"[a-z]+")
TEXT = "one, two"


def test_it_finds_what_the_librarys_own_finds() -> None:
    own = re.compile(WORD.pattern)
    for text in (TEXT, "one", "", "1"):
        for name in ("fullmatch", "match", "search"):
            found, expected = getattr(WORD, name)(text), getattr(own, name)(text)
            assert (found and found.span()) == (expected and expected.span())
    assert [found.group() for found in WORD.finditer(TEXT)] == ["one", "two"]
    assert WORD.sub("x", TEXT) == "x, x"
    assert WORD.sub("x", TEXT, count=1) == "x, two"
    assert WORD.sub(lambda found: found.group().upper(), TEXT) == "ONE, TWO"
    assert Expression("ONE", re.IGNORECASE).search(TEXT)


def test_it_is_compiled_at_its_first_use_and_once() -> None:
    wrong = Expression("[")
    with pytest.raises(re.error, match="unterminated"):
        wrong.search(TEXT)
    right = Expression("two")
    assert vars(right) == {}
    assert right.search(TEXT)
    assert right.compiled is right.compiled


def test_it_is_equal_by_text_and_flags_whether_it_was_used_or_not() -> None:
    assert WORD.search(TEXT)
    for other in (Expression(WORD.pattern), copy.deepcopy(WORD)):
        assert other == WORD
        assert hash(other) == hash(WORD)
        assert other.search(TEXT)
    assert Expression(WORD.pattern, re.IGNORECASE) != WORD
