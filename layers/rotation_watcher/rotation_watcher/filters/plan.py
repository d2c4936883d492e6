"""What to do about a listener: its identity filters against the names that are wanted.

Pure. A name is added at once; only what the watcher itself added leaves, after its grace and within limits; filters of
others stay, in their order and their form. What comes of it is never empty: an empty list admits everybody whom the
trust store admits. Where a listener has no filter, filling it shuts others out: that is the operator's decision.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from rotation_watcher.bundles.wanted import BundleView, Need
from rotation_watcher.config import Policy, RemindDays, Target
from rotation_watcher.filters.entries import by_key, digest, encode, key_of, texts, words
from rotation_watcher.filters.grace import Graces, graces
from rotation_watcher.filters.names import Names
from rotation_watcher.ports import Filter, Listener
from rotation_watcher.targets.record import Record
from rotation_watcher.x509.identity_filters import admits


class Blocker(StrEnum):
    """Why nothing can be changed. Stable: alerts and runbook speak of them."""

    NOTHING_KNOWN = "nothing-known"
    MTLS_OFF = "mtls-off"
    FILTERS_EMPTY = "filters-empty"
    TOO_MANY_FILTERS = "too-many-filters"
    WOULD_OPEN = "would-open"
    WOULD_REFUSE = "would-refuse"


class Drift(msgspec.Struct, frozen=True):
    """What others did since the last proof, by key."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


class Shown(msgspec.Struct, frozen=True):
    """The filters that an emptied listener showed last; None: nobody knows, and ``doubt`` says why."""

    filters: tuple[Filter, ...] | None = None
    doubt: str = ""


