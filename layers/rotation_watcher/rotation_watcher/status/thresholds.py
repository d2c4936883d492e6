"""Which ends people are to be told of: of what is in use and has no successor, at the thresholds of the policy. Pure.

A threshold is passed by the date (UTC): so what ends on one day is due in one run, in one message. A run tells of each
certificate the lowest threshold that has passed, so runs that did not take place make no burst. There is one condition
for each severity: incident systems call nobody a second time for an incident that somebody has acknowledged, so what
becomes urgent gets an id of its own, and what is only to be planned for never travels with it.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import Ending, Role
from rotation_watcher.alerts.conditions import Evaluation, Lasting, Observed, evaluate, strange, unjudged
from rotation_watcher.alerts.model import Kind, Severity
from rotation_watcher.alerts.waiting import with_alerts
from rotation_watcher.config import Authority, Policy, Watch
from rotation_watcher.status import expiry
from rotation_watcher.status.expiry_state import State
from rotation_watcher.status.model import Certificate, NextExpiry, Status
from rotation_watcher.status.parts import wanted_by

replace = msgspec.structs.replace

KEYS = {severity: f"expiring:{severity}" for severity in (Severity.CRITICAL, Severity.WARNING, Severity.INFO)}
"""The keys of the conditions."""
FORGED = "forged:alerts"
"""The key of the condition of alerts that are not the watcher's."""
ENDED = -1
"""Days: the threshold behind all others, of what has ended. A leaf that has ended is told by collect (``expired``)."""
OVER = Lasting(2, timedelta(hours=1))
"""How long nothing may be left before that is told."""
MOST = 1000
"""Certificates that are looked at, the first that ends first."""


class Found(msgspec.Struct, frozen=True):
    """What one run found.

    ``ends``: without a successor, within the first threshold; ``passed``: the lowest threshold of each. ``known``: the
    fingerprints of all that is in use. ``whole``: everything that could have named another one was read.
    """

    ends: tuple[Ending, ...]
    passed: Mapping[str, int]
    known: frozenset[str]
    whole: bool


def find(watch: Watch, status: Status) -> Found:
    """What ends, by a status."""
    merged = _merged(expiry.ends(status.sources, status.bundles, status.at, ended=True))
    certificates = _certificates(status)
    ends, passed = [], {}
    for one in [one for one in merged if not one.successor][:MOST]:
        lowest = _lowest(one, _thresholds(one, watch.policy), status.at)
        if lowest is not None:
            passed[one.fingerprint] = lowest
            ends.append(_ending(one, certificates[one.fingerprint], watch, status.at))
    return Found(tuple(ends), passed, frozenset(one.fingerprint for one in merged), _whole(status))


def after(state: State, found: Found, policy: Policy, now: datetime) -> State:
    """The state after a run; the alerts that are due are in its outbox."""
    ends = [replace(one, fresh=not _told(state, one, found, now)) for one in found.ends]
    members = {key: [one for one in ends if one.severity is severity] for severity, key in KEYS.items()}
    judged = evaluate(
        {key: one for key, one in state.conditions.items() if key in members},
        [_observed(key, some, now) for key, some in members.items() if some],
        now,
        resolves=lambda _: OVER if found.whole else None,
        remind=policy.remind_days,
    )
    others = _others(state, now)
    return replace(
        state,
        conditions=judged.conditions | others.conditions,
        told={**_kept(state, found), **found.passed},
        outbox=with_alerts(state.outbox, (*judged.alerts, *others.alerts)),
    )


def strange_alerts(state: State, now: datetime) -> State:
    """The state after alerts that the watcher had not written were taken out of its outbox."""
    judged = evaluate(state.conditions, [strange(FORGED, None, keys.EXPIRY, now)], now, resolves=unjudged)
    return replace(state, conditions=judged.conditions, outbox=with_alerts(state.outbox, judged.alerts))


def _observed(key: str, members: list[Ending], now: datetime) -> Observed:
    fresh = any(one.fresh for one in members)
    return Observed(
        key,
        Kind.EXPIRING,
        lambda since: builders.expiring(ends=members, since=since, now=now),
        again=lambda _: fresh,
    )


