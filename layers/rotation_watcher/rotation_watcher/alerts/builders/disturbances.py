"""Alerts about what happens to a target: changed by others, left open, nearly full, or about to shrink too fast."""

from collections.abc import Sequence
from datetime import datetime

from rotation_watcher import keys
from rotation_watcher.alerts.builders.subjects import Words, about_target, files_at
from rotation_watcher.alerts.builders.target_commands import look, releasing, who_changed
from rotation_watcher.alerts.builders.templates import versions
from rotation_watcher.alerts.builders.wording import count as counted
from rotation_watcher.alerts.builders.wording import enumerated, listed, plain, refusing, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, TargetName
from rotation_watcher.expressions import Expression
from rotation_watcher.x509.facts import CertificateFacts

_LIST = Expression(r"crls/([0-9a-f]{32})/")
_AT_ONCE = 3
"""The most certificates that a command takes out: more would not fit into a chat."""


def drift_found(
    *,
    target: TargetName,
    added: Sequence[CertificateFacts],
    removed: Sequence[CertificateFacts],
    moved_from: str | None,
    moved_to: str | None,
    refused: Sequence[CertificateFacts],
    will_heal: bool,
    call: str,
    proved: datetime | None,
    since: datetime,
    now: datetime,
) -> Alert:
    """Somebody else changed the target since it was ``proved``.

    ``call`` is the service's operation by which a target is changed.
    """
    changes = [f"{counted(len(added))} came"] if added else []
    changes += [f"{counted(len(removed))} went"] if removed else []
    moved = (
        "its files are not all what was placed" if files_at(target.arn) else "it was pointed at another file or version"
    )
    changes += [moved] if moved_to else []
    means = refusing(len(refused), will_heal=will_heal)
    stays = " What came may let others in; it stays, because the watcher takes nobody else's away." if added else ""
    left = "The watcher leaves it as it is. If it was not meant, repair it by hand, or set on_drift to heal"
    left += " (in apply mode)."
    if added and not removed and not moved_to:
        left = "If it was not meant, take it out by hand: the watcher does so only where unknown is set to remove."
    words = Words(
        title="somebody else changed it",
        happened=f"Since the watcher last proved it, {enumerated(changes) or 'it has changed'}.",
        means=f"{means}{stays}",
        do=(
            "The watcher puts back what is missing in this run; if it cannot, a message of its own says so."
            if will_heal
            else left
        )
        + " Let one tool alone manage this truststore."
        + (
            " What the watcher has not written here, by its time, changed it:"
            if files_at(target.arn)
            else " Whoever is not the watcher's own role here changed it:"
        ),
        command=who_changed(target.arn, call, proved),
    )
    facts = listed("came", added, now) | listed("went", removed, now) | listed("refused", refused, now)
    facts |= {"was at": plain(moved_from)} if moved_from else {}
    facts |= {"is at": plain(moved_to)} if moved_to else {}
    return about_target(
        Kind.DRIFT_FOUND,
        Severity.CRITICAL if refused and not will_heal else Severity.WARNING,
        target,
        stamp(since),
        words,
        facts | {"since": when(since)},
        now,
    )


def contended(
    *,
    target: TargetName,
    times: int,
    added: Sequence[CertificateFacts],
    removed: Sequence[CertificateFacts],
    refused: Sequence[CertificateFacts],
    call: str,
    started: datetime,
    since: datetime,
    now: datetime,
) -> Alert:
    """Somebody else undoes what the watcher deploys, again and again.

    ``times`` in a row since ``started``; ``call`` is the service's operation by which a target is changed.
    """
    what = "listener" if ":listener/" in target.arn else "truststore"
    pace = (
        "It refuses what Genesys presents each time, so the watcher repairs it at every run."
        if refused
        else "It still lets in what Genesys presents, so the watcher repairs it at most once an hour from now on."
    )
    words = Words(
        title="another tool keeps undoing the watcher's updates",
        happened=f"After {counted(times, 'update')} in a row since {when(started)} somebody undid the watcher's work.",
        means=(
            f"{pace} What the other tool puts in besides stays, and may let others in. None of it is told one by"
            " one until an update has stood for six hours."
        ),
        do=(
            f"Let one tool alone manage this {what}: take it out of the other (Terraform: ignore_changes), or set"
            " on_drift to report. Whoever is not the watcher's own role here is the other one:"
        ),
        command=who_changed(target.arn, call, started),
    )
    facts = listed("taken out", removed, now) | listed("put in", added, now) | listed("refused", refused, now)
    facts |= {"since": when(started)}
    severity = Severity.CRITICAL if refused else Severity.WARNING
    return about_target(Kind.CONTENDED, severity, target, stamp(since), words, facts, now)


