"""A process of its own that runs the functions for ``month``, as one container would that lives all the time.

So its memory is the watcher's alone: neither the embedded AWS nor the simulator is in it. The functions are those of
``functions/``, called as Lambda calls them. Over one socket the world's process asks for a run, and answers what the
run asks back: to wait, which turns the one clock there is, and to fetch a revocation list.
"""

import copy
import ctypes
import gc
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Lock
from types import ModuleType, TracebackType
from typing import Any, NamedTuple, Self
from unittest import mock

from botocore import parsers
from botocore.retries.standard import ExponentialBackoff

from local.genesys.clock import VirtualClock
from rotation_watcher import bootstrap, settings
from rotation_watcher.adapters import remembering_store
from rotation_watcher.adapters.caching_store import CachingStore
from rotation_watcher.adapters.genesys import Genesys, make_client
from rotation_watcher.errors import FetchError, WatcherError
from rotation_watcher.packed import Packed
from rotation_watcher.ports import (
    DistributionPoints,
    Fetched,
    ForwardingStore,
    NotModified,
    ObjectStore,
    StoredObject,
    Validators,
    Written,
)
from rotation_watcher.remembered import Remembered
from tests.support.functions import Context, load

ROOT = Path(__file__).resolve().parents[2]
_LruCache: Any = type(lru_cache(lambda: None))
_ENTRY = 512
"""Bytes of one remembered object without its content: the key, the ETag, and what holds them."""
FUNCTIONS = ("collect", "publish", "refresh_crls", "report")


class Ended(NamedTuple):
    """How a run ended: ``done`` with its answer, ``failed`` as Lambda would count it, or ``killed``; and why."""

    how: str
    answer: Any
    why: str = ""


class Memory(NamedTuple):
    """``resident``: bytes of the process (VmRSS); ``trimmed``: once the allocator has given back what is free.

    ``held``: how many objects of the watcher's own types live; what bounded caches of functions hold is not counted:
    they were emptied before. ``remembered``: bytes of what its stores keep of the bucket, by the name of what keeps it.
    """

    resident: int
    trimmed: int
    held: int
    remembered: dict[str, int]


