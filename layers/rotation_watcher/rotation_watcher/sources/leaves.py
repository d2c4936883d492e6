"""Apply one observation of one signing authority: which leaves are trusted, which retire, and what is alerted.

The rules:

* An accepted leaf is trusted at first sight: it enters ``leaves`` with the status under which it was seen.
* A change is announced only when ``confirmations`` consecutive observations agree on it: flapping causes one alert.
* A leaf retires only when a confirmed set with an accepted current leaf does not hold it; it stays trusted for
  ``retain_days`` more. An answer without any accepted current leaf never retires anything.
* A leaf that lost its acceptance (another reason than a missing anchor, which says nothing about the leaf) is no longer
  presented as accepted; one whose approval is gone leaves at once, any other retires with its grace.
* An approved leaf that is shown under another root than the approved one stays as it was: what it is shown with now
  is in quarantine.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Observed
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.sources import going_back, naming
from rotation_watcher.sources.chains import with_chain
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import AuthorityHistory, Debounced, Leaf, Status
from rotation_watcher.sources.observation import Entity, Presence, uncertain
from rotation_watcher.sources.quarantine import apply_refused
from rotation_watcher.trust.approvals import INSUFFICIENT, OTHER_ROOT
from rotation_watcher.trust.findings import CHAIN_REASONS, Finding, Reason, Remark

replace = msgspec.structs.replace

_BY_CHAIN = frozenset({Reason.CHAIN_UNTRUSTED, Reason.ANCHOR_MISSING})


def apply_entities(
    authority: str, before: AuthorityHistory, entities: list[Entity], learned: tuple[str, ...], context: Context
) -> tuple[AuthorityHistory, list[Alert], list[Observed]]:
    """The history of an authority after an observation, its events as alerts, and what lasts as conditions.

    ``learned`` are the names that the observation taught.
    """
    accepted, refused = _sort(entities, before, context)
    lost = frozenset(entity.key for entity in refused if entity.key in before.leaves)
    lost -= {entity.key for entity in accepted}
    leaves = {
        key: leaf
        for key, leaf in before.leaves.items()
        if not (key in lost and leaf.lifted and not _approved(key, leaf, context))
    }  # an approval that is gone takes its leaf along at once
    for entity in accepted:
        leaves[entity.key] = _known(leaves.get(entity.key), entity, before, context)
    current = _set(accepted, Presence.CURRENT)
    upcoming = tuple(key for key in _set(accepted, Presence.UPCOMING) if key not in current)
    struck_current, struck_upcoming = before.current.without(lost), before.upcoming.without(lost)
    confirmed = struck_current.observe(current, context.policy.confirmations) if current else struck_current
    # Without an accepted current leaf the answer is no ground for withdrawing anything: the set may only grow.
    shown = upcoming if current else tuple(sorted({*upcoming, *(struck_upcoming.confirmed or ())}))
    expected = struck_upcoming.observe(shown, context.policy.confirmations) if entities else struck_upcoming
    ever = bool(accepted) or before.ever_accepted
    quarantine, lasting = apply_refused(authority, before.quarantine, accepted, refused, context, accepted_before=ever)
    after = AuthorityHistory(
        names=before.names,
        leaves=_placed(leaves, (current, confirmed), (upcoming, expected), context),
        quarantine=quarantine,
        current=confirmed,
        upcoming=expected,
        replaced=before.replaced,
    )
    after, lessons = naming.learn(authority, after, learned, context)
    approvals = _approvals(authority, before, accepted, context)
    after, announcements = _announce(authority, before, after, context)
    after, expiries = _expiries(authority, after, {*current, *upcoming}, context)
    lasting += going_back.conditions(authority, before, after, current, context)
    after = replace(after, replaced=going_back.replaced(before, after, lost))
    return after, [*lessons, *approvals, *announcements, *expiries], lasting


def retired(before: AuthorityHistory, context: Context) -> AuthorityHistory:
    """The history of an authority that is no longer watched: its leaves stay for their grace, then it is forgotten.

    They may be pinned as long, and what is above them says which lists revoke them.
    """
    leaves = _placed(before.leaves, ((), Debounced()), ((), Debounced()), context)
    return (
        AuthorityHistory(names=before.names, leaves=leaves, replaced=before.replaced) if leaves else AuthorityHistory()
    )


def lacks_anchor(entity: Entity) -> bool:
    """Whether there was no anchor to verify it to."""
    return any(finding.code == Reason.ANCHOR_MISSING for finding in entity.verdict.reasons)


def counts_as_accepted(entity: Entity, before: AuthorityHistory, context: Context) -> bool:
    """Whether it is accepted, or was before and keeps its place. See ``_sort``."""
    return entity.verdict.accepted or _keeps(entity, before, context) or _moved(entity, before, context)


def _keeps(entity: Entity, before: AuthorityHistory, context: Context) -> bool:
    """Whether a leaf that was accepted before has only lost what says nothing about it."""
    excused = {Reason.EXPIRED, Reason.ANCHOR_MISSING}
    known = before.leaves.get(entity.key)
    codes = {finding.code for finding in entity.verdict.reasons} - {INSUFFICIENT, OTHER_ROOT}
    if known is None:
        return False
    if _approved(entity.key, known, context):
        root = entity.verdict.root
        moved = root is None or root.fingerprint != known.approved_root
        codes -= {finding.code for finding in known.lifted} - (CHAIN_REASONS if moved else frozenset())
    return bool(codes) and codes <= (excused if known.lifted else {*excused, Reason.NAME_UNCERTAIN})


def _sort(entities: Iterable[Entity], before: AuthorityHistory, context: Context) -> tuple[list[Entity], list[Entity]]:
    """Split into what counts as accepted and what is quarantined.

    A leaf accepted before keeps its place when it has only expired since (``expired`` is alerted instead), or when the
    anchor is gone: a missing file says nothing about the leaf. Nor do doubts about the names of others, unless it lived
    by an approval. One that is shown under another root than the approved one keeps its place too, and what it is shown
    with is quarantined. One alert about the anchor, or about the doubts, says more than one for each entity.
    """
    accepted: list[Entity] = []
    refused: list[Entity] = []
    for entity in entities:
        keeps = entity.verdict.accepted or _keeps(entity, before, context)
        (accepted if keeps else refused).append(entity)
    good = {entity.key for entity in accepted}
    refused = [
        entity
        for entity in refused
        if entity.key not in good
        and not lacks_anchor(entity)
        and (not uncertain(entity) or entity.key in before.leaves)
    ]
    return [*accepted, *(entity for entity in refused if _moved(entity, before, context))], refused


def _approved(key: str, leaf: Leaf, context: Context) -> bool:
    """Whether an approval that is in force covers what was lifted for this leaf."""
    approval = context.approvals.get(key)
    codes = [finding.code for finding in leaf.lifted]
    return approval is not None and approval.holds(context.now) and approval.covers(codes, leaf.approved_root)


def _moved(entity: Entity, before: AuthorityHistory, context: Context) -> bool:
    """Whether an approved leaf is shown with nothing new against it but another root, or none."""
    known = before.leaves.get(entity.key)
    if known is None or known.approved_root is None or not _approved(entity.key, known, context):
        return False
    codes = {finding.code for finding in entity.verdict.reasons} - {INSUFFICIENT, OTHER_ROOT}
    return context.approvals[entity.key].lifts(codes)


def _set(entities: Iterable[Entity], presence: Presence) -> tuple[str, ...]:
    return tuple(sorted({entity.key for entity in entities if entity.presence is presence}))


def _known(leaf: Leaf | None, entity: Entity, before: AuthorityHistory, context: Context) -> Leaf:
    """The record of an accepted entity: new, or refreshed where its chain or verdict changed."""
    if entity.leaf is None:  # accepted entities have a leaf; said so for the type checker's sake
        raise ValueError(entity.key)
    chain = tuple(certificate.fingerprint for certificate in entity.chain if certificate != entity.leaf)
    if leaf is None:
        leaf = Leaf(
            facts=entity.leaf.facts,
            chain=chain,
            status=Status(entity.presence.value),
            since=context.now,
            first_seen=context.now,
            announced=(Kind.ROTATED,) if entity.key in before.replaced else (),  # it comes back: no rotation
        )
    if not entity.verdict.accepted:
        return leaf
    # Where an approval vouches for the chain it gathers no others: what was approved is that one.
    by_approval = any(finding.code in _BY_CHAIN for finding in entity.verdict.lifted)
    leaf = replace(leaf, chain=chain) if by_approval else with_chain(leaf, chain, context)
    # Remarks that only repeat the calendar would make every first run after midnight a change.
    verdict = entity.verdict
    root = verdict.root.fingerprint if verdict.root else None
    return replace(leaf, remarks=_lasting(entity), lifted=verdict.lifted, approved_root=root)


def _lasting(entity: Entity) -> tuple[Finding, ...]:
    return tuple(finding for finding in entity.verdict.remarks if finding.code != Remark.NOT_YET_VALID)


def _placed(
    leaves: Mapping[str, Leaf],
    current: tuple[tuple[str, ...], Debounced],
    upcoming: tuple[tuple[str, ...], Debounced],
    context: Context,
) -> dict[str, Leaf]:
    """Give every leaf its status by what this answer shows and what is confirmed; drop those whose grace has passed."""
    # What was seen and awaits its confirmation counts too: an answer without a current leaf must not retire it.
    presented = {*current[0], *(current[1].confirmed or ()), *(current[1].pending or ())}
    announced = {*upcoming[0], *(upcoming[1].confirmed or ()), *(upcoming[1].pending or ())}
    placed: dict[str, Leaf] = {}
    for key, leaf in leaves.items():
        status = Status.CURRENT if key in presented else Status.UPCOMING if key in announced else Status.RETIRING
        if status is not leaf.status:
            grace = context.now + timedelta(days=context.policy.retain_days)
            retire_after = grace if status is Status.RETIRING else None
            leaf = replace(leaf, status=status, since=context.now, retire_after=retire_after)  # noqa: PLW2901 - the same leaf, moved
        if leaf.retire_after is None or not context.over(leaf.retire_after):
            placed[key] = leaf
    return placed


def _expiries(
    authority: str, after: AuthorityHistory, shown: Collection[str], context: Context
) -> tuple[AuthorityHistory, list[Alert]]:
    """What has expired, of that which this answer shows. What awaits the confirmation that it is gone is no news."""
    leaves, alerts = dict(after.leaves), []
    for key, leaf in after.leaves.items():
        if key in shown and leaf.expired(context.now) and Kind.EXPIRED not in leaf.announced:
            leaves[key] = replace(leaf, announced=(*leaf.announced, Kind.EXPIRED))
            alerts.append(builders.expired(source=context.name, authority=authority, leaf=leaf.facts, now=context.now))
    return replace(after, leaves=leaves), alerts


def _approvals(authority: str, before: AuthorityHistory, accepted: Iterable[Entity], context: Context) -> list[Alert]:
    alerts = []
    for entity in accepted:
        approval = context.approvals.get(entity.key)
        if approval and entity.leaf and _newly_lifted(before.leaves.get(entity.key), entity):
            alerts.append(
                builders.approved(
                    source=context.name,
                    authority=authority,
                    leaf=entity.leaf.facts,
                    by=approval.by,
                    why=approval.why,
                    until=approval.until,
                    lifted=entity.verdict.lifted,
                    root=entity.verdict.root.facts if entity.verdict.root else None,
                    now=context.now,
                )
            )
    return alerts


def _newly_lifted(known: Leaf | None, entity: Entity) -> bool:
    """Whether an approval lifts something that it did not lift before, or vouches for another root."""
    lifted = {finding.code for finding in entity.verdict.lifted}
    if not lifted:
        return False
    if known is None or entity.verdict.root is None:
        return not lifted <= {finding.code for finding in (known.lifted if known else ())}
    before = {finding.code for finding in known.lifted} | CHAIN_REASONS
    return not lifted <= before or known.approved_root != entity.verdict.root.fingerprint


def _announce(
    authority: str, before: AuthorityHistory, after: AuthorityHistory, context: Context
) -> tuple[AuthorityHistory, list[Alert]]:
    """Alert what is confirmed and has not been alerted; each leaf remembers it, so that no flapping alerts it again.

    The first confirmed current set is a baseline, not a rotation; an upcoming leaf is alerted even in the first one,
    and so is a current one that is not valid yet.
    """
    leaves, alerts = dict(after.leaves), []
    old = _former(before, after)
    for key in after.upcoming.confirmed or ():
        leaf = leaves.get(key)
        if leaf is None or {Kind.UPCOMING_PUBLISHED, Kind.ROTATED} & {*leaf.announced}:
            continue
        leaves[key] = replace(leaf, announced=(*leaf.announced, Kind.UPCOMING_PUBLISHED))
        alerts.append(
            builders.upcoming_published(
                source=context.name,
                authority=authority,
                upcoming=leaf.facts,
                current=old.facts if old else None,
                now=context.now,
            )
        )
        alerts += _issuer_change(authority, Status.UPCOMING, leaf, old, context)
    for key in after.current.confirmed or ():
        leaf = leaves.get(key)
        if leaf is None or Kind.ROTATED in leaf.announced:
            continue
        leaves[key] = replace(leaf, announced=(*leaf.announced, Kind.ROTATED))
        first = before.current.confirmed is None
        if first and leaf.facts.not_before <= context.now:
            continue
        alerts.append(
            builders.rotated(
                source=context.name,
                authority=authority,
                new=leaf.facts,
                old=old.facts if old and not first else None,
                first=first,
                retire_after=(old.retire_after if old else None)
                or context.now + timedelta(days=context.policy.retain_days),
                now=context.now,
            )
        )
        if Kind.UPCOMING_PUBLISHED not in leaf.announced and not first:
            alerts += _issuer_change(authority, Status.CURRENT, leaf, old, context)
    return replace(after, leaves=leaves), alerts


def _former(before: AuthorityHistory, after: AuthorityHistory) -> Leaf | None:
    """The leaf before those that are confirmed now; at the first look one of these.

    One that lost its acceptance is confirmed no more, and is the one before all the same: it retires, unless it is
    gone at once, or its grace is over.
    """
    confirmed = before.current.confirmed
    if confirmed is None:
        confirmed = after.current.confirmed or ()
    elif not confirmed:
        confirmed = tuple(key for key, leaf in after.leaves.items() if leaf.status is Status.RETIRING)
    return _newest(after, before, confirmed)


def _newest(after: AuthorityHistory, before: AuthorityHistory, keys: Iterable[str]) -> Leaf | None:
    leaves = [leaf for key in keys if (leaf := after.leaves.get(key) or before.leaves.get(key))]
    return max(leaves, key=lambda leaf: leaf.first_seen, default=None)


def _issuer_change(authority: str, status: Status, new: Leaf, old: Leaf | None, context: Context) -> list[Alert]:
    """A certificate under other CAs than the one before is no routine rotation."""
    if old is None or {*new.every_chain} & {*old.every_chain}:
        return []
    return [
        builders.issuer_changed(
            source=context.name,
            authority=authority,
            status=status.value,
            new=new.facts,
            old=old.facts,
            authorities=new.authorities,
            reach=context.reach(authority, new.chain),
            now=context.now,
        )
    ]
