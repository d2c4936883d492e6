"""The pictures of the README: the status page and one mail, as the demo leaves them, in the machine's own browser.

``make pictures`` plays the demo and then this. Both pictures show the moment when a leaf is revoked. The demo begins
today, so each run has other dates.
"""

import html
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from local.looking import MISSING, ROOT, take

PICTURES = ROOT / "docs" / "pictures"
LARGEST = 200_000
"""Bytes of a picture."""
_SIZES = {"status": (1100, 1400), "mail": (760, 1170)}
"""CSS pixels: as much of the page as shows the verdict, what to do, and one timeline; the whole mail."""
_SCALES = {"status": 0.75, "mail": 1}
_MAIL = """<!doctype html><meta charset="utf-8"><title>A mail</title>
<style>body { margin: 16px 20px; font: 12px/1.35 monospace; white-space: pre-wrap; overflow-wrap: anywhere }</style>
"""


def main() -> int:
    """Take both; 0 if they are there and small enough, else 1, with the reason."""
    demo = ROOT / "build" / "demo"
    (letter,) = demo.glob("alerts/*-revoked-*.mail.txt")
    with TemporaryDirectory() as folder:
        mail = Path(folder, "mail.html")
        mail.write_text(_MAIL + html.escape(letter.read_text(), quote=False))
        pages = {"status": demo / "status.html", "mail": mail}
        scales = {name: [f"--force-device-scale-factor={scale}"] for name, scale in _SCALES.items()}
        taken = [take(page, PICTURES / f"{name}.png", _SIZES[name], scales[name]) for name, page in pages.items()]
        codes = [one.wait() if one else MISSING for one in taken]
    large = [name for name in pages if (PICTURES / f"{name}.png").stat().st_size > LARGEST]
    if any(codes) or large:
        print(f"docs/pictures: codes of the browser {codes}; larger than {LARGEST} bytes: {large}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
