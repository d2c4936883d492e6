"""When a filter that the watcher put into a listener may leave it.

Pure, by the rules of decision 0031: the record notes since when no leaf without an end needs it while nothing stands
against removals, and it stays for ``retain_days`` from then on. What only leaves needed that nothing vouches for any
more (revoked, or their approval withdrawn) has no grace.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec

from rotation_watcher.config import Policy
from rotation_watcher.filters.names import Names
from rotation_watcher.targets.record import Record


class Graces(msgspec.Struct, frozen=True):
    """What will leave, by key.

    ``unwanted`` and ``approved`` are the record's notes as they should be: since when a filter has no lasting need, and
    which leaves stood behind it last. ``ends``: when each grace is over. ``over``: those whose grace is over.
    ``withdrawn``: those that leave at once.
    """

    unwanted: Mapping[str, datetime]
    approved: Mapping[str, tuple[str, ...]]
    ends: Mapping[str, datetime]
    over: frozenset[str]
    withdrawn: frozenset[str]


def graces(
    live: Collection[str],
    names: Names,
    record: Record,
    policy: Policy,
    *,
    unvouched: Collection[str],
    may_remove: bool,
    now: datetime,
) -> Graces:
    """The graces of what the record calls ours among the keys ``live``."""
    ours = {key for key in live if key in record.ours}
    ending = ours - names.lasting()
    notes = {key: min(record.unwanted[key], now) for key in ending if key in record.unwanted}
    if may_remove:
        notes = dict.fromkeys(ending, now) | notes
    retained = timedelta(days=policy.retain_days)
    ends = {key: notes.get(key, now) + retained for key in ending}
    behind = {key: leaves for key, leaves in record.approved.items() if key in live and key not in names.filters}
    withdrawn = {key for key, leaves in behind.items() if key in ours and leaves and {*leaves} <= {*unvouched}}
    return Graces(
        unwanted=dict(sorted(notes.items())),
        approved=dict(sorted({**behind, **names.leaves()}.items())),
        ends=dict(sorted(ends.items())),
        over=frozenset(
            key for key in ending - names.filters.keys() if key in notes and ends[key] <= now and key not in withdrawn
        ),
        withdrawn=frozenset(withdrawn),
    )
