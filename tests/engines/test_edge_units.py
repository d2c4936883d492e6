"""``edge/fetch``: systemd itself reads the units."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engines.door_servers import ROOT

FETCH = ROOT / "edge/fetch"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("wrong", ["", "Timer", "Service", "Unit"])
def test_systemd_takes_the_units(wrong: str, tmp_path: Path) -> None:
    script = tmp_path / "genesys-files"
    shutil.copy(FETCH / "genesys-files", script)
    units = [tmp_path / "genesys-files.service", tmp_path / "genesys-files.timer"]
    for unit in units:
        text = (FETCH / unit.name).read_text().replace("/usr/local/bin/genesys-files", str(script))
        unit.write_text(text.replace(f"[{wrong}]", f"[{wrong}]\nEvery=5min"))
    command = ["systemd-analyze", "verify", "--man=no", *map(str, units)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert bool(wrong) == ("Every" in done.stderr) == bool(done.stderr), done.stderr
