"""What is known of a source: which leaves it presents, will present and has stopped presenting, and since when.

The state is one object in S3, with the alerts not yet delivered inside it, so that state and alerts commit together.
``update.apply_observation`` takes the history and one observation and gives the next history; it never raises and reads
no clock. An observation that changes nothing gives back an equal history, so that a quiet run writes nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from rotation_watcher import clocks, formats
from rotation_watcher.alerts import waiting
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert
from rotation_watcher.clocks import Instant
from rotation_watcher.config import Policy
from rotation_watcher.sources.observation import Presence
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.facts import CertificateFacts


class Status(StrEnum):
    """Where an accepted leaf stands. A retiring one is trusted until its grace has passed."""

    CURRENT = "current"
    UPCOMING = "upcoming"
    RETIRING = "retiring"


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """One of several chains that are shown above a leaf, and until when it is wanted, should it be shown no more."""

    above: tuple[str, ...]
    since: Instant
    retire_after: Instant


class Leaf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An accepted leaf. ``chain`` holds the fingerprints of the certificates above it, each kept under ``seen/``.

    ``chains`` is empty as long as there is one chain. Where the API shows several in turn, it holds all those that were
    seen within the grace, ``chain`` among them: what the leaf needs is all that is in them.
    ``lifted`` holds what an operator's approval lifted, ``approved_root`` the SHA-256 of the root that it vouched for;
    ``retire_after`` is set while it is retiring. ``announced``
    holds the kinds of the alerts that are sent once in a leaf's life (text: a newer release may know more of them), so
    that no flapping sends one again. They are events, not conditions: a rotation has no end.
    """

    facts: CertificateFacts
    chain: tuple[str, ...]
    status: Status
    since: Instant
    first_seen: Instant
    retire_after: Instant | None = None
    remarks: tuple[Finding, ...] = ()
    lifted: tuple[Finding, ...] = ()
    approved_root: str | None = None
    announced: tuple[str, ...] = ()
    chains: tuple[Chain, ...] = ()

    @property
    def every_chain(self) -> tuple[tuple[str, ...], ...]:
        """What was shown above it within the grace, ``chain`` first."""
        return (self.chain, *(one.above for one in self.chains if one.above != self.chain))

    @property
    def authorities(self) -> tuple[str, ...]:
        """The fingerprints of all certificates above it, each once."""
        return tuple(dict.fromkeys(one for chain in self.every_chain for one in chain))

    def expired(self, now: datetime) -> bool:
        """Whether its validity has ended: then nothing can make it work, and it must not stop anything either."""
        return now > self.facts.not_after


class Quarantined(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entity that nothing vouches for. ``gone_since``: how long the API has not shown it any more."""

    presence: Presence
    facts: CertificateFacts | None
    chain: tuple[str, ...] = ()
    reasons: tuple[Finding, ...]
    first_seen: Instant
    gone_since: Instant | None = None


class Debounced(msgspec.Struct, frozen=True, omit_defaults=True):
    """A set of leaves, debounced: ``confirmed`` holds until enough consecutive observations agree on ``pending``.

    The API gives inconsistent results while a rotation is in progress (the SDK's own words), so one answer proves
    nothing about what is gone. ``confirmed`` is None until a first set is confirmed.
    """

    confirmed: tuple[str, ...] | None = None
    pending: tuple[str, ...] | None = None
    observations: int = 0

    def observe(self, seen: tuple[str, ...], confirmations: int) -> "Debounced":
        """This set after one more observation. The first set needs no confirmation: there is nothing to compare."""
        if self.confirmed is None or seen == self.confirmed:
            return Debounced(confirmed=seen)
        count = self.observations + 1 if seen == self.pending else 1
        return Debounced(confirmed=seen) if count >= confirmations else Debounced(self.confirmed, seen, count)

    def without(self, keys: frozenset[str]) -> "Debounced":
        """This set with some leaves struck from what was confirmed (they lost their acceptance)."""
        if not self.confirmed or keys.isdisjoint(self.confirmed):
            return self
        return Debounced(tuple(key for key in self.confirmed if key not in keys), self.pending, self.observations)


class AuthorityHistory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All about one signing authority of a source.

    ``names`` are what accepted current leaves taught: who bears any of them is the same client (``trust/identity``).
    ``replaced`` holds leaves that a later one replaced, known still or gone, the newest last.
    """

    names: tuple[str, ...] = ()
    leaves: Mapping[str, Leaf] = {}
    quarantine: Mapping[str, Quarantined] = {}
    current: Debounced = Debounced()
    upcoming: Debounced = Debounced()
    replaced: tuple[str, ...] = ()

    @property
    def ever_accepted(self) -> bool:
        """Whether a leaf of this authority was ever accepted."""
        return bool(self.leaves or self.replaced or self.names)


FORMAT = 2
"""The format that this release writes; decision 0019 says when it is raised."""


class History(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=str(FORMAT)):
    """The whole state of a source. ``fresh_at``: the last successful observation, to a third of ``stale_after_hours``.

    ``conditions``: what lasts and is alerted, by the keys of ``conditions.py``. ``ended``: when those ended that would
    flap if they came back (``flapping``).
    """

    source: str
    region: str
    fresh_at: Instant | None = None
    authorities: Mapping[str, AuthorityHistory] = {}
    conditions: Mapping[str, Condition] = {}
    ended: Mapping[str, Instant] = {}
    outbox: tuple[Alert, ...] = ()

    def stale(self, now: datetime, policy: Policy) -> bool:
        """Whether the source has not been read for so long that nothing may be removed because of it."""
        if self.fresh_at is None or clocks.is_future(self.fresh_at, now):
            return True
        return now - self.fresh_at > timedelta(hours=policy.stale_after_hours)

    def with_alerts(self, alerts: Iterable[Alert]) -> "History":
        """This history with alerts added to its outbox, which stays bounded; none waits there twice."""
        return msgspec.structs.replace(self, outbox=waiting.with_alerts(self.outbox, alerts))

    def delivered(self, taken: frozenset[str]) -> "History":
        """This history without the alerts that every sink took."""
        return msgspec.structs.replace(self, outbox=tuple(alert for alert in self.outbox if alert.key not in taken))


def encode(history: History) -> bytes:
    """The JSON that is kept in S3: deterministic, so that equal histories are equal bytes."""
    return formats.encode(history)


def decode(data: bytes) -> History:
    """The history in ``data``, migrated if an older release wrote it.

    Raises NewerFormat if a newer one did, one of errors.UNDECODABLE if it is none.
    """
    if formats.number_of(data, newest=FORMAT) == 1:
        from rotation_watcher.sources import history_format_1  # noqa: PLC0415  # once after an update, if ever

        return msgspec.convert(history_format_1.migrate(data), History)
    return msgspec.json.decode(data, type=History)


def empty(source: str, region: str) -> History:
    """The history of a source that has not been observed yet."""
    return History(source=source, region=region)
