"""``edge/fetch``: systemd itself reads the units, starts them, and ends a run that hangs."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.door_servers import eventually
from tests.engines.edge_machine import EDGE, PLACE, Machine, rotate
from tests.engines.user_manager import Manager, lacking

FETCH = EDGE / "fetch"
SERVICE, TIMER = "genesys-files.service", "genesys-files.timer"

_SAYS = """#!/bin/sh
# Stands for a server's command: writes down what it was called with, and does what a test wants of it.
echo "${0##*/} $*" >>"${0%/*}/called"
[ ! -e "${0%/*}/instead" ] || exec sh "${0%/*}/instead"
"""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("wrong", ["", "Timer", "Service", "Unit"])
def test_systemd_takes_the_units(wrong: str, tmp_path: Path) -> None:
    script = tmp_path / "genesys-files"
    shutil.copy(FETCH / "genesys-files", script)
    units = [tmp_path / SERVICE, tmp_path / TIMER]
    for unit in units:
        text = (FETCH / unit.name).read_text().replace("/usr/local/bin/genesys-files", str(script))
        unit.write_text(text.replace(f"[{wrong}]", f"[{wrong}]\nEvery=5min"))
    command = ["systemd-analyze", "verify", "--man=no", *map(str, units)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert bool(wrong) == ("Every" in done.stderr) == bool(done.stderr), done.stderr


class Units:
    """A machine with systemd on which somebody has followed docs/files.md, for one kind of server."""

    def __init__(self, manager: Manager, machine: Machine, folder: Path) -> None:
        self.manager, self.machine, self._folder = manager, machine, folder
        for name in ("nginx", "haproxy", "systemctl"):
            (machine.tools / name).write_text(_SAYS)
            (machine.tools / name).chmod(0o755)
        self._instead = machine.tools / "instead"

    def install(self, server: str, **replaced: str) -> None:
        """The units and ``files.env`` as they stand, but for places, the owner, and what is ``replaced``."""
        places = {
            "/usr/local/bin/genesys-files": str(FETCH / "genesys-files"),
            "/usr/local/bin/genesys-sds": str(EDGE / "envoy/genesys-sds"),
            "/etc/genesys/files.env": str(self._folder / "files.env"),
            "/etc/genesys": str(self.machine.root),
            "s3://our-edge-bucket/genesys/prod/": PLACE,
            "OWNER=111122223333\n": "",
            **replaced,
        }
        asking = {
            **self.machine.world.environment.aws.environment(),
            "PATH": f"{self.machine.tools}:{os.environ['PATH']}",
        }
        texts = {path.name: path.read_text() for path in (EDGE / server / "files.env", FETCH / SERVICE, FETCH / TIMER)}
        for old, new in places.items():
            assert any(old in text for text in texts.values()) or "genesys-sds" in old, old
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        more = "".join(f"{name}={value}\n" for name, value in asking.items())
        (self._folder / "files.env").write_text(texts.pop("files.env") + more)
        for name, text in texts.items():
            self.manager.unit(name, text)

    def run(self) -> tuple[str, str]:
        """One run; what systemd says of its end, and the exit code."""
        if self.manager.starts(SERVICE):
            return "success", "0"  # of a unit that ended well and that nothing needs systemd forgets the rest
        return self.ended()

    def ended(self) -> tuple[str, str]:
        """What systemd says of the end of the last run, and the exit code; nothing where none has ended yet."""
        if not self.manager.shows(SERVICE, "ExecMainExitTimestamp"):
            return "", ""
        return self.manager.shows(SERVICE, "Result"), self.manager.shows(SERVICE, "ExecMainStatus")

    def instead(self, script: str) -> None:
        """What the servers' commands do from now on."""
        self._instead.write_text(script)

    def called(self) -> list[str]:
        """What of the servers' commands was called since the last question."""
        log = self.machine.tools / "called"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def units(machine: Machine, tmp_path: Path) -> Iterator[Units]:
    if lacking():
        pytest.skip(lacking())
    with Manager() as manager:
        yield Units(manager, machine, tmp_path)


@pytest.mark.parametrize(
    ("server", "called"),
    [
        ("nginx", ["nginx -t -q", "systemctl reload nginx"]),
        ("haproxy", ["haproxy -c -q -f /etc/haproxy/haproxy.cfg", "systemctl reload haproxy"]),
        ("envoy", []),
    ],
)
def test_a_run_by_systemd_fetches_the_set_and_tells_the_server(units: Units, server: str, called: list[str]) -> None:
    units.install(server)
    assert units.run() == ("success", "0")
    assert units.called() == called
    assert "ca-bundle.pem" in units.machine.files()
    assert ("envoy-sds.json" in units.machine.files()) == (server == "envoy")
    assert units.run() == ("success", "0")
    assert units.called() == [], "nothing is new"


def test_a_set_that_the_server_refuses_is_a_failed_unit(units: Units) -> None:
    units.install("nginx")
    assert units.run() == ("success", "0")
    before = units.machine.files()
    rotate(units.machine)
    units.instead("exit 1")
    assert units.run() == ("exit-code", "4")
    assert units.manager.ctl("is-failed", SERVICE) == "failed"
    assert units.machine.files() == before
    units.instead("exit 0")
    assert units.run() == ("success", "0")
    assert units.machine.files() != before


def test_what_hangs_is_ended_with_all_that_it_started_and_the_next_run_is_not_locked_out(units: Units) -> None:
    units.install("nginx", **{"TimeoutStartSec=120": "TimeoutStartSec=2"})
    assert units.run() == ("success", "0")
    before = units.machine.files()
    rotate(units.machine)
    hanging = units.machine.tools / "hanging"
    units.instead(f"echo $$ >{hanging}; exec sleep 600")
    assert units.run()[0] == "timeout"
    assert units.machine.files() == before
    pid = int(hanging.read_text())
    assert eventually(lambda: not Path(f"/proc/{pid}").exists())
    units.instead("exit 0")
    assert units.run() == ("success", "0")
    assert units.machine.files() != before


@pytest.mark.parametrize("answer", [0, 1])
def test_the_timer_runs_it_soon_after_boot_and_again_after_five_minutes_whatever_came_of_it(
    units: Units, answer: int
) -> None:
    units.install("nginx", **{"OnBootSec=30s": "OnBootSec=0", "RandomizedDelaySec=30s": "RandomizedDelaySec=0"})
    units.instead(f"exit {answer}")
    units.manager.ctl("start", TIMER)
    assert eventually(lambda: units.ended() == (("success", "0") if answer == 0 else ("exit-code", "4")))
    (timer,) = json.loads(units.manager.ctl("list-timers", "--output=json"))
    assert timer["activates"] == SERVICE
    assert timer["next"] - timer["last"] == pytest.approx(300e6, abs=1e6), "microseconds"
