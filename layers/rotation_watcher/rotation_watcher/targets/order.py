"""Where in a truststore ours are put: behind what others hold, since the order decides between CAs of one name.

Whoever stands first of two CAs of one name is taken by engines that search no further (``x509.selection``). So what
others hold goes first, and a partner that was let in still is. Among ours, and where one of ours may stand before
another's certificate without harm, that arrangement is taken in which every engine lets the most needed leaves in: now,
and as the second thing that counts, after the end of each CA that another one of its name outlives (a renewed root).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, permutations

from rotation_watcher.bundles.wanted import Need, admits
from rotation_watcher.sources.history import Status
from rotation_watcher.x509.certificates import Block, Certificate
from rotation_watcher.x509.names import Name, names_of

type Held = Block | Certificate
type Arrangement = tuple[dict[str, Held], dict[str, Held]]

_MOST = 25
"""Arrangements tried at the most: three of ours that share a name have 6 orders, four 24."""
_ENDS = 4
"""Ends that are looked ahead to at the most, the next ones."""


def arranged(
    kept: Mapping[str, Block], adds: Mapping[str, Held], required: Sequence[Need], now: datetime
) -> Arrangement:
    """What goes before the rest, and what behind it, by fingerprint and in order. ``adds``: what leaves need first.

    Where no arrangement lets every leaf in, presented ones count more than announced ones. All goes behind unless
    something else is better: nobody else is harmed then.
    """
    best: Arrangement = ({}, dict(sorted(adds.items())))
    if not adds:
        return best
    ends = _outlived([*kept.values(), *adds.values()], now)
    most: tuple[int, int, int] | None = None
    for first, last in islice(_candidates(kept, adds), _MOST):
        order = [*first.values(), *kept.values(), *last.values()]
        let_in = [need for need in required if admits(order, need, now)]
        lasting = sum(admits(order, need, end) for end in ends for need in let_in)
        if len(let_in) == len(required) and lasting == len(ends) * len(required):
            return first, last
        current = sum(need.state.status is Status.CURRENT for need in let_in)
        worth = (current, len(let_in), lasting)
        if most is None or worth > most:
            best, most = (first, last), worth
    return best


def beside_ended(live: Iterable[Held], now: datetime) -> frozenset[str]:
    """Where a CA has ended and others bear its name: all of that name, by fingerprint. Their order may be at fault."""
    ended = [alike for alike in _namesakes(live) if any(one.facts.not_after < now for one in alike)]
    return frozenset(one.fingerprint for alike in ended for one in alike)


def _outlived(held: Iterable[Held], now: datetime) -> list[datetime]:
    """When CAs will just have ended that another one of their name outlives, the next ones."""
    found = [{one.facts.not_after for one in alike} for alike in _namesakes(held)]
    ends = {end for of_one in found for end in of_one if now <= end < max(of_one)}
    return [end + timedelta(seconds=1) for end in sorted(ends)[:_ENDS]]


def _namesakes(held: Iterable[Held]) -> list[list[Certificate]]:
    """The certificates that share a name with another one, by name."""
    by_name: dict[Name, list[Certificate]] = {}
    for one in held:
        certificate = one if isinstance(one, Certificate) else one.certificate
        if certificate is not None:
            by_name.setdefault(certificate.names.subject, []).append(certificate)
    return [alike for alike in by_name.values() if len(alike) > 1]


def _candidates(kept: Mapping[str, Block], adds: Mapping[str, Held]) -> Iterator[Arrangement]:
    yield {}, dict(sorted(adds.items()))
    if _alike(adds):
        yield {}, dict(adds)  # what leaves need before what files alone want (``wanted.compose``)
        for order in permutations(sorted(adds)):
            yield {}, {key: adds[key] for key in order}
    theirs = _keys_by_name(kept)
    harmless = {key: held for key, held in adds.items() if theirs is not None and _may_stand_first(held, theirs)}
    rest = {key: held for key, held in adds.items() if key not in harmless}
    if harmless:
        yield dict(sorted(harmless.items())), dict(sorted(rest.items()))


def _alike(adds: Mapping[str, Held]) -> bool:
    """Whether two of ours bear one name, so that their order may matter."""
    names = [_subject(held) for held in adds.values()]
    return len({*names}) < len(names)


def _subject(held: Held) -> Name | None:
    """Whose certificate it is, as engines compare names; None where it is unknown."""
    if isinstance(held, Block):
        names = names_of(held.der)
        return names.subject if names else None
    return held.names.subject


def _keys_by_name(kept: Mapping[str, Block]) -> dict[Name, set[str]] | None:
    """The keys (SHA-256 of the SPKI) of others' certificates by subject; None where one of them cannot be read."""
    found: dict[Name, set[str]] = {}
    for block in kept.values():
        if block.certificate is None:
            return None
        found.setdefault(block.certificate.names.subject, set()).add(block.certificate.facts.spki_sha256)
    return found


def _may_stand_first(held: Held, theirs: Mapping[Name, set[str]]) -> bool:
    """Whether it shadows none of others: of its name there are only certificates of the very same key."""
    return isinstance(held, Certificate) and theirs.get(held.names.subject, set()) <= {held.facts.spki_sha256}
