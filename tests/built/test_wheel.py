"""The wheel holds all that ``genesys-certs`` needs, and works where nothing else is (``pipx``, ``uvx``)."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from genesys_certs import __version__
from tests.support.command import ROOT

UV = ROOT / ".tools" / "bin" / "uv"


def call(*command: str | Path, where: Path) -> str:
    """Run a command away from the checkout; what it prints."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    variables |= {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    done = subprocess.run(
        [str(one) for one in command],
        cwd=where,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and what its lock names, by their hashes; its folder of programs."""
    subprocess.run([str(ROOT / "scripts" / "venv.sh"), "uv"], check=True)
    place = tmp_path_factory.mktemp("wheel")
    call(UV, "venv", "--quiet", "--python", sys.executable, place / "venv", where=place)
    python = place / "venv" / "bin" / "python"
    lock = ROOT / "requirements" / "cli.txt"
    call(UV, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock, where=place)
    call(python, "-m", "hatchling", "build", "-t", "wheel", "-d", place, where=ROOT)
    (wheel,) = place.glob("*.whl")
    call(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel, where=place)
    call(UV, "pip", "check", "--python", python, where=place)
    return python.parent


def test_the_wheel_holds_both_packages_with_their_data_and_nothing_else(installed: Path) -> None:
    (wheel,) = installed.parents[1].glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"genesys_certs", "rotation_watcher"}
    package = ROOT / "layers" / "rotation_watcher" / "rotation_watcher"
    data = [path for path in package.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}]
    assert data
    assert {str(path.relative_to(package.parent)) for path in data} <= {*names}
    assert "genesys_certs/conformance/claims.json" in names


def test_the_installed_command_runs_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    command = installed / "genesys-certs"
    assert call(command, "--version", where=tmp_path) == f"genesys-certs {__version__}\n"
    assert "pins-to-file" in call(command, "--help", where=tmp_path)
    for name in ("check", "plan", "status", "doctor", "approve", "release", "rollback", "init", "pins-to-cloudfront"):
        assert "--json" in call(command, name, "--help", where=tmp_path)
    for name in ("aws", "genesys"):
        assert "--json" in call(command, "conformance", name, "--help", where=tmp_path)
