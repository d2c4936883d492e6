"""Fold one look at a source into its history: the authorities one by one, and the troubles of looking itself.

Pure: a history and a look go in, the next history comes out, its new alerts in the outbox. Nothing raises. A look that
finds nothing new gives back an equal history, but for a freshness mark now and then.
"""

from datetime import datetime, timedelta

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.model import Alert
from rotation_watcher.config import Authority
from rotation_watcher.errors import SourceReason
from rotation_watcher.sources.conditions import endure
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import AuthorityHistory, Episode, History
from rotation_watcher.sources.leaves import apply_entities, lacks_anchor
from rotation_watcher.sources.observation import Entity, Observation, Presence

replace = msgspec.structs.replace


def fold(history: History, observation: Observation, context: Context) -> History:
    """The history after a successful look, its new alerts in the outbox."""
    alerts: list[Alert] = []
    authorities: dict[str, AuthorityHistory] = {}
    episodes = dict(history.episodes)
    alerts += _recovered(episodes, "source", context)
    watched = {authority.value for authority in context.source.authorities}
    seen = {entity.authority for entity in observation.entities}
    strange = history.authorities.keys() - {authority.value for authority in Authority}
    for authority in sorted(watched | seen | strange):
        entities = [entity for entity in observation.entities if entity.authority == authority]
        before = history.authorities.get(authority, AuthorityHistory())
        after, news = apply_entities(authority, before, entities, observation.learned.get(authority), context)
        if after != AuthorityHistory():
            authorities[authority] = after
        alerts += news
        if authority in watched:
            alerts += _absent(episodes, authority, entities, context)
            alerts += _anchors(episodes, authority, entities, context)
    fresh_at = history.fresh_at
    # Authorities that are no longer watched are forgotten: their leaves are nobody's need any more.
    folded = replace(history, authorities=authorities, episodes=episodes).told(tuple(alerts))
    if folded != history or fresh_at is None or _fades(fresh_at, context):
        fresh_at = context.now
    return replace(folded, fresh_at=fresh_at)


def apply_failure(history: History, reason: SourceReason, message: str, context: Context) -> History:
    """The history after a look that failed: what is known of certificates is untouched, people are told once."""
    episodes = dict(history.episodes)
    threshold = 1 if reason.lasting else context.policy.confirmations
    episode, tell = endure(episodes, "source", threshold, context.now, reason)
    alerts = []
    if tell:
        alerts.append(
            builders.source_failing(
                source=context.name,
                reason=reason,
                message=message,
                authority=None,
                since=episode.since,
                last_good=history.fresh_at,
                now=context.now,
            )
        )
    return replace(history, episodes=episodes).told(tuple(alerts))


def _fades(fresh_at: datetime, context: Context) -> bool:
    return context.now - fresh_at >= timedelta(hours=context.policy.stale_after_hours) / 3


def _recovered(episodes: dict[str, Episode], name: str, context: Context) -> list[Alert]:
    episode = episodes.pop(name, None)
    if episode is None or not episode.told:
        return []
    reason = episode.reason or SourceReason.UNAVAILABLE
    return [builders.source_recovered(source=context.name, reason=reason, since=episode.since, now=context.now)]


def _absent(episodes: dict[str, Episode], authority: str, entities: list[Entity], context: Context) -> list[Alert]:
    """A watched authority of which the API shows no current certificate is a source that cannot be read."""
    name = f"absent:{authority}"
    if any(entity.presence is Presence.CURRENT for entity in entities):
        return _recovered(episodes, name, context)
    reason = SourceReason.AUTHORITY_ABSENT
    episode, tell = endure(episodes, name, context.policy.confirmations, context.now, reason)
    if not tell:
        return []
    return [
        builders.source_failing(
            source=context.name,
            reason=reason,
            message=f"The API shows no current certificate of the authority {authority}.",
            authority=authority,
            since=episode.since,
            last_good=None,
            now=context.now,
        )
    ]


def _anchors(episodes: dict[str, Episode], authority: str, entities: list[Entity], context: Context) -> list[Alert]:
    """Without an anchor every certificate is quarantined: one alert about the anchor says more than one for each."""
    name = f"anchor:{authority}"
    if not any(lacks_anchor(entity) for entity in entities):
        if entities:
            episodes.pop(name, None)
        return []
    episode, tell = endure(episodes, name, 1, context.now)
    if not tell:
        return []
    key = context.source.anchors_key if authority == Authority.GENESYS else "anchors/digicert.pem"
    return [
        builders.anchor_missing(
            source=context.name,
            authority=authority,
            problem=context.anchor_problems.get(authority, f"{key} holds no usable root."),
            bucket=context.bucket,
            key=key,
            since=episode.since,
            now=context.now,
        )
    ]
