"""Bounds on what a piece of work may take of the processor."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Spent:
    """``seconds`` of the processor, once the block is left."""

    seconds = 0.0


@contextmanager
def spent() -> Iterator[Spent]:
    """What the block takes of this thread's processor.

    Without the collector of garbage: it goes through all that other tests have left, which may take more than a second.
    """
    found, collects = Spent(), gc.isenabled()
    gc.disable()
    began = time.thread_time()
    try:
        yield found
    finally:
        found.seconds = time.thread_time() - began
        if collects:
            gc.enable()


@contextmanager
def within(limit: float, what: object = "it") -> Iterator[None]:
    """Fail where the block takes ``limit`` seconds of the processor or more."""
    with spent() as found:
        yield
    assert found.seconds < limit, f"{what} took {found.seconds:.2f} s"
