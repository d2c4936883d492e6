"""The last judgement before a target changes: whether the very object that it is about to load may be deployed.

Pure, and asked in one place (``deploy.request_update``), whatever led there: a plan, a going back that an earlier run
wrote down, one that the watcher decides, one by hand. What the state says is a claim of whoever wrote it
last; so the object's own bytes are judged, against what stands outside the folder that is judged:

* what is wanted now, proved to the operator's anchors in this run;
* what the service itself shows: to carry it on lets nobody in who is not in already. Where mutual TLS is off and there
  is nothing live, what it showed last (``shown``); where that is in doubt, nothing is deployed but what a person named;
* ``vouched``: what the caller has another ground for (a version that a person named).

And what leaves must be ours by proof (``added``), and no current leaf may be shut out that is let in now.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from rotation_watcher.bundles.wanted import admits
from rotation_watcher.sources.history import Status
from rotation_watcher.targets.plan import Snapshot, digest
from rotation_watcher.targets.record import Pending, Record
from rotation_watcher.targets.snapshot import contents_of
from rotation_watcher.x509.certificates import Block
from rotation_watcher.x509.truststore import Contents, read

_FEW = 3


def unlawful(
    body: bytes | None,
    pending: Pending,
    snapshot: Snapshot,
    *,
    ours: Collection[str],
    vouched: Collection[str],
    now: datetime,
) -> str | None:
    """Why the object ``body`` may not be deployed, in words; None where it may.

    ``body`` is the object of ``pending``'s version, None if there is none. ``ours``: what the watcher added, by proof.
    """
    if body is None or digest(body) != pending.sha256:
        return f"there is no version {pending.version[:80]} that holds what the record says"
    if snapshot.last.doubt is not None and not vouched:
        return snapshot.last.doubt
    contents, live = read(body), shown(snapshot)
    if contents.unsafe and body != snapshot.live.bundle:
        return f"it holds something that cannot be judged: {contents.unsafe[0].words}"
    blocks = contents.blocks
    strangers = blocks.keys() - snapshot.view.wanted.certificates.keys() - live.keys() - {*vouched}
    if strangers:
        return f"it would let in what neither the operator's files nor the target itself know: {_named(strangers)}"
    if snapshot.target.unknown == "keep" and (lost := leaving(blocks, snapshot) - {*ours}):
        return f"it would take away what the watcher has not added: {_named(lost)}"
    return _shut_out(blocks, live, snapshot, now)


def leaving(blocks: Collection[str], snapshot: Snapshot) -> frozenset[str]:
    """What the target held when the snapshot was taken, or before it was turned off, and would not hold any more."""
    held = shown(snapshot) if snapshot.live.bundle is None else snapshot.blocks
    return frozenset(held) - {*blocks}


def shown(snapshot: Snapshot) -> Mapping[str, Block]:
    """What the service itself shows; where mutual TLS is off, what it showed last."""
    if snapshot.live.bundle is None:
        return snapshot.last.contents.blocks if snapshot.last.contents is not None else {}
    return {**contents_of(snapshot.live).blocks, **snapshot.blocks}


def agreed(record: Record, version: str, contents: Contents) -> frozenset[str]:
    """What a version holds, where the record says the same of its content; nothing where they differ."""
    known = [one for one in (record.applied, *record.versions) if one is not None and one.version == version]
    agree = any(one.sha256 == digest(contents.data) for one in known)
    return frozenset(contents.blocks) if agree else frozenset()


def _shut_out(blocks: Mapping[str, Block], live: Mapping[str, Block], snapshot: Snapshot, now: datetime) -> str | None:
    for need in snapshot.view.wanted.needs:
        current = need.required(now) and need.state.status is Status.CURRENT
        if current and admits(live.values(), need, now) and not admits(blocks.values(), need, now):
            return f"it would shut out the current leaf {need.certificate.fingerprint[:16]}"
    return None


def _named(fingerprints: Collection[str]) -> str:
    rest = len(fingerprints) - _FEW
    return ", ".join(one[:16] for one in sorted(fingerprints)[:_FEW]) + (f" and {rest} more" if rest > 0 else "")
