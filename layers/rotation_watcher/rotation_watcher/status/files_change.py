"""What was done to one file of an operator: read from its versions, and from what S3 has said."""

from datetime import datetime

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.builders import FileChange, Named
from rotation_watcher.alerts.builders.wording import stamp
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import Listed
from rotation_watcher.status import files_read, files_seen
from rotation_watcher.status.files_read import Reader
from rotation_watcher.status.files_said import Said, surely_since
from rotation_watcher.status.files_state import Known
from rotation_watcher.trust.approvals import Approval, decode_approval
from rotation_watcher.x509.certificates import parse_bundle

replace = msgspec.structs.replace


def described(
    key: str,
    before: Known | None,
    listed: Listed | None,
    *,
    claimed: bool,
    said: Said,
    reader: Reader,
    now: datetime,
) -> FileChange:
    """What was done to the file ``key``. Raises nothing: what the store causes is in ``unread``, in words.

    ``before``: as it was told last (None: never). ``listed``: as it is now (None: it is not there). ``claimed``: the
    state claims that this was told.
    """
    events = said.since(key, before, listed)
    last = events[-1].at if events else now
    change = FileChange(
        key=key,
        at=listed.modified if listed else last,
        was_there=before is not None and bool(before.etag),
        is_there=listed is not None,
        claimed=claimed,
        by=tuple(dict.fromkeys(one.who for one in reversed(events) if one.who)),
        addresses=tuple(dict.fromkeys(one.address for one in reversed(events) if one.address))[:3],
    )
    try:
        found = files_read.life(reader.versions(key, before.at if before else None), before, listed, now)
    except StoreError as error:
        older = before is not None and listed is not None and listed.modified < files_seen.written_by(before)
        change = replace(change, at=last if older else change.at, older=older, unread=str(error))
        return replace(change, again=_again(change, before, listed, back=older))
    if found.since and listed is None and found.since[0].deleted:
        change = replace(change, at=found.since[0].modified)
    same = found.former is not None and found.live is found.former
    gone = found.former is None if change.was_there else found.older  # a version, or the mark of a deletion
    missing = surely_since(events, before) > len(found.since) + gone
    change = replace(change, at=last if found.older or same or files_seen.in_parts(listed) else change.at)
    change = replace(
        change,
        again=_again(change, before, listed, back=found.older or same),
        former=found.former.id if found.former else None,
        older=found.older,
        same=same,
        lost=missing or (not change.was_there and not change.is_there and not found.since),
    )
    return _with_content(change, before, found, reader) if key.startswith(keys.DECIDING) else change


def _with_content(change: FileChange, before: Known | None, found: files_read.Life, reader: Reader) -> FileChange:
    read = reader.read(change.key, found)
    then = reader.known(change.key, before, found)
    if is_approval(change.key):
        try:
            change = _approval(change, found, reader)
        except StoreError as error:
            return replace(change, unread=str(error))
    now = read.now or {}
    passed = {name: one for name, one in read.meanwhile.items() if name not in now}
    change = replace(
        change,
        passed=tuple(one for name, one in passed.items() if name not in (then or {})),
        skipped=read.skipped,
        unread=change.unread or read.why,
    )
    if read.now is None:
        return change
    if then is None:
        return replace(change, holds=tuple(now.values()))
    return replace(
        change,
        came=tuple(one for name, one in now.items() if name not in then),
        went=tuple(passed.get(name, one) for name, one in then.items() if name not in now),
    )


def _approval(change: FileChange, found: files_read.Life, reader: Reader) -> FileChange:
    fingerprint = change.key.removeprefix(keys.APPROVALS).removesuffix(".json")
    change = replace(change, certificate=Named(_subject(fingerprint, reader), fingerprint))
    live = found.live or next((one for one in found.since if not one.deleted), None)
    decoded = decode_approval(reader.body(change.key, live), fingerprint) if live else None
    if isinstance(decoded, Approval):
        return replace(change, until=decoded.until, root=decoded.root)
    return replace(change, unread="it is no approval that would count") if change.is_there else change


def _subject(fingerprint: str, reader: Reader) -> str:
    """The name of a certificate that some source has presented; empty: none has."""
    name = f"/seen/{fingerprint}.pem"
    key = next((one for one in reader.store.listed("sources/") if one.endswith(name)), None)
    stored = reader.store.get(key) if key else None
    blocks = parse_bundle(stored.body)[0] if stored else ()
    return next((one.certificate.facts.subject for one in blocks if one.certificate), "")


def _again(change: FileChange, before: Known | None, listed: Listed | None, *, back: bool) -> str:
    """What tells its alert from one about the same file that came before it; empty: its time does."""
    now = listed.etag.strip('"')[:8] if listed else "gone"
    if back:
        return f"back:{now}"
    return now if before is not None and stamp(change.at) <= stamp(files_seen.written_by(before)) else ""


def is_approval(key: str) -> bool:
    """Whether a file is an operator's approval."""
    return key.startswith(keys.APPROVALS) and key.endswith(".json")
