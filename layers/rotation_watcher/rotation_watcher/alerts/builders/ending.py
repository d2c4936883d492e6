"""The one alert about an end: whatever was alerted as a condition, and is over."""

from datetime import datetime, timedelta

import msgspec

from rotation_watcher.alerts.builders.subjects import Words, about_source, about_stack, about_target
from rotation_watcher.alerts.builders.wording import TITLE, count, plain, stamp, when
from rotation_watcher.alerts.model import (
    OPENINGS,
    Alert,
    Kind,
    Severity,
    SourceName,
    Status,
    TargetName,
    alert_id,
    shortened,
)
from rotation_watcher.expressions import Expression

_CODE = Expression(r"[a-z][a-z0-9-]{0,39}")
_ID = Expression(r"[\x21-\x7e]{1,255}")
MEANS = {
    Kind.CONFIGURATION_REFUSED: ("its configuration was refused", "It is right now, and in force from this run on."),
    Kind.WENT_BACK: (
        "an old certificate was presented again",
        "The API shows the newer one again, or nothing newer is known any more.",
    ),
    Kind.NAMES_UNCERTAIN: (
        "it was uncertain whose certificates these are",
        "A name is known now, or what the API shows is without contradiction.",
    ),
    Kind.QUARANTINED: (
        "a certificate was in quarantine",
        "The API shows it no more, or it is trusted now, or it is in quarantine for other reasons.",
    ),
    Kind.FLOOD: ("the API showed too many certificates", "It shows no more of them than a region has."),
    Kind.ANCHOR_MISSING: ("the root to trust was missing", "There is a root to verify certificates with."),
    Kind.SOURCES_DISAGREE: ("two sources saw different certificates", "Both see the same, or are no longer compared."),
    Kind.EXPIRING: (
        "certificates without a successor were to end",
        "Each was replaced, or is in use no longer, or has become more urgent: a message of its own says that.",
    ),
    Kind.SOURCE_FAILING: (
        "Genesys could not be read",
        "It can be read again. What changed meanwhile is reported in messages of its own.",
    ),
    Kind.CLOCK_AHEAD: ("the state held times from the future", "No time in it lies in the future any more."),
    Kind.CHANGE_PLANNED: ("a change was due", "It was made, is due no longer, or another change is due instead."),
    Kind.TRUSTSTORE_UPDATE_FAILED: (
        "it could not be updated",
        "It is as it should be, or something else is to be done now.",
    ),
    Kind.SHARED_AUTHORITY_DEPLOYED: (
        "it let in every customer of a public CA",
        "Something behind it tells Genesys from the others now, that CA is gone, or you said that it is all right.",
    ),
    Kind.DRIFT_FOUND: (
        "somebody else had changed it",
        "What it lacked is back, or it was changed once more; what others had put in stays, and is told no more.",
    ),
    Kind.CONTENDED: ("another tool undid the watcher's updates", "An update has stood for six hours."),
    Kind.MTLS_OFF: (
        "clients got in without a certificate",
        "Every client is asked for one again, or that way is gone.",
    ),
    Kind.REMOVAL_PLANNED: (
        "certificates were to leave",
        "They have left, something wants them again, or their removal waits for you: a message of its own says that.",
    ),
    Kind.REMOVAL_HELD: ("a removal waited for your release", "It was released, or nothing is to be removed any more."),
    Kind.QUOTA_NEAR: ("it was nearly full", "There is room again."),
    Kind.FILE_DAMAGED: (
        "a file was damaged",
        "It is whole, is used no longer, or something else is wrong with it.",
    ),
    Kind.UNUSUAL_CERTIFICATE: (
        "a certificate of extra/ had an unusual form",
        "It was replaced or taken out.",
    ),
    Kind.LEFT_OUT: ("something was left out", "The target takes it now, or nothing wants it any more."),
    Kind.TARGET_LOCKED: ("it could not be changed", "The service takes changes of it again."),
    Kind.FILTERED_OUT: (
        "what a way in asks beside the truststore shut Genesys out",
        "It shuts out no accepted certificate any more, or the way in is gone.",
    ),
    Kind.FILTERS_EMPTY: (
        "everybody of its trust store was admitted",
        "It has a filter now, or asks for no certificate at all: a message of its own would say so.",
    ),
    Kind.TWO_STACKS: (
        "two stacks of the watcher worked here",
        "Nothing of another stack is found here any more.",
    ),
    Kind.STATE_FORGED: (
        "what the watcher keeps was changed",
        "Nothing of it is found any more. That does not say that whoever wrote there has lost the right.",
    ),
    Kind.REVOKED: (
        "a certificate was revoked",
        "No list in force names it any more, or Genesys shows it no more.",
    ),
    Kind.CRL_STALE: ("a revocation list was out of date", "It is up to date, or nothing needs it any more."),
    Kind.REVOCATIONS_BEHIND: (
        "its revocation lists were not up to date",
        "It holds the lists in force, or needs none any more.",
    ),
}
"""Kinds that end: what was the matter, and what its end means. A kind that is not listed has a neutral sentence."""
_AFTERWARDS = {
    Kind.CRL_STALE: 'If you set a target\'s "revocation" to "off" for it, take that back: nobody else reminds you.',
}
"""What people may have loosened while it lasted, by the advice of its alert."""
UNWATCHED = (
    "It is no longer watched: the watch file or a parameter names it no more, or names something else by its id."
)
"""Why a condition ended whose source or target was taken out."""


