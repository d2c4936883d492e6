"""What to do about a target: what it holds against what is wanted, and what may leave.

Pure set arithmetic over fingerprints. What comes of it is never empty and refuses no accepted leaf; adding is done at
once; only what the watcher itself added is removed, and within limits; other people's certificates stay.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from rotation_watcher import arns
from rotation_watcher.bundles.wanted import BundleView, Need, Wanted, admits, entry
from rotation_watcher.config import Policy, RemindDays, Target
from rotation_watcher.ports import Live
from rotation_watcher.targets import room
from rotation_watcher.targets.composing import LeftOut, composed, harmless
from rotation_watcher.targets.grace import NO_GRACES, Graces, graces
from rotation_watcher.targets.order import beside_ended
from rotation_watcher.targets.record import Record
from rotation_watcher.x509.certificates import Block, Certificate
from rotation_watcher.x509.truststore import Contents, changed, of_blocks, without


class Blocker(StrEnum):
    """Why nothing can be deployed. Stable: alerts and runbook speak of them."""

    NOTHING_KNOWN = "nothing-known"
    TOO_MANY_CERTIFICATES = "too-many-certificates"
    WOULD_REFUSE = "would-refuse"
    FOREIGN_UNREADABLE = "foreign-unreadable"
    BUCKET_UNUSABLE = "bucket-unusable"


class Drift(msgspec.Struct, frozen=True):
    """What others did since the last proof: certificates added and taken away, and where the domain points now."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved_to: str | None


class Plan(msgspec.Struct, frozen=True):
    """What should be deployed, and what stands in its way.

    ``desired`` is everything the target should hold, by fingerprint and in order; ``body`` is the bundle itself, which
    is what is live with our blocks taken out and put in. ``added`` and ``removed`` compare it with what is live;
    ``moved`` are ours that stay, in another place. ``held`` are removals that stopped at ``limit`` and wait for a
    person. ``refused`` are required leaves that what is live does not let in. ``repoint``: it points elsewhere, or at
    nothing of ours yet, and is to be brought back.
    ``blocked_by`` is the reason code for deploying nothing, with ``why`` in words. ``left_out`` is wanted, and not
    ``desired``. ``disputed``: what the record calls ours without any proof; it stays. ``shut_out`` are required leaves
    that are refused before and after the change, with ``why`` in words: they stop nothing. ``graces`` says what leaves
    and when; ``lingering`` is what a withdrawn approval alone wanted and what cannot leave. ``but_for_bucket``: it
    would be deployed, were it not for the bucket that cannot be used.
    """

    desired: Mapping[str, Block | Certificate]
    body: bytes
    added: tuple[str, ...]
    removed: tuple[str, ...]
    held: tuple[str, ...]
    limit: str
    refused: tuple[Need, ...]
    drift: Drift | None
    repoint: bool
    blocked_by: Blocker | None
    why: str
    left_out: tuple[LeftOut, ...] = ()
    disputed: tuple[str, ...] = ()
    shut_out: tuple[Need, ...] = ()
    graces: Graces = NO_GRACES
    lingering: tuple[str, ...] = ()
    but_for_bucket: bool = False
    moved: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether what is live differs from what should be."""
        return bool(self.added or self.removed or self.moved or self.repoint)

    @property
    def content(self) -> str:
        """The SHA-256 of the bundle to deploy, in hex."""
        return digest(self.body)


class Last(msgspec.Struct, frozen=True):
    """What a target held before its mutual TLS was turned off. ``doubt``: why it is not known, in words.

    Both None: nothing was ever noted (``shown``).
    """

    contents: Contents | None = None
    doubt: str | None = None


class Buckets(NamedTuple):
    """The names of the stack's bucket, and of that from which the target loads."""

    state: str = ""
    bundles: str = ""

    @property
    def one(self) -> bool:
        """Whether it loads from the stack's own."""
        return self.state == self.bundles


class Snapshot(msgspec.Struct, frozen=True):
    """One target as it is, and its plan. ``former`` is what was deployed last, read only where that drifted.

    ``contents`` is what it holds; where mutual TLS is off, what it held last, and ``last`` says how that is known.
    ``buckets`` are this stack's; ``passes``: what makes its bucket unusable may pass unaided. ``tended``: listeners of
    it whose identity filters the watcher keeps, since they are targets too.
    """

    target: Target
    record: Record
    view: BundleView
    live: Live
    contents: Contents
    former: Mapping[str, Block]
    plan: Plan
    last: Last = Last()
    remind: RemindDays = RemindDays()
    buckets: Buckets = Buckets()
    passes: bool = False
    tended: frozenset[str] = frozenset()

    @property
    def blocks(self) -> Mapping[str, Block]:
        """The blocks of ``contents`` by fingerprint."""
        return self.contents.blocks


