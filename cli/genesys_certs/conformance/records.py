"""Write a record, and tell what of it differs from the claims."""

from pathlib import Path
from tempfile import TemporaryFile

import click
import msgspec

from genesys_certs import output
from genesys_certs.conformance.model import Answer, Outcome, Record, claims, difference, not_asked, write_record
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.workshop import Made
from genesys_certs.exits import USAGE, Exit
from genesys_certs.problems import Problem

FOLDER = Path("docs/conformance")
_ROOM = 100_000
"""Bytes that a record may take."""


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
    record, cut = without_leaks(record, redact)
    content = sealed(record, redact)
    differences, unasked = compared(record)
    path: Path | None = None
    try:
        path = _written(place(folder), record, content)
    except OSError as error:
        click.echo(f"The record could not be written ({error.strerror}); here it is:", err=True)
    if as_json:
        told = {"written": str(path or ""), "differences": differences, "not_asked": unasked, "left": left or []}
        output.emit(told | ({} if path else {"record": record}))
    else:
        if not path:
            click.echo(content.decode())
        _tell(record, differences, unasked, path)
    if cut:
        click.echo(f"Not redacted, so left out of the record: {', '.join(cut)}. Please report this.", err=True)
    if not clean:
        return Exit.CRITICAL
    return Exit.WARNING if differences else Exit.UNKNOWN if unasked else Exit.OK


def writable(folder: Path | None) -> None:
    """Raise Problem where a record could not be written."""
    where = place(folder)
    try:
        where.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=where) as tried:
            tried.write(bytes(_ROOM))
    except OSError as error:
        message = f"No record could be written to {where}/: {error.strerror}."
        raise Problem(
            "unwritable", message, "Nothing was made. Name another place with --output.", exit_code=USAGE
        ) from None


def _written(where: Path, record: Record, content: bytes) -> Path:
    """Write aside, then name it: a file of a record's name holds a whole one. Raises OSError."""
    path = _free(where, record)
    aside = path.with_suffix(".part")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    return path


def without_leaks(record: Record, redact: Redactor) -> tuple[Record, list[str]]:
    """The record without the words of answers that name anything personal, or without these answers; and their ids."""
    kept, cut = dict(record.answers), []
    for name, answer in record.answers.items():
        if _leaks(answer, redact):
            cut.append(name)
            silent = msgspec.structs.replace(answer, text="")
            kept[name] = not_asked("not redacted") if _leaks(silent, redact) else silent
    return msgspec.structs.replace(record, answers=kept), cut


def _leaks(answer: Answer, redact: Redactor) -> bool:
    return bool(redact.leaks(msgspec.json.encode(answer).decode()))


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


def _tell(record: Record, differences: dict[str, str], unasked: dict[str, str], path: Path | None) -> None:
    for name, words in differences.items():
        output.write(output.wrapped(f"{'differs':<10}{name}: {words}", indent=" " * 10), output.STYLES["warning"])
    for name, words in unasked.items():
        output.write(output.wrapped(f"{'not asked':<10}{name}: {words}", indent=" " * 10), output.STYLES["unknown"])
    agrees = len(record.answers) - len(differences) - len(unasked)
    output.write(
        [
            "",
            f"{agrees} as claimed, {len(differences)} differ, {len(unasked)} not asked",
            *([f"written: {path}"] if path else []),
        ]
    )
    if differences:
        click.echo("Please send the record: docs/conformance/README.md says how.", err=True)


def _free(where: Path, record: Record) -> Path:
    """A name that no record has yet."""
    stem = f"{record.service}-{record.date}"
    names = [f"{stem}.json", *(f"{stem}-{number}.json" for number in range(2, 1000))]
    return next(where / name for name in names if not (where / name).exists())
