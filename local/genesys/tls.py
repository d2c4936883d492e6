"""The simulator's own HTTPS certificate, from a certificate authority of its own.

These are judged by real clients with real clocks, so their validity follows the real time, whatever the virtual clock
of the script says.
"""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from local.genesys.issuing import issue, subject


def server_context(folder: Path, names: Sequence[str]) -> tuple[ssl.SSLContext, Path]:
    """Return a context for a server of these names or addresses, and the file with the CA that clients need.

    The key exists only in ``folder`` and only while it is loaded.
    """
    now = datetime.now(UTC)
    start, end = now - timedelta(days=1), now + timedelta(days=30)
    root_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = subject("Simulator HTTPS CA", organization="Genesys Cloud simulator")
    root = issue(None, root_name, root_key, start, end, authority=True)
    server = issue(
        root,
        subject("Genesys Cloud simulator"),
        server_key,
        start,
        end,
        eku=[ExtendedKeyUsageOID.SERVER_AUTH],
        san=[_general_name(each) for each in names],
    )
    ca_file, pair = folder / "https-ca.pem", folder / "https-server.pem"
    ca_file.write_text(root.pem())
    pair.touch(mode=0o600)
    pair.write_text(server.key_pem() + server.pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    pair.unlink()
    return context, ca_file


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
