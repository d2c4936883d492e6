"""What an alert is about: a source, a target or the stack; what all alerts about one share is filled in here.

All that enters an alert passes ``_alert``, which makes it harmless, so that no builder can forget to.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from rotation_watcher.alerts.builders.templates import Template, asks_there
from rotation_watcher.alerts.builders.wording import enumerated, headline, plain
from rotation_watcher.alerts.model import OPENINGS, Alert, Kind, Severity, SourceName, TargetName, alert_id

AUTHORITY = 20
"""The most characters of an authority's name: the API may call one anything."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_PARAGRAPH, _FACT, _COMMAND = 1000, 320, 1000
"""The most characters of what an alert holds; the builders cut foreign text shorter (``wording.LONGEST``)."""


def files_at(arn: str) -> str:
    """``bucket/folder/`` where the target is a place for files; empty for every other."""
    return arn.partition(":s3:::")[2]


class Words(msgspec.Struct, frozen=True):
    """The sentences of an alert. ``command`` is a line to be copied, shown as it stands below what to do.

    ``commands`` are several of them, in the order in which the sentences speak of them. They are made by ``templates``:
    any other text would lose the places that are filled at delivery.
    """

    title: str
    happened: str
    means: str
    do: str
    command: Template | None = None
    commands: tuple[Template, ...] = ()


def about_source(
    kind: Kind,
    severity: Severity,
    source: SourceName,
    authority: str | None,
    distinction: str,
    words: Words,
    facts: Mapping[str, str],
    now: datetime,
) -> Alert:
    """Build an alert about a source. Its id names the authority too, where one is given."""
    known = None if authority is None else plain(authority, AUTHORITY)
    subject = source.id if known is None else f"{source.id}:{known}"
    alert = _alert(kind, severity, subject, distinction, headline(source.region, words.title), words, facts, now)
    return msgspec.structs.replace(alert, source=source.id, region=source.region, authority=known)


def about_target(
    kind: Kind,
    severity: Severity,
    target: TargetName,
    distinction: str,
    words: Words,
    facts: Mapping[str, str],
    now: datetime,
) -> Alert:
    """Build an alert about a target; its facts open with the target's id and ARN."""
    facts = {"target": target.id, "ARN": target.arn, **facts}
    if target.account:
        words = msgspec.structs.replace(words, do=f"{_where(target.account, target.arn, words)} {words.do}")
    title = headline(target.label, words.title)
    alert = _alert(kind, severity, target.id, distinction, title, words, facts, now)
    return msgspec.structs.replace(alert, target=target.id)


def _where(account: str, arn: str, words: Words) -> str:
    """In which account the target is, and which of the commands are for it: the rest are for the watcher's."""
    lines = [line for line in (words.command, *words.commands) if line]
    place = files_at(arn).partition("/")[0]
    there = [number for number, line in enumerate(lines) if asks_there(line, place)]
    said = f"It is in the account {account}"
    if not lines:
        return f"{said}."
    one = len(lines) == 1
    if not there:
        return f"{said}; the {'command below is' if one else 'commands below are'} for the account of the watcher."
    if len(there) == len(lines):
        return f"{said}, and the {'command below needs' if one else 'commands below need'} credentials of that account."
    named = enumerated([_ORDINALS[number] for number in there])
    verb = "command needs" if len(there) == 1 else "commands need"
    return f"{said}: the {named} {verb} credentials of that account, what else is below is for the watcher's."


def about_stack(
    kind: Kind,
    severity: Severity,
    distinction: str,
    words: Words,
    facts: Mapping[str, str],
    now: datetime,
    *,
    about: str = "the watcher",
) -> Alert:
    """Build an alert about the watcher itself, or about more than one source or target; ``about`` opens its title."""
    return _alert(kind, severity, "stack", distinction, headline(about, words.title), words, facts, now)


def about_several(
    kind: Kind, title: str, distinction: str, words: Words, facts: Mapping[str, str], now: datetime
) -> Alert:
    """Build a message about several things, whose ``title`` says which."""
    life = next((one for one in OPENINGS.values() if title.startswith(one)), "")
    about, _, rest = title.removeprefix(life).partition(": ")
    return _alert(kind, Severity.INFO, "stack", distinction, headline(about, rest, life), words, facts, now)


def _alert(
    kind: Kind,
    severity: Severity,
    subject: str,
    distinction: str,
    title: str,
    words: Words,
    facts: Mapping[str, str],
    now: datetime,
) -> Alert:
    do = plain(words.do, _PARAGRAPH)
    return Alert(
        id=alert_id(kind, subject, plain(distinction, _FACT)),
        kind=kind,
        severity=severity,
        at=now,
        title=title,
        what_happened=plain(words.happened, _PARAGRAPH),
        what_it_means=plain(words.means, _PARAGRAPH),
        what_to_do="\n".join([do, *(_line(line, _COMMAND) for line in (words.command, *words.commands) if line)]),
        facts={plain(label): _line(value, _FACT) or "-" for label, value in facts.items()},
    )


def _line(text: str, longest: int) -> str:
    """One line, made harmless; of a Template all that is foreign is already."""
    return str(text) if isinstance(text, Template) else plain(text, longest)
