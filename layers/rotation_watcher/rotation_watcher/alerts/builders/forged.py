"""Alerts about what the watcher keeps: alerts that waited in the bucket are not its own, or its state was deleted."""

from datetime import datetime

from rotation_watcher.alerts.builders.subjects import Words, about_source, about_stack, about_target
from rotation_watcher.alerts.builders.templates import versions
from rotation_watcher.alerts.builders.wording import stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, SourceName, TargetName


def alerts_forged(*, subject: SourceName | TargetName | None, place: str, since: datetime, now: datetime) -> Alert:
    """Alerts that waited in the object ``place`` are not the watcher's. ``subject`` None: they are about the stack."""
    words = Words(
        title="alerts that waited in its bucket were changed",
        happened=f"Alerts that waited in {place} are not those that the watcher wrote.",
        means=(
            "Somebody else can write where only the functions may. What was put there was not delivered; an alert of"
            " the watcher's own may have been lost with it."
        ),
        do=(
            "Find out who wrote that object (CloudTrail data events), take that right away, and see that the bucket"
            " policy is the template's. Then look at the state itself: a dry run lists what is current, quarantined and"
            " planned. This lists the object's versions:"
        ),
        command=versions(place),
    )
    return _forged(subject, f"alerts:{stamp(since)}", words, {"object": place, "since": when(since)}, now)


def state_deleted(*, subject: SourceName | TargetName, place: str, from_former: bool = False, now: datetime) -> Alert:
    """The object ``place``, which held all that was known of the source or target, was deleted: it begins anew.

    ``from_former``: with what a former release had kept elsewhere, which is as old as the update from that one.
    """
    begins = "begins anew here, as if it had never been watched"
    if from_former:
        begins = "goes on from what a former release had kept of it, and has forgotten what it has done since"
    if isinstance(subject, SourceName):
        lost = (
            "Targets keep what they hold. When the certificates that were replaced may leave is not known any more, and"
            " names that were learned are learned anew from what is presented now. What people were told of the source"
            " counts as untold, and nothing of it that lasted is told to be over."
        )
    else:
        lost = (
            "The target keeps what it holds. What the watcher had added counts as others' from now on, so it never"
            " leaves by itself; versions to go back to are not known any more. A hold is gone too: what was rolled back"
            " or rejected may be deployed again."
        )
    words = Words(
        title="what the watcher keeps of it was deleted",
        happened=f"{place} was deleted. The watcher {begins}.",
        means=lost,
        do=(
            "If you did it on purpose, nothing. If not, find out who (CloudTrail data events, DeleteObject), take that"
            " right away, and see that the bucket policy is the template's. Then put the last version from before back:"
            ' the runbook says how, under "When somebody else has written state". This lists the versions:'
        ),
        command=versions(place),
    )
    return _forged(subject, f"deleted:{stamp(now)}", words, {"object": place}, now)


def _forged(
    subject: SourceName | TargetName | None, distinction: str, words: Words, facts: dict[str, str], now: datetime
) -> Alert:
    if isinstance(subject, SourceName):
        return about_source(Kind.STATE_FORGED, Severity.CRITICAL, subject, None, distinction, words, facts, now)
    if isinstance(subject, TargetName):
        return about_target(Kind.STATE_FORGED, Severity.CRITICAL, subject, distinction, words, facts, now)
    return about_stack(Kind.STATE_FORGED, Severity.CRITICAL, distinction, words, facts, now)
