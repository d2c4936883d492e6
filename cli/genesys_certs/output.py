"""How commands print: JSON, tables that fit the terminal, and plain lines in a pipe."""

import os
import sys
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click
import msgspec

STYLES = {"ok": "green", "warning": "yellow", "critical": "bold red", "unknown": "magenta"}
_SIGNS = {"+": "green", "-": "red", "!": "yellow", "~": "yellow"}


def emit(document: object) -> None:
    """One JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def terminal(stream: TextIO | None = None) -> bool:
    """Whether people read it (standard output) on a terminal that can do more than lines."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def console() -> Any:
    """A console of the terminal's width; colour is off by NO_COLOR, in pipes and on dumb terminals."""
    from rich.console import Console  # noqa: PLC0415  # not for --help

    class Pipe(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Pipe(highlight=False, emoji=False, markup=False)


def width() -> int:
    """Characters of a line: the terminal's, or 100 in a pipe."""
    return int(console().width) if sys.stdout.isatty() else 100


def write(lines: Iterable[str], style: str = "") -> None:
    """Lines as they stand; coloured on a terminal."""
    if not terminal():
        for line in lines:
            click.echo(line)
        return
    from rich.text import Text  # noqa: PLC0415

    out = console()
    for line in lines:
        out.print(Text(line, style=style), soft_wrap=True)


def write_plan(lines: Iterable[str]) -> None:
    """The lines of a plan, coloured by their marks."""
    style = ""
    for line in lines:
        mark = line[2:3] if line[:2] == "  " and line[3:4] == " " else ""
        if mark in {*_SIGNS, "="}:
            style = _SIGNS.get(mark, "")
        elif not line.startswith("      "):
            style = "bold red" if line.strip().startswith("open door") else ""
        write([line], style)


def wrapped(text: str, indent: str) -> list[str]:
    """A text in lines of the terminal's width, all but the first with ``indent`` before them; one line in a pipe."""
    if not sys.stdout.isatty():
        return [text]
    lines = textwrap.wrap(text, width(), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines or [""]


@contextmanager
def progress(words: str) -> Iterator[None]:
    """Say what is going on, on a terminal; nothing in a pipe.

    A line that stands still: the SDK may ask for the code of a second factor meanwhile, which one that moves wipes out.
    """
    if not terminal(sys.stderr):
        yield
        return
    over(f"{words} ")
    try:
        yield
    finally:
        over("")


def over(words: str) -> None:
    """Write over the line that the terminal's cursor is in."""
    click.echo(f"\r\x1b[2K{words}", err=True, nl=False, color=True)


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the person agrees; ``yes`` answers for scripts. Without a terminal and without it: no."""
    if yes:
        return True
    if not sys.stdin.isatty():
        click.echo(f"{question} Nobody is there to ask: give --yes.", err=True)
        return False
    return click.confirm(question, default=False, err=True)
