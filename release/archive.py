"""Zip archives that hold nothing of the machine that made them: no times, owners or modes of its files, one order."""

import zipfile
from pathlib import Path

_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The first that an entry can say. The same for every release: code that did not change keeps its sum."""
_READABLE = 0o100644
"""A plain file that everybody may read: Lambda runs functions as somebody else than who packed them."""
_UNIX = 3


def archive(folder: Path, path: Path) -> None:
    """Pack the files below ``folder``. Raises ValueError for a link, and for nothing to pack."""
    files = sorted((one.relative_to(folder).as_posix(), one) for one in folder.rglob("*") if not one.is_dir())
    if not files or any(one.is_symlink() for _, one in files):
        raise ValueError(f"{folder}: nothing to pack, or a link in it")
    with zipfile.ZipFile(path, "x") as packed:
        for name, one in files:
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.create_system, entry.external_attr = _UNIX, _READABLE << 16
            packed.writestr(entry, one.read_bytes(), zipfile.ZIP_DEFLATED, 9)
