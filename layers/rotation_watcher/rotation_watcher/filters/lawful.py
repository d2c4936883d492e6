"""The last judgement before a listener changes: whether the very list that it is about to get may be put there.

Asked in one place (``deploy.request_update``), whatever led there. What the state says is a claim of whoever wrote it
last; so the list itself is judged, against what stands outside ``targets/``: the names that are proved in this run,
what the listener shows or showed last, and what the watcher has added by proof.
"""

from collections.abc import Sequence

from rotation_watcher.filters import kept
from rotation_watcher.filters.entries import by_key, texts
from rotation_watcher.filters.plan import Snapshot, named
from rotation_watcher.ports import Filter
from rotation_watcher.sources.history import Status
from rotation_watcher.targets.record import Pending
from rotation_watcher.targets.session import Session
from rotation_watcher.x509.identity_filters import admits


def unlawful(filters: Sequence[Filter] | None, pending: Pending, snapshot: Snapshot, session: Session) -> str | None:
    """Why these filters may not be put there, in words: what the state says is a claim of whoever wrote it last."""
    if filters is None:
        return f"there is no version {pending.version[:80]} that holds what the record says"
    if not filters:
        return "an empty list would admit everybody whom the trust store admits"
    content = by_key(filters).keys()
    emptied = not snapshot.live.filters and snapshot.shown.filters is not None
    known = (
        snapshot.keys
        | snapshot.names.filters.keys()
        | (by_key(snapshot.shown.filters or ()).keys() if emptied else set())
    )
    strangers = content - known
    if pending.hold is not None:  # a going back: what the watcher itself has put there once
        strangers -= kept.confirmed(session.ports.store, session.target.arn, sorted(strangers))
    if strangers:
        return f"it would let in what neither the bundle nor the listener knows: {named(strangers)}"
    leaving = snapshot.keys - content
    if lost := leaving - kept.confirmed(session.ports.store, session.target.arn, sorted(leaving)):
        return f"it would take away what the watcher has not added: {named(lost)}"
    return shuts_out(filters, snapshot)


def shuts_out(filters: Sequence[Filter], snapshot: Snapshot) -> str | None:
    """A current leaf that passes now and would not pass these filters, in words; None where there is none."""
    now_texts, then = texts(snapshot.live.filters), texts(filters)
    for need in (need for of in snapshot.names.needs.values() for need in of):
        current = need.state.status is Status.CURRENT and admits(now_texts, need.certificate) is True
        if current and admits(then, need.certificate) is not True:
            return f"it would shut out the current leaf {need.certificate.fingerprint[:16]}"
    return None
