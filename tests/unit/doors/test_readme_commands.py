"""The line that the README gives for HAProxy: it reloads whatever was written, also where nobody is let in any more."""

import re
import subprocess
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[3] / "doors" / "README.md"


@pytest.mark.parametrize(("code", "reloads"), [(0, True), (1, True), (3, False)])
def test_haproxy_is_reloaded_unless_nothing_was_written(code: int, *, reloads: bool) -> None:
    found = re.search(r"- \*\*HAProxy\*\*: `([^`]+)`", README.read_text())
    assert found is not None
    stubs = f'genesys-certs() {{ return {code}; }}; systemctl() {{ echo "$@"; }}\n'
    line = found[1].replace("s3://<bucket>", "s3://bucket")
    done = subprocess.run(["bash", "-c", stubs + line], capture_output=True, text=True, check=False)
    assert (done.stdout == "reload haproxy\n") is reloads
