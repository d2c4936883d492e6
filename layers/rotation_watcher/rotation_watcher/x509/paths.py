"""Path validation: whether a leaf leads to a trusted root.

Two steps. ``_climb`` finds the chains that names, key identifiers and signatures connect: shortest first, with bounded
work, and in an order that does not depend on the order of the input, so that equal answers always give equal
bundles. ``_refusal`` then validates one such chain as engines do (``engine_rules``). A chain that spells a name in
several ways, which the library refuses and no engine does, is verified in copies (``spelling``).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache, lru_cache

import msgspec

from rotation_watcher.x509 import engine_rules
from rotation_watcher.x509.certificates import Certificate, signed
from rotation_watcher.x509.engine_rules import MAX_INTERMEDIATES
from rotation_watcher.x509.names import Name
from rotation_watcher.x509.spelling import is_uniform, links, uniform

_MAX_SIGNATURES = 250
"""The most signatures that one search checks; a hundred certificates of one name need a hundred."""
_MAX_STEPS = 500
"""The most incomplete chains that one search examines."""
_MAX_CHAINS = 20
"""The most complete chains that are validated. Usual leaves have one, or two if a root is cross-signed."""

type _Chain = tuple[Certificate, ...]
type _Find = Callable[[Name], Sequence[Certificate]]
"""Certificates by their subject, in the order in which they are tried."""


class Path(msgspec.Struct, frozen=True):
    """A path that verified: leaf first, root last."""

    chain: tuple[Certificate, ...]


class NoPath(msgspec.Struct, frozen=True):
    """No path verified. ``detail`` says why, for people; it may quote hostile names: neutralise it."""

    detail: str


def roots(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """The self-signed CA certificates among these: only they may be anchors."""
    return tuple(certificate for certificate in certificates if certificate.self_signed and certificate.is_ca)


def find_path(
    leaf: Certificate,
    *,
    intermediates: Iterable[Certificate],
    anchors: Iterable[Certificate],
    at: datetime,
    client_auth: bool = True,
) -> Path | NoPath:
    """Find the shortest path from a leaf to an anchor that is valid at ``at`` (aware UTC).

    Of equally short paths: the one that stays valid longest. With ``client_auth`` False, key usages for client
    authentication are not required (an operator approved it). Anchors that are not self-signed are ignored. Never
    raises.
    """
    return _found(leaf, tuple(intermediates), tuple(anchors), at, client_auth)


@lru_cache(256)  # a run asks several times, at one moment: what is wanted, why, and which lists it names
def _found(
    leaf: Certificate,
    intermediates: tuple[Certificate, ...],
    anchors: tuple[Certificate, ...],
    at: datetime,
    client_auth: bool,  # noqa: FBT001  # one key of the cache
) -> Path | NoPath:
    if not any(one.is_ca and one.self_signed for one in anchors):
        return NoPath("there is no self-signed anchor")
    trusted = _by_name([one for one in anchors if one.is_ca], at, self_signed=True)
    offered = _by_name([one for one in intermediates if one.is_ca], at, self_signed=False)
    reason = None
    for number, chain in enumerate(_climb(leaf, offered, trusted)):
        if number == _MAX_CHAINS:
            break
        refusal = _refusal(chain, at, client_auth=client_auth)
        if refusal is None:
            return Path(chain)
        reason = reason or f"its chain to the anchor {chain[-1].facts.subject[:120]} is refused: {refusal}"
    return NoPath(reason or _dead_end(leaf, offered, trusted))


def _by_name(certificates: Iterable[Certificate], at: datetime, *, self_signed: bool) -> _Find:
    """Those that are ``self_signed``, or those that are not, by subject: what is valid first, what stays so longest.

    A search asks for few names: only theirs are ordered, and only their signatures are checked.
    """
    named: dict[Name, set[Certificate]] = {}
    for one in certificates:
        named.setdefault(one.names.subject, set()).add(one)

    def place(one: Certificate) -> tuple[bool, float, str]:
        facts = one.facts
        return not facts.not_before <= at <= facts.not_after, -facts.not_after.timestamp(), facts.fingerprint

    @cache
    def find(subject: Name) -> Sequence[Certificate]:
        return sorted((one for one in named.get(subject, ()) if one.self_signed is self_signed), key=place)

    return find


def _climb(
    leaf: Certificate,
    offered: _Find,
    trusted: _Find,
) -> Iterator[_Chain]:
    """The chains from the leaf to an anchor, shortest first, until the bounds are reached."""
    known: dict[tuple[str, str], bool] = {}
    waiting: deque[_Chain] = deque([(leaf,)])
    for _ in range(_MAX_STEPS):
        if not waiting:
            return
        chain = waiting.popleft()
        below = chain[-1]
        for above in trusted(below.names.issuer):
            if _issued(below, above, known):
                yield (*chain, above)
        if len(chain) > MAX_INTERMEDIATES or len(waiting) > _MAX_STEPS:
            continue
        for above in offered(below.names.issuer):
            if above not in chain and _issued(below, above, known):
                waiting.append((*chain, above))


def _issued(below: Certificate, above: Certificate, known: dict[tuple[str, str], bool]) -> bool:
    """Whether one certificate issued another, by key identifier and signature. ``known`` caches signatures."""
    if not key_identifier_fits(below, above):
        return False
    edge = below.fingerprint, above.facts.spki_sha256
    if edge not in known:
        if len(known) >= _MAX_SIGNATURES:
            return False
        known[edge] = signed(below, above)
    return known[edge]


def key_identifier_fits(below: Certificate, above: Certificate) -> bool:
    """Whether the authority key identifier allows this issuer (``engine_rules``)."""
    return engine_rules.key_identifier_fits(below.raw, above.raw)


def _refusal(chain: _Chain, at: datetime, *, client_auth: bool) -> str | None:
    """Why this chain does not verify, or None if it does."""
    raw = [one.raw for one in chain]
    whole, link = engine_rules.policies(at, client_auth=client_auth)
    try:
        if is_uniform(chain):
            return engine_rules.refusal(raw, at, client_auth=client_auth)
        engine_rules.verify(uniform(chain), whole)
        for below, above in links(chain):
            engine_rules.verify([below, above], link)
    except engine_rules.UNVERIFIABLE as error:
        return engine_rules.in_words(error)
    return engine_rules.unchecked(raw, client_auth=client_auth)


def _dead_end(
    leaf: Certificate,
    offered: _Find,
    trusted: _Find,
) -> str:
    """Why no chain connects the leaf to an anchor."""
    issuer = leaf.facts.issuer[:120]
    if trusted(leaf.names.issuer):
        return f"an anchor is named like its issuer ({issuer}), but its key did not sign it"
    if offered(leaf.names.issuer):
        return f"no chain of at most {MAX_INTERMEDIATES} intermediates leads from its issuer ({issuer}) to an anchor"
    return f"its issuer ({issuer}) is neither an anchor nor among the certificates presented with it"