def _others(state: State, now: datetime) -> Evaluation:
    """What of the state is not about ends: that alerts were not ours is over when that was not found again."""
    known = {key: one for key, one in state.conditions.items() if key not in KEYS.values()}
    return evaluate(known, [], now, resolves=lambda key: OVER if key == FORGED else None)


def _told(state: State, one: Ending, found: Found, now: datetime) -> bool:
    """Whether the threshold that this one has passed was told. One told before it was passed was not: by a clock."""
    told = state.told.get(one.fingerprint)
    return told is not None and days_left(one.at, now) <= told <= found.passed[one.fingerprint]


def _kept(state: State, found: Found) -> dict[str, int]:
    """What was told of certificates that are in use still, or perhaps: where not all could be read, of every one."""
    return {key: days for key, days in state.told.items() if not found.whole or key in found.known}


def days_left(at: datetime, now: datetime) -> int:
    """Days to an end, by the dates (UTC); at most ENDED once it has come."""
    days = (at.astimezone(UTC).date() - now.astimezone(UTC).date()).days
    return min(days, ENDED) if at <= now else days


def _thresholds(one: NextExpiry, policy: Policy) -> set[int]:
    """Days before its end: those of the policy, and below the first of them where it becomes more severe."""
    listed = {expiry.days_before(one.begins, one.at, days) for days in policy.expiry_days}
    return listed | {days for days in (expiry.near_days(one), expiry.now_days(one)) if days < max(listed, default=0)}


def _lowest(one: NextExpiry, thresholds: Collection[int], now: datetime) -> int | None:
    """The lowest threshold that this one has passed; None: none."""
    days = days_left(one.at, now)
    if thresholds and days <= ENDED:
        return min(thresholds) if one.role == Role.LEAF else ENDED
    return min((each for each in thresholds if each >= days), default=None)


def _severity(one: NextExpiry, now: datetime) -> Severity:
    """As the headline of the page judges it (``verdict``)."""
    days = days_left(one.at, now)
    if days <= expiry.now_days(one) and one.role != Role.EXTRA:
        return Severity.CRITICAL
    return Severity.WARNING if days <= expiry.near_days(one) else Severity.INFO


def _ending(one: NextExpiry, certificate: Certificate, watch: Watch, now: datetime) -> Ending:
    return Ending(
        role=Role(one.role),
        of=one.of,
        authority=certificate.authority or "",
        subject=one.subject,
        fingerprint=one.fingerprint,
        at=one.at,
        file=_file(one, certificate, watch),
        severity=_severity(one, now),
    )


def _file(one: NextExpiry, certificate: Certificate, watch: Watch) -> str:
    """The operator's file that holds it; empty where it is in none that the watch file names."""
    if one.role == Role.EXTRA:  # the manifest is state, which somebody else may have written: it selects, no more
        files = dict.fromkeys(key for bundle in watch.bundles for key in bundle.extra)
        return next((key for key in files if wanted_by(key) in certificate.why), "")
    if one.role != Role.ANCHOR:
        return ""
    if certificate.authority == Authority.DIGICERT:
        return keys.DIGICERT_ANCHORS
    return next((source.anchors_key for source in watch.sources if source.region == one.of), "")


def _merged(ends: Iterable[NextExpiry]) -> list[NextExpiry]:
    """Each certificate once. A root is judged by the files of roots that hold it, whatever bundles it is in besides."""
    found: dict[str, list[NextExpiry]] = {}
    for one in ends:
        found.setdefault(one.fingerprint, []).append(one)
    merged = []
    for same in found.values():
        deciding = [one for one in same if one.role == Role.ANCHOR] or same
        merged.append(replace(deciding[0], successor=all(one.successor for one in deciding)))
    return merged


def _certificates(status: Status) -> dict[str, Certificate]:
    """Every certificate of a status, by fingerprint; of one that is in several places what says most of it."""
    listed = [one for bundle in status.bundles for one in bundle.certificates]
    listed += [one for source in status.sources for one in (*source.certificates, *source.anchors)]
    return {one.fingerprint: one for one in listed}


def _whole(status: Status) -> bool:
    """Whether all was read that names certificates: what could not be read has not been replaced."""
    places = (one.place.removeprefix(f"s3://{status.place.bucket}/") for one in status.unreadable)
    return not any(place.startswith(("sources/", "bundles/", "anchors/")) for place in places)
