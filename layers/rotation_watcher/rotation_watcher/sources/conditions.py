"""What one look says about the conditions of a source, and how long each must be absent to be over."""

from collections.abc import Collection, Iterable
from datetime import timedelta

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Condition, Lasting, Observed, evaluate, unjudged
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.config import Authority, Policy
from rotation_watcher.errors import SourceReason
from rotation_watcher.sources import floods
from rotation_watcher.sources import keys_of_conditions as keys
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import History
from rotation_watcher.sources.leaves import lacks_anchor
from rotation_watcher.sources.observation import Entity, Observation, Presence

replace = msgspec.structs.replace

QUARANTINE_CLEAR = timedelta(days=1)
"""How long an entity must not be shown until its return is news again."""


def clear(policy: Policy) -> Lasting:
    """How long a condition of a source must be absent to be over. One look never tells an end from flapping."""
    return Lasting(max(2, policy.confirmations))


def judged(
    history: History,
    observation: Observation,
    quarantined: Iterable[Observed],
    proven: Collection[str],
    context: Context,
) -> tuple[History, tuple[Alert, ...]]:
    """The history's conditions and the alerts that are due after a successful look.

    ``observation`` is what the API showed, ``quarantined`` what of it is in quarantine, ``proven`` the authorities of
    which it showed an accepted current leaf.
    """
    shown: dict[str, list[Entity]] = {authority.value: [] for authority in context.source.authorities}
    for entity in observation.entities:
        shown.setdefault(entity.authority, []).append(entity)
    observed = floods.told_apart(history, quarantined, observation.floods, proven, context)
    flooded = {flood.authority for flood in observation.floods}
    for authority in context.source.authorities:
        if authority not in {*proven, *flooded}:
            observed += _absent(authority.value, shown[authority.value], history, context)
        observed += _anchors(authority.value, shown[authority.value], context)
    settled = tuple(
        keys.quarantined(entity.authority, entity.key)
        for one in shown.values()
        for entity in one
        if entity.verdict.accepted and entity.verdict.lifted
    )

    unverified = {keys.anchor(authority) for authority, found in shown.items() if not found}

    def resolves(key: str) -> Lasting | None:
        kind = keys.kind_of(key)
        if kind is None or kind is Kind.SOURCES_DISAGREE or key in unverified:
            return None  # a newer release's; ``compare`` judges it; nothing was verified to an anchor
        if key.startswith(keys.absent("")) and history.conditions[key].alerted is None:
            return Lasting()  # an answer that lacks something now and then is how the API rotates, and no news
        if key.startswith(settled):
            return Lasting()  # a person approved it; should the approval go, that is news
        enough = clear(context.policy)
        # What was never told is forgotten as soon as it is gone, or entities that change at every look would pile up.
        lasts = kind in {Kind.QUARANTINED, Kind.FLOOD} and history.conditions[key].alerted is not None
        return enough._replace(duration=QUARANTINE_CLEAR) if lasts else enough

    conditions, alerts, resolved = evaluate(history.conditions, observed, context.now, resolves=resolves)
    over = [_recovered(one, context) for one in resolved.values() if one.kind == Kind.SOURCE_FAILING]
    return replace(history, conditions=conditions), (*over, *alerts)


def unread(history: History, reason: SourceReason, message: str, context: Context) -> tuple[History, tuple[Alert, ...]]:
    """The history's conditions and the alerts after a look that failed: it says nothing about any other condition."""
    failing = Observed(
        keys.SOURCE,
        Kind.SOURCE_FAILING,
        lambda since: builders.source_failing(
            source=context.name,
            reason=reason,
            message=message,
            authority=None,
            since=since,
            last_good=history.fresh_at,
            now=context.now,
        ),
        Lasting(1 if reason.lasting else context.policy.confirmations),
        reason,
        news=lambda told: reason.lasting and not _lasting(told),
    )
    conditions, alerts, _ = evaluate(history.conditions, [failing], context.now, resolves=unjudged)
    return replace(history, conditions=conditions), alerts


def _lasting(reason: str | None) -> bool:
    """Whether people were told that looking again cannot help. A reason of a newer release counts as one that may."""
    return reason in {one.value for one in SourceReason if one.lasting}


def _absent(authority: str, entities: Iterable[Entity], history: History, context: Context) -> list[Observed]:
    """A watched authority of which the API shows no current certificate that is accepted cannot be watched.

    One in quarantine that stays there, or that lacks its anchor, is told as that. One that is another at every look is
    never told by itself, so it counts as absent.
    """
    current = [entity for entity in entities if entity.presence is Presence.CURRENT]
    known = history.conditions.get(keys.absent(authority))
    told = known is not None and known.alerted is not None  # then it is not over until one is accepted
    if any(lacks_anchor(entity) or (not told and _waits(entity, history)) for entity in current):
        return []
    message = f"The API shows no current certificate of the authority {authority}."
    if current:
        message = (
            f"None of the current certificates that the API shows of the authority {authority} can be accepted"
            f" ({', '.join(dict.fromkeys(one.code for entity in current for one in entity.verdict.reasons))}), and"
            " they are others than at the look before."
        )
    return [
        Observed(
            keys.absent(authority),
            Kind.SOURCE_FAILING,
            lambda since: builders.source_failing(
                source=context.name,
                reason=SourceReason.AUTHORITY_ABSENT,
                message=message,
                authority=authority,
                since=since,
                last_good=None,
                now=context.now,
            ),
            Lasting(context.policy.confirmations),
            SourceReason.AUTHORITY_ABSENT,
        )
    ]


def _waits(entity: Entity, history: History) -> bool:
    """Whether it was in quarantine at an earlier look already, so that it is told, or will be."""
    prefix = keys.quarantined(entity.authority, entity.key)
    return any(key.startswith(prefix) for key in history.conditions)


def _anchors(authority: str, entities: Iterable[Entity], context: Context) -> list[Observed]:
    """Without an anchor every certificate is quarantined: one alert about the anchor says more than one for each."""
    if not any(lacks_anchor(entity) for entity in entities):
        return []
    key = context.source.anchors_key if authority == Authority.GENESYS else "anchors/digicert.pem"
    return [
        Observed(
            keys.anchor(authority),
            Kind.ANCHOR_MISSING,
            lambda since: builders.anchor_missing(
                source=context.name,
                authority=authority,
                problem=context.anchor_problems.get(authority, f"{key} holds no usable root."),
                bucket=context.bucket,
                key=key,
                since=since,
                now=context.now,
            ),
        )
    ]


def _recovered(condition: Condition, context: Context) -> Alert:
    reason = condition.reason or SourceReason.UNAVAILABLE
    return builders.source_recovered(source=context.name, reason=reason, since=condition.since, now=context.now)
