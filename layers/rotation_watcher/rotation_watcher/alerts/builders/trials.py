"""The alert that only shows that alerts arrive."""

from datetime import datetime

from rotation_watcher.alerts.builders.subjects import Words, about_stack
from rotation_watcher.alerts.builders.wording import stamp
from rotation_watcher.alerts.model import Alert, Kind, Severity


def trial(*, requested: bool, now: datetime) -> Alert:
    """A test: of the first run after the stack was deployed, which has one id, or ``requested`` by somebody."""
    words = Words(
        title="this is a test: alerts arrive",
        happened="Somebody asked for a test alert." if requested else "The watcher has run for the first time.",
        means="Whoever reads this will read every other alert of this stack, by the same way.",
        do="Nothing. See that everybody who is on duty has got it, and that nothing has put it aside as spam.",
    )
    return about_stack(Kind.TEST, Severity.INFO, stamp(now) if requested else "deployed", words, {}, now)
