"""Times from the future in a history: left by a run whose clock was ahead, or by somebody who wrote the file.

They count as unknown. A last observation that is unknown makes the source stale, so that nothing is removed until it
has been read again; what began in the future begins now, with its whole grace.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Observed, without_future_times
from rotation_watcher.alerts.model import Kind
from rotation_watcher.clocks import SKEW, is_future
from rotation_watcher.sources import keys_of_conditions as keys
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import AuthorityHistory, Chain, History, Leaf, Quarantined

replace = msgspec.structs.replace

_LONGEST_GRACE = timedelta(days=402)
"""No grace is longer: ``retain_days`` is 400 at most, and a chain's end moves once a day."""


def settle(history: History, context: Context) -> tuple[History, list[Observed]]:
    """The history without times from the future, and what was found as a condition."""
    now = context.now
    found = {label: moment for label, moment, latest in _moments(history, now) if moment > latest}
    if not found:
        return history, []
    settled = replace(
        history,
        fresh_at=None if is_future(history.fresh_at, now) else history.fresh_at,
        authorities={name: _authority(known, context) for name, known in history.authorities.items()},
        conditions={key: without_future_times(one, now) for key, one in history.conditions.items()},
        ended={key: end for key, end in history.ended.items() if not is_future(end, now)},
    )
    observed = Observed(
        keys.CLOCK,
        Kind.CLOCK_AHEAD,
        lambda since: builders.clock_ahead(source=context.name, found=found, since=since, now=now),
    )
    return settled, [observed]


def _moments(history: History, now: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """Every time in a history, in words, with the latest that it can be."""
    past, end = now + SKEW, now + _LONGEST_GRACE
    if history.fresh_at:
        yield "last read", history.fresh_at, past
    yield from ((f"end of {key[:40]}", moment, past) for key, moment in history.ended.items())
    for known in history.authorities.values():
        for key, leaf in known.leaves.items():
            for moment, latest in (
                (leaf.since, past),
                (leaf.first_seen, past),
                (leaf.retire_after, end),
                *((chain.since, past) for chain in leaf.chains),
                *((chain.retire_after, end) for chain in leaf.chains),
            ):
                if moment:
                    yield f"leaf {key[:16]}", moment, latest
        for key, held in known.quarantine.items():
            for moment in filter(None, (held.first_seen, held.gone_since)):
                yield f"quarantined {key[:21]}", moment, past
    for key, condition in history.conditions.items():
        for moment in filter(None, (condition.since, condition.alerted, condition.reminded, condition.clear_since)):
            yield f"condition {key[:40]}", moment, past


def _authority(known: AuthorityHistory, context: Context) -> AuthorityHistory:
    leaves = {key: _leaf(leaf, context) for key, leaf in known.leaves.items()}
    return replace(known, leaves=leaves, quarantine={k: _held(one, context) for k, one in known.quarantine.items()})


def _leaf(leaf: Leaf, context: Context) -> Leaf:
    now = context.now
    chains = tuple(_chain(one, context) for one in leaf.chains)
    first_seen = now if is_future(leaf.first_seen, now) else leaf.first_seen
    leaf = replace(leaf, first_seen=first_seen, chains=chains)
    endless = leaf.retire_after is not None and leaf.retire_after - now > _LONGEST_GRACE
    if not is_future(leaf.since, now) and not endless:
        return leaf
    end = now + timedelta(days=context.policy.retain_days) if leaf.retire_after else None
    return replace(leaf, since=min(leaf.since, now), retire_after=end)


def _chain(one: Chain, context: Context) -> Chain:
    now = context.now
    if not is_future(one.since, now) and one.retire_after - now <= _LONGEST_GRACE:
        return one
    return replace(one, since=min(one.since, now), retire_after=now + timedelta(days=context.policy.retain_days + 1))


def _held(one: Quarantined, context: Context) -> Quarantined:
    now = context.now
    if is_future(one.first_seen, now):
        one = replace(one, first_seen=now)
    return replace(one, gone_since=now) if is_future(one.gone_since, now) else one
