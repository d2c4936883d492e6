"""What the scripts refuse."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["dev", "aws"])
def test_an_environment_that_is_a_link_is_refused_and_what_it_leads_to_is_left_as_it_is(
    tmp_path: Path, name: str
) -> None:
    here, another = tmp_path / "here", tmp_path / "another"
    for folder in (here / "scripts", here / "requirements", another):
        folder.mkdir(parents=True)
    script = shutil.copy(ROOT / "scripts" / "venv.sh", here / "scripts")
    (here / "requirements" / f"{name}.txt").write_text("")
    (another / ".installed").write_text("of the other one")
    link = here / (".venv" if name == "dev" else f".venv-{name}")
    link.symlink_to(another)
    done = subprocess.run([script, name], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{link.name} is a symbolic link (to {another})" in done.stderr
    assert f"rm {link.name}" in done.stderr
    assert done.stdout == ""
    assert [(one.name, one.read_text()) for one in another.iterdir()] == [(".installed", "of the other one")]


def test_the_command_runs_in_a_folder_whose_name_has_blanks(tmp_path: Path) -> None:
    """A line that begins with #! ends at the first blank."""
    here = tmp_path / "my check out"
    for name in ("scripts", "requirements", "cli/genesys_certs"):
        (here / name).mkdir(parents=True)
    script = shutil.copy(ROOT / "scripts" / "venv.sh", here / "scripts")
    (here / "scripts" / "python.sh").write_text(f'#!/bin/sh\necho "{sys.executable}"\n')
    (here / "scripts" / "python.sh").chmod(0o755)
    for lock in ("dev", "uv"):
        (here / "requirements" / f"{lock}.txt").write_text("")
    venv.create(here / ".tools")
    (here / ".tools" / "bin" / "uv").write_text("#!/bin/sh\n")
    (here / ".tools" / "bin" / "uv").chmod(0o755)
    (here / ".tools" / ".installed").write_text(f"{here}\n")
    (here / "cli" / "genesys_certs" / "app.py").write_text("import sys\n\ndef run():\n    print(sys.argv[1:])\n")
    subprocess.run([script, "dev"], check=True, capture_output=True)
    command = here / ".venv" / "bin" / "genesys-certs"
    done = subprocess.run([command, "a b", "--c"], check=True, capture_output=True, text=True, env={})
    assert done.stdout == "['a b', '--c']\n"


def test_the_layers_are_built_in_a_folder_whose_name_has_blanks(tmp_path: Path) -> None:
    python = tmp_path / "my check out" / "python3.13"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    make = ["make", "-C", str(ROOT / "layers")]
    subprocess.run([*make, "is-3.13", f"PYTHON={python}"], check=True, capture_output=True)
    built = subprocess.run(
        [*make, "--dry-run", "build-DependenciesLayer", f"PYTHON={python}"], check=True, capture_output=True, text=True
    ).stdout
    assert built.count(f'"{python}" -') == 4
    assert f"{python} -" not in built


def test_the_tests_use_all_processors_where_there_is_no_nproc(tmp_path: Path) -> None:
    """As on macOS."""
    for name in ("make", "bash"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    (tmp_path / "sysctl").write_text('#!/bin/sh\n[ "$*" = "-n hw.ncpu" ] && echo 7\n')
    (tmp_path / "sysctl").chmod(0o755)
    make = [str(tmp_path / "make"), "-C", str(ROOT), "--dry-run", "test"]
    done = subprocess.run(make, check=True, capture_output=True, text=True, env={"PATH": str(tmp_path)})
    assert (" -n 8 " in done.stdout, done.stderr) == (True, "")
