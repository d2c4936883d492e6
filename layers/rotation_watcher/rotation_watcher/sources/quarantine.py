"""The state of what nothing vouches for: seen, told, gone."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.model import Alert
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import Quarantined
from rotation_watcher.sources.observation import Entity

replace = msgspec.structs.replace


def apply_refused(
    authority: str,
    before: Mapping[str, Quarantined],
    accepted: Iterable[Entity],
    refused: Iterable[Entity],
    context: Context,
) -> tuple[dict[str, Quarantined], list[Alert]]:
    """The quarantine of an authority after one observation, and the alerts that are due."""
    now, alerts = context.now, []
    released = {entity.key for entity in accepted}
    before = {key: held for key, held in before.items() if key not in released}
    after = dict(before)
    seen = {entity.key: entity for entity in refused}
    for key, absent in before.items():
        if key not in seen:
            gone_since = absent.gone_since or now
            if now - gone_since > timedelta(days=context.policy.retain_days):
                del after[key]
            else:
                after[key] = replace(absent, gone_since=gone_since)
    for key, entity in seen.items():
        held = before.get(key)
        reasons = entity.verdict.reasons
        if held is None or ({f.code for f in held.reasons} != {f.code for f in reasons} and held.told):
            record = Quarantined(
                presence=entity.presence,
                facts=entity.leaf.facts if entity.leaf else None,
                chain=tuple(certificate.fingerprint for certificate in entity.chain if certificate != entity.leaf),
                reasons=reasons,
                first_seen=now,
            )
        elif held.told:
            record = replace(held, gone_since=None)
        else:
            record = replace(held, looks=held.looks + 1, reasons=reasons, gone_since=None)
        if not record.told and record.looks >= context.policy.confirmations:
            record = replace(record, told=True)
            alerts.append(
                builders.quarantined(
                    source=context.name,
                    authority=authority,
                    status=entity.presence.value,
                    entity=key,
                    leaf=record.facts,
                    reasons=reasons,
                    approvable=entity.verdict.approvable,
                    bucket=context.bucket,
                    since=record.first_seen,
                    now=now,
                )
            )
        after[key] = record
    return after, alerts
