"""``genesys-certs check``: what a Genesys Cloud organisation presents, read-only."""

from datetime import UTC, datetime
from typing import Any

import click

from genesys_certs import observing, output, places
from genesys_certs.exits import Exit
from genesys_certs.observing import Observed, Row
from genesys_certs.places import What
from rotation_watcher.alerts.builders.wording import common_name, plain

_STYLES = {"accepted": "green", "expired": "bold red", "quarantined": "bold red", observing.UNJUDGED: "yellow"}
WORDS = {Exit.OK: "OK", Exit.WARNING: "WARNING", Exit.CRITICAL: "CRITICAL", Exit.UNKNOWN: "UNKNOWN"}
_NARROW = 72
"""Characters: below it, a certificate is a paragraph and no row."""


@click.command("check")
@places.what_to_read
def command(as_json: bool, **options: Any) -> int:  # noqa: FBT001  # click hands it over by name
    """Show what Genesys Cloud presents now, and whether it is to be trusted.

    Reads what the stack reads; with --genesys-region and --client-id one region, without any stack. Writes nothing.

    Exit code: 0 ok, 1 warning, 2 critical, 3 could not read or judge.
    """
    what = What(**options)
    with output.progress("reading Genesys Cloud …"):
        observed = observing.observe(places.place_of(what), what, datetime.now(UTC))
    show(observed, as_json=as_json)
    return observed.code


def show(observed: Observed, *, as_json: bool) -> None:
    """Print what was found: a document, a table on a terminal, or plain lines in a pipe."""
    if as_json:
        output.emit(document(observed))
        return
    if output.terminal() and output.width() >= _NARROW:
        _table(observed)
    elif output.terminal():
        _paragraphs(observed)
    else:
        output.write("  ".join(_cells(row)) for row in observed.rows)
    why = f": {'; '.join(observed.why)}" if observed.why else ""
    output.write([f"{WORDS[observed.code]}{why}"], output.STYLES[WORDS[observed.code].lower()])


def document(observed: Observed) -> dict[str, object]:
    """What was observed, as ``--json`` shows it."""
    return {
        "code": int(observed.code),
        "status": WORDS[observed.code],
        "why": observed.why,
        "failures": observed.failures,
        "certificates": observed.rows,
    }


def _table(observed: Observed) -> None:
    """Two lines a certificate, so that it fits a terminal of 80 columns."""
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False)
    for heading in ("source", "status", "left", "certificate"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "certificate")
    for row in observed.rows:
        source, authority, status, verdict, left, until, name, issuer, digest, notes = _cells(row)
        about = f"{name}\nby {issuer}\nSHA-256 {digest}" + (f"\n{notes}" if notes != "-" else "")
        cells = (f"{source}\n{authority}", f"{status}\n{verdict}", f"{left}\n{until}", about)
        table.add_row(*(Text(cell) for cell in cells), style=_STYLES.get(row.verdict, ""), end_section=True)
    output.console().print(table)


def _paragraphs(observed: Observed) -> None:
    from rich.text import Text  # noqa: PLC0415

    out = output.console()
    for row in observed.rows:
        source, authority, status, verdict, left, until, name, issuer, digest, notes = _cells(row)
        out.print(Text(f"{source} {authority}: {status}, {verdict}", style=_STYLES.get(row.verdict, "")))
        about = (name, f"by {issuer}", f"until {until}, {left} left", f"SHA-256 {digest}", notes.strip("-"))
        for line in filter(None, about):
            out.print(Text(line), overflow="fold")
        out.print()


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
        common_name(facts.issuer) if facts else "-",
        facts.fingerprint[:16] if facts else "-",
        plain("; ".join((*row.reasons, *row.remarks)), 200) or "-",
    )
