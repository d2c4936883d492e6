"""What only approvals wanted, once they are taken back or past: it leaves at once, nothing else vouches for it."""

from collections.abc import Collection, Mapping
from datetime import datetime

from rotation_watcher.ports import ObjectStore
from rotation_watcher.trust.operator_files import load_approvals


def withdrawn(store: ObjectStore, noted: Mapping[str, Collection[str]], now: datetime) -> frozenset[str]:
    """Those of the certificates that no approval in force speaks of any more. Raises StoreError.

    ``noted``: by fingerprint, the approved leaves that alone wanted each. An approval that now names another root is
    another approval.
    """
    approvals, _ = load_approvals(store, (leaf for leaves in noted.values() for leaf in leaves))
    in_force = {
        leaf
        for leaf, approval in approvals.items()
        if approval.holds(now) and (approval.root is None or leaf in noted.get(approval.root, ()))
    }
    return frozenset(key for key, leaves in noted.items() if leaves and in_force.isdisjoint(leaves))
