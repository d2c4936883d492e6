"""What the service showed last at a target that can lose it: ``bundles/.shown/<hash of the ARN>.pem``.

Where mutual TLS is turned off nothing is live, and what others had there has to come back with it. What the record
says of it is a claim of whoever wrote below ``targets/`` last. So the very bytes that the service shows are noted
below ``bundles/``, and their digest in the record, by each run that goes on to write it: not by one that leaves the
target to another. They are written only when they have changed. What was there counts where the two agree: whoever can
write one of them can keep the target from being healed, aloud, and no more.
"""

import msgspec

from rotation_watcher import keys
from rotation_watcher.config import Target
from rotation_watcher.errors import TargetError
from rotation_watcher.ports import Live, ObjectStore
from rotation_watcher.targets.plan import Last, digest, to_be_noted
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.repository import put_if_other
from rotation_watcher.x509.truststore import read


def note(store: ObjectStore, target: Target, live: Live) -> None:
    """Write down what the service shows, if that has changed. Raises StoreError."""
    body = to_be_noted(target, live)
    if body is not None:
        put_if_other(store, keys.shown(target.arn), body, content_type=keys.PEM_TYPE)


def instead(store: ObjectStore, target: Target, record: Record, error: TargetError) -> Live:
    """What the target holds where its object can be read no more: what it showed when that version was proved.

    The bucket of its region may be gone, made anew or exchanged; the service goes on with what it has loaded. It counts
    where the target names exactly the version that was deployed last, and the bytes have that version's digest.
    Raises ``error`` where it does not, StoreError.
    """
    live, applied = error.seen, record.applied
    if isinstance(live, Live) and applied is not None and applied.version and live.version == applied.version:
        stored = store.get(keys.shown(target.arn))
        if stored is not None and digest(stored.body) == applied.sha256:
            return msgspec.structs.replace(live, bundle=stored.body)
    raise error


def last(store: ObjectStore, target: Target, record: Record) -> Last:
    """What was noted, for a target that shows nothing now. Raises StoreError."""
    stored = store.get(keys.shown(target.arn))
    if stored is None and not record.shown:
        return Last()
    # An update's proof is noted before the record says so: a run may have died in between.
    said = {record.shown, record.pending.sha256 if record.pending else ""}
    if stored is not None and digest(stored.body) in said:
        return Last(read(stored.body))
    return Last(
        doubt="its mutual TLS is off, and of what it held before the note below bundles/.shown/ and the record say"
        " different things"
    )
