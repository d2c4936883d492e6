"""Alerts about alerts: what waited in the bucket to be delivered is not what the watcher wrote."""

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
    distinction, facts = f"alerts:{stamp(since)}", {"object": place, "since": when(since)}
    if isinstance(subject, SourceName):
        return about_source(Kind.STATE_FORGED, Severity.CRITICAL, subject, None, distinction, words, facts, now)
    if isinstance(subject, TargetName):
        return about_target(Kind.STATE_FORGED, Severity.CRITICAL, subject, distinction, words, facts, now)
    return about_stack(Kind.STATE_FORGED, Severity.CRITICAL, distinction, words, facts, now)
