"""Which of the files by which people say whom to trust are not as they were seen last. Pure.

By ETag and by when S3 says that the newest version was written: so what was replaced and put back between two looks is
found too. What was written and deleted between two looks only S3's own events show, and what was written to a file
between them if that version was deleted for good.
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.model import Kind
from rotation_watcher.ports import FileEvent, Listed, Version
from rotation_watcher.status.files_state import Known, State

MOST = 1500
"""Files that are known one by one: some 150 KB of state."""
FORGOTTEN = timedelta(days=14)
"""How long it is known of a file that it was deleted: longer than a late event can come."""
SLACK = timedelta(seconds=2)
"""How much later than the moment of a version its event may say that it was done."""
REST = "…"
"""The key of those for which there is no room, as one; no key of the three folders."""
FINGERPRINTS = 2000
"""Those of certificates that are kept, of all files together: some 170 KB of state."""


def looked_at(listed: Mapping[str, Listed], watch_file: str) -> dict[str, Listed]:
    """What of a listing decides whom to trust."""
    return {key: one for key, one in listed.items() if counts(key, watch_file)}


def of_today(state: State, watch_file: str) -> State:
    """The state without a watch file that is none any more: nobody deleted it."""
    files = {key: one for key, one in state.files.items() if counts(key, watch_file)}
    return state if len(files) == len(state.files) else msgspec.structs.replace(state, files=files)


def counts(key: str, watch_file: str) -> bool:
    """Whether an object decides whom to trust. One whose key ends in a slash is a folder that the console made."""
    return (key.startswith(keys.DECIDING) or key == watch_file) and not key.endswith("/")


def in_parts(listed: Listed | Version | Known | None) -> bool:
    """Whether it was uploaded in parts: then S3 says when that was begun (S3 user guide, object metadata)."""
    return listed is not None and "-" in listed.etag


def written_by(known: Known) -> datetime:
    """By when a file was written that was seen so: what is no newer lay below it."""
    return max(known.at, known.heard or known.at) if in_parts(known) else known.at


def changed(found: Mapping[str, Listed], before: State) -> list[str]:
    """The keys of those that are not as they were, in order; ``REST`` last, if one of those without room is not."""
    room = _room(found, before)
    known = {key for key, one in before.files.items() if one.etag}
    different = [key for key in sorted({*room, *known}) if _differs(found.get(key), before.files.get(key))]
    return [*different, REST] if _digest(found, room) != before.rest else different


def ordered(changed_ones: Iterable[str], done: Mapping[str, datetime], before: State) -> list[str]:
    """What to look into first: what was there, then what is new in ``anchors/``, then the rest; of each the oldest.

    ``done``: when. So whoever writes many files hides no change of another one by them, however long he goes on.
    """

    def rank(key: str) -> tuple[int, datetime, str]:
        known = before.files.get(key)
        there = known is not None and bool(known.etag)
        return (0 if there else 1 if key.startswith("anchors/") else 2, done[key], key)

    return sorted(changed_ones, key=rank)


def after(before: State, found: Mapping[str, Listed], told: Mapping[str, Known], now: datetime) -> State:
    """The state when it is known of these, by key, how they stand. What is old is forgotten."""
    files = {key: one for key, one in before.files.items() if one.etag or now - one.at < FORGOTTEN}
    files |= {key: one for key, one in told.items() if key != REST}
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


def with_room(files: Mapping[str, Known], key: str, holds: Iterable[str]) -> Known:
    """What is known of a file when it was read, if there is room for it."""
    holds = tuple(holds)
    kept = sum(len(one.holds or ()) for other, one in files.items() if other != key)
    if kept + len(holds) > FINGERPRINTS:
        return msgspec.structs.replace(files[key], holds=None, unread=True)
    return msgspec.structs.replace(files[key], holds=holds, unread=False)


def unread(state: State, found: Mapping[str, Listed], now: datetime) -> list[str]:
    """The keys of the files whose certificates nobody has read yet, and that are still as they were seen.

    In another order at each look: those that cannot be read for now keep no other from being read.
    """
    some = (
        key
        for key, one in state.files.items()
        if key in found and key.startswith(keys.DECIDING) and not key.endswith(".json")
        if one.etag and one.holds is None and not one.unread and not _differs(found[key], one)
    )
    return sorted(some, key=lambda key: hashlib.sha256(f"{now}{key}".encode(errors="surrogatepass")).digest())


def traceless(events: Iterable[FileEvent], found: Mapping[str, Listed], before: State) -> list[str]:
    """The keys of files that stand as they were seen last, and of which S3 says that something was done since.

    So a version was written that is deleted for good by now, or an older one was.
    """
    news = set()
    for event in events:
        known = before.files.get(event.key)
        if known is None or event.key not in found or _differs(found[event.key], known):
            continue
        if not _heard(event, known):
            news.add(event.key)
    return sorted(news)


def unfounded(key: str, chain: Sequence[State]) -> tuple[bool, Known | None]:
    """Whether the state claims to have told of a file what no look told; and what was known of it before that.

    ``chain``: the state as it was, the newest first. A look that tells a change writes it together with an alert. Where
    the chain does not show how the claim came in, it is believed.
    """
    for newer, older in itertools.pairwise(chain):
        claim, former = newer.files.get(key), older.files.get(key)
        if claim is None or _claim(claim) == _claim(former):
            continue
        # A summary of several keeps its id, and says a number more.
        told = any(one.kind is Kind.OPERATOR_FILE_CHANGED and one not in older.outbox for one in newer.outbox)
        return not told, former
    return False, None


def _claim(known: Known | None) -> tuple[str, datetime, datetime | None] | None:
    return (known.etag, known.at, known.heard) if known else None


def passed(events: Iterable[FileEvent], found: Mapping[str, Listed], before: State) -> list[str]:
    """The keys of files that neither were nor are there, and of which something is said that is not known yet."""
    news = set()
    for event in events:
        known = before.files.get(event.key)
        there = event.key in found or (known is not None and known.etag)
        if not there and (known is None or not _heard(event, known)):
            news.add(event.key)
    return sorted(news)


def _heard(event: FileEvent, known: Known) -> bool:
    """Whether it is of what was told."""
    if known.heard is not None and known.heard >= known.at:
        return event.at <= known.heard
    return event.at <= known.at + SLACK


def _digest(found: Mapping[str, Listed], room: Iterable[str]) -> str:
    rest = sorted({*found} - {*room})
    if not rest:
        return ""
    text = "\n".join(f"{key}\0{found[key].etag}\0{found[key].modified.isoformat()}" for key in rest)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
