"""Read one listener, with everything that its plan rests on. Nothing here writes."""

from datetime import datetime

from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.config import Target, Watch
from rotation_watcher.filters import kept
from rotation_watcher.filters.entries import key_of
from rotation_watcher.filters.names import names_of
from rotation_watcher.filters.plan import Shown, Snapshot, make
from rotation_watcher.ports import FilterTarget, ObjectStore
from rotation_watcher.targets.record import Record


def take_snapshot(
    watch: Watch,
    target: Target,
    record: Record,
    view: BundleView,
    store: ObjectStore,
    adapter: FilterTarget,
    now: datetime,
) -> Snapshot:
    """The listener as it is, with the record that is kept of it. Raises TargetError, StoreError."""
    live = adapter.read(target.arn)
    names = names_of(view, watch, now)
    emptied = not live.filters and record.applied is not None
    shown = kept.shown_last(store, target, record) if emptied else Shown()
    # Asked for only where something could leave: a quiet run reads none of it.
    leaving = {key_of(one) for one in live.filters} & record.ours.keys() - names.filters.keys()
    confirmed = kept.confirmed(store, target.arn, sorted(leaving))
    plan = make(
        live,
        names,
        record,
        target,
        watch.policy,
        confirmed=confirmed,
        shown=shown,
        unvouched=view.unvouched,
        may_remove=not view.removal_blockers,
        now=now,
    )
    return Snapshot(target, record, view, live, names, shown, confirmed, plan, watch.policy.remind_days, store.bucket)
