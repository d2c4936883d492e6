"""Judge a history's leaf again before it is wanted and pinned: a stored verdict is a claim of whoever wrote it last.

``compose`` verifies the path again; here it is the rest: that it is a leaf, strong, made for clients, that it bears the
name that it must bear, and that an approval still lifts what stands against it. What vouches lies outside the history:
the operator's files, the watch file, the catalogue of regions. Where none of them names the leaf (DigiCert without
``client_name``; a region whose name is not proven), it must be the same identity as a leaf that this bundle has pinned
already: pins are publish's own, and each is held to its file below ``seen/``. The very first leaf has no such ground;
the alert ``name-learned`` is there so that a person checks it.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

import msgspec

from rotation_watcher.config import Authority, Source
from rotation_watcher.trust.approvals import APPROVABLE, INSUFFICIENT, OTHER_ROOT, Approval
from rotation_watcher.trust.assessment import assess
from rotation_watcher.trust.findings import Finding, Reason
from rotation_watcher.trust.identity import Expected, shared
from rotation_watcher.x509.certificates import Certificate
from rotation_watcher.x509.facts import CertificateFacts
from rotation_watcher.x509.names import normal

_ELSEWHERE = frozenset({Reason.EXPIRED, Reason.ANCHOR_MISSING, Reason.CHAIN_UNTRUSTED, INSUFFICIENT, OTHER_ROOT})
"""Judged elsewhere: an expired leaf counts for less, and one that does not verify stops every removal (``compose``).

The last two are remarks on an approval: what it does not lift stands beside them.
"""


class Ground(msgspec.Struct, frozen=True):
    """What a leaf of one authority of a source is held against; none of it is what its history says.

    ``known``: the identities that were pinned before, used where no name is enforced.
    """

    anchors: Sequence[Certificate]
    expected: Expected
    known: AbstractSet[str]


def expected(source: Source, authority: Authority) -> Expected:
    """The names that the watch file or the catalogue give. What was learned is only the history's claim."""
    return Expected(source.enforced_names(authority), source.believed_name)


def doubts(
    chains: Iterable[Sequence[Certificate]], ground: Ground, approval: Approval | None, now: datetime
) -> tuple[Finding, ...]:
    """What stands against a leaf under any of its chains (leaf first); empty where it may be let in.

    ``approval`` is in force, or None.
    """
    return next(filter(None, (_against(held, ground, approval, now) for held in chains)), ())


def _against(
    held: Sequence[Certificate], ground: Ground, approval: Approval | None, now: datetime
) -> tuple[Finding, ...]:
    leaf, approvals = held[0], {held[0].fingerprint: approval} if approval else {}
    # At its last moment if it has expired: what an approval lifts it lifts of an expired one too.
    at = min(now, leaf.facts.not_after)
    judged = assess(held, defects=(), anchors=ground.anchors, expected=ground.expected, approval=approvals, now=at)
    if judged.leaf is None or judged.leaf.fingerprint != leaf.fingerprint:
        return (Finding(Reason.SEVERAL_LEAVES, "it is not the leaf of its own chain"),)
    found = tuple(one for one in judged.verdict.reasons if one.code not in _ELSEWHERE and not _lifted(one, approval))
    if not found and not approvals and _stranger(leaf.facts, ground):
        return (Finding(Reason.NAME_MISMATCH, "it bears no name of any leaf that was pinned before"),)
    return found


def _lifted(finding: Finding, approval: Approval | None) -> bool:
    """Whether an approval in force lifts this, whatever else stands beside it that is judged elsewhere."""
    return approval is not None and finding.code in APPROVABLE and approval.lifts([finding.code])


def _stranger(facts: CertificateFacts, ground: Ground) -> bool:
    """Whether neither the catalogue nor a leaf that was pinned before shows whose it is. The very first is none."""
    enforced, believed, _ = ground.expected
    if enforced or not ground.known or shared(facts.names, filter(None, [believed])):
        return False
    return ground.known.isdisjoint(identity(facts))


def identity(facts: CertificateFacts) -> frozenset[str]:
    """What a leaf is known by: its names, or its subject where it bears none."""
    return frozenset(map(normal, facts.names)) or frozenset({facts.subject})
