"""How much of an answer is kept: a region shows a handful of certificates, so what goes beyond is counted.

Pure. Everything that the API shows is judged, so that no accepted leaf hides behind junk; then each group of entities
(an authority and a presence; all authorities that are not known are one group) is cut to what is worth keeping. What
is kept does not depend on the order of the answer, so a flood that stays the same writes nothing.
"""

from collections.abc import Iterable, Mapping

import msgspec

from rotation_watcher.config import Authority
from rotation_watcher.sources.history import AuthorityHistory, History, Status
from rotation_watcher.sources.observation import Entity, Flood, Observation, uncertain
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.facts import CertificateFacts

replace = msgspec.structs.replace

ACCEPTED = 8
"""Accepted leaves of a group: a rotation shows two or three."""
REFUSED = 5
"""Entities in quarantine of a group: as many as one alert can show and one person can examine."""
GONE = 16
"""Entities in quarantine that are shown no more, of all groups together: a record for people, nothing rests on it."""
RETIRING = 24
"""Leaves of an authority that retire: more than two years of rotations, held for their grace of a month."""
UNKNOWN = "unknown"
"""The group of all authorities that nobody has heard of."""
_TEXT, _NAMES, _CHAIN, _REASONS = 160, 4, 4, 8
"""Characters of a text, and how many names, fingerprints and reasons, are kept of what nothing vouches for."""


def group_of(authority: str) -> str:
    """The authority, or the one word for all that are not known."""
    return authority if authority in {one.value for one in Authority} else UNKNOWN


def bounded(observation: Observation, history: History) -> Observation:
    """The observation without what is beyond the bounds; that is counted in ``floods``.

    Of accepted leaves the newest stay, of the others those that are in quarantine already, then those that a person
    could approve. A known leaf that is refused now always stays: it loses its place. What cannot be distinguished from
    a stranger's stays too: one alert gives the doubt and their number, and they do not enter the history.
    """
    groups: dict[tuple[str, str, bool], list[Entity]] = {}
    kept: set[int] = set()
    for entity in observation.entities:
        known = history.authorities.get(entity.authority, AuthorityHistory())
        if uncertain(entity) or (entity.key in known.leaves and not entity.verdict.accepted):
            kept.add(id(entity))
            continue
        groups.setdefault((group_of(entity.authority), entity.presence, entity.verdict.accepted), []).append(entity)
    floods = []
    for (group, _, accepted), entities in sorted(groups.items()):
        most = ACCEPTED if accepted else REFUSED
        first = entities
        if len(entities) > most:
            first = sorted(entities, key=_newest if accepted else lambda one: _telling(one, history))[:most]
            examples = tuple(entity.key for entity in first[:3])
            floods.append(Flood(group, entities[0].presence, accepted, len(entities) - most, examples))
        kept |= {id(entity) for entity in first}
    if not floods:
        return observation
    entities = [entity for entity in observation.entities if id(entity) in kept]
    return replace(observation, entities=tuple(entities), floods=tuple(floods))


def _newest(entity: Entity) -> tuple[float, str]:
    return (-entity.leaf.facts.not_before.timestamp() if entity.leaf else 0.0, entity.key)


def _telling(entity: Entity, history: History) -> tuple[bool, bool, bool, str]:
    known = history.authorities.get(entity.authority, AuthorityHistory())
    return (entity.key not in known.quarantine, not entity.verdict.approvable, entity.leaf is None, entity.key)


def pruned(authorities: Mapping[str, AuthorityHistory]) -> dict[str, AuthorityHistory]:
    """The authorities without the oldest of what is gone, and of what retires, beyond the bounds."""
    gone = sorted(
        (held.gone_since, name, key)
        for name, authority in authorities.items()
        for key, held in authority.quarantine.items()
        if held.gone_since is not None
    )
    dropped = {(name, key) for _, name, key in gone[:-GONE]}
    after: dict[str, AuthorityHistory] = {}
    for name, authority in authorities.items():
        retiring = sorted((leaf.since, key) for key, leaf in authority.leaves.items() if leaf.status is Status.RETIRING)
        over = {key for _, key in retiring[:-RETIRING]}
        left = {key: held for key, held in authority.quarantine.items() if (name, key) not in dropped}
        leaves = {key: leaf for key, leaf in authority.leaves.items() if key not in over}
        one = replace(authority, quarantine=left, leaves=leaves)
        if one != AuthorityHistory():
            after[name] = one
    return after


def facts(entity: Entity) -> CertificateFacts | None:
    """What is kept of the leaf of an entity in quarantine: its author chose how long the names are."""
    if entity.leaf is None:
        return None
    found = entity.leaf.facts
    return replace(
        found,
        subject=_cut(found.subject),
        issuer=_cut(found.issuer),
        serial=_cut(found.serial),
        names=tuple(_cut(name) for name in found.names[:_NAMES]),
    )


def chain(entity: Entity) -> tuple[str, ...]:
    """The first fingerprints above its leaf, and the last: the root under which it is shown."""
    above = tuple(one.fingerprint for one in entity.chain if one != entity.leaf)
    return above if len(above) <= _CHAIN else (*above[: _CHAIN - 1], above[-1])


def reasons(entity: Entity) -> tuple[Finding, ...]:
    """The first reason of each code."""
    return first_of_each(entity.verdict.reasons)


def first_of_each(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The first finding of each code, none of them longer than it need be."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.code, replace(finding, detail=_cut(finding.detail)))
    return tuple(first.values())[:_REASONS]


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"
