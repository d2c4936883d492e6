"""The troubles of a source that last: since when, how many looks have met them, told or not."""

from datetime import datetime

import msgspec

from rotation_watcher.errors import SourceReason
from rotation_watcher.sources.history import Episode

replace = msgspec.structs.replace


def endure(
    episodes: dict[str, Episode], name: str, threshold: int, now: datetime, reason: SourceReason | None = None
) -> tuple[Episode, bool]:
    """One more look at a trouble; True when people are to be told now. Once told, the episode no longer changes."""
    episode = episodes.get(name)
    if episode is None:
        episode = Episode(since=now, reason=reason)
    elif episode.told:
        return episode, False
    else:
        episode = replace(episode, looks=episode.looks + 1, reason=reason)
    tell = episode.looks >= threshold
    episodes[name] = replace(episode, told=tell)
    return episode, tell
