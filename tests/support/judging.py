"""Judging certificates in tests: the world that the assessment's tests share."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rotation_watcher.trust.approvals import APPROVABLE, Approval
from rotation_watcher.trust.assessment import Assessed, assess
from rotation_watcher.trust.identity import Expected
from rotation_watcher.x509.certificates import Certificate, Defect
from tests.support.pki import (
    NAME,
    NOW,
    Pair,
    intermediate,
    leaf,
    root,
)

ROOT = root()
ISSUING = intermediate("Issuing", ROOT)
LEAF = leaf(ISSUING)
OWN_ROOT = root("Own")
OWN_LEAF = leaf(OWN_ROOT)


def judge(
    *presented: Pair | Certificate,
    anchors: Sequence[Pair] = (ROOT,),
    expected: str | None = NAME,
    approval: Mapping[str, Approval] | None = None,
    now: datetime = NOW,
    defects: Sequence[Defect] = (),
) -> Assessed:
    """Assess what an entity presented; the region's root is the only anchor, its name is expected."""
    return assess(
        [one.read if isinstance(one, Pair) else one for one in presented],
        defects=defects,
        anchors=[anchor.read for anchor in anchors],
        expected=Expected((expected,) if expected else ()),
        approval=approval or {},
        now=now,
    )


def reasons(assessed: Assessed) -> list[str]:
    """The codes of what is wrong."""
    assert assessed.verdict.accepted == (not assessed.verdict.reasons)
    return [finding.code for finding in assessed.verdict.reasons]


def remarks(assessed: Assessed) -> list[str]:
    """The codes of what is merely unusual."""
    return [finding.code for finding in assessed.verdict.remarks]


def word(
    *presented: Pair,
    until: datetime | None = None,
    reasons: Iterable[str] = APPROVABLE,
    root: Pair = OWN_ROOT,
    above: Iterable[Pair] = (),
) -> dict[str, Approval]:
    """An operator's word for each of these: for everything that can be lifted, under OWN_ROOT by default."""
    covered, given = tuple(sorted(reasons)), tuple(one.read for one in above)
    approval = Approval(by="ops", why="INC-7", until=until, reasons=covered, root=root.read.fingerprint, above=given)
    return {one.read.fingerprint: approval for one in presented}
