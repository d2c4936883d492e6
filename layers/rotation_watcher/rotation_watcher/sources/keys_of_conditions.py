"""The keys of a source's conditions. What kind of alert is behind a condition is kept with it (``Condition.kind``)."""

import hashlib
from collections.abc import Iterable

SOURCE = "source"
"""The source itself cannot be read."""
CLOCK = "clock"
"""The state holds times from the future."""
DEFECT = "defect"
"""The watcher itself failed at the source."""
_ABSENT, _ANCHOR, DISAGREE, _QUARANTINED, _FILE = "absent:", "anchor:", "disagree:", "quarantined:", "file:"
FORGED = "forged:alerts"
"""Alerts waited that the watcher had not written."""
_NAMES, _BACK, _FLOOD = "names:", "back:", "flood:"
_SINGLE = (SOURCE, CLOCK, DEFECT, FORGED)
_PREFIXES = (_ABSENT, _ANCHOR, DISAGREE, _QUARANTINED, _FILE, _NAMES, _BACK, _FLOOD)
"""Each ends in a colon, so that none is the start of another."""


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


def disagree(other: str, authority: str = "") -> str:
    """Another source of the region sees other certificates. Without an authority: the prefix for that source."""
    return f"{DISAGREE}{other}:{authority}"


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


def went_back(authority: str, leaf: str) -> str:
    """This leaf of an authority is presented again, which had been replaced."""
    return f"{_BACK}{authority}:{leaf}"


def quarantined_by(authority: str) -> str:
    """The prefix of the keys of all entities of an authority that are in quarantine."""
    return f"{_QUARANTINED}{authority}:"


def flood(authority: str) -> str:
    """The API shows more of an authority than is kept or alerted one by one."""
    return f"{_FLOOD}{authority}"


def known(key: str) -> bool:
    """Whether this release judges the conditions of this key. One of a newer release's stays as it is."""
    return key in _SINGLE or key.startswith(_PREFIXES)
