"""Records of format 1, as the first releases wrote them: episodes by name, some with a second one that said "told".

Frozen: it changes no more, whatever becomes of ``record``. ``tests/state/format-1`` holds real ones.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

_TOLD = ":told"
_PATIENT = ("unreadable:", "unchangeable:")
"""Episodes of these prefixes may have waited to be told; then a second one, with ``:told`` behind, said when."""
_AT_ONCE = {"unchangeable:still-updating", "unchangeable:unproven"}
"""Of these there was only one, written when people were told."""
_KINDS = {
    "drift": "drift-found",
    "mtls-off": "mtls-off",
    "removal-held": "removal-held",
    "quota-near": "quota-near",
    "leaving": "removal-planned",
    "planned": "change-planned",
}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class _Applied(msgspec.Struct):
    version: str
    sha256: str
    fingerprints: tuple[str, ...]
    at: datetime
    proof: str
    ours: tuple[str, ...] = ()


class _Record(msgspec.Struct):
    target: str
    arn: str
    claim: Any = None
    applied: _Applied | None = None
    versions: tuple[Any, ...] = ()
    pending: dict[str, Any] | None = None
    ours: Mapping[str, datetime] = {}
    hold: Any = None
    released: tuple[str, ...] = ()
    not_before: datetime | None = None
    endpoints: tuple[str, ...] = ()
    shared_told: tuple[str, ...] = ()
    episodes: Mapping[str, datetime] = {}
    outbox: tuple[Any, ...] = ()


def migrate(data: bytes) -> dict[str, Any]:
    """The fields of a record of format 2, as plain data. Raises one of errors.UNDECODABLE."""
    old = msgspec.json.decode(data, type=_Record)
    pending = old.pending
    if pending and "blamed" in pending:
        pending = {**pending, "rolled_back_from": pending["blamed"]}
    shared_since = old.applied.at if old.applied else _LONG_AGO
    shared = {
        f"shared-authority:{fingerprint}": {
            "kind": "shared-authority-deployed",
            "since": shared_since,
            "alerted": shared_since,
        }
        for fingerprint in old.shared_told
    }
    return {
        "target": old.target,
        "arn": old.arn,
        "claim": old.claim,
        "applied": msgspec.to_builtins(old.applied),
        "versions": old.versions,
        "pending": pending,
        "ours": old.ours,
        "hold": old.hold,
        "released": old.released,
        "not_before": old.not_before,
        "endpoints": old.endpoints,
        "conditions": _conditions(old.episodes) | shared,
        "outbox": old.outbox,
    }


def _conditions(episodes: Mapping[str, datetime]) -> dict[str, dict[str, Any]]:
    conditions = {}
    for key, since in episodes.items():
        if key.startswith(_PATIENT) and key.endswith(_TOLD):
            continue
        alerted: datetime | None = since
        if key.startswith(_PATIENT) and key not in _AT_ONCE:
            alerted = episodes.get(f"{key}{_TOLD}")
        head, _, rest = key.partition(":")
        kind = _KINDS.get(head, "truststore-update-failed")
        conditions[key] = {"kind": kind, "since": since, "alerted": alerted}
        if kind == "truststore-update-failed":
            conditions[key]["reason"] = rest.partition(":")[0]
    return conditions
