"""Histories of format 1, as the first releases wrote them: episodes, quarantine that counted looks for itself.

Frozen: it changes no more, whatever becomes of ``history``. ``tests/state/format-1`` holds real ones.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from rotation_watcher.sources import keys_of_conditions as keys

_KINDS = {
    "absent": "source-failing",
    "anchor": "anchor-missing",
    "disagree": "sources-disagree",
    "source": "source-failing",
}
"""The kind of alert behind each condition that format 1 knew, by its key up to the first colon."""


class _Episode(msgspec.Struct):
    since: datetime
    looks: int = 1
    told: bool = False
    reason: str | None = None


class _Finding(msgspec.Struct):
    code: str
    detail: str


class _Leaf(msgspec.Struct):
    chain: tuple[str, ...]
    lifted: tuple[_Finding, ...] = ()


class _Quarantined(msgspec.Struct, omit_defaults=True):
    presence: str
    facts: Any
    reasons: tuple[_Finding, ...]
    first_seen: datetime
    chain: tuple[str, ...] = ()
    looks: int = 1
    told: bool = False
    gone_since: datetime | None = None


class _Debounced(msgspec.Struct):
    confirmed: tuple[str, ...] | None = None
    pending: tuple[str, ...] | None = None
    looks: int = 0


class _Authority(msgspec.Struct):
    name: str | None = None
    leaves: Mapping[str, dict[str, Any]] = {}
    quarantine: Mapping[str, _Quarantined] = {}
    current: _Debounced = msgspec.field(default_factory=_Debounced)
    upcoming: _Debounced = msgspec.field(default_factory=_Debounced)


class _History(msgspec.Struct):
    source: str
    region: str
    fresh_at: datetime | None = None
    authorities: Mapping[str, _Authority] = {}
    episodes: Mapping[str, _Episode] = {}
    outbox: tuple[Any, ...] = ()


def migrate(data: bytes) -> dict[str, Any]:
    """The fields of a history of format 2, as plain data. Raises one of errors.UNDECODABLE.

    Format 1 did not keep when people were told: the start of the condition stands for it.
    """
    old = msgspec.json.decode(data, type=_History)
    conditions = {key: _of_episode(key, episode) for key, episode in old.episodes.items()}
    for name, authority in old.authorities.items():
        for entity, held in authority.quarantine.items():
            conditions[keys.quarantined(name, entity, (one.code for one in held.reasons))] = _of_quarantined(held)
    return {
        "source": old.source,
        "region": old.region,
        "fresh_at": old.fresh_at,
        "authorities": {name: _authority(authority) for name, authority in old.authorities.items()},
        "conditions": conditions,
        "outbox": old.outbox,
    }


def _of_episode(key: str, old: _Episode) -> dict[str, Any]:
    return {
        "kind": _KINDS.get(key.partition(":")[0], "source-failing"),
        "since": old.since,
        "observations": old.looks,
        "alerted": old.since if old.told else None,
        "reason": old.reason,
    }


def _of_quarantined(old: _Quarantined) -> dict[str, Any]:
    gone = {"clear": 1, "clear_since": old.gone_since} if old.gone_since else {}
    return {
        "kind": "quarantined",
        "since": old.first_seen,
        "observations": old.looks,
        "alerted": old.first_seen if old.told else None,
        **gone,
    }


def _authority(old: _Authority) -> dict[str, Any]:
    replaced = [
        key
        for key, leaf in old.leaves.items()
        if leaf["status"] == "retiring" and "rotated" in leaf.get("announced", ())
    ]
    return {
        "names": [old.name] if old.name else [],
        "replaced": sorted(replaced),
        "leaves": {key: _leaf(leaf) for key, leaf in old.leaves.items()},
        "quarantine": {
            key: {
                "presence": held.presence,
                "facts": held.facts,
                "chain": held.chain,
                "reasons": [msgspec.to_builtins(reason) for reason in held.reasons],
                "first_seen": held.first_seen,
                "gone_since": held.gone_since,
            }
            for key, held in old.quarantine.items()
        },
        "current": _debounced(old.current),
        "upcoming": _debounced(old.upcoming),
    }


def _leaf(old: dict[str, Any]) -> dict[str, Any]:
    """The chain of an accepted leaf ends at its root: the one that an approval of the chain was honoured for."""
    known = msgspec.convert(old, _Leaf)
    codes = {finding.code for finding in known.lifted}
    vouched = known.chain and codes & {"anchor-missing", "chain-untrusted"}
    return old | {"approved_root": known.chain[-1]} if vouched else old


def _debounced(old: _Debounced) -> dict[str, Any]:
    return {"confirmed": old.confirmed, "pending": old.pending, "observations": old.looks}
