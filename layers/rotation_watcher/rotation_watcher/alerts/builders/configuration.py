"""Alerts about the watch file and the parameters: refused, and accepted again."""

from collections.abc import Sequence
from datetime import datetime

from rotation_watcher.alerts.builders.subjects import Words, about_stack
from rotation_watcher.alerts.builders.wording import count, plain, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity

_MOST = 40
"""The most mistakes that an alert lists."""
_LONGEST = 300
_CHECK = "sam remote invoke CollectFunction --event-file events/collect-dry-run.json"


def configuration_refused(
    *, mistakes: Sequence[str], digest: str, good_since: datetime | None, since: datetime, now: datetime
) -> Alert:
    """The watch file or a parameter is wrong. ``good_since``: since when the one that stays in use was accepted."""
    means = (
        f"The watcher goes on with the last one that it accepted, of {when(good_since)}. Nothing of the new one holds."
        if good_since
        else "No earlier one is known: nothing is read, and no truststore is kept up to date, until it is corrected."
    )
    words = Words(
        title="its configuration was refused",
        happened=f"The watch file, or a parameter of the stack, has {count(len(mistakes), 'mistake')}.",
        means=means,
        do="Correct all that is listed here; the next run takes it up. This shows what is still wrong:",
        command=_CHECK,
    )
    facts = {f"mistake {number}": plain(text, _LONGEST) for number, text in enumerate(mistakes[:_MOST], 1)}
    facts |= {"more": f"{len(mistakes) - _MOST}, in the log"} if len(mistakes) > _MOST else {}
    distinction = f"{digest}:{stamp(since)}"
    return about_stack(
        Kind.CONFIGURATION_REFUSED, Severity.CRITICAL, distinction, words, facts | {"since": when(since)}, now
    )


def configuration_accepted(*, since: datetime, now: datetime) -> Alert:
    """It is right again. ``since``: when it was refused."""
    words = Words(
        title="its configuration is accepted again",
        happened=f"The configuration that had been refused since {when(since)} is right now.",
        means="It is in force from this run on.",
        do="Nothing.",
    )
    facts = {"refused since": when(since)}
    return about_stack(Kind.CONFIGURATION_ACCEPTED, Severity.INFO, stamp(since), words, facts, now)
