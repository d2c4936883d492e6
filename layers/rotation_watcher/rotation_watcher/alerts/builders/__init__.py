"""The builders of every alert: what happened, what it means, what to do.

Pure; each takes plain facts and gives an ``Alert``. What stems from certificates or from the API is hostile and is
neutralised here, once (``wording.plain``); ``mail`` and ``slack_message`` only format it.

A module of builders is loaded when one of them is first asked for: most runs tell nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rotation_watcher.alerts.builders.changes import (
        change_planned,
        rolled_back,
        shared_authority_deployed,
        still_trusted,
        truststore_update_failed,
        truststore_updated,
    )
    from rotation_watcher.alerts.builders.configuration import (
        configuration_forged,
        configuration_refused,
        no_longer_watched,
    )
    from rotation_watcher.alerts.builders.digest import more_alike, summed_up, weekly
    from rotation_watcher.alerts.builders.disturbances import (
        contended,
        drift_found,
        quota_near,
        removal_held,
        removal_planned,
        state_forged,
        unwanted,
    )
    from rotation_watcher.alerts.builders.doors import mtls_off
    from rotation_watcher.alerts.builders.ending import resolved
    from rotation_watcher.alerts.builders.expiry import Ending, Role, expiring
    from rotation_watcher.alerts.builders.files import file_damaged, left_out, unusual_certificate
    from rotation_watcher.alerts.builders.filters import (
        filters_drifted,
        filters_empty,
        filters_held,
        filters_leaving,
        filters_near,
        filters_planned,
        filters_rolled_back,
        filters_unnamed,
        filters_updated,
    )
    from rotation_watcher.alerts.builders.floods import flood
    from rotation_watcher.alerts.builders.forged import alerts_forged, state_deleted
    from rotation_watcher.alerts.builders.leaves import (
        Reach,
        expired,
        issuer_changed,
        rotated,
        upcoming_published,
        went_back,
    )
    from rotation_watcher.alerts.builders.locked import filtered_out, ocsp_unanswered, target_locked
    from rotation_watcher.alerts.builders.naming import name_learned, names_uncertain
    from rotation_watcher.alerts.builders.observing import clock_ahead, source_failing, sources_disagree
    from rotation_watcher.alerts.builders.operator_files import (
        FileChange,
        Named,
        operator_file_changed,
        operator_files_changed,
    )
    from rotation_watcher.alerts.builders.quarantine import anchor_missing, approved, quarantined
    from rotation_watcher.alerts.builders.revocation import crl_stale, revocations_behind, revoked
    from rotation_watcher.alerts.builders.stacks import two_stacks
    from rotation_watcher.alerts.builders.target_commands import APPLY
    from rotation_watcher.alerts.builders.trials import trial

__all__ = [
    "APPLY",
    "Ending",
    "FileChange",
    "Named",
    "Reach",
    "Role",
    "alerts_forged",
    "anchor_missing",
    "approved",
    "change_planned",
    "clock_ahead",
    "configuration_forged",
    "configuration_refused",
    "contended",
    "crl_stale",
    "drift_found",
    "expired",
    "expiring",
    "file_damaged",
    "filtered_out",
    "filters_drifted",
    "filters_empty",
    "filters_held",
    "filters_leaving",
    "filters_near",
    "filters_planned",
    "filters_rolled_back",
    "filters_unnamed",
    "filters_updated",
    "flood",
    "issuer_changed",
    "left_out",
    "more_alike",
    "mtls_off",
    "name_learned",
    "names_uncertain",
    "no_longer_watched",
    "ocsp_unanswered",
    "operator_file_changed",
    "operator_files_changed",
    "quarantined",
    "quota_near",
    "removal_held",
    "removal_planned",
    "resolved",
    "revocations_behind",
    "revoked",
    "rolled_back",
    "rotated",
    "shared_authority_deployed",
    "source_failing",
    "sources_disagree",
    "state_deleted",
    "state_forged",
    "still_trusted",
    "summed_up",
    "target_locked",
    "trial",
    "truststore_update_failed",
    "truststore_updated",
    "two_stacks",
    "unusual_certificate",
    "unwanted",
    "upcoming_published",
    "weekly",
    "went_back",
]

_MODULES = {
    "changes": (
        "change_planned rolled_back shared_authority_deployed still_trusted truststore_update_failed truststore_updated"
    ),
    "configuration": "configuration_forged configuration_refused no_longer_watched",
    "digest": "more_alike summed_up weekly",
    "disturbances": "contended drift_found quota_near removal_held removal_planned state_forged unwanted",
    "doors": "mtls_off",
    "ending": "resolved",
    "expiry": "Ending Role expiring",
    "files": "file_damaged left_out unusual_certificate",
    "filters": (
        "filters_drifted filters_empty filters_held filters_leaving filters_near filters_planned"
        " filters_rolled_back filters_unnamed filters_updated"
    ),
    "floods": "flood",
    "forged": "alerts_forged state_deleted",
    "leaves": "Reach expired issuer_changed rotated upcoming_published went_back",
    "locked": "filtered_out ocsp_unanswered target_locked",
    "naming": "name_learned names_uncertain",
    "observing": "clock_ahead source_failing sources_disagree",
    "operator_files": "FileChange Named operator_file_changed operator_files_changed",
    "quarantine": "anchor_missing approved quarantined",
    "revocation": "crl_stale revocations_behind revoked",
    "stacks": "two_stacks",
    "target_commands": "APPLY",
    "trials": "trial",
}
"""The names of each module, as they are imported above."""
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}

if not TYPE_CHECKING:  # mypy would take every name for one of these

    def __getattr__(name: str) -> Any:
        """What a module of builders gives, from now on under its name here."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        """Every name, loaded or not."""
        return __all__
