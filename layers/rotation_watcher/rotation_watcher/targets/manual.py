"""What a person asks of a target: to go back to an earlier version, and to release what is held.

Contract. Where another run is at work at the target, both are refused with who it is and until when. RequestRefused
means that nothing was changed.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.errors import ClaimedByAnother, RequestRefused
from rotation_watcher.targets import lawful, places
from rotation_watcher.targets.earlier import Rebuilt, rebuilt
from rotation_watcher.targets.plan import Snapshot
from rotation_watcher.targets.record import Applied, HoldReason, Record
from rotation_watcher.targets.session import Session, same_state
from rotation_watcher.targets.snapshot import deployed
from rotation_watcher.x509.certificates import Block

replace = msgspec.structs.replace

_LISTED = 5


class Earlier(msgspec.Struct, frozen=True):
    """A version to go back to, and what that deploys. ``back`` says that the target holds it already, rolled back.

    ``vouched``: what of it may be let in because a person asked for it.
    """

    version: Applied
    content: Rebuilt
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

    Raises RequestRefused where there is none, where it would refuse a current leaf, and where it would let somebody in
    again for whom nothing vouches now and the version is not named.
    """
    record, target = snapshot.record, snapshot.target
    version = _version(snapshot, to)
    if bucket := places.left_behind(version, session.bundles.bucket):
        raise RequestRefused(
            f"{target.id}: version {version.version} lies in the bucket {bucket}, from which the target loads no more"
        )
    held = deployed(session.bundles, record, version.version)
    if held is None:
        where = f"s3://{session.bundles.bucket}/{keys.deployed(session.folder)} version {version.version}"
        raise RequestRefused(f"{target.id}: {where} is gone")
    agreed = lawful.agreed(record, version.version, held)
    if not agreed:
        raise RequestRefused(
            f"{target.id}: version {version.version} does not hold what the record says: somebody else has"
            " written below targets/ (CloudTrail shows who); nothing was changed"
        )
    content = rebuilt(snapshot, version, held, session, vouched=agreed)
    live = snapshot.live.bundle is not None
    if _is_back(record) and live and not content.returns and not content.leaves:
        return Earlier(version, content, back=True)
    if content.unsafe:
        raise RequestRefused(f"{target.id}: what it holds cannot be carried on: {content.unsafe}; nothing was changed")
    _refuse_harm(snapshot, version, content, session.ports.clock())
    returns = {*content.returns} if live else agreed
    vouched = frozenset(returns - snapshot.view.wanted.certificates.keys())
    if vouched and to is None:
        raise RequestRefused(_unnamed(target.id, version, [content.blocks[key] for key in sorted(vouched)]))
    return Earlier(version, content, back=False, vouched=vouched)


def _unnamed(target: str, version: Applied, strange: Sequence[Block]) -> str:
    """Why "the one before" is not enough: it is what the record says, and may have been left because of whom it let in.

    What was retired, or was let in by an approval that is withdrawn since, must not come back by a short command; nor
    what somebody else has written into the record.
    """
    names = [f"{plain(block.facts.subject, 60)} (SHA-256 {block.fingerprint[:16]})" for block in strange[:_LISTED]]
    names += [f"{len(strange) - _LISTED} more"] if len(strange) > _LISTED else []
    event = json.dumps({"rollback": target, "to": version.version})
    return (
        f"{target}: the version before, {version.version}, would let in again what neither the bundle nor the target"
        f" knows now: {', '.join(names)}. If you know these and want them back, name the version: {event}"
    )


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
    here = [name for name, one in known.items() if places.left_behind(one, snapshot.buckets.bundles) is None]
    version = to or next(iter(here), None)
    if version is None or version not in known:
        listed = ", ".join(here) or "none"
        raise RequestRefused(f"{target.id}: no such earlier version{f' {version}' if version else ''}; known: {listed}")
    return known[version]


def _refuse_harm(snapshot: Snapshot, version: Applied, content: Rebuilt, now: datetime) -> None:
    """Raise RequestRefused where the target would then refuse a current leaf."""
    for need in content.refused(snapshot, now):
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
    record_release(snapshot.record, released(snapshot, leave), session)


def record_release(seen: Record, after: Record, session: Session) -> None:
    """Write what ``after`` releases, unless another run has changed the target since ``seen`` was read."""

    def change(record: Record) -> Record:
        if not same_state(record, seen):
            raise RequestRefused(f"{session.target.id}: another run has just changed it: do a dry run, then release")
        return replace(record, hold=after.hold, released=after.released)

    with refusing(session):
        session.save(change)
