"""What publish wrote for a door under DigiCert, who knocks, and TLS sessions that are taken up again."""

import contextlib
import json
import socket
import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from local.edge.client import HOST
from local.environment import Environment
from local.genesys.issuing import Identity

SHORT = 10
"""Seconds within which a door has started and let somebody in."""


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
            "soon-over.example.com", self.genesys.key, now - timedelta(days=1), now + timedelta(seconds=SHORT)
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
