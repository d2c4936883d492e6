"""Alerts about the identity filters of a listener: planned, changed, missing, changed by others, about to leave."""

from collections.abc import Sequence
from datetime import datetime

from rotation_watcher.alerts.builders.subjects import Words, about_target
from rotation_watcher.alerts.builders.target_commands import APPLY, look, releasing, who_changed
from rotation_watcher.alerts.builders.wording import count, enumerated, listed, plain, refusing, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, TargetName
from rotation_watcher.x509.facts import CertificateFacts

_MOST = 10


def _lines(label: str, filters: Sequence[str]) -> dict[str, str]:
    """Filters as labelled facts, one a line."""
    lines = {f"{label} {place}": plain(one, 280) for place, one in enumerate(filters[:_MOST], start=1)}
    return lines | ({f"{label} more": f"and {len(filters) - _MOST} more"} if len(filters) > _MOST else {})


def filters_updated(
    *,
    target: TargetName,
    added: Sequence[str],
    removed: Sequence[str],
    others: int,
    bucket: str,
    key: str,
    version: str,
    content: str,
    since: datetime,
    now: datetime,
) -> Alert:
    """The list was changed, and read back. ``others``: how many filters of others stayed. ``since``: when it began."""
    words = Words(
        title="identity filters updated and proved",
        happened=(
            f"The watcher added {count(len(added), 'filter')} and removed {len(removed)};"
            f" {count(others, 'filter')} of others stayed."
        ),
        means="The listener was read back and has exactly these filters; each accepted certificate of Genesys passes.",
        do="Nothing. The runbook says how to roll back, should anything go wrong.",
    )
    facts = _lines("added", added) | _lines("removed", removed)
    facts |= {"object": f"s3://{bucket}/{key}", "version": plain(version)}
    return about_target(Kind.FILTERS_UPDATED, Severity.INFO, target, f"{content}:{stamp(since)}", words, facts, now)


def filters_planned(
    *,
    target: TargetName,
    added: Sequence[str],
    removed: Sequence[str],
    refused: Sequence[CertificateFacts],
    presented: bool,
    content: str,
    since: datetime,
    now: datetime,
) -> Alert:
    """In observe mode: what would be done.

    ``refused``: the accepted leaves that no filter lets in now; ``presented``: Genesys presents one of them.
    """
    words = Words(
        title=f"{'it refuses what Genesys presents' if presented else 'identity filters are due'} (mode: observe)",
        happened=(
            f"The watcher would add {count(len(added), 'filter')} and remove {len(removed)}. In observe mode it changes"
            " nothing."
        ),
        means=(
            refusing(len(refused), will_heal=False)
            if refused
            else "Data actions fail once Genesys presents a certificate whose name is missing in a list of filters."
        ),
        do=f"Read the plan (listed below, or by this command). If it is right, {APPLY}: the watcher then does it.",
        command=look(target),
    )
    facts = _lines("would add", added) | _lines("would remove", removed)
    facts |= listed("refused", refused, now) | {"content": content}
    severity = Severity.CRITICAL if presented else Severity.WARNING
    return about_target(Kind.CHANGE_PLANNED, severity, target, f"{content}:{stamp(since)}", words, facts, now)


def filters_empty(*, target: TargetName, why: str, names: Sequence[str], since: datetime, now: datetime) -> Alert:
    """A listener without a filter that the watcher leaves so."""
    words = Words(
        title="everybody of its trust store is admitted",
        happened=sentence(f"The listener is left as it is: {why}", 500),
        means=(
            "Without a filter it admits every certificate that its trust store admits. With DigiCert's CA in it, that"
            " is every customer of that CA."
        ),
        do=(
            "Find out which other clients come in through this listener, and write a filter for each. Then the watcher"
            ' adds what is listed below. Or, where there are none: set empty_filters to "fill" for this target in the'
            " watch file; from then on every other name is refused."
        ),
    )
    facts = _lines("would add", names) | {"since": when(since)}
    return about_target(Kind.FILTERS_EMPTY, Severity.WARNING, target, stamp(since), words, facts, now)


def filters_drifted(
    *,
    target: TargetName,
    added: Sequence[str],
    removed: Sequence[str],
    refused: Sequence[CertificateFacts],
    emptied: bool,
    will_heal: bool,
    proved: datetime | None,
    since: datetime,
    now: datetime,
) -> Alert:
    """Somebody else changed the list since it was ``proved``. ``emptied``: there is no filter left."""
    changes = [f"{count(len(added), 'filter')} came"] if added else []
    changes += [f"{count(len(removed), 'filter')} went"] if removed else []
    means = refusing(len(refused), will_heal=will_heal)
    if emptied:
        means = "Without a filter the listener admits everybody whom its trust store admits."
    words = Words(
        title="somebody else changed its identity filters",
        happened=f"Since the watcher last proved them, {enumerated(changes)}.",
        means=means + (" What came may let others in; it stays." if added else ""),
        do=(
            "The watcher puts back what is missing in this run; if it cannot, a message of its own says so."
            if will_heal
            else "The watcher leaves them as they are. If it was not meant, repair them by hand, or set on_drift to"
            " heal (in apply mode)."
        )
        + " Whoever is not the watcher's own role here changed the listener:",
        command=who_changed(target.arn, "ModifyListener", proved),
    )
    facts = _lines("came", added) | _lines("went", removed) | listed("refused", refused, now)
    severity = Severity.CRITICAL if (refused or emptied) and not will_heal else Severity.WARNING
    return about_target(Kind.DRIFT_FOUND, severity, target, stamp(since), words, facts | {"since": when(since)}, now)


