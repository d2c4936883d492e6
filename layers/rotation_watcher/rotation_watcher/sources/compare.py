"""Two sources of one region: they should see the same."""

from collections.abc import Collection, Mapping

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import AT_ONCE, Lasting, Observed, evaluate
from rotation_watcher.alerts.model import Kind, SourceName
from rotation_watcher.sources import flapping
from rotation_watcher.sources import keys_of_conditions as keys
from rotation_watcher.sources.conditions import clear
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import History

replace = msgspec.structs.replace


def disagree(
    history: History,
    other: SourceName,
    differences: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
    context: Context,
) -> History:
    """The history after comparing this source with another one of the same region.

    ``differences`` maps each authority to the confirmed current fingerprints here and there, where they differ. Both
    are debounced by themselves, so one more observation than ``confirmations`` is waited for before the alert.
    """
    observed = [_condition(other, authority, *pair, context) for authority, pair in differences.items()]

    def resolves(key: str) -> Lasting | None:
        return clear(context.policy) if key.startswith(keys.disagree(other.id)) else None

    conditions, alerts, over = evaluate(
        history.conditions,
        observed,
        context.now,
        resolves=flapping.slowly(history, resolves),
        about=lambda _: context.name,
        remind=context.policy.remind_days,
    )
    ended = flapping.ended(history, conditions, over, context.now)
    return replace(history, conditions=conditions, ended=ended).with_alerts(alerts)


def unpaired(history: History, peers: Collection[str], context: Context) -> History:
    """The history without what speaks of another source that is none of these of its region: that is over."""
    kept = tuple(keys.disagree(other) for other in peers)
    gone = {key for key in history.conditions if key.startswith(keys.DISAGREE) and not key.startswith(kept)}
    if not gone:
        return history
    conditions, alerts, _ = evaluate(
        history.conditions,
        (),
        context.now,
        resolves=lambda key: AT_ONCE if key in gone else None,
        about=lambda _: context.name,
    )
    return replace(history, conditions=conditions).with_alerts(alerts)


def _condition(
    other: SourceName, authority: str, mine: tuple[str, ...], theirs: tuple[str, ...], context: Context
) -> Observed:
    return Observed(
        keys.disagree(other.id, authority),
        Kind.SOURCES_DISAGREE,
        lambda since: builders.sources_disagree(
            source=context.name,
            other=other,
            authority=authority,
            mine=mine,
            theirs=theirs,
            since=since,
            now=context.now,
        ),
        Lasting(context.policy.confirmations + 1),
    )


def differences(mine: History, theirs: History) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The confirmed current fingerprints of two histories, by authority, where both have some and they differ."""
    differences = {}
    for authority in mine.authorities.keys() & theirs.authorities.keys():
        here = mine.authorities[authority].current.confirmed
        there = theirs.authorities[authority].current.confirmed
        if here and there and here != there:
            differences[authority] = (here, there)
    return differences
