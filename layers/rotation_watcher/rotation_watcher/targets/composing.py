"""A target's new content: what it keeps, with those of the additions that it takes, that fit, and that do no harm.

Pure. One certificate that cannot be put in never keeps the others out: it is left out, and alerted.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from rotation_watcher import arns
from rotation_watcher.bundles.wanted import Need, Wanted
from rotation_watcher.config import Target
from rotation_watcher.targets import room
from rotation_watcher.targets.order import arranged
from rotation_watcher.targets.rules import refusal
from rotation_watcher.x509.certificates import Block, Certificate

type Held = Block | Certificate


class LeftOut(msgspec.Struct, frozen=True):
    """A wanted certificate that is not put in, and who needs or wants it.

    ``rule`` says why, in words: its service refuses it, or (``full``) there is no room for it.
    """

    certificate: Held
    rule: str
    needing: tuple[Need, ...]
    files: tuple[str, ...]
    full: bool = False


class Composed(NamedTuple):
    """What goes before the rest, the rest, what goes behind it, and what is left out of the additions."""

    first: Mapping[str, Held]
    kept: Mapping[str, Block]
    last: Mapping[str, Held]
    left_out: Mapping[str, LeftOut]

    @property
    def order(self) -> list[Held]:
        """What the target is to hold, in its order."""
        return [*self.first.values(), *self.kept.values(), *self.last.values()]


def composed(
    kept: Mapping[str, Block],
    adds: Mapping[str, Held],
    wanted: Wanted,
    target: Target,
    required: Sequence[Need],
    now: datetime,
) -> Composed:
    """What stays, with those of the additions that the target's service takes and for which is room."""
    limits = arns.parse_target(target.arn).kind.limits
    taken = {key: one for key, one in adds.items() if refusal(limits, one) is None}
    left_out = _without(adds, taken, wanted, now, lambda one: refusal(limits, one) or "")
    fitting = room.fitting(kept, taken, wanted, max(0, target.limit - len(kept)), now)
    full = f"there is no room for it: {target.limit} certificates are allowed, and {len(kept) + len(taken)} are needed"
    left_out |= {
        key: msgspec.structs.replace(one, full=True)
        for key, one in _without(taken, fitting, wanted, now, lambda _: full).items()
    }
    first, last = arranged(kept, fitting, required, now)
    return Composed(first, kept, last, left_out)


def harmless(found: Composed, wanted: Wanted, let_in: Sequence[Need], now: datetime) -> Composed:
    """The same without those additions that would shut out a leaf which is let in now."""
    adds = {**found.first, **found.last}
    good = room.harmless(found.kept, adds, let_in, now)
    rule = "a leaf that is let in now would be refused with it"
    return Composed({}, found.kept, good, {**found.left_out, **_without(adds, good, wanted, now, lambda _: rule)})


def _without(
    adds: Mapping[str, Held],
    taken: Collection[str],
    wanted: Wanted,
    now: datetime,
    rule: Callable[[Held], str],
) -> dict[str, LeftOut]:
    """What of the additions is not taken, by fingerprint, with the rule that each breaks."""
    needs = {need.label: need for need in wanted.needs}
    found = {}
    for key, held in adds.items():
        if key not in taken:
            why = wanted.why[key]
            needing = tuple(needs[label] for label in why if label in needs and needs[label].required(now))
            found[key] = LeftOut(held, rule(held), needing, tuple(label for label in why if label not in needs))
    return found
