"""Whose certificate it is, by its DNS names: they alone distinguish Genesys from other customers of a public CA.

A name is compared without case and without a final dot. What was learned is every name of the leaf that taught it; who
bears any of them is the same client, so that a renewal may drop one and add another. Where nothing is known yet, the
name in the catalogue of regions is believed: it enforces nothing, but who bears it is no stranger.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from rotation_watcher.x509.names import normal

MOST_NAMES = 100
"""How many names are remembered of an authority: a hostile certificate holds thousands."""


class Expected(NamedTuple):
    """What a leaf's names are held against. ``enforced`` empty enforces nothing; ``believed`` gives a remark.

    ``doubt`` says in words why no leaf can be distinguished from a stranger's for now: then each needs an approval.
    """

    enforced: tuple[str, ...] = ()
    believed: str | None = None
    doubt: str | None = None


class Lesson(msgspec.Struct, frozen=True):
    """What the leaves of one answer teach. ``names`` empty: nothing; ``doubt`` then says why, if anything is amiss.

    ``doubted_before``: this answer alone would teach, but one before it gave rise to a doubt that is not over.
    """

    names: tuple[str, ...] = ()
    doubt: str | None = None
    doubted_before: bool = False


class Bearer(msgspec.Struct, frozen=True):
    """A leaf that is acceptable but for its names, which are still to be judged. ``current``: or only upcoming."""

    names: tuple[str, ...]
    current: bool


def shared(names: Iterable[str], others: Iterable[str]) -> set[str]:
    """The names that both have, as they are compared."""
    return {normal(name) for name in names} & {normal(name) for name in others}


def widened(known: Sequence[str], more: Iterable[str]) -> tuple[str, ...]:
    """The names that are known, and then more, each once."""
    return tuple(dict.fromkeys([*map(normal, known), *sorted(map(normal, more))]))[:MOST_NAMES]


def lesson(bearers: Collection[Bearer], expected: Expected) -> Lesson:
    """What these leaves teach where no name is known or enforced.

    Who bears the name of the catalogue is certain, and teaches; beside it nobody else does. Otherwise all of them, the
    upcoming ones too, must have a name in common, and only a current one teaches.
    """
    teachers = [bearer for bearer in bearers if bearer.current]
    certain = [bearer for bearer in teachers if expected.believed and shared(bearer.names, (expected.believed,))]
    if certain:
        return Lesson(_all_names(certain))
    if not any(bearer.names for bearer in bearers):
        return Lesson()
    if not set.intersection(*({normal(name) for name in bearer.names} for bearer in bearers)):
        return Lesson(doubt=f"{len(bearers)} certificates that verify bear no name in common")
    if not teachers:
        return Lesson(doubt="no current certificate has taught a name yet")
    if expected.doubt:
        return Lesson(doubt=expected.doubt, doubted_before=True)
    return Lesson(_all_names(teachers))


def _all_names(bearers: Iterable[Bearer]) -> tuple[str, ...]:
    return widened((), {name for bearer in bearers for name in bearer.names})
