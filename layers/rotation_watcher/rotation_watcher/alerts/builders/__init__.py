"""The builders of every alert: what happened, what it means, what to do.

Pure; each takes plain facts and gives an ``Alert``. What stems from certificates or from the API is hostile and is
neutralised here, once (``wording.plain``); ``mail`` and ``slack_message`` only dress it.
"""

from rotation_watcher.alerts.builders.changes import (
    change_planned,
    rolled_back,
    shared_authority_deployed,
    truststore_update_failed,
    truststore_updated,
)
from rotation_watcher.alerts.builders.disturbances import (
    drift_found,
    mtls_off,
    quota_near,
    removal_held,
    removal_planned,
    state_forged,
)
from rotation_watcher.alerts.builders.leaves import expired, issuer_changed, name_learned, rotated, upcoming_published
from rotation_watcher.alerts.builders.looking import source_failing, source_recovered, sources_disagree
from rotation_watcher.alerts.builders.quarantine import anchor_missing, approved, quarantined
from rotation_watcher.alerts.builders.subjects import SourceName, TargetName

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
    "removal_planned",
    "rolled_back",
    "rotated",
    "shared_authority_deployed",
    "source_failing",
    "source_recovered",
    "sources_disagree",
    "state_forged",
    "truststore_update_failed",
    "truststore_updated",
    "upcoming_published",
]
