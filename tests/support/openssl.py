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
