"""Revocation indexes as files that are mapped into memory: Lambda's own disk holds them, and memory what is touched."""

import mmap
import tempfile
from pathlib import Path

from rotation_watcher.errors import StoreError


class MappedFiles:
    """``identity.ports.Mapper`` over a folder. A file has no name once it is mapped, and goes with its mapping."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, body: bytes) -> mmap.mmap:
        """See ``ports.Mapper``."""
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                file.write(body)
                file.flush()
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise StoreError(f"an index cannot be laid down below {self._folder}: {error}") from error
