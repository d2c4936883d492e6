"""What to do about a target: what it holds against what is wanted, and what may leave.

Pure set arithmetic over fingerprints, by the promises of DESIGN.md: never empty and never short (1), adding at once and
removing only what the watcher itself added, within limits (1, 2), other people's certificates stay (4).
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rotation_watcher import arns
from rotation_watcher.bundles.wanted import BundleView, Need, Wanted, admits, entry
from rotation_watcher.config import Policy, Target
from rotation_watcher.ports import Live
from rotation_watcher.targets.order import arranged
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.rules import refusal
from rotation_watcher.x509.certificates import Block, Certificate
from rotation_watcher.x509.truststore import Contents, changed, of_blocks


class Blocker(StrEnum):
    """Why nothing can be deployed. Stable: alerts and runbook speak of them."""

    NOTHING_KNOWN = "nothing-known"
    TOO_MANY_CERTIFICATES = "too-many-certificates"
    WOULD_REFUSE = "would-refuse"
    FOREIGN_UNREADABLE = "foreign-unreadable"


class Drift(NamedTuple):
    """What others did since the last proof: certificates added and taken away, and where the domain points now."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved_to: str | None


class LeftOut(NamedTuple):
    """A wanted certificate that this target's service refuses: the rule that it breaks, and who needs or wants it."""

    certificate: Certificate | Block
    rule: str
    needing: tuple[Need, ...]
    files: tuple[str, ...]


class Plan(NamedTuple):
    """What should be deployed, and what stands in its way.

    ``desired`` is everything the target should hold, by fingerprint and in order; ``body`` is the bundle itself, which
    is what is live with our blocks taken out and put in. ``added`` and ``removed`` compare it with what is live.
    ``held`` are removals that stopped at ``limit`` and wait for a person. ``refused`` are required leaves that what is
    live does not let in. ``repoint``: it points elsewhere, and is to be brought back. ``blocked_by`` is the reason code
    for deploying nothing, with ``why`` in words. ``left_out`` is wanted, and not ``desired``. ``disputed``: what the
    record calls ours without any proof; it stays.
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

    @property
    def changes(self) -> bool:
        """Whether what is live differs from what should be."""
        return bool(self.added or self.removed or self.repoint)

    @property
    def content(self) -> str:
        """The SHA-256 of the bundle to deploy, in hex."""
        return digest(self.body)


class Last(NamedTuple):
    """What a target held before its mutual TLS was turned off. ``doubt``: why it is not known, in words.

    Both None: nothing was ever noted (``shown``).
    """

    contents: Contents | None = None
    doubt: str | None = None


class Snapshot(NamedTuple):
    """One target as it is, and its plan. ``former`` is what was deployed last, read only where that drifted.

    ``contents`` is what it holds; where mutual TLS is off, what it held last, and ``last`` says how that is known.
    """

    target: Target
    record: Record
    view: BundleView
    live: Live
    contents: Contents
    former: Mapping[str, Block]
    plan: Plan
    last: Last = Last()

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
) -> Plan:
    """Plan for one target.

    ``contents`` is what it holds. ``ours``: what of it the watcher added, by proof (``added``). ``moved_to`` names
    where it points if not at the version that was deployed last. ``may_remove`` is False while any source is stale or
    any accepted leaf unproven.
    """
    live = contents.blocks
    drift = _drift(live, record, moved_to)
    reported = target.on_drift == "report"
    withheld = {*drift.removed} if drift and reported else set()
    adds = {key: held for key, held in wanted.certificates.items() if key not in live and key not in withheld}
    left_out = _left_out(adds, wanted, target, now)
    adds = {key: held for key, held in adds.items() if key not in left_out}
    claimed = {key for key in live if key not in wanted.certificates and key in record.ours}
    gone = claimed & {*ours}
    if target.unknown == "remove":
        gone |= {key for key in live if key not in wanted.certificates}
    removed, held, limit = _allowed(gone, len(live), record, policy) if may_remove else (set(), set(), "")
    kept = {key: block for key, block in live.items() if key not in removed}
    required = [need for need in wanted.needs if need.required(now)]
    first, last = arranged(kept, adds, required, now)
    desired: dict[str, Block | Certificate] = {**first, **kept, **last}
    refused = tuple(need for need in required if not admits(live.values(), need, now))
    if target.unknown == "remove":
        contents = of_blocks(live)  # what is no block is nobody's either
    # A person chose that a drift is only reported: the target may stay as short as it is, never become shorter. The
    # same holds where its service refuses what a leaf needs: that must not keep the others out.
    lacking = {need.label for one in left_out.values() for need in one.needing}
    excused = {need.label for need in refused if withheld or need.label in lacking}
    blocked_by, why = _blocked_by(contents, desired, wanted, target, excused, now)
    return Plan(
        desired=desired,
        body=changed(contents, without=removed, first=first.values(), last=last.values()),
        added=tuple(sorted(adds)),
        removed=tuple(sorted(removed)),
        held=tuple(sorted(held)),
        limit=limit,
        refused=refused,
        drift=drift,
        repoint=bool(drift and drift.moved_to) and not reported,
        blocked_by=blocked_by,
        why=why,
        left_out=tuple(left_out.values()),
        disputed=tuple(sorted(claimed - gone)),
    )


def _left_out(
    adds: Mapping[str, Certificate | Block], wanted: Wanted, target: Target, now: datetime
) -> dict[str, LeftOut]:
    """What of the additions the target's service refuses, by fingerprint. What it holds already it has taken."""
    limits = arns.parse_target(target.arn).kind.limits
    needs = {need.label: need for need in wanted.needs}
    found = {}
    for key, held in adds.items():
        rule = refusal(limits, held)
        if rule is not None:
            why = wanted.why[key]
            needing = tuple(needs[label] for label in why if label in needs and needs[label].required(now))
            found[key] = LeftOut(held, rule, needing, tuple(label for label in why if label not in needs))
    return found


def _drift(live: Mapping[str, Block], record: Record, moved_to: str | None) -> Drift | None:
    """The difference to what was proved last; an update of ours that awaits its proof is no drift."""
    if record.applied is None:
        return None
    known = {*record.applied.fingerprints}
    if record.pending and {*live} == {*record.pending.fingerprints}:
        return None
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
    wanted: Wanted,
    target: Target,
    excused: set[str],
    now: datetime,
) -> tuple[Blocker | None, str]:
    # Where leaves are known and none can be proved, what the operator vouches for is still added; nothing can leave.
    if not (wanted.needs or wanted.unproven) or not desired:
        return Blocker.NOTHING_KNOWN, "no accepted leaf of this bundle's sources is known yet"
    if contents.unsafe:
        return Blocker.FOREIGN_UNREADABLE, f"what the target holds cannot be carried on: {contents.unsafe[0].words}"
    if len(desired) > target.limit:
        return (
            Blocker.TOO_MANY_CERTIFICATES,
            f"{len(desired)} certificates are needed, the target's limit is {target.limit}",
        )
    required = [need for need in wanted.needs if need.required(now)]
    judged = [need for need in required if need.label not in excused]
    short = [(need, why) for need in judged if (why := entry(desired.values(), need, now)) is not None]
    if short:
        names = ", ".join(need.certificate.fingerprint[:16] for need, _ in short)
        return Blocker.WOULD_REFUSE, f"the bundle would refuse the accepted leaf {names} ({short[0][1]})"
    return None, ""
