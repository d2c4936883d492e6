"""What lasts and people should know of lists and of certificates on them. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import AT_ONCE, Lasting, Observed, Subject, evaluate, strange, unjudged
from rotation_watcher.alerts.model import Alert, Kind, SourceName
from rotation_watcher.alerts.waiting import with_alerts
from rotation_watcher.config import RemindDays
from rotation_watcher.errors import TOO_MANY_LISTS
from rotation_watcher.revocation.fetch import Failed, Outcome
from rotation_watcher.revocation.points import Member, Point
from rotation_watcher.revocation.state import About, State
from rotation_watcher.x509.crl import share_left
from rotation_watcher.x509.crl_facts import CrlFacts

replace = msgspec.structs.replace

STALE = 1 / 4
"""The share of its period that a list has left when people are told that it is not replaced."""
FORGED = "forged:alerts"
"""The key of the condition of alerts that are not the watcher's."""
REVOKED, STALE_LIST = "revoked:", "crl-stale:"
"""What the keys of the two conditions begin with: a fingerprint follows, or the folder of a list."""
OVERDUE, NOT_REPLACED = "overdue", "not-replaced"
UNFETCHED = Lasting(3, timedelta(hours=2))
"""How long a list cannot be fetched before people are told, while the one in force has some time left."""
REFUSED = Lasting(2, timedelta(minutes=30))
"""Likewise for a list that was got and is not used: mirrors show an old one in turn for some minutes."""
OVER = Lasting(2, timedelta(minutes=30))
"""How long a list must be right before that is told."""


class Judged(msgspec.Struct, frozen=True):
    """What became of one list in this run: ``facts`` are of the one that is in force after it, None: there is none."""

    point: Point
    outcome: Outcome
    facts: CrlFacts | None


class OnList(msgspec.Struct, frozen=True):
    """A certificate of ours that a list in force revokes, and when that list was made."""

    member: Member
    url: str
    made: datetime


def stale_key(folder: str) -> str:
    """The key of the condition of a list."""
    return f"{STALE_LIST}{folder}"


def revoked_key(fingerprint: str) -> str:
    """The key of the condition of a certificate."""
    return f"{REVOKED}{fingerprint}"


def after(
    state: State,
    judged: Iterable[Judged],
    revoked: Iterable[OnList],
    now: datetime,
    *,
    is_over: Callable[[str, About | None], bool],
    remind: RemindDays,
) -> State:
    """The state after a run; the alerts that are due are in its outbox.

    ``is_over`` says of the key of a condition that was not observed whether this run shows that it has ended.
    """
    observed: dict[str, Observed] = {}
    about: dict[str, About] = {**state.about}
    for one in judged:
        found = _stale(one, now)
        if found is not None:
            observed[found.key] = found
            first = one.point.members[0]
            about[found.key] = About(source=first.source, region=first.region, name=one.point.url)
    for each in revoked:
        one_revoked = _revoked(each, now)
        observed[one_revoked.key] = one_revoked
        name = each.member.certificate.facts.subject
        known = state.about.get(one_revoked.key)
        made = max(each.made, known.made) if known and known.made else each.made
        about[one_revoked.key] = About(source=each.member.source, region=each.member.region, name=name, made=made)
    conditions, alerts, _ = evaluate(
        state.conditions,
        observed.values(),
        now,
        resolves=lambda key: _over(key) if key == FORGED or is_over(key, state.about.get(key)) else None,
        about=lambda key: _subject(key, about),
        remind=remind,
    )
    return replace(
        state,
        conditions=conditions,
        about={key: about[key] for key in conditions if key in about},
        outbox=with_alerts(state.outbox, alerts),
    )


def strange_alerts(state: State, now: datetime) -> State:
    """The state after alerts that the watcher had not written were taken out of its outbox."""
    observed = [strange(FORGED, None, keys.CRL_STATE, now)]
    conditions, alerts, _ = evaluate(state.conditions, observed, now, resolves=unjudged)
    return replace(state, conditions=conditions, outbox=with_alerts(state.outbox, alerts))


def _over(key: str) -> Lasting:
    return AT_ONCE if key.startswith(REVOKED) else OVER


def _stale(one: Judged, now: datetime) -> Observed | None:
    """Whether this list is a trouble: not got, not replaced, or run out."""
    failed = one.outcome if isinstance(one.outcome, Failed) else None
    left = None if one.facts is None else share_left(one.facts, now)
    if left == 0.0:
        reason, lasting = OVERDUE, AT_ONCE
    elif failed is not None:
        soon = failed.code == TOO_MANY_LISTS or (left is not None and left < STALE)
        reason, lasting = failed.code, AT_ONCE if soon else REFUSED if failed.refused else UNFETCHED
    elif left is not None and left < STALE:
        reason, lasting = NOT_REPLACED, AT_ONCE
    else:
        return None
    first = one.point.members[0]

    def alert(since: datetime) -> Alert:
        return builders.crl_stale(
            source=SourceName(first.source, first.region),
            authority=first.authority,
            folder=one.point.folder,
            url=one.point.url,
            issuer=one.point.issuer.facts.subject,
            reason=reason,
            not_got=failed.code if failed else None,
            failure=failed.words if failed else None,
            held=one.facts,
            since=since,
            now=now,
        )

    return Observed(
        stale_key(one.point.folder),
        Kind.CRL_STALE,
        alert,
        lasting,
        reason,
        again=lambda told: reason == OVERDUE and told != OVERDUE,
    )


def _revoked(one: OnList, now: datetime) -> Observed:
    member = one.member

    def alert(since: datetime) -> Alert:
        return builders.revoked(
            source=SourceName(member.source, member.region),
            authority=member.authority,
            certificate=member.certificate.facts,
            ca=member.ca,
            replaced=member.replaced,
            url=one.url,
            since=since,
            now=now,
        )

    return Observed(revoked_key(member.fingerprint), Kind.REVOKED, alert)


def _subject(key: str, about: Mapping[str, About]) -> Subject:
    """The source that a condition is about; None: it is about alerts, which are the stack's."""
    known = about.get(key)
    return SourceName(known.source, known.region) if known else None
