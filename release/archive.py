"""Zip archives that hold nothing of the machine that made them: no times, owners or modes of its files, one order."""

import time
import zipfile
from pathlib import Path

_FIRST = 315_532_800
"""1980-01-01, before which no entry of a zip archive can be."""
_READABLE = 0o100644
"""A plain file that everybody may read: Lambda runs functions as somebody else than who packed them."""
_UNIX = 3


def archive(folder: Path, path: Path, epoch: int) -> None:
    """Pack the files below ``folder``, as of ``epoch``. Raises ValueError for a link, and for nothing to pack."""
    moment = time.gmtime(max(epoch, _FIRST))[:6]
    files = sorted((one.relative_to(folder).as_posix(), one) for one in folder.rglob("*") if not one.is_dir())
    if not files or any(one.is_symlink() for _, one in files):
        raise ValueError(f"{folder}: nothing to pack, or a link in it")
    with zipfile.ZipFile(path, "x") as packed:
        for name, one in files:
            entry = zipfile.ZipInfo(name, moment)
            entry.create_system, entry.external_attr = _UNIX, _READABLE << 16
            packed.writestr(entry, one.read_bytes(), zipfile.ZIP_DEFLATED, 9)
