"""A bundle's four files in the bucket: the three of ``bundles.files``, and ``identity.json``, which follows them."""

from datetime import datetime

from rotation_watcher import keys
from rotation_watcher.bundles import files
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.identity import publishing
from rotation_watcher.ports import ObjectStore


def write(view: BundleView, store: ObjectStore, now: datetime, *, narrow: bool, dry_run: bool = False) -> list[str]:
    """See ``bundles.files.write``; then what doors decide by, if the pins have changed. Raises StoreError."""
    written = files.write(view, store, now, narrow=narrow, dry_run=dry_run)
    if keys.pins(view.bundle.id) not in written:
        return written
    return [*written, *publishing.write(view, store, now, dry_run=dry_run)]


def begin(view: BundleView, store: ObjectStore, now: datetime, *, dry_run: bool = False) -> list[str]:
    """See ``bundles.files``, ``withdraw`` and ``widen``; then what doors decide by, whatever was changed.

    Before a target is looked at: a door opens for what is accepted, and shuts for what nothing vouches for, though the
    target is held, denied, put off or cannot be read. Raises StoreError.

    Each run begins with it: so what a run left undone between the pins and this file is done by the next.
    """
    written = files.withdraw(view, store, now, dry_run=dry_run)
    written += files.widen(view, store, now, dry_run=dry_run)
    return [*written, *publishing.write(view, store, now, dry_run=dry_run)]
