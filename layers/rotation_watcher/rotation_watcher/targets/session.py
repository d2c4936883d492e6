"""One run at one target: the owner of its record, its ETag and its claim.

Contract. Nobody writes a record but a session, and none under another run's live claim: ``save`` raises
ClaimedByAnother then, and nothing was written. The holder of the claim never loses what it has to write because
somebody else wrote: its change is applied again to what is there. A change is a function of a record, and touches only
what it speaks of.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.alerts import builders, outbox
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import RemindDays, Target
from rotation_watcher.deadline import Remaining, TimedStore, unhurried
from rotation_watcher.errors import ClaimedByAnother, Conflict, StoreError, ToBeDone
from rotation_watcher.kinds import Kind as TargetKind
from rotation_watcher.ports import (
    Abroad,
    Adapters,
    Clock,
    FilterTarget,
    ObjectStore,
    PublishQueue,
    RevocationTarget,
    TrustTarget,
    Wait,
)
from rotation_watcher.reach import HOME, Reach
from rotation_watcher.run_store import Memory
from rotation_watcher.targets import conditions
from rotation_watcher.targets.findings import target_name
from rotation_watcher.targets.places import Stores, Unusable
from rotation_watcher.targets.plausible import plausible
from rotation_watcher.targets.record import Claim, Record
from rotation_watcher.targets.repository import close_former, load_record, store_record

replace = msgspec.structs.replace

type Change = Callable[[Record], Record]

_TRIES = 3
"""How often a record is taken over anew while another run writes it."""


class Ports(msgspec.Struct, frozen=True):
    """What publish needs of the world.

    ``claim_for`` outlasts the function's timeout; ``owner`` names this run, ``remaining`` says what is left of it.
    ``sweep_every``: how often the schedule sweeps (None: at no fixed interval). ``remind`` is what the
    watch file says, given at each call. ``memory``: what a container remembers of the state (None: nothing).
    ``targets`` and ``listeners`` are of the stack's own account and region, ``abroad`` of all others (None: of none).
    """

    store: ObjectStore
    targets: Mapping[TargetKind, TrustTarget]
    sink: AlertSink
    queue: PublishQueue
    clock: Clock
    wait: Wait
    owner: str
    claim_for: timedelta
    sweep_every: timedelta | None = None
    remaining: Remaining = unhurried
    listeners: Mapping[TargetKind, FilterTarget] = {}
    remind: RemindDays = RemindDays()
    memory: Memory | None = None
    abroad: Abroad | None = None

    def reach(self, target: Target) -> Reach:
        """From where the target is reached, seen from the stack."""
        return target.reach.seen_from(self.store.region)

    def adapter(self, target: Target) -> TrustTarget:
        """Who speaks to this target. Raises StoreError where it is out of reach."""
        return self._adapters(target).targets[arns.parse_target(target.arn).kind]

    def listener(self, target: Target) -> FilterTarget:
        """Who speaks to this listener. Raises StoreError where it is out of reach."""
        return self._adapters(target).listeners[arns.parse_target(target.arn).kind]

    def bundles(self, target: Target) -> ObjectStore:
        """The bucket from which the target loads: the stack's, or that in the target's region. Raises StoreError."""
        region = self.reach(target).region
        return self.store if region is None else TimedStore(self._other_places(target).bucket(region), self.remaining)

    def check_bucket(self, target: Target, *, prove: bool) -> None:
        """See that the bucket of another region, from which the target loads, can be used; ``prove``: by writing too.

        Raises BucketUnusable, TargetBusy, TargetError, StoreError.
        """
        if (region := self.reach(target).region) is not None:
            self._other_places(target).check_bucket(region, prove=prove)

    def _adapters(self, target: Target) -> Adapters:
        where = self.reach(target)
        return Adapters(self.targets, self.listeners) if where == HOME else self._other_places(target).adapters(where)

    def _other_places(self, target: Target) -> Abroad:
        if self.abroad is None:
            raise StoreError(f"{target.arn} is in another account or region, which this stack does not reach")
        return self.abroad


class Session:
    """One run at one target. ``record`` is what the store held when it was last read or written here."""

    sweeping = False
    """Whether it is a sweep's, which never takes the claim, and so changes nothing at the target."""
    unusable: Unusable | None = None
    """Why the bucket from which the target loads cannot be used, if that is known."""

    def __init__(self, target: Target, ports: Ports) -> None:
        """Read the record. Raises StoreError."""
        self.target = target
        self.ports = ports
        self._ledger = Ledger(ports.store, keys.record(keys.target(target.arn)))
        self.told: list[str] = []
        """The ids of alerts that were delivered and never waited in the outbox."""
        self._tried: tuple[str, ...] | None = None
        self.reload()

    @property
    def folder(self) -> str:
        """Where its state lies."""
        return keys.target(self.target.arn)

    @cached_property
    def adapter(self) -> TrustTarget:
        """Who speaks to the target."""
        return self.ports.adapter(self.target)

    @cached_property
    def bundles(self) -> ObjectStore:
        """The bucket from which the target loads. Raises StoreError."""
        return self.ports.bundles(self.target)

    @property
    def stores(self) -> Stores:
        """The stack's bucket, and that one. Raises StoreError."""
        return Stores(self.ports.store, self.bundles, self.unusable)

    @property
    def revocations(self) -> RevocationTarget | None:
        """Who speaks to the target about revocation lists; None where its kind takes none."""
        adapter = self.adapter
        return adapter if isinstance(adapter, RevocationTarget) else None

    @property
    def holding(self) -> bool:
        """Whether this run has the claim, as far as it knows."""
        return self.record.claim is not None and self.record.claim.owner == self.ports.owner

    def reload(self) -> None:
        """Read the record again. Raises StoreError."""
        self._stored, self._etag = load_record(self.ports.store, self.target)
        self._begun, self._deleted = self._stored, self._told_as_deleted()
        self.record = self._usable(self._stored)

    def take_over(self) -> None:
        """Write what a former release kept where it lies from now on; not under its claim. Raises StoreError.

        That release must not go on from what it left, be it under way still or deployed again. So the newer format is
        written there first, and only if it has not been written to since: from then on that release writes nothing.
        """
        for _ in range(_TRIES):
            record = self.record
            if self._etag is not None or not record.former or record.claimed(self.ports.owner, self.ports.clock()):
                return
            try:
                close_former(self.ports.store, self._stored)
                self._etag = self._store(record, None)
            except Conflict:
                self.reload()  # another run has just written one of them
            else:
                self._stored = record
        if self._etag is None:
            raise StoreError(f"{keys.record(keys.former_target(self.record.former))} is written to all the time")

    def save(self, change: Change) -> None:
        """Write the record with ``change`` applied, if that changes it. Raises ClaimedByAnother, StoreError."""
        holding = self.holding

        def permitted(stored: Record) -> Record:
            record = self._usable(stored)
            self._refuse(record)
            claim = record.claim
            if holding and (claim is None or claim.owner != self.ports.owner):
                # Ours had expired, and another run has come and gone: what it left is true, ours may be no more.
                raise ClaimedByAnother(claim.owner if claim else "(unknown)", self.ports.clock())
            return change(record)

        self._stored, self._etag = compare_and_set(
            lambda: load_record(self.ports.store, self.target),
            permitted,
            self._store,
            keys.record(self.folder),
            known=(self._stored, self._etag),
        )
        self.record = self._stored

    def save_proof(self, change: Change) -> None:
        """Save what became of ``pending``, and tell of it first where nothing else waits. Raises as ``save``.

        The alert of an update follows from ``pending`` alone, its id too: whoever finds it there, because this run died
        in between, tells the same once more. So it need not wait in the outbox. What the sink does not take does.
        """
        change = made_once(change)
        before = self.record.outbox
        due = [alert for alert in change(self.record).outbox if alert not in before]
        taken: set[str] = set()
        if due and not before and all(alert.kind is Kind.TRUSTSTORE_UPDATED for alert in due):

            def note(delivered: frozenset[str]) -> bool:
                taken.update(delivered)
                return True

            self._tried = outbox.deliver([outbox.Waiting(due, note)], self.ports.sink, self.ports.remaining)[0]
            self.told += [alert.id for alert in due if alert.key in taken]
        self.save(lambda record: change(record).delivered(frozenset(taken)))

    def claim(self, change: Change) -> None:
        """Take the claim, together with ``change``. Raises ClaimedByAnother, StoreError.

        Only what is read after claiming may be acted upon: take a snapshot again.
        """
        claim = Claim(self.ports.owner, self.ports.clock() + self.ports.claim_for)
        self.save(lambda record: replace(change(record), claim=claim))

    def claim_as_read(self, change: Change) -> None:
        """Take the claim on the very record that was read, together with ``change``.

        Every run writes the record before it changes the target. So where nobody has written it since it was read, no
        run has changed the target either, and what was read of the target after it may be acted upon.
        Raises Conflict where somebody has, ClaimedByAnother, StoreError.
        """
        self._refuse(self.record)
        claim = Claim(self.ports.owner, self.ports.clock() + self.ports.claim_for)
        claimed = replace(change(self.record), claim=claim)
        self._etag = self._store(claimed, self._etag)
        self._stored = self.record = claimed

    def refuse_if_claimed(self) -> None:
        """Raise ClaimedByAnother where another run holds the target."""
        self._refuse(self.record)

    def deliver(self) -> tuple[str, ...]:
        """Deliver the outbox, then take out what was delivered; the errors of the sink, in words. Raises StoreError.

        Under another run's claim that run delivers, or the next one: at least once, always with the same id. What
        ``save_proof`` has just tried waits for the next run.
        """
        if self._tried is not None:
            tried, self._tried = self._tried, None
            return tried
        try:
            self.refuse_if_claimed()
        except ClaimedByAnother:
            return ()

        def clear(taken: frozenset[str]) -> bool:
            try:
                self.save(lambda record: record.delivered(taken))
            except ClaimedByAnother:
                return False  # delivered, and not taken out: they come once more
            return True

        self._ledger.renew(self.record.outbox, self.ports.clock())
        waiting = outbox.Waiting(self.record.outbox, clear)
        return outbox.deliver([waiting], self.ports.sink, self.ports.remaining)[0]

    def _told_as_deleted(self) -> Alert | None:
        """Where somebody has deleted the record: what people are to be told with the one that is begun."""
        place = keys.record(self.folder)
        if self._etag is not None or not self.ports.store.deleted(place):
            return None
        name, former = target_name(self.target), bool(self._stored.former)
        return builders.state_deleted(subject=name, place=place, from_former=former, now=self.ports.clock())

    def _usable(self, record: Record) -> Record:
        told = [self._deleted] if self._deleted is not None and record == self._begun else []
        own = self._ledger.own(record.outbox)
        if record.former == self.target.id and len(own) < len(record.outbox):  # what waited when it was taken over
            former = Ledger(self.ports.store, keys.record(keys.former_target(record.former))).own(record.outbox)
            own = tuple(alert for alert in record.outbox if alert in own or alert in former)
        if len(own) < len(record.outbox):
            record = conditions.strange_alerts(replace(record, outbox=own), self.target, self.ports.clock())
        usable = plausible(record, self.target, self.ports.claim_for, self.ports.clock())
        return usable.with_alerts(*told) if told else usable

    def _store(self, record: Record, etag: str | None) -> str:
        self._ledger.note(record.outbox)
        return store_record(self.ports.store, record, etag)

    def _refuse(self, record: Record) -> None:
        claim = record.claim
        if claim is not None and record.claimed(self.ports.owner, self.ports.clock()):
            raise ClaimedByAnother(claim.owner, claim.until)


