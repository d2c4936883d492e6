"""For how long a source has not been read, as the run knows that has just looked. Pure.

Only this run can say it to the hour: what is kept of a success (``History.fresh_at``) is as old as a third of
``stale_after_hours`` while all is well, so that an observation that finds nothing new writes nothing.
"""

from datetime import datetime, timedelta

from rotation_watcher import clocks
from rotation_watcher.config import Policy
from rotation_watcher.sources import keys_of_conditions as keys
from rotation_watcher.sources.history import History

_HOUR = timedelta(hours=1)


def unread_hours(history: History, now: datetime, policy: Policy, *, read: bool) -> float:
    """Hours since the last look that read the source and found an accepted certificate of each authority.

    0 where this run (``read``) was one. A source that is read without being proved counts once it is stale.
    """
    if read and not history.stale(now, policy):
        return 0.0
    failing = [one.since for key in (keys.SOURCE, keys.DEFECT) if (one := history.conditions.get(key))]
    opened = failing if not read else [one.since for one in history.conditions.values()]
    since = [min(opened)] if opened else []
    if history.fresh_at is not None:
        since.append(history.fresh_at)  # later than a failure: it was read since then
    known = [one for one in since if not clocks.is_future(one, now)]
    # One that was never proved has been silent since the first trouble; one without any has just been added.
    return max(0.0, (now - max(known)) / _HOUR) if known else 0.0
