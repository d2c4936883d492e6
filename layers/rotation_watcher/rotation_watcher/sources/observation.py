"""What one run read from the Genesys API: every entity, read and judged separately.

Nothing here raises for bad data. An entity that cannot be read, or that nothing vouches for, becomes a quarantined one
with its reasons, and the others go on. An entity of another type than ``Client``, or of an unknown status, is left out
and counted in ``ignored``; one of a known authority that the source does not watch is left out.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from rotation_watcher.config import Authority
from rotation_watcher.errors import UNDECODABLE
from rotation_watcher.trust import identity
from rotation_watcher.trust.approvals import Approval
from rotation_watcher.trust.assessment import Assessed, Verdict, assess
from rotation_watcher.trust.findings import Finding, Reason
from rotation_watcher.trust.identity import Bearer, Expected
from rotation_watcher.x509.certificates import Certificate, parse_text

replace = msgspec.structs.replace


class Presence(StrEnum):
    """How the API speaks of a certificate."""

    CURRENT = "current"
    UPCOMING = "upcoming"


class Entity(msgspec.Struct, frozen=True):
    """One certificate of the answer with its verdict.

    ``key`` is the leaf's fingerprint, or ``text-<sha256>`` of what the entity says where no leaf could be read: fields
    that nobody reads, and their order, may differ in each answer.
    ``chain`` is the path leaf … root where it verified, else what was presented.
    """

    key: str
    authority: str
    presence: Presence
    leaf: Certificate | None
    chain: tuple[Certificate, ...]
    verdict: Verdict


def uncertain(entity: Entity) -> bool:
    """Whether all that stands against it is that it is uncertain whose it is."""
    return {finding.code for finding in entity.verdict.reasons} == {Reason.NAME_UNCERTAIN}


class Flood(msgspec.Struct, frozen=True):
    """More entities of one authority than are kept: how many are not, and a few of those that are."""

    authority: str
    presence: Presence
    accepted: bool
    number: int
    examples: tuple[str, ...]


class Observation(msgspec.Struct, frozen=True):
    """One whole answer. By authority: ``learned`` names, and ``doubts`` (in words) where none could be learned.

    ``floods``: what ``bounds.bounded`` has counted instead of keeping.
    """

    entities: tuple[Entity, ...]
    learned: Mapping[str, tuple[str, ...]]
    ignored: tuple[Finding, ...]
    doubts: Mapping[str, str] = {}
    floods: tuple[Flood, ...] = ()


type Judged = dict[tuple[str, Authority | None, Expected, Approval | None], Assessed]
"""What was assessed in this run, by all that it depends on beside the anchors and the moment: the certificate's text,
the authority, what was expected of the names, and the approval that there was."""


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    """An entity as the API sends it (SDK model ``ActionCertificate``); any field may be null."""

    signing_authority: str | None = None
    certificate: str | None = None
    status: str | None = None
    type: str | None = None


def observe(
    raw: Iterable[bytes],
    *,
    authorities: Iterable[Authority],
    anchors: Mapping[Authority, Sequence[Certificate]],
    names: Mapping[Authority, Expected],
    approvals: Mapping[str, Approval],
    now: datetime,
    judged: Judged | None = None,
    in_time: Callable[[], None] = lambda: None,
) -> Observation:
    """Judge every entity of an answer.

    ``raw`` holds the JSON of each entity. ``names`` say what is enforced or believed; where nothing is enforced, the
    leaves of the answer teach it together (``identity.lesson``), and are held to it already. A ``doubt`` that comes
    with them is one of an earlier observation: while it lasts, only what is certain teaches. ``judged`` carries over
    what was assessed from one call to the next with the same anchors and moment: equal texts, and a second call with
    more approvals, cost next to nothing. ``in_time`` is asked before each entity, and raises to give up.
    """
    known: Judged = {} if judged is None else judged
    watched = {authority.value.lower(): authority for authority in authorities}
    by_authority, ignored = _sorted_out(raw, watched)
    learned: dict[str, tuple[str, ...]] = {}
    doubts: dict[str, str] = {}
    found: list[Entity] = []
    for authority, mine in by_authority.items():

        def judge(
            expected: Expected, authority: Authority | None = authority, mine: list[_Read] = mine
        ) -> list[Entity]:
            roots = anchors.get(authority, ()) if authority else ()
            return [_judge(one, roots, expected, approvals, now, known, in_time) for one in mine]

        expected = names.get(authority, Expected()) if authority else Expected()
        here = judge(expected._replace(doubt=None))
        if authority and not expected.enforced:
            lesson = identity.lesson(_bearers(here), expected)
            if lesson.names:
                learned[authority] = lesson.names
            if lesson.doubt and not lesson.doubted_before:
                doubts[authority] = lesson.doubt
            held_to = expected._replace(enforced=lesson.names, doubt=lesson.doubt)
            if held_to != expected._replace(doubt=None):
                here = judge(held_to)
        found += here
    entities: dict[tuple[str, str, str], Entity] = {}
    for entity in found:
        place = (entity.authority, entity.presence, entity.key)
        if place not in entities or (entity.verdict.accepted and not entities[place].verdict.accepted):
            entities[place] = entity  # the same leaf twice, once without its intermediates: the better proof counts
    return Observation(tuple(entities.values()), learned, ignored, doubts)


class _Read(NamedTuple):
    """An entity of the answer and whose it is (None: of an authority that nobody knows)."""

    text: bytes
    wire: _Wire
    authority: Authority | None


def _sorted_out(
    raw: Iterable[bytes], watched: Mapping[str, Authority]
) -> tuple[dict[Authority | None, list[_Read]], tuple[Finding, ...]]:
    """The entities to judge by authority, and what is ignored."""
    foreign = {authority.value.lower() for authority in Authority} - watched.keys()
    kept: dict[Authority | None, list[_Read]] = {}
    ignored: Counter[Finding] = Counter()
    for text in raw:
        wire = _decode(text)
        if _word(wire.type) not in {"", "client"}:
            ignored[Finding("other-type", f"type {_word(wire.type)[:40]!r}")] += 1
            continue
        if _word(wire.signing_authority) in foreign:
            continue
        if _word(wire.status) not in {"", *Presence}:
            ignored[Finding("unknown-status", f"status {_word(wire.status)[:40]!r}")] += 1
            continue
        authority = watched.get(_word(wire.signing_authority))
        kept.setdefault(authority, []).append(_Read(text, wire, authority))
    return kept, _listed(ignored)


_MOST_IGNORED = 10
"""Kinds of ignored entities that are listed: the summary is one line of a log."""


def _listed(found: Counter[Finding]) -> tuple[Finding, ...]:
    """Each kind of them once, with its number."""
    listed = [
        replace(one, detail=f"{one.detail} ({number} times)") if number > 1 else one
        for one, number in [*found.items()][:_MOST_IGNORED]
    ]
    rest = sum([*found.values()][_MOST_IGNORED:])
    return (*listed, Finding("more", f"{rest} of other types or statuses")) if rest else tuple(listed)


def _bearers(entities: Iterable[Entity]) -> list[Bearer]:
    return [
        Bearer(entity.leaf.facts.names, entity.presence is Presence.CURRENT)
        for entity in entities
        if entity.leaf and entity.verdict.accepted
    ]


def _judge(
    read: _Read,
    anchors: Sequence[Certificate],
    expected: Expected,
    approvals: Mapping[str, Approval],
    now: datetime,
    judged: Judged,
    in_time: Callable[[], None],
) -> Entity:
    in_time()
    text, wire, authority = read

    def assessed_with(approval: Mapping[str, Approval]) -> Assessed:
        parsed = parse_text(wire.certificate or "")
        return assess(
            parsed.certificates,
            defects=parsed.defects,
            anchors=anchors,
            expected=expected,
            approval=approval,
            now=now,
        )

    place = (wire.certificate or "", authority, expected)
    if (*place, None) not in judged:
        judged[*place, None] = assessed_with({})
    assessed = judged[*place, None]
    approval = approvals.get(assessed.leaf.fingerprint) if assessed.leaf else None
    if approval is not None:
        if (*place, approval) not in judged:
            judged[*place, approval] = assessed_with(approvals)
        assessed = judged[*place, approval]
    verdict = assessed.verdict
    if authority is None:
        # There is no anchor of an authority that nobody knows: one that is missing would be told of those that are.
        known = tuple(reason for reason in verdict.reasons if reason.code != Reason.ANCHOR_MISSING)
        said = (wire.signing_authority or "none")[:40]
        verdict = _refused(
            replace(verdict, reasons=known),
            Finding(Reason.UNKNOWN_AUTHORITY, f"the API names the authority {said!r}"),
        )
    if not wire.status:
        verdict = _refused(verdict, Finding(Reason.MALFORMED, "the API gives no status"))
    return Entity(
        key=assessed.leaf.fingerprint if assessed.leaf else f"text-{hashlib.sha256(_said(text, wire)).hexdigest()}",
        authority=authority.value if authority else (wire.signing_authority or "none")[:40],
        presence=Presence(_word(wire.status) or Presence.CURRENT),
        leaf=assessed.leaf,
        chain=assessed.chain,
        verdict=verdict,
    )


def _decode(text: bytes) -> _Wire:
    """The entity; one of the wrong shape is an empty one, which then has no certificate and is quarantined."""
    try:
        return msgspec.json.decode(text, type=_Wire)
    except UNDECODABLE:
        return _Wire()


def _word(value: str | None) -> str:
    return (value or "").strip().lower()


def _said(text: bytes, wire: _Wire) -> bytes:
    """The fields that are read; of one that cannot be read all of it."""
    return text if wire == _Wire() else msgspec.json.encode(wire)


def _refused(verdict: Verdict, finding: Finding) -> Verdict:
    reasons = (finding, *verdict.reasons)
    return replace(verdict, accepted=False, approvable=False, rootless=False, reasons=reasons)
