"""Go back to an earlier version of a target's bundle: by hand, or where what is live refuses a leaf after an update.

Contract, as ``deploy``, of which every update is. What others have put there since that version stays.
"""

from collections.abc import Collection

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import builders
from rotation_watcher.bundles.wanted import Need, admits
from rotation_watcher.former_key import lies_under_former
from rotation_watcher.targets import added, findings, lawful, places
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.deploy import put, request_update
from rotation_watcher.targets.earlier import Rebuilt, rebuilt, updated_again
from rotation_watcher.targets.plan import Snapshot, digest
from rotation_watcher.targets.record import Applied, HoldReason, Pending, Record
from rotation_watcher.targets.session import Session, unclaimed
from rotation_watcher.targets.snapshot import deployed
from rotation_watcher.x509.truststore import Contents

replace = msgspec.structs.replace


def go_back(
    snapshot: Snapshot, to: Applied, content: Rebuilt, session: Session, *, vouched: Collection[str] = ()
) -> Outcome:
    """Go back to an earlier version, by hand. The caller saw to it that ``content`` refuses no one.

    ``vouched``: what of it may be let in because that person asked for it.
    """
    gone = session.record.applied
    back = Pending(
        version=to.version,
        sha256=to.sha256,
        fingerprints=(),
        ours=(),
        at=session.ports.clock(),
        hold=HoldReason.BY_HAND,
        why="A person asked for it.",
        rolled_back_from=(gone.version, gone.sha256) if gone else ("", ""),
    )
    return _deploy_earlier(snapshot, back, content, session, vouched=vouched)


def resume(snapshot: Snapshot, pending: Pending, session: Session) -> Outcome:
    """Ask again for a going back that an earlier run wrote down, built anew: others may have changed what is live.

    What a person's word alone let back in is not: whoever can write the record can write that too.
    """
    bucket = places.left_behind(pending, session.bundles.bucket)
    if bucket is not None:
        return _stay(
            snapshot, pending, (), f"{_begun(pending)} was given up: {_out_of_reach(pending, bucket)}.", session
        )
    held = deployed(session.bundles, session.record, pending.version)
    if held is None or digest(held.data) != pending.sha256 or _strange(snapshot, held, session):
        return request_update(snapshot, pending, session)  # which judges it, and tells
    to = Applied(
        version=pending.version,
        sha256=pending.sha256,
        fingerprints=pending.fingerprints,
        ours=pending.ours,
        at=pending.at,
        proof="",
    )
    content = rebuilt(snapshot, to, held, session)
    now = session.ports.clock()
    harmed = [one for one in content.refused(snapshot, now) if admits(snapshot.blocks.values(), one, now)]
    if content.unsafe or harmed:
        why = content.unsafe or f"it would refuse the leaf {harmed[0].certificate.fingerprint[:16]} by now"
        return _stay(snapshot, pending, (), f"{_begun(pending)} was given up: {why}.", session)
    if lost := {*pending.added} - content.blocks.keys():
        names = ", ".join(key[:16] for key in sorted(lost)[:3])
        pending = replace(
            pending, why=f"{pending.why} It was interrupted, and {names} did not come back: name the version again."
        )
    return _deploy_earlier(snapshot, pending, content, session)


def _begun(pending: Pending) -> str:
    return f"The going back that was begun at {pending.at:%Y-%m-%d %H:%M} UTC"


def _out_of_reach(one: Applied | Pending, bucket: str) -> str:
    return f"version {one.version} lies in the bucket {bucket}, from which the target loads no more"


def _strange(snapshot: Snapshot, held: Contents, session: Session) -> frozenset[str]:
    """What a version holds that nobody knows: the watcher has not added it, and the target neither holds it nor did."""
    applied = session.record.applied
    known = {
        *snapshot.view.wanted.certificates,
        *lawful.shown(snapshot),
        *(applied.fingerprints if applied else ()),
    }
    strange = held.blocks.keys() - known
    return frozenset(strange - added.confirmed(session.ports.store, session.target.arn, strange))


