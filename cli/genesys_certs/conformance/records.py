"""Write a record, and tell what of it differs from the claims."""

from pathlib import Path

import click

from genesys_certs import output
from genesys_certs.conformance.model import Answer, Outcome, Record, claims, difference, write_record
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.workshop import Made
from genesys_certs.exits import Exit
from genesys_certs.problems import Problem

FOLDER = Path("docs/conformance")


def place(folder: Path | None) -> Path:
    """Where records go: what was given, the project's folder in a checkout, or here."""
    return folder or (FOLDER if FOLDER.is_dir() else Path())


def finish(
    record: Record,
    redact: Redactor,
    folder: Path | None,
    *,
    as_json: bool,
    left: list[Made] | None = None,
    clean: bool = True,
) -> int:
    """Write it and tell of it. The exit code; what was left behind (not ``clean``) is the worst."""
    content = sealed(record, redact)
    where = place(folder)
    where.mkdir(parents=True, exist_ok=True)
    path = _free(where, record)
    path.write_bytes(content)
    differences, unasked = compared(record)
    if as_json:
        output.emit({"written": str(path), "differences": differences, "not_asked": unasked, "left": left or []})
    else:
        _tell(record, differences, unasked, path)
    if not clean:
        return Exit.CRITICAL
    return Exit.WARNING if differences else Exit.UNKNOWN if unasked else Exit.OK


def sealed(record: Record, redact: Redactor) -> bytes:
    """The record's file. Raises Problem, and gives nothing, where it would name anything personal."""
    content = write_record(record)
    if found := redact.leaks(content.decode()):
        raise Problem("not-redacted", f"The record would hold {', '.join(found)}: it is not written.", "Report this.")
    return content


def compared(record: Record) -> tuple[dict[str, str], dict[str, str]]:
    """How a record differs from the claims, and what could not be asked, by the probe's id."""
    known = claims()
    differs = {name: words for name, answer in record.answers.items() if (words := difference(known.get(name), answer))}
    unasked = {name: _why(one) for name, one in record.answers.items() if one.outcome is Outcome.NOT_ASKED}
    return differs, unasked


def _why(answer: Answer) -> str:
    return f"{answer.code} {answer.text}".strip()


def _tell(record: Record, differences: dict[str, str], unasked: dict[str, str], path: Path) -> None:
    for name, words in differences.items():
        output.write(output.wrapped(f"{'differs':<10}{name}: {words}", indent=" " * 10), output.STYLES["warning"])
    for name, words in unasked.items():
        output.write(output.wrapped(f"{'not asked':<10}{name}: {words}", indent=" " * 10), output.STYLES["unknown"])
    agrees = len(record.answers) - len(differences) - len(unasked)
    output.write(["", f"{agrees} as claimed, {len(differences)} differ, {len(unasked)} not asked", f"written: {path}"])
    if differences:
        click.echo("Please send the record: docs/conformance/README.md says how.", err=True)


def _free(where: Path, record: Record) -> Path:
    """A name that no record has yet."""
    stem = f"{record.service}-{record.date}"
    names = [f"{stem}.json", *(f"{stem}-{number}.json" for number in range(2, 1000))]
    return next(where / name for name in names if not (where / name).exists())
