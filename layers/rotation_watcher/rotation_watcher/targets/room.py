"""Which of the additions go in where not all of them fit, and where one of them would shut a leaf out.

Pure. What leaves need that are refused now goes first, the presented ones before those that are announced; then what is
in its grace; then what files alone want (the order of ``wanted.compose``). One that does not fit, or does harm, never
keeps the others out.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import combinations, islice

from rotation_watcher.bundles.wanted import Need, Wanted, admits
from rotation_watcher.sources.history import Status
from rotation_watcher.x509.certificates import Block, Certificate

type Held = Block | Certificate

_MOST = 64
"""Combinations of certificates that are tried for one leaf: two chains of three certificates have 63."""


def fitting(
    kept: Mapping[str, Held], adds: Mapping[str, Held], wanted: Wanted, room: int, now: datetime
) -> dict[str, Held]:
    """What of the additions is put in where ``room`` certificates may be added, in their order."""
    if len(adds) <= room:
        return {**adds}
    chosen: dict[str, Held] = {}
    for need in _ordered(wanted.needs, now):
        lacking = [key for key in adds if key not in chosen and need.label in wanted.why[key]]
        held = [*kept.values(), *chosen.values()]
        chosen |= {key: adds[key] for key in _fewest(held, adds, lacking, room - len(chosen), need, now)}
    rest = [key for key in adds if key not in chosen]  # what leaves want comes before what files want
    taken = {*chosen, *rest[: max(0, room - len(chosen))]}
    return {key: held for key, held in adds.items() if key in taken}


def harmless(
    kept: Mapping[str, Held], adds: Mapping[str, Held], let_in: Sequence[Need], now: datetime
) -> dict[str, Held]:
    """What of the additions can be put behind what is kept without shutting out a leaf that is let in now."""
    chosen: dict[str, Held] = {}
    for key, held in adds.items():
        if shut_out([*kept.values(), *chosen.values(), held], let_in, now):
            continue
        chosen[key] = held
    return chosen


def spared(live: Mapping[str, Held], leaving: Collection[str], let_in: Sequence[Need], now: datetime) -> frozenset[str]:
    """What of ``leaving`` can be taken out without shutting out a leaf that is let in now, and without emptying it."""
    gone: set[str] = set()
    for key in sorted(leaving):
        left = [held for one, held in live.items() if one != key and one not in gone]
        if left and not shut_out(left, let_in, now):
            gone.add(key)
    return frozenset(gone)


def shut_out(items: Sequence[Held], let_in: Sequence[Need], now: datetime) -> list[Need]:
    """Those of the leaves that a truststore of these certificates, in this order, refuses."""
    return [need for need in let_in if not admits(items, need, now)]


def _fewest(
    held: Sequence[Held], adds: Mapping[str, Held], lacking: Sequence[str], room: int, need: Need, now: datetime
) -> tuple[str, ...]:
    """The fewest of ``lacking`` with which the leaf is let in; none where it is already, or nothing that fits helps."""
    tries = (some for size in range(min(len(lacking), room) + 1) for some in combinations(lacking, size))
    for some in islice(tries, _MOST):
        if admits([*held, *(adds[key] for key in some)], need, now):
            return some
    return ()


def _ordered(needs: Sequence[Need], now: datetime) -> list[Need]:
    """The leaves that must be let in, the most urgent first."""
    required = [need for need in needs if need.required(now)]
    current = Status.CURRENT
    return sorted(required, key=lambda need: (need.state.status is not current, need.state.since, need.label))
