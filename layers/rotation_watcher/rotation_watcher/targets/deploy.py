"""Change one target and prove it: put, write down what is asked for, update, read back, record (or ``going_back``).

Contract. Each function is called with the claim held and with the snapshot taken under it, but for ``deploy``, which
can take it itself. When it returns, the record in the store says what became of the update: proved (``applied``), still
to be proved (``pending``: the next run proves it), refused or rolled back (``hold``), or put off (``not_before``); the
claim is gone. A crash at any point leaves a claim that expires, at most one object version that nothing uses, and a
``pending`` that the next run takes up: what the watcher added is known before the target can hold it, so it is never
mistaken for somebody else's. Where another run has taken over an expired claim, ClaimedByAnother says so, and
``pending`` is that run's to prove.
"""

from collections.abc import Collection

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetError
from rotation_watcher.ports import BundleObject
from rotation_watcher.targets import added, conditions, lawful, loaded, places, proof, stacks
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.plan import Snapshot, digest
from rotation_watcher.targets.record import Applied, Hold, HoldReason, Pending, Record
from rotation_watcher.targets.repository import put_version
from rotation_watcher.targets.session import Change, Session, unclaimed
from rotation_watcher.targets.snapshot import contents_of
from rotation_watcher.x509.truststore import read

replace = msgspec.structs.replace


def deploy(snapshot: Snapshot, session: Session, *, claiming: Change | None = None) -> Outcome:
    """Deploy the snapshot's plan.

    With ``claiming`` the claim is taken here, together with that change and with what is asked for, on the very record
    that the snapshot was taken with. Raises Conflict where it is not there any more: nothing was changed then.
    """
    record, now = session.record, session.ports.clock()
    body, content = snapshot.plan.body, snapshot.plan.content
    versions = record.versions
    try:
        if record.applied is None and snapshot.blocks and not _kept_as_found(snapshot, session):
            versions = (as_found(snapshot, session),)
        version = put(body, session)
    except TargetError as error:  # of the bucket of another region: the state can be written all the same
        _save_failed(claiming or (lambda record: record), snapshot, content, error, session)
        return Outcome(error.reason)
    asked_before = record.pending if record.pending and record.pending.sha256 == content else None
    ours = {*record.forgetting(snapshot.blocks, now).ours, *snapshot.plan.added} - {*snapshot.plan.removed}
    pending = Pending(
        version=version,
        bucket=session.bundles.bucket,
        sha256=content,
        fingerprints=tuple(sorted(snapshot.plan.desired)),
        ours=tuple(sorted(ours & {*snapshot.plan.desired})),
        added=snapshot.plan.added,
        removed=tuple(key for key in snapshot.plan.removed if key not in snapshot.plan.desired),
        at=asked_before.at if asked_before else now,
    )
    wanted = snapshot.view.wanted.certificates
    added.note(session.ports.store, session.target.arn, [wanted[key] for key in snapshot.plan.added])

    def begin(record: Record) -> Record:
        return replace(record.forgetting(snapshot.blocks, now), pending=pending, versions=versions)

    if claiming is None:
        session.save(begin)
    else:
        session.claim_as_read(lambda record: begin(claiming(record)))
    return request_update(snapshot, pending, session)


def request_update(snapshot: Snapshot, pending: Pending, session: Session, *, vouched: Collection[str] = ()) -> Outcome:
    """Ask the service for what ``pending`` says, which the record holds already, and await its proof.

    The one place from which a target is changed: the object itself is judged here (``lawful``).
    """
    store, bundles, now = session.ports.store, session.bundles, session.ports.clock()
    found = places.version(bundles, session.record, keys.deployed, pending.version)
    body, key = (found.stored.body, found.key) if found else (None, keys.deployed(session.folder))
    leaving = lawful.leaving(read(body).blocks if body else (), snapshot)
    ours = added.confirmed(store, session.target.arn, leaving)
    why = lawful.unlawful(body, pending, snapshot, ours=ours, vouched=vouched, now=now)
    if why is not None:
        session.save(
            lambda record: conditions.forged(replace(unclaimed(record), pending=None), session.target, why, now)
        )
        return Outcome.STATE_FORGED
    try:
        bundle = BundleObject(bundles.bucket, key, pending.version, bundles.region)
        etag = session.adapter.update(session.target.arn, bundle, expected=snapshot.live.etag)
    except TargetBusy as error:
        # The answer to a request that did arrive may have been lost before this one: pending stays.
        not_before = session.ports.clock() + arns.parse_target(session.target.arn).kind.back_off
        _save_failed(lambda record: replace(record, not_before=not_before), snapshot, pending.sha256, error, session)
        return Outcome.PUT_OFF
    except BundleRejected as error:
        return _rejected(error, snapshot, pending, session)
    except TargetError as error:
        # It may have arrived all the same (a lost answer): pending stays, and the next run reads before it acts.
        _save_failed(lambda record: record, snapshot, pending.sha256, error, session)
        return Outcome.FAILED
    loaded.note(store, session.target.arn, snapshot.live, body or b"", etag)
    return await_proof(snapshot, pending, session)