def _deploy_earlier(
    snapshot: Snapshot, back: Pending, content: Rebuilt, session: Session, *, vouched: Collection[str] = ()
) -> Outcome:
    """Write down the going back ``back`` with this content, and ask for it."""
    now, sha256 = session.ports.clock(), digest(content.body)
    wanted = snapshot.view.wanted.certificates
    back = replace(
        back,
        version=back.version if sha256 == back.sha256 and not _outdated(back, session) else put(content.body, session),
        bucket=session.bundles.bucket,
        sha256=sha256,
        fingerprints=tuple(sorted(content.blocks)),
        ours=tuple(sorted(content.ours)),
        added=content.returns,
        removed=tuple(sorted({*back.removed, *content.leaves} - content.blocks.keys())),
    )
    returns = [wanted.get(key) or content.blocks[key] for key in content.returns if key in content.ours]
    added.note(session.ports.store, session.target.arn, returns)

    def begin(record: Record) -> Record:
        return replace(record.forgetting(snapshot.blocks, now), pending=back)

    session.save(begin)
    return request_update(snapshot, back, session, vouched=vouched)


def _outdated(back: Pending, session: Session) -> bool:
    """Whether that version lies under a KMS key of before. Raises StoreError."""
    found = places.version(session.bundles, session.record, keys.deployed, back.version)
    return found is not None and lies_under_former(session.bundles, found.key, found.stored)


def roll_back(snapshot: Snapshot, pending: Pending, broken: tuple[Need, ...], session: Session) -> Outcome:
    """What is live refuses a leaf: go back to the last version that was proved, if every current leaf is let in then.

    ``snapshot`` shows what was read back after the update ``pending``, its ``former`` what was there before: what
    others have taken out meanwhile stays out, and is told.
    """
    now, previous = session.ports.clock(), session.record.applied
    names = ", ".join(need.certificate.fingerprint[:16] for need in broken)
    why = f"What was read back after the update refuses the accepted leaf {names}."
    held = deployed(session.bundles, session.record, previous.version) if previous else None
    content = rebuilt(snapshot, previous, held, session) if previous and held else None
    if previous is None or content is None:
        return _stay(
            snapshot, pending, broken, f"{why} {_no_earlier(previous, session)}, so nothing was rolled back.", session
        )
    if content.unsafe:
        message = f"{why} What others put there cannot be carried on ({content.unsafe}), so nothing was rolled back."
        return _stay(snapshot, pending, broken, message, session)
    helps = any(admits(content.blocks.values(), need, now) for need in broken)
    if not helps or content.refused(snapshot, now):
        message = f"{why} No earlier version admits every current leaf, so nothing was rolled back."
        return _stay(snapshot, pending, broken, message, session)
    back = Pending(
        version=previous.version,
        sha256=previous.sha256,
        fingerprints=(),
        ours=(),
        at=now,
        removed=tuple(snapshot.former),
        hold=HoldReason.ROLLED_BACK,
        why=why,
        rolled_back_from=(pending.version, updated_again(content, pending.added, snapshot, now)),
    )
    return _deploy_earlier(snapshot, back, content, session)


def _no_earlier(previous: Applied | None, session: Session) -> str:
    bucket = places.left_behind(previous, session.bundles.bucket) if previous else None
    if previous is None or bucket is None:
        return "There is no earlier version"
    return f"The earlier {_out_of_reach(previous, bucket)}"


def _stay(snapshot: Snapshot, pending: Pending, broken: Collection[Need], message: str, session: Session) -> Outcome:
    """Forget ``pending`` where no going back helps, and tell."""
    alert = builders.truststore_update_failed(
        target=findings.target_name(snapshot.target),
        reason=Outcome.WOULD_REFUSE.value,
        message=message,
        missing=[need.certificate.facts for need in broken],
        content=pending.sha256,
        since=pending.at,
        now=session.ports.clock(),
    )
    now, held = session.ports.clock(), snapshot.blocks
    session.save(lambda record: unclaimed(record).forgetting(held, now).with_alerts(alert))
    return Outcome.WOULD_REFUSE
