"""Apply one observation of a source to its history: the authorities one by one, and failures of observing itself.

Pure: a history and an observation go in, the next history comes out, its new alerts in the outbox. Nothing raises. An
observation that finds nothing new gives back an equal history, but for a freshness mark now and then.
"""

from datetime import datetime, timedelta

import msgspec

from rotation_watcher.alerts.model import Alert
from rotation_watcher.config import Authority
from rotation_watcher.errors import SourceReason
from rotation_watcher.sources import bounds, clock, conditions
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import AuthorityHistory, History
from rotation_watcher.sources.leaves import apply_entities, counts_as_accepted, retired
from rotation_watcher.sources.observation import Entity, Observation, Presence

replace = msgspec.structs.replace


def apply_observation(history: History, observation: Observation, context: Context) -> History:
    """The history after a successful observation, its new alerts in the outbox."""
    known, lasting = clock.settle(history, context)
    stale = known.stale(context.now, context.policy)
    context = replace(context, past=known.fresh_at if stale else context.now)
    alerts: list[Alert] = []
    authorities: dict[str, AuthorityHistory] = {}
    watched = {authority.value for authority in context.source.authorities}
    shown: dict[str, list[Entity]] = {}
    for entity in observation.entities:
        shown.setdefault(entity.authority, []).append(entity)
    strange = known.authorities.keys() - {authority.value for authority in Authority}
    for authority in sorted(watched | shown.keys() | strange):
        entities = shown.get(authority, [])
        before = known.authorities.get(authority, AuthorityHistory())
        learned = observation.learned.get(authority, ())
        after, events, found = apply_entities(authority, before, entities, learned, context)
        if after != AuthorityHistory():
            authorities[authority] = after
        alerts += events
        lasting += found
    for authority in known.authorities.keys() - authorities.keys() - watched - strange:
        authorities[authority] = retired(known.authorities[authority], context)
    changed = replace(known, authorities=bounds.pruned(authorities))
    proven = {name for name in watched if _proven(shown.get(name, []), known.authorities.get(name), context)}
    changed, due = conditions.judged(changed, observation, lasting, proven, context)
    changed = changed.with_alerts((*alerts, *due))
    fresh_at = known.fresh_at
    # An answer in which nothing is accepted proves nothing, however well it was read.
    if proven == watched and (changed != history or fresh_at is None or _fades(fresh_at, context)):
        fresh_at = context.now
    return replace(changed, fresh_at=fresh_at)


def _proven(entities: list[Entity], before: AuthorityHistory | None, context: Context) -> bool:
    """Whether the answer shows a current leaf that counts as accepted."""
    known = before or AuthorityHistory()
    return any(one.presence is Presence.CURRENT and counts_as_accepted(one, known, context) for one in entities)


def apply_failure(history: History, reason: SourceReason, message: str, context: Context) -> History:
    """The history after an observation that failed: what is known of certificates is untouched, one alert is sent."""
    known, found = clock.settle(history, context)
    after, alerts = conditions.unread(known, reason, message, found, context)
    return after.with_alerts(alerts)


def _fades(fresh_at: datetime, context: Context) -> bool:
    return context.now - fresh_at >= timedelta(hours=context.policy.stale_after_hours) / 3
