"""Files that people wrote: read as text, whichever editor wrote them."""

from pathlib import Path

from genesys_certs.problems import Problem


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark. Raises Problem where it is none, OSError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Problem("damaged-file", f"{path}: not UTF-8.", "Save it as UTF-8, or name another file.") from None
