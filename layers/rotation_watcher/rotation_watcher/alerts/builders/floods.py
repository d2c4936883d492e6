"""The alert about an answer with more certificates than a region has: one, whatever their number."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rotation_watcher.alerts.builders.subjects import AUTHORITY, Words, about_source
from rotation_watcher.alerts.builders.wording import count, plain, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, SourceName

_MOST_EXAMPLES = 5


def flood(
    *,
    source: SourceName,
    authority: str,
    counts: Mapping[str, int],
    left: int,
    examples: Sequence[str],
    accepted: bool,
    blind: bool,
    since: datetime,
    now: datetime,
) -> Alert:
    """The API shows many more certificates of an authority than a region has.

    ``counts`` maps a group, in words, to how many of it were not kept; ``left`` is how many were kept but not alerted
    one by one; ``accepted``: more were accepted than are kept, which only Genesys itself can bring about; ``blind``: no
    current one among all that are shown is accepted.
    """
    name, number = plain(authority, AUTHORITY), sum(counts.values()) + left
    trusted = (
        "Some of them were accepted, and only the newest are trusted: a truststore may lack one that Genesys presents."
        if accepted
        else "None of these is trusted. What is accepted is watched and trusted as ever."
    )
    if blind:
        trusted = "No current one is accepted: while this lasts, a rotation goes unnoticed until data actions fail."
    words = Words(
        title=f"the API shows {number} {name} certificates too many",
        happened=f"The API shows {count(number)} of the authority {name} more than a region has, or ever more new ones."
        " They are counted, not kept, and not reported one by one.",
        means=f"{trusted} Something is wrong at Genesys Cloud, or something else answers in its place.",
        do="Check api_url of the source in the watch file. If it is right, open a case with Genesys support and send"
        " them this message. The first few are in the source's history.",
    )
    facts = {f"too many ({plain(label)})": str(one) for label, one in counts.items()}
    facts |= {"kept, and not reported one by one": str(left)} if left else {}
    facts |= {f"example {place}": plain(one) for place, one in enumerate(examples[:_MOST_EXAMPLES], start=1)}
    severity = Severity.CRITICAL if accepted or blind else Severity.WARNING
    return about_source(Kind.FLOOD, severity, source, name, stamp(since), words, facts | {"since": when(since)}, now)