class Container:
    """The other process, as a context manager. ``points`` answers for revocation lists."""

    def __init__(self, clock: VirtualClock, points: DistributionPoints, environment: Mapping[str, str]) -> None:
        self._clock, self._points, self._environment = clock, points, environment

    def __enter__(self) -> Self:
        pairs = [socket.socketpair() for _ in range(2)]
        theirs = [other.fileno() for _, other in pairs]
        command = [sys.executable, "-m", __spec__.name, *map(str, theirs)]
        given = {**os.environ, **self._environment}
        self._process = subprocess.Popen(command, cwd=ROOT, env=given, pass_fds=theirs)
        for _, other in pairs:
            other.close()
        self._way, self._asked = (Connection(ours.detach()) for ours, _ in pairs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._way.close()  # its end of the world
        self._asked.close()
        self._process.wait()

    def run(self, function: str, event: Any, *, dies_at: int = 0) -> Ended:
        """One run of a function. ``dies_at``: it dies before this one of its writes (0: never)."""
        return Ended(*self._ask(("run", function, event, dies_at)))

    def memory(self) -> Memory:
        """What it holds, after garbage was collected."""
        return Memory(*self._ask(("memory",)))

    def _ask(self, question: tuple[Any, ...]) -> Any:
        """Raises EOFError where the process has ended.

        What a run asks comes on a way of its own: a thread that it left behind, since it took too long, may go on
        asking when the run has ended, and is answered during the next one, as a container's that was frozen.
        """
        self._way.send((question, self._clock()))
        while True:
            if self._asked in (ready := wait([self._way, self._asked])):
                what, value = self._asked.recv()
                is_wait = what == "wait"
                self._asked.send(self._clock.advance(timedelta(seconds=value)) if is_wait else self._fetched(*value))
            elif self._way in ready:
                return self._way.recv()

    def _fetched(self, url: str, known: Validators | None) -> Any:
        try:
            return self._points.fetch(url, known=known)
        except FetchError as error:  # its class has arguments of its own, so it is no pickle
            return error.code, str(error), error.status


class Killed(BaseException):
    """The function died; nothing in it may catch this."""


class Dying(ForwardingStore):
    """A store whose n-th write kills the function, before the write."""

    def __init__(self, store: ObjectStore, at: int) -> None:
        super().__init__(store)
        self._left = at

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        self._die()
        return super().put(key, body, content_type=content_type)

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        self._die()
        return super().put_if(key, body, etag=etag, content_type=content_type)

    def _die(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed


class _Inside:
    """The container's own side."""

    def __init__(self, way: Connection, asked: Connection) -> None:
        self._way, self._asked, self._asking = way, asked, Lock()
        self._now = datetime.max.replace(tzinfo=UTC)  # until the first question
        self._runs = 0
        self._functions: dict[str, ModuleType] = {}

    def serve(self) -> None:
        """Answer until the other side has gone."""
        for name in FUNCTIONS:
            self._load(name)
        while True:
            try:
                (what, *rest), self._now = self._way.recv()
            except EOFError:
                return
            self._way.send(self._run(*rest) if what == "run" else tuple(_memory()))

    def fetch(self, url: str, *, known: Validators | None = None) -> Fetched | NotModified:
        """See ``ports.DistributionPoints``."""
        with self._asking:  # lists are fetched by several threads
            self._asked.send(("fetch", (url, known)))
            found = self._asked.recv()
        if isinstance(found, Fetched | NotModified):
            return found
        code, why, status = found
        raise FetchError(code, why, status=status)

    def wait(self, seconds: float) -> None:
        """Let the world's time pass."""
        with self._asking:
            self._asked.send(("wait", seconds))
            self._now = self._asked.recv()

    def pause(self, seconds: float) -> None:
        """The same, where it is awaited."""
        self.wait(seconds)

    def _load(self, name: str) -> None:
        function = load(name)
        function.logger.setLevel("CRITICAL")
        built = bootstrap.build(clock=lambda: self._now, wait=self.wait)
        ports: Any = None if name == "report" else getattr(built, name)
        if name == "collect":
            chosen = settings.from_environment(os.environ)
            client = partial(make_client, chosen.ca_file)
            ports = copy.replace(ports, genesys=Genesys(lambda: self._now, client, pause=self.pause))
        if name == "refresh_crls":
            ports = copy.replace(ports, points=self)
        vars(function).update(watcher=built, ports=ports)
        self._functions[name] = function

    def _run(self, name: str, event: Any, dies_at: int) -> tuple[str, Any, str]:
        self._runs += 1
        function = self._functions[name]
        whole: Any = vars(function)["ports"]
        if dies_at and whole is not None:
            vars(function)["ports"] = copy.replace(whole, store=Dying(whole.store, dies_at))
        handler: Callable[[Any, Context], Any] = function.handler
        try:
            return "done", handler(event, Context(aws_request_id=f"run-{self._runs}")), ""
        except Killed:
            return "killed", None, ""
        except WatcherError as error:
            return "failed", None, str(error)
        finally:
            vars(function)["ports"] = whole


def _memory() -> Memory:
    gc.collect()
    resident = _resident()
    ctypes.CDLL(None).malloc_trim(0)
    trimmed = _resident()
    for one in gc.get_objects():
        if isinstance(one, _LruCache) and one.cache_info().maxsize is not None:
            one.cache_clear()
    gc.collect()
    ours = [one for one in gc.get_objects() if str(type(one).__module__).startswith("rotation_watcher")]
    remembered: Counter[str] = Counter()
    for one in ours:
        match one:
            case Remembered():
                remembered[f"{type(one).__module__.rpartition('.')[2]}.Memory"] += _weight(one.held)
            case remembering_store.Memory():
                remembered["remembering_store.Memory"] += _weight(one.known)
            case CachingStore():
                remembered["CachingStore"] += _bytes(one._known)  # to weigh it
    return Memory(resident, trimmed, len(ours), dict(remembered))


def _resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) * 1024


def _weight(packed: Packed) -> int:
    return packed.size + sum(_ENTRY for _ in packed)


def _bytes(kept: Mapping[Any, StoredObject]) -> int:
    return sum(sys.getsizeof(one.body) + _ENTRY for one in kept.values())


def _moment(value: Any, usual: Callable[[Any], Any] = parsers.DEFAULT_TIMESTAMP_PARSER) -> Any:
    """A time of an answer, as the SDK reads it."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return usual(value)


def main() -> int:
    """Serve the sockets whose numbers are the arguments, until their other ends are closed."""
    inside = _Inside(*(Connection(int(number)) for number in sys.argv[1:]))
    delay: Any = ExponentialBackoff.delay_amount

    def virtual(backoff: Any, context: Any) -> float:
        inside.wait(delay(backoff, context))
        return 0.0

    # What the SDK waits between two tries is on the virtual clock.
    # dateutil reads the times of a listing longer than all else of it takes, and nobody asks for them.
    moments = mock.patch.object(parsers, "DEFAULT_TIMESTAMP_PARSER", _moment)
    with mock.patch.object(ExponentialBackoff, "delay_amount", virtual), moments:
        inside.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
