"""Look at a page in the machine's own browser: pictures, and what there is to see. A machine may have none."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
_VIEWER = ROOT / ".venv-page" / "bin" / "python"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_DARK = "--blink-settings=preferredColorScheme=0"
_SANDBOX = ["--no-sandbox"] if os.geteuid() == 0 else []
"""Chromium's sandbox does not work for root; what is looked at is our own page, which lets nothing act or load."""
_LONGEST = 1200.0
MISSING = "this machine has no chromium: the page was not looked at"
"""What a user reads whose machine has none."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How to look at a file. ``steps``: see ``page_viewer``. ``at``: what time the page's script is told (ISO 8601)."""

    file: str
    width: int = 1280
    height: int = 900
    scheme: str = "light"
    script: bool = True
    axe: bool = False
    print: bool = False
    whole: bool = True
    png: str = ""
    pdf: str = ""
    at: str = ""
    steps: tuple[tuple[str, ...], ...] = ()


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What there was to see.

    ``asked``: requests for anything but the file. ``said``: what the console and dialogs said. ``axe``: violations.
    ``wide``: by how many pixels the page is wider than the window. ``did``: what the steps gave. ``text``: all of it.
    """

    asked: tuple[str, ...]
    said: tuple[str, ...]
    axe: tuple[str, ...]
    wide: int
    did: tuple[Any, ...]
    text: str


def browser() -> str | None:
    """The machine's browser; None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def photograph(page: Path) -> list[subprocess.Popen[bytes]]:
    """Begin to take pictures of a page, which will lie beside it (PNG); wait for what is given. Nothing: no browser."""
    views = {"phone": (360, 1400, ()), "desktop": (1280, 1500, ()), "dark": (1280, 1500, (_DARK,))}
    begun = [
        take(page, page.with_name(f"{page.stem}-{name}.png"), (width, height), more)
        for name, (width, height, more) in views.items()
    ]
    return [one for one in begun if one]


def take(page: Path, png: Path, size: tuple[int, int], more: Iterable[str] = ()) -> subprocess.Popen[bytes] | None:
    """Begin to take one picture of the top of a page, so many pixels wide and high. None: there is no browser."""
    executable = browser()
    if executable is None:
        return None
    return subprocess.Popen(
        [
            *(executable, "--headless", "--hide-scrollbars", "--disable-gpu", "--disable-lcd-text", *_SANDBOX, *more),
            *(f"--window-size={size[0]},{size[1]}", f"--screenshot={png.resolve()}", page.resolve().as_uri()),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def look(looks: Iterable[Look]) -> list[Seen]:
    """Look at several pages in one browser. Raises RuntimeError where there is none, or it fails."""
    executable = browser()
    if executable is None:
        raise RuntimeError(MISSING)
    subprocess.run([ROOT / "scripts" / "venv.sh", "page"], check=True)
    asked = json.dumps([executable, msgspec.to_builtins([*looks])])
    done = subprocess.run(
        [_VIEWER, ROOT / "local" / "page_viewer.py"],
        input=asked.encode(),
        capture_output=True,
        timeout=_LONGEST,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    return msgspec.json.decode(done.stdout, type=list[Seen])