def is_code(word: str) -> bool:
    """Whether this is a kind or a reason as releases write them, and nobody's sentence."""
    return _CODE.fullmatch(word) is not None


def own_id(stored: str | None, kind: str, subject: SourceName | TargetName | None) -> str | None:
    """The id that a condition kept, if it is one of this kind and subject; else None.

    State lies where somebody else may have written: no end of ours closes another subject's alert, or says his words.
    """
    return like(stored, alert_id(Kind(kind), subject.id if subject else "stack", ""))


def like(stored: str | None, built: str) -> str | None:
    """The id that a condition kept, if it is of the kind and subject of one that was built now; else None."""
    opening = ":".join([*built.split(":")[:2], ""])
    known = stored is not None and _ID.fullmatch(stored) is not None and stored.startswith(opening)
    return stored if known else None


def resolved(
    *,
    subject: SourceName | TargetName | None,
    kind: str,
    opened: str | None,
    reason: str | None,
    since: datetime,
    severity: Severity | None,
    reminders: int,
    why: str,
    goes_on: str | None,
    now: datetime,
) -> Alert:
    """A condition of this kind is over. ``subject`` None: it was about the stack.

    ``opened`` is the id of its alert, ``severity`` that of its last message (None: not known). ``why``: one sentence
    that stands for what the kind's end means, or empty. ``goes_on``: the id of an alert of its kind that is open now.
    Nothing that a builder worded earlier is said again: what state keeps may be somebody else's words.
    """
    known = Kind(kind) if is_code(kind) else Kind("something")
    matter, means = MEANS.get(known, (f"what was alerted as {known}", "It is not found any more."))
    goes_on = own_id(goes_on, known, subject)
    code = reason if reason and is_code(reason) else None
    why = plain(why)
    words = Words(
        title=matter + (f" ({code})" if code else "") + ("; another alert goes on" if goes_on else ""),
        happened=f"What was alerted as {known} is over. It lasted for {lasted(now - since)}, since {when(since)}.",
        means=(why or means) + (f" It goes on in another way, as the alert {goes_on}." if goes_on else ""),
        do=f"Read the alert {goes_on}." if goes_on else _AFTERWARDS.get(known, "Nothing."),
    )
    facts = {"since": when(since), "lasted": lasted(now - since)}
    facts |= {"last told as": severity.value} if severity else {}
    facts |= {"reminders": str(reminders)} if reminders > 0 else {}
    facts |= {"reason": code} if code else {}
    if isinstance(subject, SourceName):
        alert = about_source(known, Severity.INFO, subject, None, stamp(since), words, facts, now)
    elif isinstance(subject, TargetName):
        alert = about_target(known, Severity.INFO, subject, stamp(since), words, facts, now)
    else:
        alert = about_stack(known, Severity.INFO, stamp(since), words, facts, now)
    # Where that is not known, or a reminder was of less than was told before, somebody may have been called.
    told_as = Severity.WARNING if severity is None or (severity is Severity.INFO and reminders) else severity
    return msgspec.structs.replace(
        alert,
        id=own_id(opened, known, subject) or alert.id,
        title=_opened(Status.RESOLVED, alert.title),
        status=Status.RESOLVED,
        told_as=told_as,
    )


def reminder(alert: Alert, since: datetime, number: int) -> Alert:
    """The alert, as it stands now, as the reminder of that number."""
    return msgspec.structs.replace(
        alert,
        title=_opened(Status.REMINDER, alert.title),
        status=Status.REMINDER,
        what_happened=f"Open since {when(since)}; this is reminder {number}. {alert.what_happened}",
        facts={**alert.facts, "open since": when(since), "reminder": str(number)},
    )


def _opened(status: Status, title: str) -> str:
    """A title behind the word for its status. Its end, which says what is the matter, stays whole: the rest is cut."""
    longest = TITLE - len(OPENINGS[status])
    if len(title) > longest:
        about, _, words = title.partition(": ")
        title = f"{shortened(about, longest - len(words) - len(': '))}: {words}"[:longest]
    return f"{OPENINGS[status]}{title}"


def lasted(span: timedelta) -> str:
    """A span as people say it: in minutes, hours or days."""
    minutes = max(0, round(span.total_seconds() / 60))
    if minutes < 120:  # noqa: PLR2004  # two hours
        return count(minutes, "minute")
    hours = round(minutes / 60)
    return count(hours, "hour") if hours < 48 else count(round(hours / 24), "day")  # noqa: PLR2004  # two days
