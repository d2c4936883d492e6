"""Alerts about the watch file and the parameters: refused, what was kept of earlier ones, and what they leave out."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rotation_watcher import keys
from rotation_watcher.alerts.builders.subjects import Words, about_stack
from rotation_watcher.alerts.builders.templates import invoke, versions
from rotation_watcher.alerts.builders.wording import count, enumerated, plain, stamp, when
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import Alert, Kind, Severity

_MOST = 40
"""The most mistakes that an alert lists."""
_LONGEST = 300
_NAMED = 20
"""The most targets, and sources, that are named."""


def configuration_refused(
    *, mistakes: Sequence[str], digest: str, good_since: datetime | None, since: datetime, now: datetime
) -> Alert:
    """The watch file or a parameter is wrong. ``good_since``: since when the one that stays in use was accepted."""
    means = (
        f"The watcher goes on with the last one that it accepted, of {when(good_since)}. Nothing of the new one holds."
        " Where a parameter of the stack has changed, it leaves out the targets that are named here."
        if good_since
        else "No earlier one counts: nothing is read, and no truststore is kept up to date, until it is corrected."
    )
    words = Words(
        title="its configuration was refused",
        happened=f"The watch file, or a parameter of the stack, has {count(len(mistakes), 'mistake')}.",
        means=means,
        do=(
            "Correct all that is listed here; the next run takes it up. The command genesys-certs plan --watch-file"
            " checks a file before it is uploaded. This shows what is still wrong:"
        ),
        command=invoke(Fill.COLLECT, {"dry_run": True}),
    )
    facts = {f"mistake {number}": plain(text, _LONGEST) for number, text in enumerate(mistakes[:_MOST], 1)}
    facts |= {"more": f"{len(mistakes) - _MOST}, in the log"} if len(mistakes) > _MOST else {}
    distinction = f"{digest}:{stamp(since)}"
    return about_stack(
        Kind.CONFIGURATION_REFUSED, Severity.CRITICAL, distinction, words, facts | {"since": when(since)}, now
    )


def no_longer_watched(*, targets: Mapping[str, str], sources: Mapping[str, str], now: datetime) -> Alert:
    """A configuration was accepted that leaves out what the one before named.

    ``targets`` (ARNs) and ``sources`` (regions) are given by id; at least one of both is there.
    """
    what = enumerated([count(len(one), noun) for one, noun in ((targets, "target"), (sources, "source")) if one])
    are = "is" if len(targets) + len(sources) == 1 else "are"
    of_targets = (
        "What these targets hold stays as it is, and nobody looks at it any more: when Genesys changes to another root"
        " their data actions fail, and no alert says so."
    )
    of_sources = (
        "Certificates of these Genesys regions are no longer read, and what only they needed leaves the truststores in"
        " some weeks."
    )
    words = Words(
        title=f"{what} {are} no longer watched",
        happened=f"The watch file or the parameters, as they are now, leave out {what} (listed below).",
        means=" ".join(text for text, there in ((of_targets, targets), (of_sources, sources)) if there),
        do=(
            "If that was meant, nothing. Else put the lines back: the bucket of the watch file keeps its earlier"
            " versions. A file that was cut off may be valid all the same."
        ),
    )
    facts = _left("target", {key: plain(arn, 240) for key, arn in targets.items()})
    facts |= _left("source", {key: plain(region, 60) for key, region in sources.items()})
    return about_stack(Kind.NO_LONGER_WATCHED, Severity.WARNING, stamp(now), words, facts, now)


def _left(label: str, found: Mapping[str, str]) -> dict[str, str]:
    facts = {f"{label} {plain(key, 40)}": where for key, where in sorted(found.items())[:_NAMED]}
    return facts | ({f"more {label}s": f"and {len(found) - _NAMED} more"} if len(found) > _NAMED else {})


def configuration_forged(*, since: datetime, now: datetime) -> Alert:
    """While the newest configuration is refused, what the two functions have kept of earlier ones does not agree."""
    words = Words(
        title="what it has kept of its configuration was changed",
        happened=(
            "The newest configuration is refused, and none of the earlier ones below sources/ is one that publish has"
            " accepted by what it noted below bundles/."
        ),
        means=(
            "Somebody else can write where only the functions may. No earlier configuration is used: nothing is read,"
            " and no truststore is kept up to date, until the newest one is right."
        ),
        do=(
            f"Correct the configuration first. Then find out who wrote {keys.CONFIGURATION} or {keys.ACCEPTED}"
            " (CloudTrail data events), take that right away, and see that the bucket policy is the template's. These"
            " list the versions:"
        ),
        commands=(versions(keys.CONFIGURATION), versions(keys.ACCEPTED)),
    )
    return about_stack(Kind.STATE_FORGED, Severity.CRITICAL, stamp(since), words, {"since": when(since)}, now)