class Plan(NamedTuple):
    """What the listener should hold (``filters``), and what stands in the way.

    ``added`` and ``removed`` compare it with what is live, by key. ``held`` are removals that stopped at ``limit``.
    ``refused`` are required leaves that no live filter admits. ``disputed``: what the record calls ours without proof.
    ``lingering``: what should leave at once and cannot.
    """

    filters: tuple[Filter, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    held: tuple[str, ...]
    limit: str
    refused: tuple[Need, ...]
    drift: Drift | None
    graces: Graces
    disputed: tuple[str, ...]
    lingering: tuple[str, ...]
    blocked_by: Blocker | None
    why: str

    @property
    def changes(self) -> bool:
        """Whether what is live differs from what should be."""
        return bool(self.added or self.removed)

    @property
    def content(self) -> str:
        """The SHA-256 of the list, in hex."""
        return digest(encode(self.filters))


class Snapshot(NamedTuple):
    """One listener as it is, and its plan. ``confirmed``: which of its filters the watcher added, by proof."""

    target: Target
    record: Record
    view: BundleView
    live: Listener
    names: Names
    shown: Shown
    confirmed: frozenset[str]
    plan: Plan
    remind: RemindDays = RemindDays()
    bucket: str = ""
    """The stack's."""

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the live filters."""
        return frozenset(map(key_of, self.live.filters))


def closed(live: Listener) -> str | None:
    """Why the listener asks nobody for a certificate, in words; None where it verifies."""
    if live.protocol != "TLS":
        return f"It is a {live.protocol or 'nameless'} listener: only a TLS listener has mutual TLS."
    if live.mode != "verify" or live.trust_store is None:
        return f"The listener does not verify client certificates: mode {live.mode}."
    if live.shared == "removed":
        return "The listener lost its trust store, which is no longer shared with this account: its handshakes fail."
    return None


def make(
    live: Listener,
    names: Names,
    record: Record,
    target: Target,
    policy: Policy,
    *,
    confirmed: Collection[str],
    shown: Shown,
    unvouched: Collection[str],
    may_remove: bool,
    now: datetime,
) -> Plan:
    """Plan for one listener. ``may_remove``: nothing stands against removals in the bundle's view."""
    held, off = by_key(live.filters), closed(live)
    met = record.applied is not None
    may_remove = may_remove and not names.unnamed
    drift = None if off else _drift(held.keys(), record, now)
    reported = target.on_drift == "report"
    base = list(live.filters)
    if not base and met and shown.filters is not None:  # what others had there comes back with what is wanted
        base = [one for one in shown.filters if not _gone(key_of(one), names, record, unvouched)]
    withheld = {*drift.removed} if drift and reported else set()
    ends = graces(held, names, record, policy, unvouched=unvouched, may_remove=may_remove, now=now)
    disputed = {key for key in held if key in record.ours and key not in names.filters} - {*confirmed}
    at_once = {*ends.withdrawn} - disputed
    over = {key for key in held if key in ends.over or (key in record.released and key in ends.ends)}
    over = (over - names.filters.keys() - disputed - at_once) if may_remove else set()
    removed, waiting, limit = _allowed(over, len(held), record, policy)
    adds = [one for key, one in names.filters.items() if key not in by_key(base) and key not in withheld]
    filters = _without(base, removed | at_once) + adds
    lingering: set[str] = set()
    if held and not filters:  # the last name of all must not leave: it would open the door
        lingering, removed, at_once, filters = at_once, set(), set(), base
    refused = tuple(_shut_out(live.filters, names))
    blocked_by, why = _blocked_by(filters, live, off, names, target, shown, met=met, at_once=bool(at_once), now=now)
    return Plan(
        filters=tuple(filters),
        added=tuple(sorted(by_key(filters).keys() - held.keys())),
        removed=tuple(sorted(removed | at_once)),
        held=tuple(sorted(waiting)),
        limit=limit,
        refused=() if off else refused,
        drift=drift,
        graces=ends,
        disputed=tuple(sorted(disputed)),
        lingering=tuple(sorted(lingering)),
        blocked_by=blocked_by,
        why=why,
    )


def _gone(key: str, names: Names, record: Record, unvouched: Collection[str]) -> bool:
    """Whether it is ours and stood for leaves alone that nothing vouches for any more."""
    behind = record.approved.get(key, ())
    return key in record.ours and key not in names.filters and bool(behind) and {*behind} <= {*unvouched}


def _drift(live: Collection[str], record: Record, now: datetime) -> Drift | None:
    """The difference to what was proved last; an update of ours that awaits its proof is no drift, nor part of one."""
    if record.applied is None or (record.pending and {*live} == {*record.pending.fingerprints}):
        return None
    applied = record.forgetting(live, now).applied
    known = {*applied.fingerprints} if applied else set()
    added, removed = tuple(sorted({*live} - known)), tuple(sorted(known - {*live}))
    return Drift(added, removed) if added or removed else None


def _without(filters: Sequence[Filter], leaving: Collection[str]) -> list[Filter]:
    """The filters without one of each that leaves: where there are two of one key, somebody else wrote the other."""
    left = list(filters)
    for key in leaving:
        place = max(place for place, one in enumerate(left) if key_of(one) == key)
        del left[place]
    return left


def _allowed(gone: set[str], live: int, record: Record, policy: Policy) -> tuple[set[str], set[str], str]:
    """What may leave, what is held, and the limit in words. What a person released passes whatever its number."""
    asked = gone - {*record.released}
    share = len(asked) / live if live else 0.0
    if len(asked) <= policy.max_removals and share <= policy.max_removed_share:
        return gone, set(), ""
    limit = (
        f"{len(asked)} of {live} filters would leave at once;"
        f" the limit is {policy.max_removals} and {policy.max_removed_share:.0%} of what the listener holds"
    )
    return gone - asked, asked, limit


def _shut_out(filters: Sequence[Filter], names: Names) -> list[Need]:
    """The leaves with a lasting need that no filter admits; what nobody can tell counts as refused."""
    lasting = names.lasting()
    needs = [need for key, of in names.needs.items() if key in lasting for need in of]
    return [need for need in (*needs, *names.unnamed) if admits(texts(filters), need.certificate) is not True]


def _blocked_by(
    filters: Sequence[Filter],
    live: Listener,
    off: str | None,
    names: Names,
    target: Target,
    shown: Shown,
    *,
    met: bool,
    at_once: bool,
    now: datetime,
) -> tuple[Blocker | None, str]:
    if off:
        return Blocker.MTLS_OFF, off
    if not names.filters and not at_once:
        return Blocker.NOTHING_KNOWN, "no accepted leaf of this bundle's sources has a name that is known yet"
    if not live.filters and (why := _stays_empty(names, target, shown, met=met)):
        return Blocker.FILTERS_EMPTY, why
    if len(filters) > target.limit:
        why = f"{len(filters)} identity filters would be there, and a listener holds {target.limit}"
        return Blocker.TOO_MANY_FILTERS, why
    return _harm(filters, live, names, now)


def _harm(filters: Sequence[Filter], live: Listener, names: Names, now: datetime) -> tuple[Blocker | None, str]:
    """Whom the list would let in or shut out. A leaf that is refused before and after stops nothing."""
    if not filters:
        return Blocker.WOULD_OPEN, "no filter would be left, and every certificate of the trust store would pass"
    before = {need.label for need in _shut_out(live.filters, names)}
    short = [need for need in _shut_out(filters, names) if need.label not in before and need.required(now)]
    if short:
        return Blocker.WOULD_REFUSE, f"the accepted leaf {short[0].certificate.fingerprint[:16]} would be refused"
    return None, ""


def _stays_empty(names: Names, target: Target, shown: Shown, *, met: bool) -> str | None:
    """Why a listener without a filter is left so. Filling it refuses whoever has another name and comes in today."""
    if names.unnamed:
        return "it has no identity filter, and an accepted leaf that no filter can name would be shut out by one"
    if not met and target.empty_filters == "keep":
        return "it has no identity filter, and empty_filters of this target does not let the watcher put names there"
    if met and target.on_drift == "report":
        return "its identity filters were taken out, and on_drift of this target says report"
    if met and shown.filters is None:
        return f"its identity filters were taken out, and it is not known which of others' were there: {shown.doubt}"
    return None


def named(keys: Collection[str]) -> str:
    """A few keys for people."""
    listed = [words(key)[:80] for key in sorted(keys)[:3]]
    return ", ".join(listed) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")  # noqa: PLR2004
