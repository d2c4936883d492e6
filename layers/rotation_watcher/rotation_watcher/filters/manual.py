"""What a person asks of a listener: to go back to an earlier version, and to release what is held.

RequestRefused means that nothing was changed. A version is a statement about the watcher's own filters: others' stay as
they are.
"""

import json

import msgspec

from rotation_watcher import keys
from rotation_watcher.errors import RequestRefused
from rotation_watcher.filters import kept
from rotation_watcher.filters.entries import by_key, key_of, words
from rotation_watcher.filters.lawful import shuts_out
from rotation_watcher.filters.plan import Snapshot, closed, named
from rotation_watcher.ports import Filter
from rotation_watcher.targets.manual import record_release
from rotation_watcher.targets.record import Applied, HoldReason, Record
from rotation_watcher.targets.session import Session

replace = msgspec.structs.replace


class Earlier(msgspec.Struct, frozen=True):
    """A version to go back to, the filters to put there, and which of them are ours."""

    version: Applied
    filters: tuple[Filter, ...]
    ours: frozenset[str]


def earlier_version(snapshot: Snapshot, to: str | None, session: Session) -> Earlier:
    """The version ``to`` (None: the one before), as it may be put there now. Raises RequestRefused, StoreError."""
    target, store = snapshot.target, session.ports.store
    version = _version(snapshot, to)
    held = kept.deployed(store, session.record, version.version, version.sha256)
    if held is None:
        where = f"{keys.deployed_filters(session.folder)} version {version.version}"
        raise RequestRefused(
            f"{target.id}: {where} is gone, or does not hold what the record says; nothing was changed"
        )
    if why := closed(snapshot.live):
        raise RequestRefused(f"{target.id}: {why} Nothing was changed.")
    if not snapshot.live.filters:
        raise RequestRefused(f"{target.id}: it has no filter at all now: let the watcher heal it, or release it first")
    content, own = by_key(held), {*version.ours}
    mine = {key for key in snapshot.keys if key in session.record.ours}
    leaves = kept.confirmed(store, target.arn, sorted(mine - own))
    returns = kept.confirmed(store, target.arn, sorted((own & content.keys()) - snapshot.keys))
    strange = returns - snapshot.names.filters.keys()
    if strange and to is None:
        event = json.dumps({"rollback": target.id, "to": version.version})
        raise RequestRefused(
            f"{target.id}: the version before would let in again what the bundle does not want now: {named(strange)}."
            f" If you want it back, name the version: {event}"
        )
    live = [one for one in snapshot.live.filters if key_of(one) not in leaves]
    filters = (*live, *(content[key] for key in sorted(returns)))
    if not filters:
        raise RequestRefused(f"{target.id}: no filter would be left: everybody of the trust store would be admitted")
    if why := shuts_out(filters, snapshot):
        raise RequestRefused(f"{target.id}: version {version.version}: {why}: data actions would fail")
    return Earlier(version, filters, frozenset((mine - leaves) | returns))


def _version(snapshot: Snapshot, to: str | None) -> Applied:
    record, target = snapshot.record, snapshot.target
    known = {one.version: one for one in record.versions}
    if record.hold is not None and record.hold.reason is HoldReason.BY_HAND and to is None:
        raise RequestRefused(
            f"{target.id}: already rolled back by hand, at {record.hold.since:%Y-%m-%d %H:%M} UTC: release it,"
            ' or name the version to go to with "to"'
        )
    version = to or next(iter(known), None)
    if version is None or version not in known:
        listed = ", ".join(known) or "none"
        raise RequestRefused(f"{target.id}: no such earlier version{f' {version}' if version else ''}; known: {listed}")
    return known[version]


def released(snapshot: Snapshot, leave: tuple[str, ...] = ()) -> Record:
    """The record without its hold, and with the removals let pass that were held. Raises RequestRefused.

    ``leave``: filters that need not wait for the end of their grace, as they are printed.
    """
    unwanted = [key for key in snapshot.plan.graces.ends if key not in snapshot.names.filters]
    spelled = {_typed(words(key)): key for key in unwanted}
    if other := [one for one in leave if _typed(one) not in spelled]:
        listed = ", ".join(map(words, unwanted)) or "none"
        raise RequestRefused(
            f"{snapshot.target.id}: {other[0][:280]} is wanted, or is not the watcher's; what nothing wants: {listed}"
        )
    chosen = [spelled[_typed(one)] for one in leave]
    return replace(snapshot.record, hold=None, released=tuple(dict.fromkeys((*snapshot.plan.held, *chosen))))


def _typed(text: str) -> str:
    """A filter as the request's decoder leaves it (``targets.requests``)."""
    return text.replace(":", "").strip().lower()


def release(snapshot: Snapshot, leave: tuple[str, ...], session: Session) -> None:
    """Record a person's release. Raises RequestRefused, StoreError."""
    record_release(snapshot.record, released(snapshot, leave), session)
