"""The state of what nothing vouches for: seen, and gone."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Lasting, Observed
from rotation_watcher.alerts.model import Kind
from rotation_watcher.config import Authority
from rotation_watcher.keys import DIGICERT_ANCHORS, Place
from rotation_watcher.sources import bounds
from rotation_watcher.sources import keys_of_conditions as keys
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import Quarantined
from rotation_watcher.sources.observation import Entity, Presence
from rotation_watcher.trust.findings import Finding

replace = msgspec.structs.replace


def apply_refused(
    authority: str,
    before: Mapping[str, Quarantined],
    accepted: Iterable[Entity],
    refused: Sequence[Entity],
    context: Context,
    *,
    accepted_before: bool,
) -> tuple[dict[str, Quarantined], list[Observed]]:
    """The quarantine of an authority after one observation, and each entity in it as a condition.

    One that is shown no more is kept for ``retain_days``; one that is accepted now leaves at once. ``accepted_before``:
    the authority had a leaf that was accepted, so that the root which the operator gave was right once.
    """
    now = context.now
    released = {entity.key for entity in accepted}
    # What is shown both ways is presented now, which is the worse: a current one counts.
    seen = {entity.key: entity for entity in sorted(refused, key=lambda one: one.presence is Presence.CURRENT)}
    kept = {key: bounds.reasons(entity) for key, entity in seen.items()}
    after: dict[str, Quarantined] = {}
    for key, held in before.items():
        gone_since = held.gone_since or now
        if key not in released | seen.keys() and now - gone_since <= timedelta(days=context.policy.retain_days):
            after[key] = replace(held, gone_since=gone_since)
    for key, entity in seen.items():
        known = before.get(key)
        chain = bounds.chain(entity)
        same = known is not None and known.chain[-1:] == chain[-1:]
        if known and same and _codes(bounds.first_of_each(known.reasons)) == _codes(kept[key]):
            # Details may quote the calendar: they are no change.
            after[key] = replace(known, presence=entity.presence, gone_since=None)
            continue
        after[key] = Quarantined(
            presence=entity.presence,
            facts=bounds.facts(entity),
            chain=chain,
            reasons=kept[key],
            first_seen=known.first_seen if known else now,
        )
    return after, [_condition(authority, entity, context, accepted_before=accepted_before) for entity in seen.values()]


def _codes(findings: Iterable[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def _condition(authority: str, entity: Entity, context: Context, *, accepted_before: bool) -> Observed:
    """For other reasons, or under another root, it is another condition, and alerted again."""
    verdict = entity.verdict
    root = verdict.root.facts if verdict.root else None
    codes = (reason.code for reason in verdict.reasons)
    anchors = context.source.anchors_key if authority == Authority.GENESYS else DIGICERT_ANCHORS
    return Observed(
        keys.quarantined(authority, entity.key, codes, root.fingerprint if root else None),
        Kind.QUARANTINED,
        lambda since: builders.quarantined(
            source=context.name,
            authority=authority,
            status=entity.presence.value,
            entity=entity.key,
            leaf=entity.leaf.facts if entity.leaf else None,
            root=root,
            reasons=verdict.reasons,
            approvable=verdict.approvable or verdict.rootless,
            anchors=Place(context.bucket, anchors),
            accepted_before=accepted_before,
            since=since,
            now=context.now,
        ),
        Lasting(context.policy.confirmations),
    )
