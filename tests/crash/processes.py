"""Children by fork: of a process with one thread, so that what the child inherits is whole."""

import json
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from local.patience import Limit

_PATIENCE = 10.0


class Ended(NamedTuple):
    """How a child ended: what it gave (None if it was killed), and whether it was killed."""

    answer: Any
    killed: bool


class ChildFailed(Exception):
    """A child raised; the words are its traceback."""


class Child:
    """A forked process that does ``work`` when it is asked to, and gives its JSON back."""

    def __init__(self, work: Callable[[], Any]) -> None:
        alone()
        go_read, self._go = os.pipe()
        self._answer, answer_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            os.close(self._answer)
            _be(work, go_read, answer_write)
        os.close(go_read)
        os.close(answer_write)

    def go(self) -> None:
        """Let it work."""
        os.write(self._go, b"!")
        os.close(self._go)

    def end(self) -> Ended:
        """Wait for its end. Raises ChildFailed."""
        with os.fdopen(self._answer, "rb") as pipe:
            text = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status):
            if os.WTERMSIG(status) != signal.SIGKILL:
                raise ChildFailed(f"it ended by signal {os.WTERMSIG(status)}")
            return Ended(None, killed=True)
        said = json.loads(text)
        if "failed" in said:
            raise ChildFailed(said["failed"])
        return Ended(said["answer"], killed=False)


def apart(work: Callable[[], Any]) -> Any:
    """Do the work in a copy of this process, which then vanishes; its JSON. Raises ChildFailed."""
    child = Child(work)
    child.go()
    return child.end().answer


def alone() -> None:
    """Wait until this process has one thread. Raises RuntimeError if others do not end."""
    limit = Limit(_PATIENCE)
    while threading.active_count() > 1:
        if limit.over():
            raise RuntimeError(f"these threads do not end: {[each.name for each in threading.enumerate()]}")
        time.sleep(0.0005)


def _be(work: Callable[[], Any], go: int, answer: int) -> None:
    """Be the child. Never returns."""
    try:
        if os.read(go, 1):
            said = {"answer": work()}
            text = json.dumps(said)
        else:
            text = json.dumps({"failed": "it was never told to go"})
    except BaseException:  # noqa: BLE001 - whatever it is, the parent hears of it; nothing may run on in the copy
        text = json.dumps({"failed": traceback.format_exc()})
    with os.fdopen(answer, "wb") as pipe:
        pipe.write(text.encode())
    os._exit(0)
