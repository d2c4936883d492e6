"""Tell people what ends: a part of ``report``, over the status that it has gathered.

Contract of ``tell``. What a run finds is written to ``status/expiry.json`` together with the alerts that are due, and
then delivered (``alerts.outbox``): a threshold counts as told when its alert waits there, and an alert leaves it when
the sink took it, so a run that is killed repeats at most what it was delivering, with the same ids. A run that finds
nothing new writes nothing. Nothing is raised that the store can cause: it is in the answer, in words.
"""

from collections.abc import Callable

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import outbox
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Watch
from rotation_watcher.deadline import Remaining
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import ObjectStore
from rotation_watcher.status import expiry_state, thresholds
from rotation_watcher.status.expiry_state import State
from rotation_watcher.status.model import Status

replace = msgspec.structs.replace


class Told(msgspec.Struct, frozen=True):
    """The ids of the alerts that waited for delivery, and what could not be told or kept, in words."""

    alerts: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def tell(
    watch: Watch, status: Status, store: ObjectStore, sink: AlertSink, remaining: Remaining, *, dry_run: bool
) -> Told:
    """Note what ends, and deliver the alerts that are due; a dry run says which those would be."""
    found, ledger = thresholds.find(watch, status), Ledger(store, keys.EXPIRY)
    known: tuple[State, str | None] = (State(), None)

    def own(held: State) -> State:
        alerts = ledger.own(held.outbox)
        if len(alerts) == len(held.outbox):
            return held
        return thresholds.strange_alerts(replace(held, outbox=alerts), status.at)

    def change(held: State) -> State:
        return thresholds.after(held, found, watch.policy, status.at)

    def write(changed: State, etag: str | None) -> str:
        ledger.note(changed.outbox)
        return expiry_state.write(store, changed, etag)

    def step(known: tuple[State, str | None], what: Callable[[State], State]) -> tuple[State, str | None]:
        return compare_and_set(
            lambda: expiry_state.load(store), lambda held: what(own(held)), write, keys.EXPIRY, known=known
        )

    def clear(taken: frozenset[str]) -> bool:
        nonlocal known
        known = step(
            known, lambda held: replace(held, outbox=tuple(one for one in held.outbox if one.key not in taken))
        )
        return True

    try:
        known = expiry_state.load(store)
        if dry_run:
            return Told(tuple(one.id for one in change(own(known[0])).outbox))
        known = step(known, change)
        waiting = tuple(one.id for one in known[0].outbox)
        ledger.renew(known[0].outbox, status.at)
        (errors,) = outbox.deliver([outbox.Waiting(known[0].outbox, clear)], sink, remaining)
    except StoreError as error:
        return Told(failed=(str(error),))
    return Told(waiting, errors)
