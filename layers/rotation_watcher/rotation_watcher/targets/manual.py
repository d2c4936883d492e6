"""What a person asks of a target: to go back to an earlier version, and to release what is held.

Contract. Where another run is at work at the target, both are refused with who it is and until when. RequestRefused
means that nothing was changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import msgspec

from rotation_watcher import keys
from rotation_watcher.bundles.wanted import admits
from rotation_watcher.errors import ClaimedByAnother, RequestRefused
from rotation_watcher.sources.history import Status
from rotation_watcher.targets import added, lawful
from rotation_watcher.targets.plan import Snapshot
from rotation_watcher.targets.record import Applied, HoldReason, Record
from rotation_watcher.targets.session import Session, same_state
from rotation_watcher.targets.snapshot import deployed
from rotation_watcher.x509.truststore import Contents

replace = msgspec.structs.replace


class Earlier(NamedTuple):
    """A version to go back to, and what it holds. ``back`` says that the target holds it already, rolled back.

    ``vouched``: what of it may be let in because a person asked for it.
    """

    version: Applied
    held: Contents
    back: bool
    vouched: frozenset[str] = frozenset()


@contextmanager
def refusing(session: Session) -> Iterator[None]:
    """Refuse a person's request because another run is at work: for what comes before anything was changed."""
    try:
        yield
    except ClaimedByAnother as error:
        raise RequestRefused(f"{session.target.id}: {error}; nothing was changed: try again then") from error


def earlier_version(snapshot: Snapshot, to: str | None, session: Session) -> Earlier:
    """The version ``to`` (None: the one before), which may be deployed.

    Raises RequestRefused where there is none, or where it would refuse a current leaf.
    """
    record, target = snapshot.record, snapshot.target
    version = _version(snapshot, to)
    held = deployed(session.ports.store, target, version.version)
    if held is None:
        where = f"{keys.deployed(target.id)} version {version.version}"
        raise RequestRefused(f"{target.id}: {where} is gone from the bucket")
    ours = added.confirmed(session.ports.store, target.arn, snapshot.blocks.keys() - held.blocks.keys())
    others = snapshot.blocks.keys() - ours
    if _is_back(record) and {*held.blocks} <= {*snapshot.blocks} <= {*held.blocks} | others:
        return Earlier(version, held, back=True)
    _refuse_harm(snapshot, version, held, session.ports.clock())
    return Earlier(version, held, back=False, vouched=_vouched(snapshot, version, held, to, session))


def _vouched(snapshot: Snapshot, version: Applied, held: Contents, to: str | None, session: Session) -> frozenset[str]:
    """What a request lets back in: anything in a version that was named; else what the watcher added itself once.

    "The one before" is what the record says, and whoever can write there can put a version of his own before: it
    must not come in by a short command. Raises RequestRefused.
    """
    agreed = lawful.agreed(snapshot.record, version.version, held)
    if not agreed:
        raise RequestRefused(
            f"{session.target.id}: version {version.version} does not hold what the record says: somebody else has"
            " written below targets/ (CloudTrail shows who); nothing was changed"
        )
    if to is not None:
        return agreed
    known = snapshot.view.wanted.certificates.keys() | lawful.shown(snapshot).keys()
    own = added.confirmed(session.ports.store, session.target.arn, agreed - known)
    if strange := agreed - known - own:
        names = ", ".join(key[:16] for key in sorted(strange)[:3])
        raise RequestRefused(
            f"{session.target.id}: version {version.version} would let in what neither the bundle nor the target knows"
            f' now ({names}): if you know that version from an alert, name it with "to"'
        )
    return own


def _is_back(record: Record) -> bool:
    """Whether a person has rolled it back, and nobody has released it since."""
    return record.pending is None and record.hold is not None and record.hold.reason is HoldReason.BY_HAND


def _version(snapshot: Snapshot, to: str | None) -> Applied:
    """The version that is meant. Raises RequestRefused."""
    record, target = snapshot.record, snapshot.target
    known = {one.version: one for one in record.versions}
    if _is_back(record):
        # Whoever got no answer asks again: the same version is served already; "the one before" is the one just left.
        if to is None and record.hold:
            raise RequestRefused(
                f"{target.id}: already rolled back by hand, at {record.hold.since:%Y-%m-%d %H:%M} UTC: release it,"
                ' or name the version to go to with "to"'
            )
        known |= {record.applied.version: record.applied} if record.applied else {}
    version = to or next(iter(known), None)
    if version is None or version not in known:
        listed = ", ".join(known) or "none"
        raise RequestRefused(f"{target.id}: no such earlier version {version or ''}; known: {listed}")
    return known[version]


def _refuse_harm(snapshot: Snapshot, version: Applied, held: Contents, now: datetime) -> None:
    """Raise RequestRefused where the version would refuse a current leaf."""
    for need in snapshot.view.wanted.needs:
        current = need.required(now) and need.state.status is Status.CURRENT
        if current and not admits(held.blocks.values(), need, now):
            raise RequestRefused(
                f"{snapshot.target.id}: version {version.version} would refuse the current leaf"
                f" {need.certificate.fingerprint[:16]} ({need.certificate.facts.subject}) of source {need.source}:"
                " data actions would fail"
            )


def released(snapshot: Snapshot, leave: tuple[str, ...] = ()) -> Record:
    """The record without its hold, and with the removals let pass that were held when the snapshot was taken.

    ``leave`` need not wait for the end of its grace. Raises RequestRefused for what is wanted, or is not in its grace.
    """
    unwanted = {key for key in snapshot.plan.graces.ends if key not in snapshot.view.wanted.certificates}
    if other := [key for key in leave if key not in unwanted]:
        listed = ", ".join(sorted(unwanted)) or "none"
        raise RequestRefused(
            f"{snapshot.target.id}: {other[0][:64]} is wanted, or is not the watcher's; what nothing wants: {listed}"
        )
    return replace(snapshot.record, hold=None, released=tuple(dict.fromkeys((*snapshot.plan.held, *leave))))


def release(snapshot: Snapshot, leave: tuple[str, ...], session: Session) -> None:
    """Record a person's release. Raises RequestRefused, StoreError."""
    after = released(snapshot, leave)

    def change(record: Record) -> Record:
        if not same_state(record, snapshot.record):
            raise RequestRefused(f"{session.target.id}: another run has just changed it: do a dry run, then release")
        return replace(record, hold=after.hold, released=after.released)

    with refusing(session):
        session.save(change)
