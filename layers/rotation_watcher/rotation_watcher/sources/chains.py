"""The chains above one leaf: trusted at first sight, and wanted until their grace has passed, as leaves are.

The API may show one leaf under two valid chains in turn. What the leaf needs is then all of them: each is added once,
and one that is shown no more leaves after ``retain_days``. The ends are moved once a day at most, so that a quiet run
writes nothing.
"""

from datetime import timedelta

import msgspec

from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import Chain, Leaf

replace = msgspec.structs.replace

MOST_CHAINS = 8
"""How many chains are kept above one leaf; beyond that the one whose grace ends first goes."""
_MOVED = timedelta(days=1)


def with_chain(leaf: Leaf, above: tuple[str, ...], context: Context) -> Leaf:
    """The leaf after it was shown under these certificates (fingerprints)."""
    if above == leaf.chain and not leaf.chains:
        return leaf
    now = context.now
    end = now + timedelta(days=context.policy.retain_days) + _MOVED
    known = {one.above: one for one in leaf.chains}
    known = known or {leaf.chain: Chain(above=leaf.chain, since=leaf.first_seen, retire_after=end)}
    shown = known.pop(above, None) or Chain(above=above, since=now, retire_after=end)
    if end - shown.retire_after > _MOVED:
        shown = replace(shown, retire_after=end)
    others = [one for one in known.values() if not context.over(one.retire_after)]
    if not others:
        return replace(leaf, chain=above, chains=())
    others = sorted(others, key=lambda one: (one.retire_after, one.above))[1 - MOST_CHAINS :]
    kept = sorted([shown, *others], key=lambda one: (one.since, one.above))
    first = leaf.chain if any(one.above == leaf.chain for one in kept) else above
    return replace(leaf, chain=first, chains=tuple(kept))
