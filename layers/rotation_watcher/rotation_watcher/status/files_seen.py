"""Which of the files by which people say whom to trust are not as they were seen last. Pure.

By ETag and by when S3 says that the newest version was written: so what was replaced and put back between two looks is
found too. What was written and deleted between two looks only S3's own events show.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.ports import FileEvent, Listed
from rotation_watcher.status.files_state import Known, State

MOST = 1500
"""Files that are known one by one: some 150 KB of state."""
FORGOTTEN = timedelta(days=14)
"""How long it is known of a file that it was deleted: longer than a late event can come."""
SLACK = timedelta(seconds=2)
"""How much later than the moment of a version its event may say that it was done."""
REST = "…"
"""The key of those for which there is no room, as one; no key of the three folders."""


def looked_at(listed: Mapping[str, Listed], watch_file: str) -> dict[str, Listed]:
    """What of a listing decides whom to trust. A key that ends in a slash is a folder of the console's."""
    return {key: one for key, one in listed.items() if _counts(key, watch_file) and not key.endswith("/")}


def of_today(state: State, watch_file: str) -> State:
    """The state without a watch file that is none any more: nobody deleted it."""
    files = {key: one for key, one in state.files.items() if _counts(key, watch_file)}
    return state if len(files) == len(state.files) else msgspec.structs.replace(state, files=files)


def _counts(key: str, watch_file: str) -> bool:
    return key.startswith(keys.DECIDING) or key == watch_file


def changed(found: Mapping[str, Listed], before: State) -> list[str]:
    """The keys of those that are not as they were, in order; ``REST`` last, if one of those without room is not."""
    room = _room(found, before)
    known = {key for key, one in before.files.items() if one.etag}
    different = [key for key in sorted({*room, *known}) if _differs(found.get(key), before.files.get(key))]
    return [*different, REST] if _digest(found, room) != before.rest else different


def after(before: State, found: Mapping[str, Listed], told: Mapping[str, datetime], now: datetime) -> State:
    """The state when it is known of these, by key and when it was done, how they stand. What is old is forgotten."""
    files = {key: one for key, one in before.files.items() if one.etag or now - one.at < FORGOTTEN}
    for key, at in told.items():
        if key in found:
            files[key] = Known(etag=found[key].etag, at=found[key].modified)
        elif key != REST:
            files[key] = Known(at=at)
    gone = sorted((key for key, one in files.items() if not one.etag), key=lambda key: files[key].at)
    files = {key: one for key, one in files.items() if one.etag or key in {*gone[-MOST:]}}
    rest = _digest(found, _room(found, before)) if REST in told else before.rest
    return msgspec.structs.replace(before, files=files, rest=rest)


def _room(found: Mapping[str, Listed], before: State) -> frozenset[str]:
    """The keys of those that are known one by one: who is known stays so."""
    known = [key for key in found if key in before.files]
    new = sorted(key for key in found if key not in before.files)
    return frozenset([*known, *new][:MOST])


def _differs(now: Listed | None, then: Known | None) -> bool:
    if now is None or then is None:
        return (now is None) != (then is None or not then.etag)
    return (now.etag, now.modified) != (then.etag, then.at)


def passed(events: Iterable[FileEvent], found: Mapping[str, Listed], before: State) -> list[str]:
    """The keys of files that neither were nor are there, and of which something is said that is not known yet."""
    news = set()
    for event in events:
        known = before.files.get(event.key)
        there = event.key in found or (known is not None and known.etag)
        late = known is not None and event.at <= known.at + SLACK
        if not there and not late:
            news.add(event.key)
    return sorted(news)


def _digest(found: Mapping[str, Listed], room: Iterable[str]) -> str:
    rest = sorted({*found} - {*room})
    if not rest:
        return ""
    text = "\n".join(f"{key}\0{found[key].etag}\0{found[key].modified.isoformat()}" for key in rest)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