class SweepSession(Session):
    """A sweep's session: it notes what it sees and delivers what waits; for what needs the claim it raises ToBeDone."""

    sweeping = True

    def claim(self, _change: Change) -> None:
        """Raise ToBeDone."""
        raise ToBeDone(self.target.id)

    def claim_as_read(self, _change: Change) -> None:
        """Raise ToBeDone."""
        raise ToBeDone(self.target.id)


def made_once(change: Change) -> Change:
    """The same change, for callers that see its result before it is saved: for an equal record it is not made again.

    A change follows from the record alone, and records never change.
    """
    made: list[tuple[Record, Record]] = []

    def again(record: Record) -> Record:
        if not made or made[0][0] != record:
            made[:] = [(record, change(record))]
        return made[0][1]

    return again


def unclaimed(record: Record) -> Record:
    """The record without its claim."""
    return replace(record, claim=None)


def while_same(seen: Record, change: Change) -> Change:
    """A change that follows from a snapshot: none where another run has changed the target since ``seen`` was read."""
    return lambda record: change(record) if same_state(record, seen) else record


def same_state(one: Record, other: Record) -> bool:
    """Whether two records say the same of what the target holds and what may be done: a plan of one fits the other."""
    return all(
        getattr(one, field) == getattr(other, field)
        for field in ("arn", "applied", "versions", "pending", "ours", "hold", "released")
    )
