"""The edge that tests and the demo speak with: load truststores into nginx, and shake hands with it.

Contract of ``load``: when it returns, every connection is judged by the bundles given, and none was refused for the
change. When it raises for a bundle, what served before serves on.
"""

import http.client
import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import lru_cache, partial
from pathlib import Path
from random import SystemRandom
from threading import Lock
from types import TracebackType
from typing import Self

from local.edge.client import HOST, Answer, ClientIdentity, EdgeError, Handshake, ask, client_context
from local.edge.nginx import Nginx, make_server_certificate
from local.patience import Limit

_DEADLINE = 20.0  # seconds for a reload: beyond worker_shutdown_timeout, for the old worker waits for slow clients
_POLL = 0.005
_PROBE_TIMEOUT = 1.0
_CONTEXTS = 512  # SSL contexts kept, one an identity
_GIVEN_TO_NOBODY = range(12_000, 32_000)
"""Ports below those that Linux (from 32768), Windows and macOS (from 49152) give to whoever binds to port 0."""


class TlsEdge:
    """One nginx with several truststores, one port on loopback a target; ended when the ``with`` block is left.

    ``directory`` is made if it is missing, and belongs to the edge: it holds configuration, log, pid file and the
    server's key. ``load`` and ``handshake`` may be called from several threads.
    """

    def __init__(self, directory: Path) -> None:
        directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True)
        self._server_pem = make_server_certificate(directory)
        self._nginx = Nginx(directory)
        self._context = lru_cache(_CONTEXTS)(partial(_context, self._server_pem, directory))
        self._ports: dict[str, int] = {}
        self._bundles: dict[str, bytes] = {}
        self._lists: dict[str, bytes] = {}
        self._subjects: dict[str, str] = {}
        self._generation = 0
        self._worker: int | None = None
        self._loading = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def port(self, target: str) -> int:
        """Return the port of a target, the same over reloads. Raises EdgeError for a target that is not loaded."""
        try:
            return self._ports[target]
        except KeyError:
            raise EdgeError(f"target {target!r} is not loaded; there is {sorted(self._ports)}") from None

    def load(
        self,
        bundles: Mapping[str, bytes],
        lists: Mapping[str, bytes] | None = None,
        subjects: Mapping[str, str] | None = None,
    ) -> None:
        """Serve these truststores (target name to PEM bundle) and no others, from the moment of return.

        A target with ``lists`` (PEM) checks revocation by them: then nginx wants one of every CA above a client. One
        with a pattern of ``subjects`` (PCRE, whatever the capitals) hangs up on clients whose subject does not match.

        Proved by the new worker's answer on every port and the old worker's end. Does nothing if the bundles are the
        ones that are served.

        Raises BundleRefused, with nginx's words, for a bundle that is empty or holds a broken certificate; EdgeError
        for no target at all, and where nginx gives up later (a port is taken): what was served before is then still
        served. Raises EdgeError, too, where nginx has neither taken over nor given up after 20 s; as nobody can say
        what it serves, it is then ended.
        """
        if not bundles:
            raise EdgeError("an edge needs one target at least")
        with self._loading:
            lists, subjects = dict(lists or {}), dict(subjects or {})
            served = (self._bundles, self._lists, self._subjects)
            if (dict(bundles), lists, subjects) == served and self._nginx.is_running():
                return
            self._generation += 1
            new = [target for target in bundles if target not in self._ports]
            drawn = dict(zip(new, free_ports(len(new)), strict=True))
            ports = {target: drawn.get(target) or self._ports[target] for target in bundles}
            self._nginx.stage(self._generation, ports, bundles, lists, subjects)
            log_size = self._nginx.log_size()
            was_running = self._nginx.is_running()
            self._nginx.start_or_reload()
            try:
                self._worker = self._wait_until_served(ports, log_size)
            except EdgeError:
                if not (was_running and self._nginx.complaints(log_size)):
                    self._end()
                raise
            self._ports, self._bundles, self._lists, self._subjects = ports, dict(bundles), lists, subjects
            self._nginx.forget_bundles_before(self._generation)

    def handshake(self, target: str, identity: ClientIdentity | None) -> Handshake:
        """Make one full TLS handshake with ``target`` and one request; ``identity`` None presents no certificate.

        Admitted only if nginx answers 200 and says that the certificate verifies; refused if it says that it does
        not, or that there is none. Raises EdgeError for everything else: no connection, no answer, an odd answer.
        """
        port = self.port(target)
        try:
            return ask(port, self._context(identity)).handshake
        except (OSError, http.client.HTTPException) as error:
            who = identity.name if identity else "no certificate"
            raise EdgeError(f"{target} (port {port}), {who}: no verdict: {type(error).__name__}: {error}") from error

    def handshakes(
        self,
        target: str,
        identities: Sequence[ClientIdentity | None],
        *,
        workers: int = 4,
    ) -> list[Handshake]:
        """Make one handshake an identity, ``workers`` at a time; return them in the order of the identities.

        Raises as ``handshake`` does, for the first that has no verdict.
        """
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(partial(self.handshake, target), identities))

    def _wait_until_served(self, ports: Mapping[str, int], log_size: int) -> int:
        """Return the new worker's process id once it alone answers on all ports."""
        limit = Limit(_DEADLINE)
        worker = None
        for target, port in ports.items():
            while not isinstance(said := self._probe(port), Answer) or said.generation != self._generation:
                self._check_progress(f"{target} (port {port}), which says: {said}", limit, log_size)
            worker = said.worker
        # nginx lets the old worker accept for some 100 ms more beside the new one, on the same sockets.
        while self._worker is not None and _is_alive(self._worker):
            self._check_progress("the old worker's end", limit, log_size)
        if worker is None:
            raise EdgeError("nginx serves, but no answer named its worker")
        return worker

    def _end(self) -> None:
        self._nginx.end()
        self._ports, self._bundles, self._lists, self._subjects, self._worker = {}, {}, {}, {}, None

    def _probe(self, port: int) -> Answer | Exception:
        try:
            return ask(port, self._context(None), _PROBE_TIMEOUT)
        except (OSError, http.client.HTTPException, EdgeError) as error:
            return error  # not listening yet, or somebody else's port: the limit and nginx's log decide

    def _check_progress(self, awaited: str, limit: Limit, log_size: int) -> None:
        ended = not self._nginx.is_running()
        words = self._nginx.complaints(log_size)
        if ended or words or limit.over():
            state = "ended" if ended else "runs"
            raise EdgeError(
                f"nginx did not take over ({state}; waiting for {awaited}): {words or 'no word in its log'}"
            )
        time.sleep(_POLL)


def _context(server_pem: str, directory: Path, identity: ClientIdentity | None) -> ssl.SSLContext:
    return client_context(server_pem, identity, directory)


def free_ports(count: int) -> list[int]:
    """As many ports of loopback that nobody listens on at this moment, no two alike.

    Free now; a server takes them a moment later, and complains loudly should somebody have been faster. They lie below
    those that a system gives to whoever asks for any, so that nobody is given one meanwhile: then the one who waits for
    its server would find a stranger's.
    """
    # Held together until all are drawn: no two targets may share one, for then nginx would serve the first and merely
    # warn.
    with ExitStack() as held:
        found: list[int] = []
        for port in SystemRandom().sample(_GIVEN_TO_NOBODY, len(_GIVEN_TO_NOBODY)):
            if len(found) == count:
                break
            listener = held.enter_context(socket.socket())
            with suppress(OSError):  # somebody listens there
                listener.bind((HOST, port))
                found.append(port)
        if len(found) < count:
            raise EdgeError(f"of {count} ports only {len(found)} are free")
        return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):  # gone; or its number is a stranger's by now
        return False
    return True
