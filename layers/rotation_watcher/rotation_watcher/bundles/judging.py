"""Judge a history's leaf again before it is wanted and pinned: a stored verdict is a claim of whoever wrote it last.

``compose`` verifies the path again; here it is the rest: that it is a leaf, strong, made for clients, that it bears the
name that it must bear, and that an approval still lifts what stands against it. What vouches lies outside the history:
the operator's files, the watch file, the catalogue of regions. Where none of them names the leaf (DigiCert without
``client_name``; a region whose name is not proven), it must be the same identity as a leaf that this bundle has pinned
already: pins are publish's own, and each is held to its file below ``seen/``. The very first leaf has no such ground;
the alert ``name-learned`` is there so that a person looks at it.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from rotation_watcher.config import Authority, Source
from rotation_watcher.trust.approvals import Approval
from rotation_watcher.trust.assessment import assess
from rotation_watcher.trust.findings import Finding, Reason
from rotation_watcher.x509.certificates import Certificate
from rotation_watcher.x509.facts import CertificateFacts

_ELSEWHERE = frozenset({Reason.EXPIRED, Reason.ANCHOR_MISSING, Reason.CHAIN_UNTRUSTED})
"""Judged elsewhere: an expired leaf counts for less, and one that does not verify stops every removal (``compose``)."""


def enforced_name(source: Source, authority: Authority) -> str | None:
    """The name that a leaf must bear by the watch file or the catalogue; None where neither tells."""
    return source.client_name or (source.enforced_name if authority is Authority.GENESYS else None)


def doubts(
    held: Sequence[Certificate],
    *,
    anchors: Sequence[Certificate],
    expected_name: str | None,
    approval: Mapping[str, Approval],
    known: AbstractSet[str],
    now: datetime,
) -> tuple[Finding, ...]:
    """What stands against a leaf (the first of ``held``, the rest is above it); empty where it may be let in.

    ``known``: the identities that were pinned before, used where ``expected_name`` is None.
    """
    leaf = held[0]
    judged = assess(held, defects=(), anchors=anchors, expected_name=expected_name, approval=approval, now=now)
    if judged.leaf is None or judged.leaf.fingerprint != leaf.fingerprint:
        return (Finding(Reason.SEVERAL_LEAVES, "it is not the leaf of its own chain"),)
    found = tuple(one for one in judged.verdict.reasons if one.code not in _ELSEWHERE)
    stranger = expected_name is None and known and known.isdisjoint(identity(leaf.facts))
    if not found and stranger and leaf.fingerprint not in approval:
        return (Finding(Reason.NAME_MISMATCH, "it bears no name of any leaf that was pinned before"),)
    return found


def identity(facts: CertificateFacts) -> frozenset[str]:
    """What a leaf is known by: its names, or its subject where it bears none."""
    return frozenset(name.lower() for name in facts.names) or frozenset({facts.subject})
