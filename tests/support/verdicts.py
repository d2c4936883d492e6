"""OpenSSL's word on whether a truststore lets a client in: a verdict that is not ours."""

import subprocess
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from local.genesys.issuing import Identity


def admits(bundle: bytes, identity: Identity, at: datetime) -> bool:
    """Whether ``openssl verify -purpose sslclient`` accepts the leaf alone against this truststore at a moment."""
    with TemporaryDirectory() as folder:
        leaf, roots = Path(folder, "leaf.pem"), Path(folder, "roots.pem")
        leaf.write_text(identity.pem())
        roots.write_bytes(bundle)
        command = ["openssl", "verify", "-purpose", "sslclient", "-no-CApath", "-no-CAstore"]
        command += ["-attime", str(int(at.timestamp())), "-CAfile", str(roots), str(leaf)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
