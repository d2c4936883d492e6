"""The pins as a CloudFront key value store holds them, and the requests that bring a store to them.

Pure. ``doors/cloudfront/pin_check.js`` reads what this writes. A key is the SHA-256 of a leaf (lower-case hex), its
value ``{"bundle":"main","sources":{"use1":"2027-01-01T00:00:00Z"}}``: whose pins these are, and until when each source
is pinned. A store belongs to one bundle; whatever else it holds is others' and stays.

The quotas are AWS's ("Quotas on key value stores", decision 0034): 512 bytes a key, 1 KB a value, 50 pairs a request.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, NotRequired, TypedDict

import msgspec

from rotation_watcher.bundles.pins import Pins, in_force
from rotation_watcher.errors import RequestRefused

MOST_PAIRS = 50
"""Pairs that one UpdateKeys may put and delete together."""
LARGEST_VALUE = 1024
"""Bytes of UTF-8."""

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
type _SourceId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
type _End = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class PinValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value under a leaf's key. ``sources``: until when the leaf is pinned for each, UTC, in whole seconds."""

    bundle: str
    sources: Annotated[dict[_SourceId, _End], msgspec.Meta(min_length=1)]


class Put(TypedDict):
    """A pair to put, as UpdateKeys takes it."""

    Key: str
    Value: str


class Delete(TypedDict):
    """A key to delete, as UpdateKeys takes it."""

    Key: str


class UpdateKeys(TypedDict):
    """One request, but for the store's ARN and the ETag. The service carries it out as a whole or not at all."""

    Puts: NotRequired[list[Put]]
    Deletes: NotRequired[list[Delete]]


class StorePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What brings a store to the pins. ``others`` counts the keys of others, which stay."""

    puts: Mapping[str, str]
    deletes: Sequence[str]
    unchanged: Sequence[str]
    others: int

    @property
    def changes(self) -> bool:
        """Whether anything is put or deleted."""
        return bool(self.puts or self.deletes)

    @property
    def admits_nobody(self) -> bool:
        """Whether no leaf is pinned afterwards, so that the door refuses everybody."""
        return not self.puts and not self.unchanged


def plan(pins: Pins, held: Mapping[str, str], now: datetime) -> StorePlan:
    """What brings a store that holds ``held`` (key to value) to the pins. ``now`` is aware UTC.

    Pins that have ended are not put, and deleted where they are held. No pins at all is an answer too: the only leaf
    may have been revoked. Raises RequestRefused where the store serves another bundle, where a key that a pin needs
    holds something else, and where a value would be too large.
    """
    wanted = _pairs(pins, now)
    ours = {key for key, value in held.items() if _bundle_of(key, value) == pins.bundle}
    _refuse_other_bundles(pins.bundle, held)
    for key in sorted(wanted.keys() & held.keys() - ours):
        raise RequestRefused(
            f"the key {key} is a leaf's fingerprint, but its value is no pin: somebody else wrote it."
            " Delete that key, or use a store of its own for the pins"
        )
    return StorePlan(
        puts={key: value for key, value in wanted.items() if held.get(key) != value},
        deletes=sorted(ours - wanted.keys()),
        unchanged=sorted(key for key, value in wanted.items() if held.get(key) == value),
        others=len(held.keys() - ours),
    )


def requests(planned: StorePlan) -> list[UpdateKeys]:
    """The requests of a plan in their order: everything is put before anything is deleted."""
    puts = [Put(Key=key, Value=value) for key, value in planned.puts.items()]
    deletes = [Delete(Key=key) for key in planned.deletes]
    return [
        *(UpdateKeys(Puts=puts[start : start + MOST_PAIRS]) for start in range(0, len(puts), MOST_PAIRS)),
        *(UpdateKeys(Deletes=deletes[start : start + MOST_PAIRS]) for start in range(0, len(deletes), MOST_PAIRS)),
    ]


def _pairs(pins: Pins, now: datetime) -> dict[str, str]:
    """The pair of each leaf that is pinned at ``now``, by fingerprint."""
    ends = in_force(pins, now)
    return {fingerprint: _value(pins.bundle, fingerprint, ends[fingerprint]) for fingerprint in sorted(ends)}


def _value(bundle: str, fingerprint: str, ends: Mapping[str, datetime]) -> str:
    sources = {source: ends[source].astimezone(UTC).strftime(_INSTANT) for source in sorted(ends)}
    encoded = msgspec.json.encode(PinValue(bundle, sources))
    if len(encoded) > LARGEST_VALUE:
        raise RequestRefused(
            f"the leaf {fingerprint} is pinned for {len(sources)} sources: its value would take {len(encoded)} bytes,"
            f" and CloudFront takes {LARGEST_VALUE}. Shorten the sources' ids, or split the bundle"
        )
    return encoded.decode()


def _bundle_of(key: str, value: str) -> str | None:
    """Whose pin this pair is, None for what is no pin."""
    if not _FINGERPRINT.fullmatch(key):
        return None
    try:
        return msgspec.json.decode(value, type=PinValue).bundle
    except (msgspec.DecodeError, UnicodeEncodeError):  # the latter: half a surrogate pair, which JSON can spell
        return None


def _refuse_other_bundles(bundle: str, held: Mapping[str, str]) -> None:
    others = {_bundle_of(key, value) for key, value in held.items()} - {bundle, None}
    if others:
        names = ", ".join(sorted(map(repr, others)))
        raise RequestRefused(
            f"the store holds pins of the bundle {names}, and these are of {bundle!r}: a store belongs to one bundle."
            " Give this bundle a store of its own, or name both bundles' sources in one bundle"
        )
