"""OpenSSL's own opinion, as a second judge of what our path validation says."""

import subprocess
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from rotation_watcher.x509.certificates import Certificate


def accepts(
    leaf: Certificate, *, intermediates: Iterable[Certificate], anchors: Iterable[Certificate], at: datetime
) -> bool:
    """Whether ``openssl verify -purpose sslclient`` takes the leaf at a moment."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"leaf": [leaf], "untrusted": [*intermediates], "trusted": [*anchors]}
        for name, certificates in files.items():
            Path(folder, name).write_text("".join(certificate.pem for certificate in certificates))
        command = ["openssl", "verify", "-purpose", "sslclient", "-attime", str(int(at.timestamp()))]
        command += ["-no-CApath", "-no-CAstore", "-CAfile", f"{folder}/trusted"]
        command += ["-untrusted", f"{folder}/untrusted"] if files["untrusted"] else []
        answer = subprocess.run([*command, f"{folder}/leaf"], capture_output=True, text=True, check=False)
    return answer.returncode == 0


def admits(bundle: bytes, client: bytes) -> bool:
    """Whether ``openssl verify -purpose sslclient`` takes the client by this truststore, whatever the time (PEM)."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bundle").write_bytes(bundle)
        Path(folder, "client").write_bytes(client)
        command = ["openssl", "verify", "-purpose", "sslclient", "-no-CApath", "-no-CAstore", "-no_check_time"]
        answer = subprocess.run(
            [*command, "-CAfile", f"{folder}/bundle", f"{folder}/client"], capture_output=True, check=False
        )
    return answer.returncode == 0


def takes_crl(der: bytes, *, issuer: Certificate) -> bool:
    """Whether ``openssl crl -CAfile`` finds that the issuer signed the list; it looks at nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "crl").write_bytes(der)
        Path(folder, "ca").write_text(issuer.pem)
        command = ["openssl", "crl", "-inform", "DER", "-in", f"{folder}/crl", "-CAfile", f"{folder}/ca", "-noout"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return "verify OK" in answer.stderr


def accepts_with_crl(leaf: Certificate, *, issuer: Certificate, crl: bytes, at: datetime) -> bool:
    """Whether ``openssl verify -crl_check`` takes the leaf, with this list (PEM) of its issuer, a root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "leaf").write_text(leaf.pem)
        Path(folder, "ca").write_text(issuer.pem)
        Path(folder, "crl").write_bytes(crl)
        command = ["openssl", "verify", "-crl_check", "-attime", str(int(at.timestamp())), "-no-CApath", "-no-CAstore"]
        command += ["-CAfile", f"{folder}/ca", "-CRLfile", f"{folder}/crl", f"{folder}/leaf"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.returncode == 0