def digest(body: bytes) -> str:
    """The SHA-256 by which a bundle's content is known, in hex."""
    return hashlib.sha256(body).hexdigest()


def to_be_noted(target: Target, live: Live) -> bytes | None:
    """What the service shows, at a target that can lose it; None where there is nothing to note (``shown``)."""
    can_lose = arns.parse_target(target.arn).kind.off is not None
    return live.bundle if can_lose and isinstance(live.bundle, bytes) else None


def shown_last(target: Target, live: Live, before: str) -> str:
    """The digest of what the service shows, for the record; ``before`` is the one that is there."""
    body = to_be_noted(target, live)
    return before if body is None else digest(body)


def make(
    contents: Contents,
    wanted: Wanted,
    record: Record,
    target: Target,
    policy: Policy,
    *,
    ours: Collection[str],
    moved_to: str | None,
    may_remove: bool,
    now: datetime,
    withdrawn: Collection[str] = (),
) -> Plan:
    """Plan for one target.

    ``contents`` is what it holds. ``ours``: what of it the watcher added, by proof (``added``). ``moved_to`` names
    where it points if not at the version that was deployed last. ``may_remove`` is False while any source is stale or
    any accepted leaf unproven. ``withdrawn``: what only approvals wanted that are not in force any more.
    """
    live = contents.blocks
    required = [need for need in wanted.needs if need.required(now)]
    refused = tuple(room.shut_out([*live.values()], required, now))
    missing = {need.label for need in refused}
    let_in = [need for need in required if need.label not in missing]
    drift = _drift(live, record, moved_to, now)
    reported = target.on_drift == "report"
    withheld = {*drift.removed} if drift and reported else set()
    known = bool(wanted.needs or wanted.unproven)
    ends = graces(live, wanted, record, policy, withdrawn=withdrawn, may_remove=may_remove, now=now)
    claimed = {key for key in live if key not in wanted.certificates and key in record.ours}
    at_once = _at_once(live, wanted, ends.withdrawn & {*ours}, now)
    gone = _gone(live, wanted, claimed & {*ours}, ends, record, target) if known and may_remove else set()
    removed, held, limit = _allowed(gone - at_once, len(live), record, policy)
    adds = {key: one for key, one in wanted.certificates.items() if key not in live and key not in withheld}
    if at_once and not known:
        adds = {}  # what files alone want waits for a leaf; what nothing vouches for any more does not
    if target.unknown == "remove":
        contents = of_blocks(live)  # what is no block is nobody's either
    left = without(contents, removed | at_once)  # others' own copy of what leaves stays
    found = composed(left.blocks, adds, wanted, target, required, now)
    if removed and room.shut_out(found.order, let_in, now):
        removed = set()  # a leaf is let in by what was to leave: what it needs in its place cannot be put in
        left = without(contents, at_once)
        found = composed(left.blocks, adds, wanted, target, required, now)
    if room.shut_out(found.order, let_in, now):
        found = harmless(found, wanted, let_in, now)
    mine = {*ours} & wanted.certificates.keys()
    astray = mine & beside_ended(left.blocks.values(), now) if mine else frozenset()
    if astray and (shut := room.shut_out(found.order, required, now)):
        # Ours was put behind a CA of its name that has ended since, or the other way round: it may have another place.
        apart = without(left, astray)
        moving = {key: wanted.certificates[key] for key in astray - apart.blocks.keys()}
        moved = composed(apart.blocks, adds | moving, wanted, target, required, now)
        if len(room.shut_out(moved.order, required, now)) < len(shut) and not room.shut_out(moved.order, let_in, now):
            left, found = apart, moved
    first, kept, last, left_out = found
    desired: dict[str, Block | Certificate] = {**first, **kept, **last}
    blocked_by, why = _blocked_by(contents, desired, target, let_in, now, known=known, at_once=bool(at_once))
    # A person chose that a drift is only reported: the target may stay as short as it is, never become shorter.
    lacking = {need.label for one in left_out.values() for need in one.needing}  # alerted by what is left out
    judged = [need for need in refused if not withheld and need.label not in lacking]
    hopeless = room.shut_out([*desired.values()], judged, now)
    if hopeless and blocked_by is None:
        why = f"{_named(hopeless)} is refused all the same ({entry(desired.values(), hopeless[0], now)})"
    return Plan(
        desired=desired,
        body=changed(left, first=first.values(), last=last.values()),
        added=tuple(sorted({*first, *last} - live.keys())),
        removed=tuple(sorted(removed | at_once)),
        held=tuple(sorted(held)),
        limit=limit,
        refused=refused,
        drift=drift,
        repoint=bool(drift and drift.moved_to) and not reported,
        blocked_by=blocked_by,
        why=why,
        left_out=tuple(left_out.values()),
        disputed=tuple(sorted(claimed - {*ours})) if target.unknown == "keep" else (),
        shut_out=tuple(hopeless),
        graces=ends,
        lingering=tuple(sorted(ends.withdrawn - at_once)),
        moved=tuple(sorted({*first, *last} & live.keys())),
    )


