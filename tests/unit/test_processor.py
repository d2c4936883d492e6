"""The bounds of the tests themselves."""

import gc

import pytest

from tests.support.processor import spent, within


def test_what_takes_too_long_fails_and_says_what_and_how_long() -> None:
    with pytest.raises(AssertionError, match=r"reading took 0\.\d\d s"), within(0.001, "reading"):
        sum(range(1_000_000))


def test_no_garbage_is_collected_meanwhile_and_it_is_afterwards() -> None:
    was = gc.isenabled()
    gc.enable()
    try:
        with spent():
            assert not gc.isenabled()
        assert gc.isenabled()
    finally:
        if not was:
            gc.disable()
