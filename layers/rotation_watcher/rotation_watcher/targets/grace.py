"""When what the watcher put into a target may leave it: the grace, noted at the target itself.

Pure. A certificate of ours has no end as long as a presented or announced leaf or a file of the operator wants it.
Where only leaves in their grace want it, or nothing does any more (a source or a file was taken out of the bundle, an
authority dropped, an anchor taken back), the record notes when that was first seen while nothing stood against
removals, and it stays for ``retain_days`` from then on. So neither a slip in the watch file nor a history that somebody
else wrote takes anything out at once, and a lost record only makes it stay longer.

What only approvals wanted is another matter: it was trusted on a person's word alone, and that word was taken back.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec

from rotation_watcher.bundles.wanted import Wanted
from rotation_watcher.config import Policy
from rotation_watcher.targets.record import Record

_BELIEVED = timedelta(days=1)
"""How far back the beginning of a grace lies at the most when it is first seen: histories are read within minutes."""


class Graces(msgspec.Struct, frozen=True):
    """What will leave a target, by fingerprint.

    ``unwanted`` and ``approved`` are the record's notes as they should be now. ``ends``: when the grace began and when
    it ends, which moves on while something stands against removals. ``over``: those whose grace is over.
    ``withdrawn``: those which only approvals wanted that are not in force any more; they have no grace.
    """

    unwanted: Mapping[str, datetime]
    approved: Mapping[str, tuple[str, ...]]
    ends: Mapping[str, tuple[datetime, datetime]]
    over: frozenset[str]
    withdrawn: frozenset[str]


NO_GRACES = Graces({}, {}, {}, frozenset(), frozenset())


def graces(
    live: Collection[str],
    wanted: Wanted,
    record: Record,
    policy: Policy,
    *,
    withdrawn: Collection[str],
    may_remove: bool,
    now: datetime,
) -> Graces:
    """The graces of what the record calls ours among ``live``.

    ``withdrawn``: what of the record's ``approved`` no approval in force wants. ``may_remove``: nothing stands against
    removals now.
    """
    from_histories = wanted.graces()
    ours = {key for key in live if key in record.ours}
    ending = {key for key in ours if key not in wanted.certificates or key in from_histories}
    notes = {key: min(record.unwanted[key], now) for key in ending if key in record.unwanted}
    if may_remove:
        begun = {key: min(max(from_histories[key][0], now - _BELIEVED), now) for key in ending & from_histories.keys()}
        notes = {key: begun.get(key, now) for key in ending} | notes
    retained = timedelta(days=policy.retain_days)
    ends = {key: (notes.get(key, now), notes.get(key, now) + retained) for key in ending}
    over = {key for key in ending - wanted.certificates.keys() if key in notes and ends[key][1] <= now}
    for key, (begin, end) in from_histories.items():
        if key in ends:
            ends[key] = (min(begin, ends[key][0]), max(end, ends[key][1]))
    held = {*live, *(record.pending.fingerprints if record.pending else ())}
    kept = {key: leaves for key, leaves in record.approved.items() if key in held and key not in wanted.certificates}
    return Graces(
        unwanted=dict(sorted(notes.items())),
        approved=dict(sorted({**kept, **wanted.by_approval()}.items())),
        ends=ends,
        over=frozenset(over),
        withdrawn=frozenset(key for key in ours & {*withdrawn} if key not in wanted.certificates),
    )
