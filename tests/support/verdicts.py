"""OpenSSL's word on whether a truststore lets clients in: a verdict that is not ours."""

import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from local.genesys.issuing import Identity


def admits(bundle: bytes, identity: Identity, at: datetime) -> bool:
    """Whether a server with this truststore lets the leaf alone in at a moment. Raises RuntimeError."""
    return identity.fingerprint in admitted(bundle, [identity], at)


def admitted(bundle: bytes, identities: Iterable[Identity], at: datetime) -> frozenset[str]:
    """The fingerprints of those whom ``openssl verify -purpose sslclient`` accepts, each leaf alone, asked at once.

    An empty truststore lets nobody in. Raises RuntimeError where OpenSSL cannot judge, such as a bundle it cannot read.
    """
    if not bundle:
        return frozenset()
    with TemporaryDirectory() as folder:
        roots = Path(folder, "roots.pem")
        roots.write_bytes(bundle)
        files = {Path(folder, f"{identity.fingerprint}.pem"): identity for identity in identities}
        for path, identity in files.items():
            path.write_text(identity.pem())
        command = ["openssl", "verify", "-purpose", "sslclient", "-no-CApath", "-no-CAstore"]
        command += ["-attime", str(int(at.timestamp())), "-CAfile", str(roots), *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        accepted = frozenset(each.fingerprint for path, each in files.items() if f"{path}: OK" in done.stdout)
        if done.returncode not in {0, 2} or (done.returncode == 0) != (len(accepted) == len(files)):
            raise RuntimeError(f"openssl says {done.returncode}: {done.stderr}")
        return accepted
