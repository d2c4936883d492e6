"""Write pages that are made of something, or say which are stale: the end of each script that makes some."""

import sys
from collections.abc import Mapping
from pathlib import Path


def settle(pages: Mapping[Path, str]) -> int:
    """Write the pages; with --check on the command line only compare. Exit code: 0 written or fresh, 1 stale."""
    stale = [path for path, text in pages.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.name} is stale: run .venv/bin/python {sys.argv[0]} and commit it", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(pages[path], encoding="utf-8")
    return 0
