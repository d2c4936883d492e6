"""Connections for httpcore that go to checked addresses alone, within one deadline.

A name is resolved once, every address of the answer is checked, and the connection goes to one of these addresses as a
number: there is no second look at the name, so an answer that changes meanwhile (DNS rebinding) changes nothing. TLS
and the Host header still bear the name, since httpcore takes them from the URL.

``socket.getaddrinfo`` takes no timeout. So it runs in a thread of its own, which is left behind where it does not
answer in time: the C library ends it by its own limits (``resolv.conf``: some 30 seconds). Few may hang at once.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from typing import Any

import httpcore

from rotation_watcher.adapters.public_addresses import Address
from rotation_watcher.errors import FetchCode, FetchError

LOOKUP = 5.0
"""Seconds that one look-up of a name may take."""
MAX_LOOKUPS = 4
"""The most look-ups at once, those that were left behind included."""
MAX_ADDRESSES = 4
"""The most addresses of one name that are tried."""

type Lookup = Callable[[str], Sequence[str]]
"""The addresses of a name, as text. Raises OSError where there are none. May hang."""
type Rule = Callable[[Address], bool]
"""Whether a connection may go to an address."""


def system_lookup(name: str) -> Sequence[str]:
    """The addresses that the system's resolver gives. The final dot keeps its search list out of the question."""
    answers = socket.getaddrinfo(f"{name}.".encode("ascii"), None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in answers]


class Deadline:
    """A moment, so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def cap(self, seconds: float | None) -> float:
        """So many seconds (None: without end), but no more than are left. Raises TimeoutError where none is."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left if seconds is None else min(seconds, left)


class BoundedLookup:
    """A look-up that ends in time. Raises OSError (TimeoutError is one)."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._free = BoundedSemaphore(MAX_LOOKUPS)

    def __call__(self, name: str, deadline: Deadline) -> Sequence[str]:
        """The addresses of a name."""
        if not self._free.acquire(timeout=deadline.cap(LOOKUP)):
            raise TimeoutError
        answers: SimpleQueue[Sequence[str] | OSError] = SimpleQueue()
        Thread(target=self._look, args=(name, answers), daemon=True).start()
        try:
            answer = answers.get(timeout=deadline.cap(LOOKUP))
        except Empty:
            raise TimeoutError from None
        if isinstance(answer, OSError):
            raise answer
        return answer

    def _look(self, name: str, answers: "SimpleQueue[Sequence[str] | OSError]") -> None:
        try:
            answers.put(self._lookup(name))
        except OSError as error:
            answers.put(error)
        finally:
            self._free.release()


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that the rule allows. Raises FetchError, TimeoutError, and httpcore's errors."""

    def __init__(self, lookup: BoundedLookup, allowed: Rule, deadline: Deadline) -> None:
        self._lookup = lookup
        self._allowed = allowed
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers, after all of them were checked."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in self._addresses(host)[:MAX_ADDRESSES]:
            try:
                stream = self._sockets.connect_tcp(
                    str(address), port, self._deadline.cap(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure or FetchError(FetchCode.UNRESOLVABLE, f"{host} has no address")

    def _addresses(self, host: str) -> list[Address]:
        addresses = [_address(text, host) for text in self._texts(host)]
        for address in addresses:
            if not self._allowed(address):
                words = f"{host} has the address {address}, which is not one of the public internet"
                raise FetchError(FetchCode.ADDRESS_REFUSED, words)
        return addresses

    def _texts(self, host: str) -> Sequence[str]:
        try:
            ip_address(host)
        except ValueError:
            pass
        else:
            return [host]
        try:
            return self._lookup(host, self._deadline)
        except TimeoutError:
            self._deadline.cap(None)  # raises where the time of the whole fetch is up
            words = f"the name {host} was not resolved within {LOOKUP:.0f} seconds"
        except OSError as error:
            words = f"the name {host} cannot be resolved: {error.strerror or type(error).__name__}"
        raise FetchError(FetchCode.UNRESOLVABLE, words)


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every wait ends at the deadline, so that one byte at a time does not stretch it."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.cap(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.cap(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.cap(timeout))
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLError):
                words = f"{server_hostname}: TLS failed: {_tls_words(error.__cause__)}"
                raise FetchError(FetchCode.TLS_FAILED, words) from None
            raise
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _address(text: str, host: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise FetchError(FetchCode.ADDRESS_REFUSED, f"{host} has an address that is none") from None


def _tls_words(error: ssl.SSLError) -> str:
    """What OpenSSL says; none of it comes from the peer."""
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason or "no reason told"
