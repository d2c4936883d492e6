"""Fold one look at a source into its history: the authorities one by one, and the troubles of looking itself.

Pure: a history and a look go in, the next history comes out, its new alerts in the outbox. Nothing raises. A look that
finds nothing new gives back an equal history, but for a freshness mark now and then.
"""

from datetime import datetime, timedelta

import msgspec

from rotation_watcher.alerts.conditions import Observed
from rotation_watcher.alerts.model import Alert
from rotation_watcher.config import Authority
from rotation_watcher.errors import SourceReason
from rotation_watcher.sources import bounds, conditions
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import AuthorityHistory, History
from rotation_watcher.sources.leaves import apply_entities, counts_as_accepted
from rotation_watcher.sources.observation import Entity, Observation, Presence

replace = msgspec.structs.replace


def fold(history: History, observation: Observation, context: Context) -> History:
    """The history after a successful look, its new alerts in the outbox."""
    alerts: list[Alert] = []
    quarantined: list[Observed] = []
    authorities: dict[str, AuthorityHistory] = {}
    watched = {authority.value for authority in context.source.authorities}
    shown: dict[str, list[Entity]] = {}
    for entity in observation.entities:
        shown.setdefault(entity.authority, []).append(entity)
    strange = history.authorities.keys() - {authority.value for authority in Authority}
    for authority in sorted(watched | shown.keys() | strange):
        entities = shown.get(authority, [])
        before = history.authorities.get(authority, AuthorityHistory())
        after, news, refused = apply_entities(authority, before, entities, observation.learned.get(authority), context)
        if after != AuthorityHistory():
            authorities[authority] = after
        alerts += news
        quarantined += refused
    # Authorities that are no longer watched are forgotten: their leaves are nobody's need any more.
    folded = replace(history, authorities=bounds.pruned(authorities))
    proven = {name for name in watched if _proven(shown.get(name, []), history.authorities.get(name))}
    folded, due = conditions.judged(folded, observation, quarantined, proven, context)
    folded = folded.with_alerts((*alerts, *due))
    fresh_at = history.fresh_at
    # An answer in which nothing is accepted proves nothing, however well it was read.
    if proven == watched and (folded != history or fresh_at is None or _fades(fresh_at, context)):
        fresh_at = context.now
    return replace(folded, fresh_at=fresh_at)


def _proven(entities: list[Entity], before: AuthorityHistory | None) -> bool:
    """Whether the look shows a current leaf that counts as accepted."""
    known = before or AuthorityHistory()
    return any(one.presence is Presence.CURRENT and counts_as_accepted(one, known) for one in entities)


def apply_failure(history: History, reason: SourceReason, message: str, context: Context) -> History:
    """The history after a look that failed: what is known of certificates is untouched, people are told once."""
    after, alerts = conditions.unread(history, reason, message, context)
    return after.with_alerts(alerts)


def _fades(fresh_at: datetime, context: Context) -> bool:
    return context.now - fresh_at >= timedelta(hours=context.policy.stale_after_hours) / 3
