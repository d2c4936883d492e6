"""The keys of a source's conditions, and the kind of alert behind each."""

import hashlib
from collections.abc import Iterable

from rotation_watcher.alerts.model import Kind

SOURCE = "source"
"""The source itself cannot be read."""
_ABSENT, _ANCHOR, _DISAGREE, _QUARANTINED = "absent:", "anchor:", "disagree:", "quarantined:"
_FLOOD = "flood:"


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


def quarantined_by(authority: str) -> str:
    """The prefix of the keys of all entities of an authority that are in quarantine."""
    return f"{_QUARANTINED}{authority}:"


def flood(authority: str) -> str:
    """The API shows more of an authority than is kept or told one by one."""
    return f"{_FLOOD}{authority}"


def kind_of(key: str) -> Kind | None:
    """What an alert about the condition of this key is about; None for a key that a newer release must have written."""
    kinds = {
        SOURCE: Kind.SOURCE_FAILING,
        _ABSENT: Kind.SOURCE_FAILING,
        _ANCHOR: Kind.ANCHOR_MISSING,
        _DISAGREE: Kind.SOURCES_DISAGREE,
        _QUARANTINED: Kind.QUARANTINED,
        _FLOOD: Kind.FLOOD,
    }
    return next((kind for prefix, kind in kinds.items() if key.startswith(prefix)), None)
