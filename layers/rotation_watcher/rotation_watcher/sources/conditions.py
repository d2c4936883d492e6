"""What one observation says about the conditions of a source, and how long each must be absent to be over."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Lasting, Observed, evaluate, strange, unjudged
from rotation_watcher.alerts.model import Alert, Kind, SourceName
from rotation_watcher.config import Authority, Policy
from rotation_watcher.errors import SourceReason
from rotation_watcher.keys import history as history_of
from rotation_watcher.sources import flapping, floods
from rotation_watcher.sources import keys_of_conditions as keys
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import AuthorityHistory, History
from rotation_watcher.sources.leaves import lacks_anchor
from rotation_watcher.sources.observation import Entity, Observation, Presence, uncertain
from rotation_watcher.trust.file_contents import OperatorFile

replace = msgspec.structs.replace

QUARANTINE_CLEAR = timedelta(days=1)
"""How long an entity must not be shown until its return is alerted again."""
_TAKES_A_DAY_TO_END = {Kind.QUARANTINED, Kind.FLOOD, Kind.WENT_BACK}
"""Kinds about single leaves or entities: answers take turns in a rotation, so that a few without it say nothing."""


def clear(policy: Policy) -> Lasting:
    """How long a condition of a source must be absent to be over. One observation without it may be flapping."""
    return Lasting(max(2, policy.confirmations))


def judged(
    history: History,
    observation: Observation,
    found: Collection[Observed],
    with_accepted: Collection[str],
    context: Context,
) -> tuple[History, tuple[Alert, ...]]:
    """The history's conditions and the alerts that are due after a successful observation.

    ``found`` is what the clock and the single authorities gave rise to, ``with_accepted`` the authorities of which
    the observation showed an accepted current leaf.
    """
    shown: dict[str, list[Entity]] = {authority.value: [] for authority in context.source.authorities}
    for entity in observation.entities:
        shown.setdefault(entity.authority, []).append(entity)
    quarantined = [one for one in found if one.kind is Kind.QUARANTINED]
    observed = [one for one in found if one.kind is not Kind.QUARANTINED]
    observed += floods.grouped(history, quarantined, observation.floods, with_accepted, context)
    flooded = {flood.authority for flood in observation.floods}
    for authority in context.source.authorities:
        if authority not in {*with_accepted, *flooded}:
            observed += _absent(authority.value, shown[authority.value], history, context)
        observed += _anchors(authority.value, shown[authority.value], context)
        observed += _doubts(authority.value, shown[authority.value], observation, context)
    observed += _files(context)
    lifted = [entity for one in shown.values() for entity in one if entity.verdict.accepted and entity.verdict.lifted]
    approved = {key for entity in lifted for key in _ended_by_approval(history, entity)}
    # Where nothing of an authority is shown, nothing was verified to its anchor.
    unseen = {keys.anchor(authority) for authority, entities in shown.items() if not entities}

    def resolves(key: str) -> Lasting | None:
        condition = history.conditions[key]
        if not keys.known(key) or condition.kind == Kind.SOURCES_DISAGREE or key in unseen:
            return None  # a newer release's; ``compare`` judges it; the answer cannot tell
        if key.startswith(keys.absent("")) and condition.alerted is None:
            return Lasting()  # an answer that lacks something now and then is how the API rotates: nothing to alert
        if key in approved:
            return Lasting()  # a person approved it; should the approval go, that is alerted
        enough = clear(context.policy)
        # What was never alerted is dropped as soon as it is gone, or entities that change at every run would pile up.
        takes_a_day = condition.kind in _TAKES_A_DAY_TO_END and condition.alerted is not None
        return replace(enough, duration=QUARANTINE_CLEAR) if takes_a_day else enough

    conditions, alerts, resolved = evaluate(
        history.conditions,
        observed,
        context.now,
        resolves=flapping.slowly(history, resolves),
        about=lambda _: context.name,
        remind=context.policy.remind_days,
    )
    quick = [key for key, one in resolved.items() if one.kind not in _TAKES_A_DAY_TO_END]
    ended = flapping.ended(history, conditions, quick, context.now)
    return replace(history, conditions=conditions, ended=ended), alerts


def strange_alerts(history: History, source: SourceName, now: datetime) -> History:
    """The history after alerts that the watcher had not written were taken out of its outbox."""
    observed = [strange(keys.FORGED, source, history_of(source.id), now)]
    conditions, alerts, _ = evaluate(history.conditions, observed, now, resolves=unjudged)
    return replace(history, conditions=conditions).with_alerts(alerts)


def _ended_by_approval(history: History, entity: Entity) -> set[str]:
    """The quarantines that an approval ended: what it lifted, and what was open before the leaf was accepted.

    One that opened later is the approved leaf shown in another way, perhaps in turns: it is over as others are.
    """
    verdict = entity.verdict
    codes = (finding.code for finding in verdict.lifted)
    exact = keys.quarantined(entity.authority, entity.key, codes, verdict.root.fingerprint if verdict.root else None)
    prefix = keys.quarantined(entity.authority, entity.key)
    known = history.authorities.get(entity.authority, AuthorityHistory()).leaves.get(entity.key)
    return {
        key
        for key, condition in history.conditions.items()
        if key == exact or (known is not None and key.startswith(prefix) and condition.since <= known.first_seen)
    }


def unread(
    history: History, reason: SourceReason, message: str, found: Iterable[Observed], context: Context
) -> tuple[History, tuple[Alert, ...]]:
    """The history's conditions and the alerts after a failed observation: it says nothing about any other condition."""
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
            secret=context.source.credentials,
            returned=flapping.returned(history, keys.SOURCE, since),
        ),
        Lasting(1 if reason.lasting else context.policy.confirmations),
        reason,
        again=lambda alerted: reason.lasting and not _lasting(alerted),
    )
    conditions, alerts, _ = evaluate(
        history.conditions, [*found, failing], context.now, resolves=unjudged, remind=context.policy.remind_days
    )
    return replace(history, conditions=conditions), alerts


