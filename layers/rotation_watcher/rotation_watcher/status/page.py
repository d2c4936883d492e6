"""The status page: one HTML file that needs no other, and no script to be read.

Jinja escapes all that enters the page, and a policy in the page (CSP) lets nothing run or load but its own style and
script, which are named by their digests. So neither a name out of a certificate nor a slip here can do more than be
shown. Foreign text was made plain before (``model``), and stands in ``<bdi>``, so that it turns no words around it.
"""

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from rotation_watcher.alerts.builders.wording import count
from rotation_watcher.status.model import Level, Status, TargetState, TargetStatus
from rotation_watcher.status.timeline import Timeline, timeline

_WORDS = {Level.GOOD: "All good", Level.LOOK: "Look at it", Level.ACT: "Act now"}
_STATES = {
    TargetState.IN_STEP: "in step",
    TargetState.UPDATING: "updating",
    TargetState.BEHIND: "behind",
    TargetState.HELD: "held",
    TargetState.WATCHED: "watched only",
    TargetState.NEW: "nothing deployed yet",
    TargetState.UNKNOWN: "unknown",
}
_PROOFS = {
    "bytes": "read back byte for byte",
    "version": "the service reports this version",
    "etag": "the service shows the ETag of this update",
    "as-found": "as it was found",
}
_FEW = 12
"""Targets of a bundle that are shown at once; more are folded, and those that need a look stand before them."""
_SEVERITIES = {"critical": Level.ACT, "warning": Level.LOOK, "info": Level.GOOD}


class Group(msgspec.Struct, frozen=True):
    """Targets that are shown together. ``folded``: all of them are well, and there are many."""

    title: str
    targets: tuple[TargetStatus, ...]
    folded: bool


def render(status: Status) -> bytes:
    """The page of a status, as UTF-8."""
    environment = _environment()
    style, script = _source("style.css"), _source("script.js")
    pictures: dict[str, Timeline] = {
        one.id: timeline(one, status.bundles, status.rules, status.at) for one in status.sources
    }
    text = environment.get_template("index.html").render(
        status=status,
        now=status.at,
        words=_WORDS,
        style=Markup(style),  # noqa: S704  # ours, and nothing is put into it
        script=Markup(script),  # noqa: S704  # likewise
        policy=_policy(style, script),
        remedy=_remedy(status),
        pictures=pictures,
        groups=groups(status.targets),
        states=_STATES,
        proofs=_PROOFS,
        levels=_SEVERITIES,
        targets_in_step=sum(one.level is Level.GOOD for one in status.targets),
        sources_well=sum(one.level is Level.GOOD for one in status.sources),
    )
    return text.encode()


def _remedy(status: Status) -> str:
    """What to do about the first reason: the first sentence of its alert; empty where no alert is at hand."""
    first = next(iter(status.verdict.reasons), "")
    said = next((one.to_do.partition("\n")[0] for one in status.conditions if one.title == first), "")
    sentence, dot, _ = said.partition(". ")
    return f"{sentence}{dot.strip()}"


def groups(targets: Iterable[TargetStatus]) -> list[Group]:
    """What needs a look first, then the others by bundle."""
    listed = [*targets]
    worse = [one for one in listed if one.level is not Level.GOOD]
    worse.sort(key=lambda one: (one.level is not Level.ACT, one.id))
    found = [Group(f"{count(len(worse), 'target')} to look at", tuple(worse), folded=False)] if worse else []
    for bundle in dict.fromkeys(one.bundle for one in listed):
        well = tuple(one for one in listed if one.bundle == bundle and one.level is Level.GOOD)
        if well:
            found.append(Group(f"Bundle {bundle}: {count(len(well), 'target')}", well, folded=len(well) > _FEW))
    return found


def _policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere, and only the two texts that the page holds may act."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rotation_watcher.status", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"day": _day, "moment": _moment, "left": _left, "short": _short, "ago": _ago}
    environment.filters.update(filters)
    return environment


@cache
def _source(name: str) -> str:
    environment = _environment()
    if environment.loader is None:
        raise TypeError("the environment has a loader")
    return environment.loader.get_source(environment, name)[0].strip()


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _left(moment: datetime, now: datetime) -> str:
    """How far away an end is: ``40 days left``, ``12 years left``, ``ended 3 days ago``."""
    if moment < now:
        passed = (now - moment).days
        return f"ended {count(passed, 'day')} ago" if passed else "ended today"
    days = (moment - now).days
    return f"{count(days, 'day')} left" if days < 800 else f"{days // 365} years left"  # noqa: PLR2004  # two years


def _ago(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest whole unit."""
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return f"{count(seconds // length, unit)} ago"
    return "just now"


def _short(fingerprint: str) -> str:
    """What a person compares of a fingerprint."""
    return fingerprint[:16]
