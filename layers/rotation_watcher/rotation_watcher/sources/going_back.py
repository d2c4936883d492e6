"""Going back: the API presents a leaf again that a later one had replaced.

It may be the inconsistency of a rotation in progress, or Genesys' own way back, or somebody who has got hold of an old
key. The watcher cannot know, so it alerts at once, trusts what verifies, and keeps the newer leaf through its grace.
"""

from collections.abc import Collection

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Observed
from rotation_watcher.alerts.model import Kind
from rotation_watcher.sources import keys_of_conditions as keys
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import AuthorityHistory, Status
from rotation_watcher.x509.facts import CertificateFacts

MOST_REPLACED = 20
"""How many replaced leaves are remembered of an authority: one a year is what a region needs."""


def replaced(before: AuthorityHistory, after: AuthorityHistory, lost: Collection[str]) -> tuple[str, ...]:
    """The leaves that later ones have replaced, after an observation. ``lost``: those that lost their acceptance in it.

    Where all that is confirmed has come back, nothing newer is replaced by it; when the newer ones are gone with their
    grace, what came back is simply what Genesys presents.
    """
    known = [*before.replaced]
    confirmed = {*(after.current.confirmed or ())}
    if newer := confirmed - {*known}:
        arrived = bool(newer - {*(before.current.confirmed or ())})
        retiring = {key for key, leaf in before.leaves.items() if leaf.status is Status.RETIRING}
        known += [
            key
            for key, leaf in sorted(after.leaves.items(), key=lambda one: (one[1].first_seen, one[0]))
            if leaf.status is Status.RETIRING
            and Kind.ROTATED in leaf.announced
            and key not in {*known, *lost}
            and (arrived or key not in retiring)  # one that retires without a successor had lost its acceptance
        ]
    elif not after.leaves.keys() - {*known}:
        known = [key for key in known if key not in confirmed]
    return tuple(known[-MOST_REPLACED:])


def conditions(
    authority: str, before: AuthorityHistory, after: AuthorityHistory, current: Collection[str], context: Context
) -> list[Observed]:
    """Going back as a condition of each replaced leaf that an observation shows as a current one."""
    later = [known for key, known in after.leaves.items() if key not in before.replaced]
    newer = max(later, key=lambda known: known.first_seen, default=None)

    def observed(key: str, leaf: CertificateFacts) -> Observed:
        return Observed(
            keys.went_back(authority, key),
            Kind.WENT_BACK,
            lambda since: builders.went_back(
                source=context.name,
                authority=authority,
                leaf=leaf,
                newer=newer.facts if newer else None,
                until=newer.retire_after if newer else None,
                since=since,
                now=context.now,
            ),
        )

    back = [key for key in current if key in before.replaced and key in after.leaves]
    return [observed(key, after.leaves[key].facts) for key in back]
