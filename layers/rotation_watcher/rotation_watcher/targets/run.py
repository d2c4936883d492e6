"""One run of publish: what its targets share is known once, and each bundle's files are written once.

A bundle is viewed at the first of its targets, and its files widen and narrow there as they would for that target
alone; for the others the same view could change nothing more. After ``KNOWN_FOR`` all of it is begun anew.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import arns
from rotation_watcher.bundles.view import view_bundle
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.config import Bundle, Target, Watch
from rotation_watcher.deadline import TimedStore
from rotation_watcher.errors import (
    BucketUnusable,
    RoleUnanswered,
    StoreError,
    TargetBusy,
    TargetDenied,
    TargetError,
    TargetNotFound,
)
from rotation_watcher.identity import files
from rotation_watcher.kinds import Kind, Payload
from rotation_watcher.ports import ThriftyTarget
from rotation_watcher.reach import Reach
from rotation_watcher.run_store import KNOWN_FOR, Memory, Place, RunStore
from rotation_watcher.targets.places import Unusable
from rotation_watcher.targets.repository import load_record
from rotation_watcher.targets.session import Ports

LISTED_FROM = 3
"""How many targets a run serves at least to ask for a listing of the state first."""
SLOW = timedelta(seconds=4)
"""A look that fails after so long has waited for an answer: what is refused is refused within a second."""
_A_PAGE = 100
"""Targets of the watch file for each that is served: a page of the listing shows the state of about so many."""


class Run:
    """``watch`` and ``ports`` of one run, and what it knows."""

    def __init__(self, watch: Watch, ports: Ports) -> None:
        self.watch = watch
        self._memory = ports.memory or Memory()
        self._store = RunStore(TimedStore(ports.store, ports.remaining), self._memory)
        self.ports = msgspec.structs.replace(ports, store=self._store, remind=watch.policy.remind_days)
        self._since = ports.clock()
        self._views: dict[str, BundleView] = {}
        self._begun: set[str] = set()
        self._written: dict[str, bool] = {}
        self._unanswered: dict[str, RoleUnanswered] = {}
        self._silent: dict[Place, TargetError] = {}
        self._buckets: dict[str, Unusable | None] = {}

    def begin(self, targets: Sequence[Target]) -> None:
        """The run will serve these. Raises nothing: what is not known at once is asked for target by target."""
        self._list_for(targets)
        expected: dict[tuple[Kind, Reach], list[Target]] = {}
        for target in targets:
            kind = arns.parse_target(target.arn).kind
            if kind.takes is Payload.CA_CERTIFICATES:
                expected.setdefault((kind, self.ports.reach(target)), []).append(target)
        for served in expected.values():
            with suppress(StoreError, KeyError):
                adapter = self.ports.adapter(served[0])
                if isinstance(adapter, ThriftyTarget):
                    adapter.expect([target.arn for target in served])

    def behind(self, ways_in: AbstractSet[str]) -> list[Target]:
        """The targets that verified at one of these listeners or distributions, by what their records know.

        Raises nothing: of a record that cannot be read nothing is known.
        """
        self._list_for(self.watch.targets)
        found = []
        for target in self.watch.targets:
            with suppress(StoreError):
                record, _ = load_record(self._store, target)
                found += [] if ways_in.isdisjoint(record.endpoints) else [target]
        return found

    def _list_for(self, targets: Sequence[Target]) -> None:
        """List the state where the records of so many are to be read."""
        if len(targets) >= LISTED_FROM and len(self.watch.targets) <= _A_PAGE * len(targets):
            with suppress(StoreError):
                self._store.list_state()

    def refuse_unanswered(self, target: Target) -> None:
        """Raise TargetError where nobody answers: each target there would cost as long as the one before.

        RoleUnanswered, where STS has said nothing of the target's role before in this run.
        """
        role = self.ports.reach(target).role_arn
        if role in self._unanswered:
            raise self._unanswered[role]
        if error := self._silent.get(self._place(target)):
            raise TargetError(
                f"{target.arn} is not asked in this run, since others in its place gave no answer: {error}"
            )

    def unusable(self, target: Target, *, dry_run: bool) -> Unusable | None:
        """Why the bucket of another region, from which the target loads, cannot be used (None: it can).

        Each is looked at once a run: one that is gone is heard of before a root changes, and one that gives no answer
        is waited for once. A dry run does not see whether it takes what is written. Raises StoreError.
        """
        region = self.ports.reach(target).region
        if region is None or arns.parse_target(target.arn).kind.takes is Payload.LEAVES:
            return None  # it loads nothing there
        if region not in self._buckets:
            try:
                self.ports.check_bucket(target, prove=not dry_run)
            except TargetError as error:
                self._buckets[region] = Unusable(str(error), passes=not isinstance(error, BucketUnusable))
            else:
                self._buckets[region] = None
        return self._buckets[region]

    def note_unanswered(self, target: Target, error: TargetError, since: datetime) -> None:
        """Keep in mind that STS says nothing of the target's role, or its service nothing to a look of that time.

        One target alone that is waited for in vain holds nobody up: it takes two in a row that nobody answers between
        them, in this run or at the end of the last one.
        """
        role, place = self.ports.reach(target).role_arn, self._place(target)
        if role is not None and isinstance(error, RoleUnanswered):
            self._unanswered[role] = error
        if isinstance(error, TargetBusy | TargetDenied | TargetNotFound):
            self.note_answered(target)
        elif self.ports.clock() - since >= SLOW:
            if place in self._memory.silent:
                self._silent[place] = error
            self._memory.silent.add(place)

    def note_answered(self, target: Target) -> None:
        """Keep in mind that the target's service answers."""
        self._memory.silent.discard(self._place(target))

    def _place(self, target: Target) -> Place:
        return arns.parse_target(target.arn).kind.service, self.ports.reach(target)

    def view(self, bundle: Bundle) -> BundleView:
        """What the bundle should hold, as this run knows it. Raises StoreError."""
        now = self.ports.clock()
        if now - self._since > KNOWN_FOR:
            self._renew(now)
        if bundle.id not in self._views:
            self._views[bundle.id] = view_bundle(self.watch, bundle, self._store, now)
        return self._views[bundle.id]

    def begin_files(self, view: BundleView, *, dry_run: bool = False) -> list[str]:
        """See ``identity.files.begin``. Raises StoreError."""
        if view.bundle.id in self._begun:
            return []
        written = files.begin(view, self._store, self.ports.clock(), dry_run=dry_run)
        self._begun.add(view.bundle.id)
        return written

    def write_files(self, view: BundleView, *, narrow: bool, dry_run: bool = False) -> list[str]:
        """See ``identity.files.write``: what was narrowed by this view need not be widened by it. Raises StoreError."""
        done = self._written.get(view.bundle.id) if self._views.get(view.bundle.id) is view else None
        if done is not None and done >= narrow:
            return []
        written = files.write(view, self._store, self.ports.clock(), narrow=narrow, dry_run=dry_run)
        self._written[view.bundle.id] = narrow
        return written

    def _renew(self, now: datetime) -> None:
        self._since = now
        self._views.clear()
        self._begun.clear()
        self._written.clear()
        self._store.forget()
