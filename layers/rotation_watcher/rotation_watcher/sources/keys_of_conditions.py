"""The keys of a source's conditions, and the kind of alert behind each."""

import hashlib
from collections.abc import Iterable

from rotation_watcher.alerts.model import Kind

SOURCE = "source"
"""The source itself cannot be read."""
CLOCK = "clock"
"""The state holds times from the future."""
_ABSENT, _ANCHOR, _DISAGREE, _QUARANTINED = "absent:", "anchor:", "disagree:", "quarantined:"
_NAMES, _BACK = "names:", "back:"


def absent(authority: str) -> str:
    """The API shows no current certificate of a watched authority."""
    return f"{_ABSENT}{authority}"


def anchor(authority: str) -> str:
    """There is no root to verify an authority's certificates to."""
    return f"{_ANCHOR}{authority}"


def disagree(other: str, authority: str = "") -> str:
    """Another source of the region sees other certificates. Without an authority: the prefix for that source."""
    return f"{_DISAGREE}{other}:{authority}"


def quarantined(authority: str, entity: str, codes: Iterable[str] = ()) -> str:
    """An entity is in quarantine for these reasons; for others it is another condition. Without any: the prefix."""
    reasons = sorted({*codes})
    digest = hashlib.sha256(",".join(reasons).encode()).hexdigest()[:16] if reasons else ""
    return f"{_QUARANTINED}{authority}:{entity}:{digest}"


def names(authority: str) -> str:
    """No name is known of an authority, and what it shows cannot teach one."""
    return f"{_NAMES}{authority}"


def went_back(authority: str) -> str:
    """A leaf of an authority is presented again that had been replaced."""
    return f"{_BACK}{authority}"


def kind_of(key: str) -> Kind | None:
    """What an alert about the condition of this key is about; None for a key that a newer release must have written."""
    kinds = {
        SOURCE: Kind.SOURCE_FAILING,
        _ABSENT: Kind.SOURCE_FAILING,
        _ANCHOR: Kind.ANCHOR_MISSING,
        _DISAGREE: Kind.SOURCES_DISAGREE,
        _QUARANTINED: Kind.QUARANTINED,
        _NAMES: Kind.NAMES_UNCERTAIN,
        _BACK: Kind.WENT_BACK,
        CLOCK: Kind.CLOCK_AHEAD,
    }
    return next((kind for prefix, kind in kinds.items() if key.startswith(prefix)), None)
