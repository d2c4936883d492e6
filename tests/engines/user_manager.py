"""A systemd of its own: a user manager that sees an empty ``/run``, a folder of units, and no other of the machine."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Self

from tests.engines.door_servers import eventually

SYSTEMD = "/lib/systemd/systemd"
USERS = Path("/usr/lib/systemd/user")
FIRST = "basic.target"
_BEGIN = "mount -t tmpfs none /run && mkdir -p /run/systemd/system"
"""A manager asks for this folder before it begins: is it systemd by which the machine was booted?"""


@cache
def lacking() -> str:
    """Why no manager can be started here; empty: one can."""
    if not Path(SYSTEMD).exists() or shutil.which("unshare") is None:
        return "systemd is not installed"
    tried = subprocess.run(["unshare", "--mount", "sh", "-c", _BEGIN], capture_output=True, check=False)
    return "a mount namespace of its own needs root" if tried.returncode else ""


class Manager:
    """It runs as long as the ``with`` lasts; units are put in by ``unit``."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="units-", dir="/tmp")  # a socket's path is short
        folder = Path(self._folder.name)
        self._units, self._run, self._log = folder / "units", folder / "run", folder / "log"
        self._units.mkdir()
        self._run.mkdir(mode=0o700)
        for one in (*USERS.glob("*.target"), *USERS.glob("*.slice"), *USERS.glob("systemd-exit.service")):
            (self._units / one.name).symlink_to(one)  # and none of the services that the machine's packages bring
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(self._run),
            "SYSTEMD_UNIT_PATH": str(self._units),
            "SYSTEMD_LOG_TARGET": "console",
            "TERM": "dumb",
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", f"{_BEGIN} && exec {SYSTEMD} --user --unit={FIRST}"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if not eventually(lambda: self.ctl("is-active", FIRST, check=False) == "active"):
            said = self._log.read_text()
            self.__exit__()
            raise RuntimeError(f"systemd does not begin: {said}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()  # by which a user manager stops all units and ends
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._folder.cleanup()

    def unit(self, name: str, text: str) -> None:
        (self._units / name).write_text(text)
        self.ctl("daemon-reload")

    def ctl(self, *words: str, check: bool = True) -> str:
        """What ``systemctl`` prints."""
        done = self._ctl(*words)
        assert not check or done.returncode == 0, done.stderr + self._log.read_text()
        return done.stdout.strip()

    def starts(self, unit: str) -> bool:
        """Whether it starts; of a command that runs once, whether it ends well."""
        return self._ctl("start", unit).returncode == 0

    def shows(self, unit: str, name: str) -> str:
        return self.ctl("show", "--value", "--property", name, unit)

    def _ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["systemctl", "--user", "--no-pager", *words]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
