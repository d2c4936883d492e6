"""The builders of every alert: what happened, what it means, what to do.

Pure; each takes plain facts and gives an ``Alert``. What stems from certificates or from the API is hostile and is
neutralised here, once (``wording.plain``); ``mail`` and ``slack_message`` only dress it.
"""

from rotation_watcher.messages.source import (
    SourceName,
    anchor_missing,
    approved,
    expired,
    issuer_changed,
    name_learned,
    quarantined,
    rotated,
    source_failing,
    source_recovered,
    sources_disagree,
    upcoming_published,
)
from rotation_watcher.messages.target import (
    TargetName,
    change_planned,
    drift_found,
    mtls_off,
    quota_near,
    removal_held,
    rolled_back,
    shared_authority_deployed,
    truststore_update_failed,
    truststore_updated,
)

__all__ = [
    "SourceName",
    "TargetName",
    "anchor_missing",
    "approved",
    "change_planned",
    "drift_found",
    "expired",
    "issuer_changed",
    "mtls_off",
    "name_learned",
    "quarantined",
    "quota_near",
    "removal_held",
    "rolled_back",
    "rotated",
    "shared_authority_deployed",
    "source_failing",
    "source_recovered",
    "sources_disagree",
    "truststore_update_failed",
    "truststore_updated",
    "upcoming_published",
]
