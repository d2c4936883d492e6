"""The keys of a source's conditions, and the kind of alert behind each."""

import hashlib
from collections.abc import Iterable

from rotation_watcher.alerts.model import Kind

SOURCE = "source"
"""The source itself cannot be read."""
CLOCK = "clock"
"""The state holds times from the future."""
_ABSENT, _ANCHOR, _DISAGREE, _QUARANTINED, _FILE = "absent:", "anchor:", "disagree:", "quarantined:", "file:"
FORGED = "forged:alerts"
"""Alerts waited that the watcher had not written."""
_NAMES, _BACK, _FLOOD = "names:", "back:", "flood:"


def absent(authority: str) -> str:
    """The API shows no current certificate of a watched authority."""
    return f"{_ABSENT}{authority}"


def anchor(authority: str) -> str:
    """There is no root to verify an authority's certificates to."""
    return f"{_ANCHOR}{authority}"


def file(key: str, faults: Iterable[object] = ()) -> str:
    """A file of the operator's has these faults; with others it is another condition. Without any: the prefix."""
    listed = [*faults]
    digest = hashlib.sha256(repr(listed).encode()).hexdigest()[:16] if listed else ""
    return f"{_FILE}{key}#{digest}"


def file_of(key: str) -> str | None:
    """The file that a condition of this key is about; None where it is about something else."""
    return key.removeprefix(_FILE).partition("#")[0] if key.startswith(_FILE) else None


def disagree(other: str, authority: str = "") -> str:
    """Another source of the region sees other certificates. Without an authority: the prefix for that source."""
    return f"{_DISAGREE}{other}:{authority}"


def quarantined(authority: str, entity: str, codes: Iterable[str] = (), root: str | None = None) -> str:
    """An entity is in quarantine for these reasons, under this root, if it leads to one that nobody trusts.

    For others it is another condition. Without reasons: the prefix.
    """
    reasons = sorted({*codes})
    seen = ",".join([*reasons, root] if root else reasons)
    digest = hashlib.sha256(seen.encode()).hexdigest()[:16] if reasons else ""
    return f"{_QUARANTINED}{authority}:{entity}:{digest}"


def names(authority: str) -> str:
    """No name is known of an authority, and what it shows cannot teach one."""
    return f"{_NAMES}{authority}"


def went_back(authority: str) -> str:
    """A leaf of an authority is presented again that had been replaced."""
    return f"{_BACK}{authority}"


def quarantined_by(authority: str) -> str:
    """The prefix of the keys of all entities of an authority that are in quarantine."""
    return f"{_QUARANTINED}{authority}:"


def flood(authority: str) -> str:
    """The API shows more of an authority than is kept or alerted one by one."""
    return f"{_FLOOD}{authority}"


def kind_of(key: str) -> Kind | None:
    """What an alert about the condition of this key is about; None for a key that a newer release must have written."""
    kinds = {
        SOURCE: Kind.SOURCE_FAILING,
        _ABSENT: Kind.SOURCE_FAILING,
        _ANCHOR: Kind.ANCHOR_MISSING,
        _DISAGREE: Kind.SOURCES_DISAGREE,
        _QUARANTINED: Kind.QUARANTINED,
        _FILE: Kind.FILE_DAMAGED,
        _NAMES: Kind.NAMES_UNCERTAIN,
        _BACK: Kind.WENT_BACK,
        CLOCK: Kind.CLOCK_AHEAD,
        _FLOOD: Kind.FLOOD,
        FORGED: Kind.STATE_FORGED,
    }
    return next((kind for prefix, kind in kinds.items() if key.startswith(prefix)), None)
