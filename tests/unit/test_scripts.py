"""What the scripts refuse."""

import shutil
import subprocess
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
