"""Where in a truststore ours are put: behind what others hold, since the order decides between CAs of one name.

Whoever stands first of two CAs of one name is taken by engines that search no further (``x509.selection``). So what
others hold goes first, and a partner that was let in still is. Among ours, and where one of ours may stand before
another's certificate without harm, that arrangement is taken in which every engine lets the most needed leaves in.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, permutations

from rotation_watcher.bundles.wanted import Need, admits
from rotation_watcher.sources.history import Status
from rotation_watcher.x509.certificates import Block, Certificate
from rotation_watcher.x509.names import Name, names_of

type Held = Block | Certificate
type Arrangement = tuple[dict[str, Held], dict[str, Held]]

_MOST = 25
"""Arrangements tried at the most: three of ours that share a name have 6 orders, four 24."""


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
    most: tuple[int, int] | None = None
    for first, last in islice(_candidates(kept, adds), _MOST):
        order = [*first.values(), *kept.values(), *last.values()]
        let_in = [need for need in required if admits(order, need, now)]
        if len(let_in) == len(required):
            return first, last
        current = sum(need.state.status is Status.CURRENT for need in let_in)
        worth = (current, len(let_in))
        if most is None or worth > most:
            best, most = (first, last), worth
    return best


def _candidates(kept: Mapping[str, Block], adds: Mapping[str, Held]) -> Iterator[Arrangement]:
    harmless = {key: held for key, held in adds.items() if _may_stand_first(held, kept)}
    rest = {key: held for key, held in adds.items() if key not in harmless}
    yield {}, dict(sorted(adds.items()))
    if _alike(adds):
        yield {}, dict(adds)  # what leaves need before what files alone want (``wanted.compose``)
        for order in permutations(sorted(adds)):
            yield {}, {key: adds[key] for key in order}
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


def _may_stand_first(held: Held, kept: Mapping[str, Block]) -> bool:
    """Whether it shadows none of others: of its name there are only certificates of the very same key."""
    if not isinstance(held, Certificate):
        return False
    theirs = [block.certificate for block in kept.values()]
    return all(
        one is not None and (one.names.subject != held.names.subject or one.facts.spki_sha256 == held.facts.spki_sha256)
        for one in theirs
    )