def removal_planned(
    *, target: TargetName, leaving: Sequence[CertificateFacts], until: datetime, since: datetime, now: datetime
) -> Alert:
    """The grace of certificates ends soon. ``until``: when the first of them may leave."""
    words = Words(
        title=f"{counted(len(leaving))} will leave on {until:%Y-%m-%d}",
        happened=(
            "No certificate that Genesys presents or has announced needs what is listed below any more. It is kept"
            f" until {when(until)}."
        ),
        means="The watcher takes out then what it had put in itself. What others put in stays.",
        do=(
            "Nothing, as a rule. If one of your other clients needs one of them, put its PEM into a file below extra/,"
            " and name that file in the bundle before that day: then it stays."
        ),
    )
    facts = listed("will leave", leaving, now) | {"earliest": when(until)}
    return about_target(Kind.REMOVAL_PLANNED, Severity.INFO, target, stamp(since), words, facts, now)


def unwanted(
    *,
    target: TargetName,
    leaving: Sequence[CertificateFacts],
    until: datetime,
    soon: bool,
    since: datetime,
    now: datetime,
) -> Alert:
    """Nothing wants certificates any more, though no rotation replaced them. ``until``: when the first may leave.

    ``soon``: it was alerted when that began, and their grace now ends.
    """
    words = Words(
        title=f"{counted(len(leaving))} will leave on {until:%Y-%m-%d}, wanted by nothing",
        happened=(
            "No source, no root below anchors/ and no file of the bundle wants what is listed below any more, though no"
            " rotation has replaced it: something was taken out of the watch file or of a file. It is kept until"
            f" {when(until)}."
        ),
        means=(
            "Until then it stays in. After that its clients are refused at this target, and Genesys Cloud with them if"
            " it presents a certificate that was issued below one of them."
        ),
        do=(
            "If it was a mistake, put back what was taken out of the bundle (source, authority, root, extra file)"
            f" before that day. If it was meant, nothing. Only if {_them(leaving)} must not wait: see what would happen"
            " (first command), then take it out at once (second command)."
        ),
        commands=releasing(target, *(facts.fingerprint for facts in leaving[:_AT_ONCE])),
    )
    facts = listed("will leave", leaving, now) | {"earliest": when(until)}
    distinction = f"unwanted{'-soon' if soon else ''}:{stamp(since)}"
    return about_target(Kind.REMOVAL_PLANNED, Severity.WARNING, target, distinction, words, facts, now)


def _them(leaving: Sequence[CertificateFacts]) -> str:
    if len(leaving) <= _AT_ONCE:
        return "it" if len(leaving) == 1 else "they"
    return f"the first {_AT_ONCE} of them"


def removal_held(
    *, target: TargetName, candidates: Sequence[CertificateFacts], limit: str, since: datetime, now: datetime
) -> Alert:
    """More would leave at once than is plausible."""
    words = Words(
        title=f"removing {counted(len(candidates))} waits for your release",
        happened=sentence(limit),
        means="They stay trusted until you decide. Additions go on as usual, so no data action fails for it.",
        do="See what would leave (first command). If that may go, release the target (second command).",
        commands=releasing(target),
    )
    facts = listed("would leave", candidates, now) | {"since": when(since)}
    return about_target(Kind.REMOVAL_HELD, Severity.WARNING, target, stamp(since), words, facts, now)


def quota_near(*, target: TargetName, count: int, limit: int, since: datetime, now: datetime) -> Alert:
    """The target is nearly full."""
    words = Words(
        title=f"{count} of {limit} certificates used",
        happened=f"The truststore needs {counted(count)}, and {limit} are allowed.",
        means="A rotation that brings new CA certificates may not fit: the update, and then data actions, would fail.",
        do=(
            "Take out certificates of others that nobody needs any more. Or have the quota raised at AWS, then raise"
            " max_certificates of this target in the watch file. This shows what is there, and whose it is:"
        ),
        command=look(target),
    )
    facts = {"certificates": f"{count} of {limit}", "since": when(since)}
    distinction = f"{count}/{limit}:{stamp(since)}"
    return about_target(Kind.QUOTA_NEAR, Severity.WARNING, target, distinction, words, facts, now)


def state_forged(*, target: TargetName, what: str, since: datetime, now: datetime) -> Alert:
    """What the watcher keeps in its bucket says something that the watcher does not write, or that nothing bears out.

    ``what`` is one sentence, which may begin with the key of an object below ``crls/``.
    """
    found = _LIST.match(what)
    lists = found[1] if found else ""
    words = Words(
        title="what the watcher keeps in its bucket was changed",
        happened=sentence(what, 600),
        means=(
            "Somebody else can write where only the functions may. Nothing was deployed or removed because of what"
            " was changed; the watcher goes on with what it can prove. An interrupted run alone does not do this."
        ),
        do=(
            "Find out who wrote below sources/, bundles/, targets/ and crls/ (CloudTrail data events), and take that"
            " right away. See that the bucket policy is the template's. Then restore the last version of the object"
            " that you trust (what lies below crls/ is written anew by itself), and check what the target lets in."
            f" This lists the versions of {'what was changed' if lists else "the target's state"}:"
        ),
        command=versions(f"crls/{lists}/" if lists else keys.target(target.arn)),
    )
    distinction = stamp(since)
    return about_target(Kind.STATE_FORGED, Severity.CRITICAL, target, distinction, words, {"since": when(since)}, now)
