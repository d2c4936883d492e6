"""What a target holds whose service does not give it back (``kinds.Kind.reads_back``), known by the ETag of its state.

An update of ours is sent with the ETag that it rests on, and answered with the ETag that it leaves: as long as the
service shows that one, the target holds what was sent. So both are noted below ``bundles/``, apart from the target's
record (decision 0052). Any other ETag is somebody else's change, or ours whose answer was lost: then the content is
unknown, and the target is not touched until an operator says what it holds (``keys.adopted``). Such a word counts for
one ETag and no other, and only where the number of certificates agrees.

A note counts only where the record bears it out: it must have the digest of an update that the record speaks of. So
whoever can write one of the two folders can keep the target from being updated, aloud, and let nobody in.
"""

import msgspec

from rotation_watcher import arns, formats, keys
from rotation_watcher.config import Target
from rotation_watcher.errors import ContentUnknown
from rotation_watcher.expressions import Expression
from rotation_watcher.ports import UNKNOWN, Live, ObjectStore
from rotation_watcher.targets.plan import digest
from rotation_watcher.targets.record import Record
from rotation_watcher.x509.truststore import read

_NAMEABLE = Expression(r"[A-Za-z0-9._-]{1,128}")
"""The ETags that can be part of a key; CloudFront's are capitals and digits."""


FORMAT = 1


class Loaded(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag=str(FORMAT)):
    """What was asked for last, at which ETag, and the state that it was to replace. The contents are PEM."""

    arn: str
    etag: str
    content: bytes
    etag_before: str
    before: bytes


def note(store: ObjectStore, arn: str, live: Live, content: bytes, etag: str | None) -> None:
    """Write down what an update left that the service has taken; nothing for a kind without ETags. Raises StoreError.

    ``live`` is the read that the update rests on.
    """
    if etag is None or arns.parse_target(arn).kind.reads_back:
        return
    before = live.bundle if isinstance(live.bundle, bytes) else b""
    said = Loaded(arn=arn, etag=etag, content=content, etag_before=live.etag or "", before=before)
    store.put(keys.loaded(arn), formats.encode(said), content_type=keys.JSON_TYPE)


def resolved(store: ObjectStore, target: Target, record: Record, live: Live) -> Live:
    """The same with what it holds, where the service does not say so. Raises ContentUnknown, StoreError."""
    if live.bundle is not UNKNOWN or not live.etag:
        return live
    bundle, whence = _known(store, target, record, live)
    contents = read(bundle)
    held = sum(one.block is not None for one in contents.segments)
    counts = live.settled and not live.refused and live.certificates is not None
    if counts and live.certificates not in {held, len(contents.blocks)}:  # whether a copy counts is not known
        raise ContentUnknown(
            f"it says that it holds {live.certificates} CA certificates, and {whence} has {held}",
            keys.adopted(_name(target), live.etag),
        )
    return msgspec.structs.replace(live, bundle=bundle)


def asked(store: ObjectStore, arn: str, etag: str | None) -> bytes | None:
    """What the target was asked to load by the update that left this ETag; None where that was none of ours."""
    said = _noted(store, arn)
    return said.content if said is not None and said.etag == etag else None


def _known(store: ObjectStore, target: Target, record: Record, live: Live) -> tuple[bytes, str]:
    etag, said = live.etag or "", _noted(store, target.arn)
    ours = said is not None and etag == said.etag
    if said is not None and ours and not live.refused and _borne_out(said.content, record):
        return said.content, "what the watcher loaded"
    # What was refused is not what it holds: it goes on with what it had.
    if said is not None and ((ours and live.refused) or etag == said.etag_before):
        told = _told(store, target, said.etag_before)
        if said.before == told or _borne_out(said.before, record):
            return said.before, "what it held before"
    told = _told(store, target, etag)
    if told is not None:
        return told, keys.adopted(_name(target), etag)
    if not _NAMEABLE.fullmatch(etag):
        raise ContentUnknown(f"its ETag {etag[:80]!r} is not of the known form, and what it holds is not given back")
    why = "nobody has said what it holds"
    if said is not None:
        changed = f"somebody else has changed it since the watcher did (then its ETag was {said.etag})"
        why = "the note of it and the record say different things" if ours else f"{changed}, or an answer was lost"
    raise ContentUnknown(
        f"its service does not give back what it holds, and {why}: its ETag is {etag}, and it counts"
        f" {live.certificates} CA certificates",
        keys.adopted(_name(target), etag),
    )


def _borne_out(content: bytes, record: Record) -> bool:
    """Whether the record speaks of a version of this content."""
    known = (record.pending, record.applied, *record.versions)
    return digest(content) in {one.sha256 for one in known if one is not None}


def _told(store: ObjectStore, target: Target, etag: str) -> bytes | None:
    """What an operator says that it holds at this ETag."""
    stored = store.get(keys.adopted(_name(target), etag)) if _NAMEABLE.fullmatch(etag) else None
    return stored.body if stored is not None else None


def _name(target: Target) -> str:
    return arns.parse_target(target.arn).name


def _noted(store: ObjectStore, arn: str) -> Loaded | None:
    """What was noted; None where nothing was, or where it is no such note, or another target's. Raises StoreError."""
    stored = store.get(keys.loaded(arn))
    said = formats.read_or_none(stored.body, formats.decoder(Loaded, FORMAT), keys.loaded(arn)) if stored else None
    return said if said is not None and said.arn == arn else None
