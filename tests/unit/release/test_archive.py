"""An archive holds the bytes and names of files, and nothing else of them."""

import os
from pathlib import Path

import pytest

from release.archive import archive


def filled(folder: Path, names: list[str], mode: int, moment: int) -> Path:
    folder.mkdir()
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        path.chmod(mode)
        os.utime(path, (moment, moment))
    return folder


def test_the_same_files_give_the_same_archive_whatever_their_times_modes_and_order(tmp_path: Path) -> None:
    names = ["b/x.py", "a.py", "b-x.py", "c/y.so"]
    first = filled(tmp_path / "one", names, 0o600, 1_000_000_000)
    second = filled(tmp_path / "two", names[::-1], 0o755, 1_700_000_000)
    for folder in (first, second):
        archive(folder, folder.with_suffix(".zip"))
    assert first.with_suffix(".zip").read_bytes() == second.with_suffix(".zip").read_bytes()


def test_links_and_empty_folders_are_refused(tmp_path: Path) -> None:
    empty, folder = tmp_path / "empty", filled(tmp_path / "one", ["a.py"], 0o644, 0)
    empty.mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    for wrong in (empty, folder):
        with pytest.raises(ValueError, match="nothing to pack, or a link"):
            archive(wrong, tmp_path / "out.zip")
