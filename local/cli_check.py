"""``python -m local check``: what a Genesys Cloud organisation presents, read-only."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local import observing
from local.observing import Exit, Observed, Row
from rotation_watcher.alerts.builders.wording import plain

_STYLES = {"accepted": "green", "expired": "bold red", "quarantined": "bold red"}
_WORDS = {Exit.OK: "OK", Exit.WARNING: "WARNING", Exit.CRITICAL: "CRITICAL", Exit.UNKNOWN: "UNKNOWN"}


def main(argv: Sequence[str]) -> int:
    """Read, show, and exit as monitoring plug-ins do: 0 ok, 1 warning, 2 critical, 3 unknown."""
    parser = argparse.ArgumentParser(
        prog="python -m local check",
        description="Show the current and upcoming client certificates of Genesys Cloud regions, and whether they are"
        " to be trusted. Reads only. Exit code: 0 ok, 1 warning, 2 critical, 3 could not read.",
    )
    observing.add_arguments(parser)
    options = parser.parse_args(argv)
    try:
        place = observing.place_of(options)
        with observing.progress("reading Genesys Cloud …"):
            observed = observing.observe(place, options, datetime.now(UTC))
    except observing.EXPECTED as error:
        return observing.report(error)
    show(observed, as_json=options.json)
    return observed.code


def show(observed: Observed, *, as_json: bool) -> None:
    """Print what was found: a document, a table on a terminal, or plain lines in a pipe."""
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(document(observed)), indent=2).decode())
    elif sys.stdout.isatty():
        _table(observed, Console())
    else:
        for row in observed.rows:
            print("  ".join(_cells(row)))
    if not as_json:
        print(f"{_WORDS[observed.code]}{': ' if observed.why else ''}{'; '.join(observed.why)}")


def document(observed: Observed) -> dict[str, object]:
    """What was observed, as ``--json`` shows them."""
    return {
        "code": int(observed.code),
        "status": _WORDS[observed.code],
        "why": observed.why,
        "failures": observed.failures,
        "certificates": observed.rows,
    }


def _table(observed: Observed, console: Console) -> None:
    """Two lines a certificate, so that it fits a terminal of 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False)
    for heading in ("source", "status", "left", "certificate"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "certificate")
    for row in observed.rows:
        source, authority, status, verdict, left, until, name, issuer, notes = _cells(row)
        about = f"{name}\nby {issuer}" + (f"\n{notes}" if notes != "-" else "")
        cells = (f"{source}\n{authority}", f"{status}\n{verdict}", f"{left}\n{until}", about)
        table.add_row(*(Text(cell) for cell in cells), style=_STYLES.get(row.verdict, ""), end_section=True)
    console.print(table)


def _cells(row: Row) -> tuple[str, ...]:
    facts = row.certificate
    return (
        row.source,
        plain(row.authority, 20),
        row.status,
        row.verdict,
        f"{row.days_left} d" if row.days_left is not None else "-",
        f"{facts.not_after:%Y-%m-%d}" if facts else "-",
        plain(", ".join(facts.names), 80) if facts else "-",
        plain(_common_name(facts.issuer), 60) if facts else "-",
        plain("; ".join((*row.reasons, *row.remarks)), 200) or "-",
    )


def _common_name(name: str) -> str:
    return next((part[3:] for part in name.split(",") if part.startswith("CN=")), name)
