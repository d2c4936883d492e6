"""Change one target and prove it: put, write down what is asked for, update, read back, record; or go back.

Contract. Each function is called with the claim held and with the snapshot taken under it. When it returns, the record
in the store says what became of the update: proved (``applied``), still to be proved (``pending``: the next run
proves it), refused or rolled back (``hold``), or put off (``not_before``); the claim is gone. A crash at any point
leaves a claim that expires, at most one object version that nothing uses, and a ``pending`` that the next run takes
up: what the watcher added is known before the target can hold it, so it is never mistaken for somebody else's. Where
another run has taken over an expired claim, ClaimedByAnother says so, and ``pending`` is that run's to prove.
"""

from collections.abc import Collection

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.alerts import builders
from rotation_watcher.bundles.wanted import Need, admits
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetError
from rotation_watcher.ports import BundleObject
from rotation_watcher.sources.history import Status
from rotation_watcher.targets import added, conditions, lawful, proof
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.plan import Snapshot, digest
from rotation_watcher.targets.record import Applied, Hold, HoldReason, Pending, Record
from rotation_watcher.targets.session import Change, Session, unclaimed
from rotation_watcher.targets.snapshot import deployed
from rotation_watcher.x509.truststore import EMPTY, Contents, changed, read

replace = msgspec.structs.replace


def deploy(snapshot: Snapshot, session: Session) -> Outcome:
    """Deploy the snapshot's plan."""
    record, now = session.record, session.ports.clock()
    body, content = snapshot.plan.body, snapshot.plan.content
    versions = record.versions
    if record.applied is None and snapshot.blocks:
        versions = (as_found(snapshot, session),)
    asked_before = record.pending if record.pending and record.pending.sha256 == content else None
    pending = Pending(
        version=_put(body, session),
        sha256=content,
        fingerprints=tuple(sorted(snapshot.plan.desired)),
        ours=tuple(sorted({*record.ours, *snapshot.plan.added} & {*snapshot.plan.desired})),
        added=snapshot.plan.added,
        removed=snapshot.plan.removed,
        at=asked_before.at if asked_before else now,
    )
    wanted = snapshot.view.wanted.certificates
    added.note(session.ports.store, session.target.arn, [wanted[key] for key in snapshot.plan.added])
    session.save(lambda record: replace(record, pending=pending, versions=versions))
    return request_update(snapshot, pending, session)


def go_back(
    snapshot: Snapshot, to: Applied, held: Contents, session: Session, *, vouched: Collection[str] = ()
) -> Outcome:
    """Deploy an earlier version again, by hand. The caller saw to it that ``held``, its content, refuses no one.

    ``vouched``: what of it may be let in because that person asked for it.
    """
    gone = session.record.applied
    to = _with_others(snapshot, to, held, session)
    pending = Pending(
        version=to.version,
        sha256=to.sha256,
        fingerprints=to.fingerprints,
        ours=to.ours,
        added=tuple(sorted({*to.fingerprints} - {*snapshot.blocks})),
        removed=tuple(sorted({*snapshot.blocks} - {*to.fingerprints})),
        at=session.ports.clock(),
        hold=HoldReason.BY_HAND,
        why="A person asked for it.",
        rolled_back_from=(gone.version, gone.sha256) if gone else ("", ""),
    )
    session.save(lambda record: replace(record, pending=pending))
    return request_update(snapshot, pending, session, vouched=vouched)


def request_update(snapshot: Snapshot, pending: Pending, session: Session, *, vouched: Collection[str] = ()) -> Outcome:
    """Ask the service for what ``pending`` says, which the record holds already, and await its proof.

    The one place from which a target is changed: the object itself is judged here (``lawful``).
    """
    store, key = session.ports.store, keys.deployed(session.target.id)
    now = session.ports.clock()
    stored = store.get(key, version=pending.version) if pending.version else None
    body = stored.body if stored else None
    leaving = lawful.leaving(read(body).blocks if body else (), snapshot)
    ours = added.confirmed(store, session.target.arn, leaving)
    why = lawful.unlawful(body, pending, snapshot, ours=ours, vouched=vouched, now=now)
    if why is not None:
        session.save(
            lambda record: conditions.forged(replace(unclaimed(record), pending=None), session.target, why, now)
        )
        return Outcome.STATE_FORGED
    try:
        bundle = BundleObject(store.bucket, key, pending.version, store.region)
        session.adapter.update(session.target.arn, bundle, expected=snapshot.live.etag)
    except TargetBusy as error:
        # The answer to a request that did arrive may have been lost before this one: pending stays.
        not_before = session.ports.clock() + arns.parse_target(session.target.arn).kind.back_off
        _save_failed(lambda record: replace(record, not_before=not_before), snapshot, pending, error, session)
        return Outcome.PUT_OFF
    except BundleRejected as error:
        refusal = _with_what_is_unusual(error, snapshot)
        hold = Hold(reason=HoldReason.REJECTED, sha256=pending.sha256, since=session.ports.clock())
        _save_failed(lambda record: replace(record, pending=None, hold=hold), snapshot, pending, refusal, session)
        return Outcome.REJECTED
    except TargetError as error:
        # It may have arrived all the same (a lost answer): pending stays, and the next run reads before it acts.
        _save_failed(lambda record: record, snapshot, pending, error, session)
        return Outcome.FAILED
    return await_proof(snapshot, pending, session)


