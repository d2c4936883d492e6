"""What one look at the Genesys API gave: every entity, read and judged by itself.

Nothing here raises for bad data. An entity that cannot be read, or that nothing vouches for, becomes a quarantined one
with its reasons, and the others go on. An entity of another type than ``Client``, of an unknown status, or of an
authority that the source does not watch, is left out and counted in ``ignored``.
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
from rotation_watcher.trust.approvals import Approval
from rotation_watcher.trust.assessment import Assessed, Verdict, assess
from rotation_watcher.trust.findings import Finding, Reason
from rotation_watcher.x509.certificates import Certificate, parse_text

replace = msgspec.structs.replace


class Presence(StrEnum):
    """How the API speaks of a certificate."""

    CURRENT = "current"
    UPCOMING = "upcoming"


class Entity(NamedTuple):
    """One certificate of the answer with its verdict.

    ``key`` is the leaf's fingerprint, or ``text-<sha256>`` of the raw entity where no leaf could be read.
    ``chain`` is the path leaf … root where it verified, else what was presented.
    """

    key: str
    authority: str
    presence: Presence
    leaf: Certificate | None
    chain: tuple[Certificate, ...]
    verdict: Verdict


class Flood(NamedTuple):
    """More entities of one authority than are kept: how many are not, and a few of those that are."""

    authority: str
    presence: Presence
    accepted: bool
    number: int
    examples: tuple[str, ...]


class Observation(NamedTuple):
    """One whole look. ``learned`` holds the names that a first accepted current leaf taught, by authority.

    ``floods``: what ``bounds.bounded`` has counted instead of keeping.
    """

    entities: tuple[Entity, ...]
    learned: Mapping[str, str]
    ignored: tuple[Finding, ...]
    floods: tuple[Flood, ...] = ()


type Judged = dict[tuple[str, Authority | None, str | None, bool], Assessed]
"""What was assessed in this run, by the certificate's text, the authority, the name that was expected, and whether
there was an approval."""


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
    names: Mapping[Authority, str | None],
    approvals: Mapping[str, Approval],
    now: datetime,
    judged: Judged | None = None,
    in_time: Callable[[], None] = lambda: None,
) -> Observation:
    """Judge every entity of an answer.

    ``raw`` holds the JSON of each entity. ``names`` are the names to enforce; where one is None, the first accepted
    current leaf of that authority teaches it, and the entities after it are held to it already. ``judged`` carries
    over what was assessed from one call to the next with the same anchors and moment: equal texts, and a second call
    with more approvals, cost next to nothing. ``in_time`` is asked before each entity, and raises to give up.
    """
    judged = {} if judged is None else judged
    watched = {authority.value.lower(): authority for authority in authorities}
    foreign = {authority.value.lower() for authority in Authority} - watched.keys()
    learned: dict[str, str] = {}
    entities: dict[tuple[str, str, str], Entity] = {}
    ignored: Counter[Finding] = Counter()
    decoded = [(text, _decode(text)) for text in raw]
    # Current first: what it teaches is then enforced on the upcoming one of the very same answer.
    for text, wire in sorted(decoded, key=lambda item: _word(item[1].status) != Presence.CURRENT):
        in_time()
        if _word(wire.type) not in {"", "client"}:
            ignored[Finding("other-type", f"type {_word(wire.type)[:40]!r}")] += 1
            continue
        if _word(wire.signing_authority) in foreign:
            continue
        if _word(wire.status) not in {"", *Presence}:
            ignored[Finding("unknown-status", f"status {_word(wire.status)[:40]!r}")] += 1
            continue
        authority = watched.get(_word(wire.signing_authority))
        expected = names.get(authority) or learned.get(authority) if authority else None
        entity = _judge(text, wire, authority, anchors, expected, approvals, now, judged)
        place = (entity.authority, entity.presence, entity.key)
        if place not in entities or (entity.verdict.accepted and not entities[place].verdict.accepted):
            entities[place] = entity  # the same leaf twice, once without its intermediates: the better proof counts
        if authority and not expected and entity.verdict.accepted and entity.presence is Presence.CURRENT:
            name = _primary_name(entity.leaf)
            if name:
                learned[authority] = name
    return Observation(tuple(entities.values()), learned, _ignored(ignored))


_MOST_IGNORED = 10
"""Kinds of ignored entities that are listed: the summary is one line of a log."""


def _ignored(found: Counter[Finding]) -> tuple[Finding, ...]:
    """Each kind of them once, with its number."""
    listed = [
        replace(one, detail=f"{one.detail} ({number} times)") if number > 1 else one
        for one, number in [*found.items()][:_MOST_IGNORED]
    ]
    rest = sum([*found.values()][_MOST_IGNORED:])
    return (*listed, Finding("more", f"{rest} of other types or statuses")) if rest else tuple(listed)


def _judge(
    text: bytes,
    wire: _Wire,
    authority: Authority | None,
    anchors: Mapping[Authority, Sequence[Certificate]],
    expected: str | None,
    approvals: Mapping[str, Approval],
    now: datetime,
    judged: Judged,
) -> Entity:
    text_of = wire.certificate or ""
    assessed = judged.get((text_of, authority, expected, False))
    approved = assessed is not None and assessed.leaf is not None and assessed.leaf.fingerprint in approvals
    if approved:
        assessed = judged.get((text_of, authority, expected, True))
    if assessed is None:
        parsed = parse_text(text_of)
        assessed = judged[text_of, authority, expected, approved] = assess(
            parsed.certificates,
            defects=parsed.defects,
            anchors=anchors.get(authority, ()) if authority else (),
            expected_name=expected,
            approval=approvals,
            now=now,
        )
    verdict = assessed.verdict
    if authority is None:
        said = (wire.signing_authority or "none")[:40]
        verdict = _refused(verdict, Finding(Reason.UNKNOWN_AUTHORITY, f"the API names the authority {said!r}"))
    if not wire.status:
        verdict = _refused(verdict, Finding(Reason.MALFORMED, "the API gives no status"))
    return Entity(
        key=_key(assessed, text),
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


def _key(assessed: Assessed, text: bytes) -> str:
    return assessed.leaf.fingerprint if assessed.leaf else f"text-{hashlib.sha256(text).hexdigest()}"


def _refused(verdict: Verdict, finding: Finding) -> Verdict:
    reasons = (finding, *verdict.reasons)
    return msgspec.structs.replace(verdict, accepted=False, approvable=False, reasons=reasons)


def _primary_name(leaf: Certificate | None) -> str | None:
    """The name to enforce from now on: the first DNS name, or the common name where there is no SAN."""
    return leaf.facts.names[0] if leaf and leaf.facts.names else None