def _rejected(error: BundleRejected, snapshot: Snapshot, pending: Pending, session: Session) -> Outcome:
    refusal = _with_what_is_unusual(error, snapshot)
    hold = Hold(reason=HoldReason.REJECTED, sha256=pending.sha256, since=session.ports.clock())
    _save_failed(lambda record: replace(record, pending=None, hold=hold), snapshot, pending.sha256, refusal, session)
    return Outcome.REJECTED


def _with_what_is_unusual(refusal: BundleRejected, snapshot: Snapshot) -> BundleRejected:
    """The service's refusal, with the first block of others that it may mean: AWS names no line."""
    lines = [line.words for line in snapshot.contents.unusual[:1]]
    return BundleRejected(". Of what others put there, check first ".join([str(refusal), *lines]))


def _save_failed(change: Change, snapshot: Snapshot, content: str, error: TargetError, session: Session) -> None:
    now = session.ports.clock()
    session.save(lambda record: conditions.update_failed(change(unclaimed(record)), snapshot, error, content, now))


def await_proof(snapshot: Snapshot, pending: Pending, session: Session) -> Outcome:
    """Read back until the target shows ``pending``; go back where what is live refuses a leaf that is needed."""
    seen = proof.read_back(snapshot, pending, session)
    now, bucket = session.ports.clock(), session.bundles.bucket
    if seen.shown:
        session.save_proof(lambda record: proof.proved(record, pending, snapshot, seen.live, bucket, now))
        if snapshot.live.mark is None:
            stacks.mark(session.adapter, session.target.arn, session.ports.store.bucket)
        return proof.outcome(pending)
    if seen.rejected:
        said = f"the service did not load version {pending.version}: {seen.rejected}"
        return _rejected(BundleRejected(said), snapshot, pending, session)
    off = seen.live.bundle is None  # turned off meanwhile: the next run decides whether it comes back
    if seen.live.settled and not off and {*seen.blocks} != {*snapshot.blocks} and seen.refused and pending.hold is None:
        former = {**snapshot.former, **snapshot.blocks}
        shown = replace(snapshot, live=seen.live, contents=contents_of(seen.live), former=former)
        from rotation_watcher.targets import going_back  # noqa: PLC0415  # most updates are proved

        return going_back.roll_back(shown, pending, seen.refused, session)
    reason = Outcome.UNPROVEN if seen.live.settled else Outcome.STILL_UPDATING
    session.save(
        lambda record: conditions.unproven(unclaimed(record), snapshot, pending, reason.value, seen.refused, now)
    )
    return reason


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


def _kept_as_found(snapshot: Snapshot, session: Session) -> bool:
    """Whether an earlier run, whose update failed, has kept it already: it would be put again at every try."""
    kept = session.record.versions[:1]
    return [(one.sha256, one.bucket) for one in kept] == [(digest(snapshot.contents.data), session.bundles.bucket)]


def as_found(snapshot: Snapshot, session: Session) -> Applied:
    """What a target held when the watcher met it, as a version of its own.

    One can go back to it, and if mutual TLS is turned off it shows what others had there.
    """
    body = snapshot.contents.data
    return Applied(
        version=put(body, session),
        bucket=session.bundles.bucket,
        sha256=digest(body),
        fingerprints=tuple(sorted(snapshot.blocks)),
        at=session.ports.clock(),
        proof="as-found",
    )


def put(body: bytes, session: Session) -> str:
    """Put a bundle where the target loads it; its exact version. Raises TargetError, StoreError."""
    return put_version(session.bundles, keys.deployed(session.folder), body, content_type=keys.PEM_TYPE)
