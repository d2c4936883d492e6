"""What is said of an exception that nobody thought of: where it came up, and never what it says."""

import json

import pytest

from rotation_watcher import defects
from rotation_watcher.trust import approvals

SECRET = "canary-secret"


def fails() -> None:
    try:
        json.loads("{}")[SECRET]
    except KeyError as error:
        raise ValueError(SECRET) from error


def raised() -> ValueError:
    with pytest.raises(ValueError, match=SECRET) as caught:
        fails()
    return caught.value


def test_the_type_and_the_place_are_named() -> None:
    assert defects.words(raised()).startswith("an unexpected ValueError at tests/unit/test_defects.py:")


def test_where_a_library_failed_the_place_in_our_code_that_called_it_is_named() -> None:
    with pytest.raises(AttributeError) as caught:
        approvals.decode_approval(None, "")  # type: ignore[arg-type]
    assert defects.words(caught.value).startswith("an unexpected AttributeError at trust/approvals.py:")


def test_the_trace_shows_the_errors_that_led_to_it_and_repeats_no_words() -> None:
    lines = defects.trace(raised())
    assert [line for line in lines if line.endswith(":")] == ["ValueError:", "KeyError:"]
    assert lines[2].endswith(" fails")
    assert SECRET not in str(lines) + defects.words(raised())


def test_endless_recursion_and_errors_in_a_circle_are_short() -> None:
    def deep() -> None:
        deep()

    with pytest.raises(RecursionError) as caught:
        deep()
    assert len(defects.trace(caught.value)) <= 25
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert defects.trace(first) == ["ValueError:", "KeyError:"]


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert defects.words(ValueError(SECRET)) == "an unexpected ValueError"
