"""The names of an authority in the history: learned from what is confirmed, and widened by its renewals."""

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.model import Alert
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import AuthorityHistory, Leaf
from rotation_watcher.trust import identity
from rotation_watcher.trust.findings import Reason

_BY_NAME = frozenset({Reason.NAME_MISMATCH, Reason.NAME_UNCERTAIN})


def learn(
    authority: str, after: AuthorityHistory, learned: tuple[str, ...], context: Context
) -> tuple[AuthorityHistory, list[Alert]]:
    """Take over the names that accepted current leaves taught, that renewals brought, or that approved ones teach anew.

    An approval lets one certificate pass; once it is all that Genesys presents, its names are the region's, or every
    renewal would have to be approved again.
    """
    if context.source.enforced_names(authority):
        return after, []
    confirmed = [after.leaves[key] for key in after.current.confirmed or () if key in after.leaves]
    approved = [leaf for leaf in confirmed if any(finding.code in _BY_NAME for finding in leaf.lifted)]
    own = [leaf for leaf in confirmed if leaf not in approved]
    if approved and not own:
        names = _names_of(approved)
    elif after.names:
        renewed = [leaf for leaf in own if identity.shared(leaf.facts.names, after.names)]
        names = identity.widened(after.names, _names_of(renewed))
    else:
        names = learned
    teacher = next((leaf for leaf in confirmed if identity.shared(leaf.facts.names, names)), None)
    if names == after.names or teacher is None:
        return after, []
    alert = builders.name_learned(
        source=context.name,
        authority=authority,
        leaf=teacher.facts,
        names=names,
        believed=context.source.believed_name,
        now=context.now,
    )
    return msgspec.structs.replace(after, names=names), [alert]


def _names_of(leaves: list[Leaf]) -> tuple[str, ...]:
    return identity.widened((), {name for leaf in leaves for name in leaf.facts.names})