def _with_what_is_unusual(refusal: BundleRejected, snapshot: Snapshot) -> BundleRejected:
    """The service's refusal, with the first block of others that it may mean: AWS names no line."""
    lines = [line.words for line in snapshot.contents.unusual[:1]]
    return BundleRejected(". Of what others put there, check first ".join([str(refusal), *lines]))


def _save_failed(change: Change, snapshot: Snapshot, pending: Pending, error: TargetError, session: Session) -> None:
    now = session.ports.clock()
    session.save(
        lambda record: conditions.update_failed(change(unclaimed(record)), snapshot, error, pending.sha256, now)
    )


def await_proof(snapshot: Snapshot, pending: Pending, session: Session) -> Outcome:
    """Read back until the target shows ``pending``; go back where what is live refuses a leaf that is needed."""
    seen = proof.read_back(snapshot, pending, session)
    now, bucket = session.ports.clock(), session.ports.store.bucket
    if seen.shown:
        session.save(lambda record: proof.proved(record, pending, snapshot, seen.live, bucket, now))
        return proof.outcome(pending)
    if seen.live.settled and {*seen.blocks} != {*snapshot.blocks} and seen.refused and pending.hold is None:
        return _roll_back(snapshot._replace(live=seen.live), pending, seen.refused, session)
    reason = Outcome.UNPROVEN if seen.live.settled else Outcome.STILL_UPDATING
    session.save(
        lambda record: conditions.unproven(unclaimed(record), snapshot, pending, reason.value, seen.refused, now)
    )
    return reason


def _roll_back(snapshot: Snapshot, pending: Pending, broken: tuple[Need, ...], session: Session) -> Outcome:
    """What is live refuses a leaf: go back to the last version that was proved, if that one admits what is current."""
    now, previous = session.ports.clock(), session.record.applied
    names = ", ".join(need.certificate.fingerprint[:16] for need in broken)
    why = f"What was read back after the update refuses the accepted leaf {names}."
    held = deployed(session.ports.store, session.target, previous.version) if previous else None
    earlier = (held or EMPTY).blocks.values()
    helps = any(admits(earlier, need, now) for need in broken)
    current = [need for need in proof.required(snapshot, now) if need.state.status is Status.CURRENT]
    if previous is None or not helps or not all(admits(earlier, need, now) for need in current):
        alert = builders.truststore_update_failed(
            target=conditions.target_name(snapshot.target),
            reason=Outcome.WOULD_REFUSE.value,
            message=f"{why} No earlier version admits every current leaf, so nothing was rolled back.",
            missing=[need.certificate.facts for need in broken],
            content=pending.sha256,
            since=pending.at,
            now=now,
        )
        session.save(lambda record: replace(unclaimed(record), pending=None).with_alerts(alert))
        return Outcome.WOULD_REFUSE
    previous = _with_others(snapshot, previous, held or EMPTY, session)
    back = Pending(
        version=previous.version,
        sha256=previous.sha256,
        fingerprints=previous.fingerprints,
        ours=previous.ours,
        at=now,
        hold=HoldReason.ROLLED_BACK,
        why=why,
        rolled_back_from=(pending.version, pending.sha256),
    )
    session.save(lambda record: replace(record, pending=back))
    return request_update(snapshot, back, session)


def _with_others(snapshot: Snapshot, to: Applied, held: Contents, session: Session) -> Applied:
    """The earlier version as it can be deployed: with what others have put there since, which is theirs alone."""
    known = held.blocks
    ours = added.confirmed(session.ports.store, session.target.arn, snapshot.blocks.keys() - known.keys())
    others = {key: block for key, block in snapshot.blocks.items() if key not in known and key not in ours}
    if not others:
        return replace(to, fingerprints=tuple(sorted(known)))
    body = changed(held, last=others.values())
    fingerprints = tuple(sorted({*known, *others}))
    return replace(to, version=_put(body, session), sha256=digest(body), fingerprints=fingerprints)


def adopt_baseline(snapshot: Snapshot, session: Session) -> Change:
    """Others' additions and removals that need no healing become part of what is expected from now on."""
    fingerprints = tuple(sorted(snapshot.blocks))
    applied = snapshot.record.applied
    if applied is not None and applied.version:
        adopted, versions = replace(applied, fingerprints=fingerprints), snapshot.record.versions
    else:
        original = as_found(snapshot, session)
        # It was not deployed by the watcher.
        adopted, versions = replace(original, version="", proof=snapshot.live.proof), (original,)

    def adopt(record: Record) -> Record:
        kept = {key: since for key, since in record.ours.items() if key in snapshot.blocks}
        return replace(record, applied=adopted, versions=versions, ours=kept)

    return adopt


def as_found(snapshot: Snapshot, session: Session) -> Applied:
    """What a target held when the watcher met it, as a version of its own.

    One can go back to it, and if mutual TLS is turned off it shows what others had there.
    """
    body = snapshot.contents.data
    return Applied(
        version=_put(body, session),
        sha256=digest(body),
        fingerprints=tuple(sorted(snapshot.blocks)),
        at=session.ports.clock(),
        proof="as-found",
    )


def _put(body: bytes, session: Session) -> str:
    """Put the bundle; its exact version. The newest one is used again if a crashed run left the same bytes."""
    store, key = session.ports.store, keys.deployed(session.target.id)
    newest = store.get(key)
    if newest is not None and newest.body == body and newest.version:
        return newest.version
    version = store.put(key, body, content_type=keys.PEM_TYPE).version
    if not version:
        raise TargetError(f"the bucket {store.bucket} is not versioned: turn versioning on, as the template does")
    return version
