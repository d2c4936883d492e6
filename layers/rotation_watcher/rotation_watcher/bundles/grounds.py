"""Whether a pinned leaf may lose its pin at once: on publish's own ground, never on the word of a history.

A history can say of a leaf that it is in quarantine, that an approval let it in, or nothing at all, and whoever can
write below ``sources/`` makes it say so of the leaf that Genesys presents. So what stands against a pinned leaf is read
from the leaf itself, the watch file and the approvals; and whether it was let in by an approval, from the pin.
"""

from collections.abc import Iterable
from datetime import datetime

from rotation_watcher.bundles import judging
from rotation_watcher.bundles.files import noted
from rotation_watcher.bundles.judging import Ground
from rotation_watcher.bundles.pins import Pin
from rotation_watcher.ports import ObjectStore
from rotation_watcher.sources.repository import load_seen
from rotation_watcher.trust.approvals import Approval
from rotation_watcher.trust.operator_files import load_approvals


def without_ground(store: ObjectStore, pins: Iterable[Pin], ground: Ground, now: datetime) -> frozenset[str]:
    """The fingerprints of those pinned leaves against which nothing stands but a history's word. Raises StoreError.

    ``pins`` are of one authority of a source, which ``ground`` is for, and borne out.
    """
    listed = {pin.certificate.fingerprint: pin for pin in pins}
    approvals, _ = load_approvals(store, listed) if listed else ({}, {})
    return frozenset(key for key, pin in listed.items() if not _falls(store, pin, ground, approvals.get(key), now))


def _falls(store: ObjectStore, pin: Pin, ground: Ground, approval: Approval | None, now: datetime) -> bool:
    in_force = approval if approval is not None and approval.holds(now) else None
    if pin.approved and not (in_force and in_force.lifts(pin.approved)):
        return True
    key = pin.certificate.fingerprint
    held = load_seen(store, pin.source, (key,)) or noted(store, key)[:1]
    return bool(judging.doubts([held] if held else [], ground, in_force, now))
