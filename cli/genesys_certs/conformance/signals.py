"""Signals, so that what was made is removed: Ctrl-C, a closed terminal and SIGTERM end a run at a good moment."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

_ENDS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Windows has no SIGHUP."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does: by KeyboardInterrupt."""
    with _handled(dict.fromkeys(_ENDS, signal.default_int_handler)):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """A signal ends the program at the end of the block, and not within it: no creation is left while it is under way.

    Raises KeyboardInterrupt then.
    """
    came: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    try:
        with _handled(dict.fromkeys(_ENDS, remember)):
            yield
    finally:
        if came:
            raise KeyboardInterrupt


@contextmanager
def undisturbed() -> Iterator[None]:
    """No signal but SIGKILL ends the block."""
    with _handled(dict.fromkeys(_ENDS, signal.SIG_IGN)):
        yield


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    """Python takes signals in the main thread alone. One that was ignored before stays so (``nohup``)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = {one: handler for one, handler in handlers.items() if signal.getsignal(one) is not signal.SIG_IGN}
    before = {one: signal.signal(one, handler) for one, handler in heard.items()}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
