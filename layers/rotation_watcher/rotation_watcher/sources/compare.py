"""Two sources of one region: they should see the same."""

from collections.abc import Mapping

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import SourceName
from rotation_watcher.config import Authority
from rotation_watcher.sources.conditions import endure
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
    are debounced by themselves, so one more look than ``confirmations`` is waited before people are told.
    """
    episodes = dict(history.episodes)
    alerts = []
    for authority in Authority:
        name = f"disagree:{other.id}:{authority}"
        if authority not in differences:
            episodes.pop(name, None)
            continue
        episode, tell = endure(episodes, name, context.policy.confirmations + 1, context.now)
        if tell:
            mine, theirs = differences[authority]
            alerts.append(
                builders.sources_disagree(
                    source=context.name,
                    other=other,
                    authority=authority.value,
                    mine=mine,
                    theirs=theirs,
                    since=episode.since,
                    now=context.now,
                )
            )
    return replace(history, episodes=episodes).told(tuple(alerts))


def differences(mine: History, theirs: History) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The confirmed current fingerprints of two histories, by authority, where both have some and they differ."""
    differences = {}
    for authority in mine.authorities.keys() & theirs.authorities.keys():
        here = mine.authorities[authority].current.confirmed
        there = theirs.authorities[authority].current.confirmed
        if here and there and here != there:
            differences[authority] = (here, there)
    return differences
