"""``genesys-certs status``: what the function report wrote last, on a screen."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from genesys_certs import aws, options, output
from genesys_certs.exits import Exit
from genesys_certs.problems import Problem
from genesys_certs.stack import Stack
from rotation_watcher import keys
from rotation_watcher.alerts.builders.wording import count
from rotation_watcher.errors import UNDECODABLE, NewerFormat
from rotation_watcher.status.model import Level, SourceStatus, Status, TargetStatus, decode
from rotation_watcher.status.timeline import Row, Span, Timeline, timeline

OLD = timedelta(hours=26)
"""A status that is older was not renewed: it is written anew after a day at the latest."""
_CODES = {Level.GOOD: Exit.OK, Level.LOOK: Exit.WARNING, Level.ACT: Exit.CRITICAL}
_STYLES = {Level.GOOD: "green", Level.LOOK: "yellow", Level.ACT: "bold red"}
_LISTED = 20
_HOUR = 3600
_NARROWEST_PICTURE = 12
_FINE, _PLAIN = ("━", "┄", "│", "·"), ("=", "-", "|", " ")
"""Validity, grace, today, nothing: on terminals, and where only ASCII is safe."""


@click.command("status")
@options.of_stack
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH", help="Save the page there.")
@click.option("--link", is_flag=True, help="Print a link to the page that works for --hours, with your own rights.")
@click.option("--hours", type=click.IntRange(1, 168), default=1, show_default=True, metavar="N")
def command(
    *,
    stack_name: str,
    profile: str | None,
    region: str | None,
    as_json: bool,
    page: Path | None,
    link: bool,
    hours: int,
) -> int:
    """Show how the deployed watcher is doing: verdict, what is open, certificates, targets.

    Exit code: 0 all good, 1 look at it, 2 act now, 3 not known: nothing was written yet, or not for a day.
    """
    stack = options.find(stack_name, profile, region)
    if page or link:
        return _page(stack, page, hours=hours if link else None, as_json=as_json)
    status = read(stack)
    now = datetime.now(UTC)
    old = now - status.at > OLD
    if as_json:
        output.emit({"code": int(Exit.UNKNOWN if old else _CODES[status.verdict.level]), "old": old, "status": status})
    else:
        show(status, now, old=old)
    return Exit.UNKNOWN if old else _CODES[status.verdict.level]


def read(stack: Stack) -> Status:
    """The status that was written last. Raises Problem where there is none."""
    stored = stack.store.get(keys.STATUS)
    if stored is None:
        where = f"s3://{stack.bucket}/{keys.STATUS}"
        raise Problem(
            "no-status",
            f"{where} does not exist, or may not be read.",
            "It is written by the function report within five minutes of a deployment: `genesys-certs doctor` says why"
            " not.",
        )
    try:
        return decode(stored.body)
    except NewerFormat:
        raise
    except UNDECODABLE as error:
        raise Problem(
            "damaged-status", f"status.json is damaged: {type(error).__name__}", "Wait five minutes."
        ) from None


def show(status: Status, now: datetime, *, old: bool) -> None:
    """The verdict, then what it rests on, as wide as the terminal."""
    place = " ".join(part for part in (status.place.stack, status.place.account, status.place.region) if part)
    output.write(output.wrapped(f"{place}, mode {status.mode}, as of {ago(now - status.at)} ago", "  "))
    if old:
        words = "UNKNOWN: it has not been renewed for more than a day, so the watcher does not run"
        output.write(output.wrapped(words, "  "), "bold red")
    output.write(output.wrapped(status.verdict.text, "  "), _STYLES[status.verdict.level])
    for reason in status.verdict.reasons[1:_LISTED]:
        output.write(output.wrapped(f"  - {reason}", "    "))
    for source in status.sources:
        output.write(_source(status, source, now))
    if status.targets:
        output.write(["", "Targets"])
    for target in status.targets:
        output.write(
            output.wrapped(_target(target), "    "), "" if target.level is Level.GOOD else _STYLES[target.level]
        )
    if status.quarantine:
        output.write(["", "Quarantine (genesys-certs approve <SHA-256>)"], "yellow")
        for one in status.quarantine[:_LISTED]:
            why = "; ".join(one.reasons)
            output.write(
                output.wrapped(f"  {one.id[:16]}  {one.source} {one.authority}, {one.presence}: {why}", "    ")
            )
    if overdue := [one for one in status.lists if one.overdue]:
        output.write(["", f"{count(len(overdue), 'revocation list')} should have been replaced"], "yellow")


def _target(target: TargetStatus) -> str:
    held = target.deployed
    facts = [target.state.value]
    if held:
        facts.append(f"{count(held.certificates)} ({held.ours} ours), proved by {held.proof} {held.since:%Y-%m-%d}")
    if target.drift:
        facts.append(f"changed by others since {target.drift:%Y-%m-%d %H:%M} UTC")
    facts += [f"open door: {door}" for door in target.open_doors]
    facts += [target.problem] if target.problem else []
    return f"  {target.id}  {target.label}: {'; '.join(facts)}"


def _source(status: Status, source: SourceStatus, now: datetime) -> Iterator[str]:
    read_at = f"read {ago(now - source.read)} ago" if source.read else "not read yet"
    yield ""
    stale = "STALE, " if source.stale else ""
    about = f"{source.id}  {source.region}, {', '.join(source.authorities)}, {stale}{read_at}"
    yield from output.wrapped(about, "  ")
    if source.problem:
        yield from output.wrapped(f"  {source.problem}", "    ")
    picture = timeline(source, status.bundles, status.rules, now)
    yield from draw(picture, now, output.width(), fine=output.terminal())


def draw(picture: Timeline, now: datetime, width: int, *, fine: bool) -> Iterator[str]:
    """The timeline as lines of at most ``width`` characters: what, its validity around today, and how long it lasts."""
    rows = [(row, f"  {row.what[:30]}", _left(row, now)) for row in picture.rows]
    if not rows:
        return
    label, end = max(len(one) for _, one, _ in rows), max(len(one) for _, _, one in rows)
    room = width - label - end - 2
    if room < _NARROWEST_PICTURE:
        yield from (f"{one}: {left}" for _, one, left in rows)
        return
    room = min(room, 96)
    signs = _FINE if fine else _PLAIN
    for row, one, left in rows:
        yield f"{one:<{label}} {_bar(row, picture.today, room, signs)} {left}"
    ticks = ""
    for tick in picture.ticks:
        at = round(tick.x / 100 * room)
        if (not ticks or at > len(ticks)) and at + len(tick.words) <= room:
            ticks = f"{ticks:<{at}}{tick.words}"
    if ticks:
        yield f"{'':<{label}} {ticks}"


def _bar(row: Row, today: float, room: int, signs: tuple[str, ...]) -> str:
    valid, grace, at, nothing = signs
    cells = [nothing] * room
    _fill(cells, row.bar, valid)
    _fill(cells, row.grace, grace)
    cells[min(room - 1, round(today / 100 * room))] = at
    return "".join(cells)


def _fill(cells: list[str], span: Span | None, sign: str) -> None:
    if span is not None:
        room = len(cells)
        first = min(room - 1, round(span.x / 100 * room))
        last = min(room, max(first + 1, round(span.end / 100 * room)))
        cells[first:last] = sign * (last - first)


def _left(row: Row, now: datetime) -> str:
    left = (row.ends - now).days
    return f"{row.ends:%Y-%m-%d} {'ended' if row.ended else f'{left:>5} d'}"


def ago(span: timedelta) -> str:
    """How long ago, in the largest unit that says something."""
    seconds = max(0, int(span.total_seconds()))
    if seconds >= 2 * 24 * _HOUR:
        return count(seconds // (24 * _HOUR), "day")
    if seconds >= 2 * _HOUR:
        return count(seconds // _HOUR, "hour")
    return count(max(1, seconds // 60), "minute")


def _page(stack: Stack, path: Path | None, *, hours: int | None, as_json: bool) -> int:
    """Save the page, or make a link to it.

    The link is a secret for as long as it works: it is the answer, and goes nowhere else.
    """
    said: dict[str, Any] = {}
    if path is not None:
        stored = stack.store.get(keys.STATUS_PAGE)
        if stored is None:
            where = f"s3://{stack.bucket}/{keys.STATUS_PAGE}"
            raise Problem(
                "no-status", f"{where} does not exist, or may not be read.", "`genesys-certs doctor` says why."
            )
        path.write_bytes(stored.body)
        said["page"] = str(path)
    if hours is not None:
        place = {"Bucket": stack.bucket, "Key": keys.STATUS_PAGE}
        seconds = hours * _HOUR
        said["link"] = aws.signing().generate_presigned_url("get_object", Params=place, ExpiresIn=seconds)
        said["until"] = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    if as_json:
        output.emit(msgspec.to_builtins(said))
    elif "link" in said:
        click.echo(said["link"])
    else:
        click.echo(f"saved: {said['page']}")
    return Exit.OK