def _at_once(live: Mapping[str, Block], wanted: Wanted, withdrawn: Collection[str], now: datetime) -> set[str]:
    """What only a withdrawn approval wanted, and can leave: no accepted leaf is let in by it, and something is left."""
    accepted = [*wanted.needs, *(need for need, _ in wanted.unproven)] if withdrawn else []
    let_in = [need for need in accepted if not need.state.expired(now) and admits(live.values(), need, now)]
    return {*room.spared(live, withdrawn, let_in, now)}


def _gone(
    live: Mapping[str, Block],
    wanted: Wanted,
    ours: Collection[str],
    ends: Graces,
    record: Record,
    target: Target,
) -> set[str]:
    """What nothing wants and has no grace left, or was released. ``ours``: what is ours by proof, and unwanted."""
    gone = {key for key in ours if key in ends.over or key in record.released}
    if target.unknown == "remove":
        gone |= {key for key in live if key not in wanted.certificates and key not in ours}
    return gone


def _drift(live: Mapping[str, Block], record: Record, moved_to: str | None, now: datetime) -> Drift | None:
    """The difference to what was proved last; an update of ours that awaits its proof is no drift, nor part of one."""
    if record.applied is None or (record.pending and {*live} == {*record.pending.fingerprints}):
        return None
    applied = record.forgetting(live, now).applied
    known = {*applied.fingerprints} if applied else set()
    added, removed = tuple(sorted({*live} - known)), tuple(sorted(known - {*live}))
    return Drift(added, removed, moved_to) if added or removed or moved_to else None


def _allowed(gone: set[str], live: int, record: Record, policy: Policy) -> tuple[set[str], set[str], str]:
    """What may leave, what is held, and the limit in words. What a person released passes whatever its number."""
    asked = gone - {*record.released}
    share = len(asked) / live if live else 0.0
    if len(asked) <= policy.max_removals and share <= policy.max_removed_share:
        return gone, set(), ""
    limit = (
        f"{len(asked)} of {live} certificates would leave at once;"
        f" the limit is {policy.max_removals} and {policy.max_removed_share:.0%} of what the target holds"
    )
    return gone - asked, asked, limit


def _blocked_by(
    contents: Contents,
    desired: Mapping[str, Block | Certificate],
    target: Target,
    let_in: Sequence[Need],
    now: datetime,
    *,
    known: bool,
    at_once: bool,
) -> tuple[Blocker | None, str]:
    # Where leaves are known and none can be proved, what the operator vouches for is still added; nothing can leave
    # but what a withdrawn approval wanted.
    if not (known or at_once) or not desired:
        return Blocker.NOTHING_KNOWN, "no accepted leaf of this bundle's sources is known yet"
    if contents.unsafe:
        return Blocker.FOREIGN_UNREADABLE, f"what the target holds cannot be carried on: {contents.unsafe[0].words}"
    if len(desired) > target.limit and not at_once:
        return (
            Blocker.TOO_MANY_CERTIFICATES,
            f"{len(desired)} certificates are there, the target's limit is {target.limit}",
        )
    # A leaf that is refused before and after stops nothing: the others must not wait for it.
    short = room.shut_out([*desired.values()], let_in, now)
    if short:
        return Blocker.WOULD_REFUSE, f"{_named(short)} would be refused ({entry(desired.values(), short[0], now)})"
    return None, ""


def _named(needs: Sequence[Need]) -> str:
    names = ", ".join(need.certificate.fingerprint[:16] for need in needs)
    return f"the accepted leaf {names}"
