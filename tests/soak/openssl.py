"""OpenSSL's word on many leaves against one truststore, each question put once."""

import hashlib
import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509

from local.genesys.issuing import Identity


class Openssl:
    """``openssl verify -purpose sslclient`` of the leaf alone. ``asked`` counts questions, ``started`` processes.

    The answer depends on the bundle, the leaf, and which of the certificates are valid at the moment: that is what an
    answer is remembered by.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, tuple[bool, ...]], bool] = {}
        self.asked = 0
        self.started = 0

    def admitted(self, bundle: bytes, leaves: Iterable[Identity], now: datetime) -> frozenset[str]:
        """The fingerprints of those leaves that a server with this truststore lets in."""
        if not bundle:
            return frozenset()
        name = hashlib.sha256(bundle).hexdigest()
        authorities = tuple(_valid(one, now) for one in certificates(bundle))
        wanted = {leaf.fingerprint: leaf for leaf in leaves}
        questions = {key: (name, key, (_valid(leaf.certificate, now), *authorities)) for key, leaf in wanted.items()}
        self.asked += len(questions)
        new = [wanted[key] for key, question in questions.items() if question not in self._known]
        if new:
            said = self._ask(bundle, new, now)
            self._known |= {questions[leaf.fingerprint]: leaf.fingerprint in said for leaf in new}
        return frozenset(key for key, question in questions.items() if self._known[question])

    def _ask(self, bundle: bytes, leaves: list[Identity], now: datetime) -> frozenset[str]:
        self.started += 1
        with TemporaryDirectory() as folder:
            roots = Path(folder, "roots.pem")
            roots.write_bytes(bundle)
            files = {str(Path(folder, f"{leaf.fingerprint}.pem")): leaf for leaf in leaves}
            for path, leaf in files.items():
                Path(path).write_text(leaf.pem())
            command = ["openssl", "verify", "-purpose", "sslclient", "-no-CApath", "-no-CAstore"]
            command += ["-attime", str(int(now.timestamp())), "-CAfile", str(roots), *files]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            accepted = frozenset(leaf.fingerprint for path, leaf in files.items() if f"{path}: OK" in done.stdout)
            if done.returncode not in {0, 2} or (done.returncode == 0) != (len(accepted) == len(leaves)):
                raise RuntimeError(f"openssl says {done.returncode}: {done.stderr}")
            return accepted


_parsed: dict[bytes, tuple[x509.Certificate, ...]] = {}


def certificates(bundle: bytes) -> tuple[x509.Certificate, ...]:
    """What a truststore holds, by ``cryptography``'s own loader."""
    if bundle not in _parsed:
        if len(_parsed) > 500:
            _parsed.clear()
        _parsed[bundle] = tuple(x509.load_pem_x509_certificates(bundle))
    return _parsed[bundle]


def _valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
