"""What going back to an earlier version deploys: what is live now, with our own certificates as that version held them.

A truststore belongs to many, and a version is a statement about ours alone. So others' text stays byte for byte and in
its order, which decides between CAs of one name (decision 0030): what they have added since stays, what they have
removed stays away. Of ours, what the version held is put in and what it did not hold is taken out.

Where mutual TLS is off nothing is live: then it is the version as it stands, and behind it what others have put in
since, as the last version shows it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec

from rotation_watcher.bundles.wanted import Need, admits
from rotation_watcher.sources.history import Status
from rotation_watcher.targets import added
from rotation_watcher.targets.order import Held, arranged
from rotation_watcher.targets.plan import Snapshot, digest
from rotation_watcher.targets.record import Applied, Record
from rotation_watcher.targets.session import Session
from rotation_watcher.x509.certificates import Block
from rotation_watcher.x509.truststore import Contents, changed, read, without


class Rebuilt(msgspec.Struct, frozen=True):
    """The content to deploy. ``ours``: what of it is the watcher's from then on.

    ``returns`` and ``leaves`` compare it with what is live, ``unsafe`` says why it may not be deployed at all.
    """

    body: bytes
    blocks: Mapping[str, Block]
    ours: frozenset[str]
    returns: tuple[str, ...]
    leaves: tuple[str, ...]
    unsafe: str

    def refused(self, snapshot: Snapshot, now: datetime) -> tuple[Need, ...]:
        """The current leaves that it would not let in."""
        return tuple(need for need in _current(snapshot, now) if not admits(self.blocks.values(), need, now))


def claimed(record: Record) -> frozenset[str]:
    """What the record calls the watcher's own, an update included that was asked for and is not proved yet."""
    return frozenset({*record.ours, *(record.pending.ours if record.pending else ())})


def rebuilt(
    snapshot: Snapshot, to: Applied, held: Contents, session: Session, *, vouched: Collection[str] = ()
) -> Rebuilt:
    """The content for going back to the version ``to``, whose object holds ``held``. Raises StoreError.

    ``vouched``: what of ours may come back though nothing wants it any more.
    """
    live, wanted, now = snapshot.blocks, snapshot.view.wanted.certificates, session.ports.clock()
    own = claimed(session.record) & live.keys()
    leaves = added.confirmed(session.ports.store, session.target.arn, own - held.blocks.keys())
    if snapshot.live.bundle is None:
        others = [block for key, block in live.items() if key not in held.blocks and key not in leaves]
        body = changed(held, last=others)
        return _of(body, snapshot, frozenset(to.ours), {*held.blocks} - {*live}, held)
    mine = {*held.blocks} if snapshot.target.unknown == "remove" else {*to.ours}
    returns = {key for key in held.blocks.keys() - live.keys() if key in wanted or (key in mine and key in vouched)}
    back = {
        key: _as_ours(wanted, held.blocks[key]) for key in (*wanted, *sorted(returns - {*wanted})) if key in returns
    }
    left = without(snapshot.contents, leaves)
    first, last = _places(left, back, snapshot, now)
    body = changed(left, first=first.values(), last=last.values())
    ours = (own - leaves) | (returns & ({*to.ours} | wanted.keys()))
    return _of(body, snapshot, ours, returns, snapshot.contents)


def updated_again(content: Rebuilt, additions: Collection[str], snapshot: Snapshot, now: datetime) -> str:
    """The SHA-256 of what the update that was rolled back would be on top of ``content``: the plan that is held."""
    wanted = snapshot.view.wanted
    adds = {key: wanted.certificates[key] for key in wanted.certificates if key in additions}
    missing = {key: held for key, held in adds.items() if key not in content.blocks}
    required = [need for need in wanted.needs if need.required(now)]
    first, last = arranged(content.blocks, missing, required, now)
    return digest(changed(read(content.body), first=first.values(), last=last.values()))


def _of(body: bytes, snapshot: Snapshot, ours: frozenset[str], returns: Collection[str], base: Contents) -> Rebuilt:
    blocks = read(body).blocks
    return Rebuilt(
        body=body,
        blocks=blocks,
        ours=ours & blocks.keys(),
        returns=tuple(sorted(returns)),
        leaves=tuple(sorted(snapshot.blocks.keys() - blocks.keys())),
        unsafe=base.unsafe[0].words if base.unsafe else "",
    )


def _as_ours(wanted: Mapping[str, Held], block: Block) -> Held:
    return wanted.get(block.fingerprint) or block.certificate or block


def _places(
    left: Contents, back: Mapping[str, Held], snapshot: Snapshot, now: datetime
) -> tuple[Mapping[str, Held], Mapping[str, Held]]:
    """Where what comes back is put: so that every leaf that is needed is let in; if none helps, each current one."""
    kept = left.blocks
    required = [need for need in snapshot.view.wanted.needs if need.required(now)]
    first, last = arranged(kept, back, required, now)
    order = [*first.values(), *kept.values(), *last.values()]
    if all(admits(order, need, now) for need in required):
        return first, last
    return arranged(kept, back, _current(snapshot, now), now)


def _current(snapshot: Snapshot, now: datetime) -> list[Need]:
    needs = snapshot.view.wanted.needs
    return [need for need in needs if need.required(now) and need.state.status is Status.CURRENT]