def defective(history: History, message: str, context: Context) -> History:
    """The history after the watcher itself failed at the source. It judges nothing else that is in it."""
    failing = Observed(
        keys.DEFECT,
        Kind.SOURCE_FAILING,
        lambda since: builders.source_failing(
            source=context.name,
            reason=SourceReason.INTERNAL_ERROR,
            message=message,
            authority=None,
            since=since,
            last_good=history.fresh_at,
            now=context.now,
            returned=flapping.returned(history, keys.DEFECT, since),
        ),
        reason=SourceReason.INTERNAL_ERROR,
    )
    conditions, alerts, _ = evaluate(
        history.conditions, [failing], context.now, resolves=unjudged, remind=context.policy.remind_days
    )
    return replace(history, conditions=conditions).with_alerts(alerts)


def _lasting(reason: str | None) -> bool:
    """Whether the alert said that trying again cannot help. A reason of a newer release counts as one that may."""
    return reason in {one.value for one in SourceReason if one.lasting}


def _absent(authority: str, entities: Iterable[Entity], history: History, context: Context) -> list[Observed]:
    """A watched authority of which the API shows no current certificate that is accepted cannot be watched.

    One in quarantine that stays there, or that lacks its anchor, or of which it is uncertain whose it is, has an alert
    of its own for that. One that is another in every answer is never alerted as such, so it counts as absent.
    """
    current = [entity for entity in entities if entity.presence is Presence.CURRENT]
    known = history.conditions.get(keys.absent(authority))
    alerted = known is not None and known.alerted is not None  # then it is not over until one is accepted
    if any(
        lacks_anchor(entity) or uncertain(entity) or (not alerted and _waits(entity, history)) for entity in current
    ):
        return []
    message = f"The API shows no current certificate of the authority {authority}."
    if current:
        message = (
            f"None of the current certificates that the API shows of the authority {authority} can be accepted"
            f" ({', '.join(dict.fromkeys(one.code for entity in current for one in entity.verdict.reasons))}), and"
            " they are others than in the answer before."
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
                returned=flapping.returned(history, keys.absent(authority), since),
            ),
            Lasting(context.policy.confirmations),
            SourceReason.AUTHORITY_ABSENT,
        )
    ]


def _waits(entity: Entity, history: History) -> bool:
    """Whether it was in quarantine at an earlier observation already, so that it is alerted, or will be."""
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


def _files(context: Context) -> list[Observed]:
    """Files of roots that are damaged in part. Where no root is left, the alert about the missing anchor says why."""

    def damaged(file: OperatorFile) -> Observed:
        return Observed(
            keys.file(file.key, file.reported),
            Kind.FILE_DAMAGED,
            lambda since: builders.file_damaged(
                subject=context.name,
                bucket=context.bucket,
                key=file.key,
                faults=file.reported,
                used=len(file.held),
                since=since,
                now=context.now,
            ),
        )

    files = context.anchor_files.values()
    return [damaged(file) for file in files if file.faults and (file.held or file.exposes_key)]


def _doubts(authority: str, entities: Iterable[Entity], observation: Observation, context: Context) -> list[Observed]:
    """Leaves that cannot be distinguished from a stranger's: one alert for all of them.

    Where they contradict each other that is alerted at once; a current one may be missing in an answer for no reason.
    """
    doubt = observation.doubts.get(authority)
    if doubt is None:
        return []
    leaves = [entity.leaf.facts for entity in entities if entity.leaf and uncertain(entity)]
    current = any(entity.presence is Presence.CURRENT for entity in entities if uncertain(entity))
    return [
        Observed(
            keys.names(authority),
            Kind.NAMES_UNCERTAIN,
            lambda since: builders.names_uncertain(
                source=context.name,
                authority=authority,
                doubt=doubt,
                leaves=leaves,
                believed=context.source.believed_name,
                since=since,
                now=context.now,
            ),
            Lasting(1 if current else context.policy.confirmations),
        )
    ]
