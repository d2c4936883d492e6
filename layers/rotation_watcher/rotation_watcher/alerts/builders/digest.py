"""Several routine messages as one, and the word of every week.

The messages were delivered as data already and are kept as they were: all that is foreign in them is harmless, and
their commands are complete. What is said of several targets alike is said once, with how many they are.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from rotation_watcher.alerts.builders.subjects import Words, about_several, about_stack
from rotation_watcher.alerts.builders.wording import count, plain, stamp, when
from rotation_watcher.alerts.model import OPENINGS, Alert, Kind, Severity, Status

_LEADING = (Kind.ROTATED, Kind.ISSUER_CHANGED, Kind.UPCOMING_PUBLISHED)
"""What a digest speaks of first: the event from which the rest follows."""
_NAMES, _LINES, _FACTS = 6, 12, 24
_TOGETHER = 100
"""The most characters of the names in a line, if there are several."""
COMMANDS = 5
"""The most commands that one message takes over from others."""
_LINE, _COMMAND = 240, 1000


def summed_up(alerts: Sequence[Alert], now: datetime) -> Alert:
    """One message for all of these, which must be one at least, and need not be in order."""
    alerts = sorted(alerts, key=lambda one: (_rank(one), one.at, one.key))
    first = min(alerts, key=lambda one: (one.at, one.key))
    if len(alerts) == 1:
        words = Words(first.title, first.what_happened, first.what_it_means, first.what_to_do.partition("\n")[0])
        digest = about_several(Kind.DIGEST, first.title, _distinction(first), words, first.facts, now)
    else:
        digest = about_several(Kind.DIGEST, _title(alerts), _distinction(first), _words(alerts), _facts(alerts), now)
    return _with_commands(_about(digest, alerts), [line for one in alerts for line in one.what_to_do.split("\n")[1:]])


def more_alike(alerts: Sequence[Alert], now: datetime) -> Alert:
    """One message for further ones of a kind, severity and status, after the first few of them came one by one."""
    alerts = sorted(alerts, key=lambda one: (one.at, one.key))
    first = alerts[0]
    lines = in_lines(alerts)
    about = [*dict.fromkeys(one.target or one.region or "stack" for one in alerts)]
    sentence, *commands = first.what_to_do.split("\n")
    alike = _common(one.what_it_means for one in alerts) is not None
    words = Words(
        title="",
        happened=(
            f"{count(len(alerts), 'more message')} of '{first.kind}' came at once and are not told one by one:"
            f" {'. '.join(plain(line, _LINE) for line in lines[:_LINES])}. The status page lists them all."
        ),
        means=first.what_it_means if alike else f"Of {about[0]}: {first.what_it_means}",
        do=f"This is for {about[0]}, and likewise for the others. {sentence}",
    )
    title = lines[0] if len(lines) == 1 else f"{count(len(alerts), 'more message')}: {lines[0]}"
    if ended := first.status is Status.RESOLVED:
        life = OPENINGS[Status.RESOLVED]
        title = life + title.replace(f": {life.lower()}", ": ", 1).replace(life, "", 1)
    facts = {f"{place}": plain(one.title) for place, one in enumerate(alerts[:_NAMES], start=1)}
    facts |= {"and more": str(len(alerts) - _NAMES)} if len(alerts) > _NAMES else {}
    facts |= _held_alike(alerts)
    summary = about_several(first.kind, title, f"more:{_distinction(first)}", words, facts, now)
    summary = msgspec.structs.replace(_with_commands(_about(summary, alerts), commands), severity=first.severity)
    if not ended:
        return summary
    # As the end of one is: whoever filters ends by their status is to get these too.
    worst = min((one.told_as for one in alerts if one.told_as), key=lambda one: one.order, default=None)
    return msgspec.structs.replace(summary, status=Status.RESOLVED, told_as=worst)


def _distinction(first: Alert) -> str:
    """What tells a message about several from every other: the first that is in it, which is in no other."""
    return f"{stamp(first.at)}:{hashlib.sha256(first.key.encode()).hexdigest()[:8]}"


def _about(alert: Alert, others: Sequence[Alert]) -> Alert:
    """The alert with what it is about, where that is one thing: who filters by region gets it too."""
    sources = [one for one in others if one.source]
    return msgspec.structs.replace(
        alert,
        source=_common(one.source for one in sources),
        region=_common(one.region for one in sources),
        authority=_common(one.authority for one in sources),
        target=None if sources else _common(one.target for one in others),
    )


def _common(values: Iterable[str | None]) -> str | None:
    """What all of them are; None where they differ."""
    found = {*values}
    return found.pop() if len(found) == 1 else None


def _with_commands(alert: Alert, commands: Sequence[str]) -> Alert:
    """The alert with the first few commands of others, each once. They were filled in when those were delivered."""
    shown = [plain(line, _COMMAND) for line in dict.fromkeys(commands)]
    return msgspec.structs.replace(alert, what_to_do="\n".join([alert.what_to_do, *shown[:COMMANDS]]))


def _rank(alert: Alert) -> int:
    """What a digest speaks of first: what happened at Genesys, then at targets, then what is over."""
    if alert.kind in _LEADING:
        return _LEADING.index(alert.kind)
    return len(_LEADING) + (alert.status is Status.RESOLVED) * 2 + (alert.source is None)


def _title(alerts: Sequence[Alert]) -> str:
    """``<about>: <first line>; <number> more``: the first of what is told, and how much there is besides."""
    lines = in_lines(alerts)
    regions = [*dict.fromkeys(one.region for one in alerts if one.region)]
    if len(regions) > 1:
        return f"{count(len(regions), 'Genesys region')}: {count(len(alerts), 'message')}, nothing to do"
    more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
    updated = {one.target for one in alerts if one.kind in {Kind.TRUSTSTORE_UPDATED, Kind.FILTERS_UPDATED}}
    if alerts[0].source and updated:
        more = f"; {count(len(updated), 'target')} updated"
    return f"{lines[0]}{more}"


def in_lines(alerts: Sequence[Alert]) -> list[str]:
    """A line for each message about a source, and one for all targets of which the same is said."""
    lines: dict[str, list[str]] = {}
    for alert in alerts:
        if alert.target:
            life = next((word for word in OPENINGS.values() if alert.title.startswith(word)), "")
            _, _, words = alert.title.removeprefix(life).partition(": ")
            lines.setdefault(f"{life.lower()}{words}", []).append(alert.target)
        else:
            lines.setdefault(alert.title, [])
    return [f"{_several(targets)}: {words}" if targets else words for words, targets in lines.items()]


def _several(targets: Sequence[str]) -> str:
    """The first few of them, so that the line has room for what is said of them."""
    if len(targets) == 1:
        return f"target {targets[0]}"
    names = sorted(targets)[:_NAMES]
    while len(names) > 1 and len(", ".join(names)) > _TOGETHER:
        names.pop()
    more = f" and {len(targets) - len(names)} more" if len(targets) > len(names) else ""
    return f"{len(targets)} targets ({', '.join(names)}{more})"


def _words(alerts: Sequence[Alert]) -> Words:
    lines = in_lines(alerts)
    begun, ended = min(one.at for one in alerts), max(one.at for one in alerts)
    span = when(begun) if when(begun) == when(ended) else f"{when(begun)} to {when(ended)}"
    told = ". ".join(plain(line, _LINE) for line in lines[:_LINES])
    more = f" And {count(len(lines) - _LINES, 'line')} more: see the status page." if len(lines) > _LINES else ""
    sentences = dict.fromkeys(
        one.what_to_do.partition("\n")[0] for one in alerts if not one.target or "\n" in one.what_to_do
    )
    asked = _before_commands([one for one in sentences if one != "Nothing."])
    return Words(
        title="",
        happened=f"{span}: {told}.{more}",
        means=(
            "Nothing of it is urgent: what is comes at once, in a message of its own."
            f" {'' if alerts[0].target else alerts[0].what_it_means}"
        ),
        do=" ".join(asked) if asked else "Nothing.",
    )


def _before_commands(sentences: Sequence[str]) -> list[str]:
    """The sentences, those that lead over to commands (with a colon) last, and only the very last with a colon."""
    *others, last = sorted(sentences, key=lambda one: one.endswith(":")) or [""]
    others = [f"{one.removesuffix(':')}." if one.endswith(":") else one for one in others]
    return [*others, last] if last else []


def _facts(alerts: Sequence[Alert]) -> dict[str, str]:
    """Of messages about sources and the stack what they hold, of targets only what all of them hold alike."""
    facts: dict[str, str] = {}
    others = [one for one in alerts if not one.target]
    prefixed = len({_subject(one) for one in others}) > 1
    for alert in others:
        prefix = f"{_subject(alert)}: " if prefixed else ""
        for label, value in alert.facts.items():
            facts.setdefault(f"{prefix}{label}", value)
    facts = dict([*facts.items()][:_FACTS])
    for kind in dict.fromkeys(one.kind for one in alerts if one.target):
        common = _held_alike([one for one in alerts if one.target and one.kind is kind])
        facts |= {label: value for label, value in common.items() if label.startswith(("added", "removed"))}
    return facts


def _held_alike(alerts: Sequence[Alert]) -> dict[str, str]:
    """The facts that all of them have with the same value."""
    held = alerts[0].facts.items()
    return {label: value for label, value in held if all(one.facts.get(label) == value for one in alerts)}


def _subject(alert: Alert) -> str:
    """What the facts of a message are of, where there are others: a region's authority, or else its kind."""
    return f"{alert.region} {alert.authority or ''}".strip() if alert.source else alert.kind


def weekly(*, week: str, verdict: str, lines: Mapping[str, str], to_do: str, now: datetime) -> Alert:
    """How all stands, once a week: it comes when all is well, too. ``lines``: labelled figures, in reading order."""
    words = Words(
        title=f"weekly digest: {verdict}",
        happened=f"This is how everything stood at {when(now)}. It comes every week, also when all is well.",
        means=(
            "If it stays away, the watcher does not run, or its messages do not arrive. Its alarms say the first, and a"
            " test alert shows the second."
        ),
        do=to_do,
    )
    return about_stack(Kind.WEEKLY_DIGEST, Severity.INFO, week, words, lines, now)