def filters_unnamed(*, target: TargetName, leaves: Sequence[CertificateFacts], since: datetime, now: datetime) -> Alert:
    """Accepted leaves that no filter can name."""
    bear = "bears" if len(leaves) == 1 else "bear"
    words = Words(
        title="no identity filter can name a certificate of Genesys",
        happened=(
            f"{count(len(leaves), 'accepted certificate')} (listed below) {bear} no DNS name and no common name of 1 to"
            " 256 printable ASCII characters."
        ),
        means=(
            "If the listener has filters, it refuses them, unless one of others' matches: data actions fail as long as"
            " one is presented. The watcher takes no filter out meanwhile."
        ),
        do=(
            "Write a filter by hand that matches what they do bear (an organizational unit, a URI), or take all filters"
            " out of the listener and compare the pins behind it. Ask Genesys support what is presented next."
        ),
    )
    facts = listed("cannot be named", leaves, now) | {"since": when(since)}
    return about_target(Kind.LEFT_OUT, Severity.CRITICAL, target, f"unnamed:{stamp(since)}", words, facts, now)


def filters_leaving(
    *, target: TargetName, leaving: Sequence[str], until: datetime, since: datetime, now: datetime
) -> Alert:
    """No leaf without an end needs these filters. ``until``: when the first of them may leave."""
    words = Words(
        title=f"{count(len(leaving), 'filter')} will leave on {until:%Y-%m-%d}",
        happened=(
            "No certificate that Genesys presents or has announced bears a name that is listed below; they are kept"
            f" until {when(until)}."
        ),
        means="The watcher takes out then what it had put in itself. From that day clients of that name are refused.",
        do=(
            "Nothing, as a rule. If a source or an authority was taken out of the bundle by mistake, put it back before"
            " that day. If another client of yours bears the name, write a filter of your own for it."
        ),
    )
    facts = _lines("will leave", leaving) | {"earliest": when(until)}
    return about_target(Kind.REMOVAL_PLANNED, Severity.WARNING, target, stamp(since), words, facts, now)


def filters_held(*, target: TargetName, candidates: Sequence[str], limit: str, since: datetime, now: datetime) -> Alert:
    """More filters would leave at once than is plausible."""
    words = Words(
        title=f"removing {count(len(candidates), 'filter')} waits for your release",
        happened=sentence(limit),
        means="They stay until you decide. Additions go on as usual, so no data action fails for it.",
        do="See what would leave (first command). If that may go, release the target (second command).",
        commands=releasing(target),
    )
    facts = _lines("would leave", candidates) | {"since": when(since)}
    return about_target(Kind.REMOVAL_HELD, Severity.WARNING, target, stamp(since), words, facts, now)


def filters_near(*, target: TargetName, count: int, limit: int, since: datetime, now: datetime) -> Alert:
    """The list is nearly full; ``count`` filters would be there."""
    words = Words(
        title=f"{count} of {limit} identity filters used",
        happened=f"The listener needs {count} identity filters, and holds {limit} at most.",
        means="A rotation that brings a new name may not fit: data actions would fail.",
        do="Take out filters of others that nobody needs any more, or serve some of these clients by another listener.",
    )
    facts = {"filters": f"{count} of {limit}", "since": when(since)}
    distinction = f"{count}/{limit}:{stamp(since)}"
    return about_target(Kind.QUOTA_NEAR, Severity.WARNING, target, distinction, words, facts, now)


def filters_rolled_back(
    *,
    target: TargetName,
    from_version: str,
    to_version: str,
    returned: Sequence[str],
    left: Sequence[str],
    now: datetime,
) -> Alert:
    """A person went back to an earlier version of the watcher's own filters, and it is held."""
    words = Words(
        title="rolled back to earlier identity filters",
        happened=(
            f"A person asked for it. {count(len(returned), 'filter')} came back and {count(len(left), 'filter')} left;"
            " what others put there stayed."
        ),
        means=(
            "The watcher's own filters are again those of the earlier version, and that is proved. The target is held"
            " until you release it: meanwhile nothing new is put there."
        ),
        do=(
            "Find out what was wrong, and see what a release would do (first command). Then release the target (second"
            " command)."
        ),
        commands=releasing(target),
    )
    facts = _lines("came back", returned) | _lines("left", left)
    facts |= {"from version": plain(from_version), "to version": plain(to_version)}
    distinction = f"{from_version}:{to_version}:{stamp(now)}"
    return about_target(Kind.ROLLED_BACK, Severity.WARNING, target, distinction, words, facts, now)
