"""The lines of ``doors/README.md`` that bring HAProxy to what was published, as they stand there."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.engines.door_servers import DOORS
from tests.engines.door_world import World


class Operator:
    """Somebody who runs the lines: ``reloads`` counts what ``systemctl reload haproxy`` was asked for, and refuses."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._asked, self.fails = folder, folder / "asked", False
        (block,) = re.findall(
            r"^### HAProxy\n.*?```bash\n(.*?)```", (DOORS / "README.md").read_text(), re.MULTILINE | re.DOTALL
        )
        lines = block.replace("s3://<bucket>/bundles/main/pins.json", str(folder / "pins.json"))
        self._lines = lines.replace("/etc/genesys", str(folder))
        (folder / "bin").mkdir()
        self._command("systemctl", f'[ "$*" = "reload haproxy" ] && echo >> {self._asked} && [ -z "$FAILS" ]')
        self._command("genesys-certs", f'exec {sys.executable} -m genesys_certs "$@"')

    def _command(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, files: Mapping[str, bytes]) -> int:
        """Run the lines on these published files; how often HAProxy was to be reloaded."""
        for name in ("wanted.pem", "pins.json"):
            (self.folder / name).write_bytes(files[name])
        self._asked.write_text("")
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        variables = os.environ | {"PATH": path, "FAILS": "1" if self.fails else "", "PYTHONPATH": ":".join(sys.path)}
        subprocess.run(["bash", "-c", self._lines], env=variables, check=False, capture_output=True)
        return len(self._asked.read_text())


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_haproxy_is_reloaded_where_a_file_has_changed_and_at_no_other_time(operator: Operator, world: World) -> None:
    files = world.files()
    assert [operator.run(files), operator.run(files)] == [1, 0]
    world.replace_off_cycle()
    assert operator.run(world.files()) == 1, "a new pin"
    other = world.files() | {"wanted.pem": files["wanted.pem"] + b"\n"}
    assert operator.run(other) == 1, "a new truststore"
    assert operator.run(other | {"pins.json": b"{"}) == 0, "what cannot be read"


def test_haproxy_is_reloaded_where_no_leaf_is_pinned_any_more(operator: Operator, world: World) -> None:
    assert operator.run(world.files()) == 1
    world.revoke(world.genesys)
    assert [operator.run(world.files()), operator.run(world.files())] == [1, 0]


def test_a_reload_that_did_not_work_is_made_good_the_next_time(operator: Operator, world: World) -> None:
    operator.fails = True
    assert operator.run(world.files()) == 1
    operator.fails = False
    assert operator.run(world.files()) == 1
