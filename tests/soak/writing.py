"""Write a script from a seed: groups of a few acts each, over virtual years, until it has enough rotations."""

from collections.abc import Callable, Iterator
from random import Random

from tests.soak.acts import (
    Act,
    Anchor,
    Approve,
    AuthorityName,
    Bad,
    ByHand,
    Disturb,
    Drift,
    Emergency,
    Goal,
    Hold,
    Look,
    Lose,
    Outage,
    Rogue,
    Rotate,
    Script,
    Source,
    Switch,
    Wait,
    Withdraw,
)

GOALS: tuple[Goal, ...] = ("alb", "api")
_SHAPES = ("alternating", "empty", "missing-current", "doubled")
_AUTHORITIES: tuple[AuthorityName, ...] = ("Genesys", "DigiCert")
MOST_ROOTS = 4
"""New roots in one script: each needs a key of its own, and is made only once in the world."""


def write(seed: int, rotations: int) -> Script:
    """The script of this seed, with some ``rotations`` that its acts ask for."""
    dice = Random(seed)  # noqa: S311 - scripts, not secrets
    sources: tuple[Source, ...] = ("use1", "euc1") if dice.random() < 0.25 else ("use1",)
    writer = _Writer(dice, sources)
    acts: list[Act] = [Look(rounds=2)]
    while writer.rotations < rotations:
        acts += writer.episode()
    return Script(seed=seed, sources=sources, acts=tuple(acts))


class _Writer:
    def __init__(self, dice: Random, sources: tuple[Source, ...]) -> None:
        self._dice = dice
        self._sources = sources
        self.rotations = 0
        self._roots = 0

    def episode(self) -> Iterator[Act]:
        """One group; two of three are rotations."""
        kinds: list[tuple[int, Callable[[], Iterator[Act]]]] = [
            (30, self._renewal),
            (8, self._new_issuer),
            (6, self._new_root),
            (8, self._emergency),
            (4, self._withdrawn),
            (2, self._expiry),
            (7, self._disturbance),
            (4, self._outage),
            (5, self._rogue),
            (3, self._approval),
            (3, self._switch),
            (10, self._bad_luck),
            (4, self._drift),
            (1, self._loss),
            (3, self._rollback),
            (1, self._anchor_lost),
        ]
        weights, episodes = zip(*kinds, strict=True)
        yield from self._dice.choices(episodes, weights)[0]()
        if self._dice.random() < 0.5:
            yield Wait(hours=self._dice.choice([1, 12, 24 * 3, 24 * 12, 24 * 30]))
        yield from self._looks()

    def _looks(self) -> Iterator[Act]:
        skew = self._dice.randint(-45, 45) if self._dice.random() < 0.2 else 0
        yield Look(rounds=self._dice.choice([1, 2, 2, 3]), skew=skew)

    def _where(self) -> tuple[Source, AuthorityName]:
        return self._dice.choice(self._sources), self._dice.choice(_AUTHORITIES)

    def _rotate(self, source: Source, authority: AuthorityName, **more: object) -> Rotate:
        self.rotations += 1
        return Rotate(
            source=source,
            authority=authority,
            in_hours=self._dice.choice([0, 5, 24 * 4, 24 * 9]),
            announced_days=self._dice.choice([1, 10, 90]),
            flapping=self._dice.choice([0, 0, 1, 5]),
            shape=self._dice.choice(_SHAPES),  # type: ignore[arg-type]  # one of the literals
            **more,  # type: ignore[arg-type]  # fields of Rotate
        )

    def _through(self, rotation: Rotate | Emergency) -> Iterator[Act]:
        """The rotation, perhaps seen to be announced, and the runs around it."""
        yield rotation
        if rotation.in_hours and self._dice.random() < 0.8:
            yield from self._looks()
        yield Wait(hours=rotation.in_hours + 0.1)
        if self._dice.random() < 0.9:
            yield from self._looks()

    def _renewal(self) -> Iterator[Act]:
        yield from self._through(self._rotate(*self._where()))

    def _new_issuer(self) -> Iterator[Act]:
        yield from self._through(self._rotate(self._dice.choice(self._sources), "DigiCert", issuer="intermediate"))

    def _new_root(self) -> Iterator[Act]:
        if self._roots >= MOST_ROOTS:
            yield from self._renewal()
            return
        self._roots += 1
        source, authority = self._where()
        manner = self._dice.choice(["in time", "in time", "late"])
        if manner == "in time":
            yield Anchor(source=source, authority=authority, roots="ahead")
            yield from self._looks()
        yield from self._through(self._rotate(source, authority, issuer="root"))
        yield from self._looks()
        yield Anchor(source=source, authority=authority, roots=self._dice.choice(["current", "all"]))
        yield from self._looks()

    def _emergency(self) -> Iterator[Act]:
        source, authority = self._where()
        self.rotations += 1
        root = "new" if self._roots < MOST_ROOTS and self._dice.random() < 0.2 else "same"
        self._roots += root == "new"
        yield from self._through(
            Emergency(
                source=source,
                authority=authority,
                in_hours=self._dice.choice([0, 3]),
                root=root,  # type: ignore[arg-type]  # one of the literals
                flapping=self._dice.choice([0, 2]),
            )
        )
        if root == "new":
            yield Anchor(source=source, authority=authority, roots="all")
            yield from self._looks()

    def _withdrawn(self) -> Iterator[Act]:
        source = self._dice.choice(self._sources)
        self.rotations += 1
        yield Rotate(source=source, authority="DigiCert", in_hours=24 * 20, announced_days=40)
        yield from self._looks()
        yield Withdraw(source=source, again=self._dice.choice([0, 2]))
        yield from self._looks()
        yield Wait(hours=24 * self._dice.choice([3, 21]))

    def _expiry(self) -> Iterator[Act]:
        source, authority = self._where()
        yield Hold(source=source, authority=authority)
        yield Wait(hours=24 * 366)
        yield from self._looks()
        self.rotations += 1
        yield Emergency(source=source, authority=authority)
        yield from self._looks()

    def _disturbance(self) -> Iterator[Act]:
        shape = self._dice.choice([*_SHAPES, "missing-authority", "old-after-new", "old-after-new"])
        source, authority = self._where()
        disturb = Disturb(source=source, shape=shape, hours=self._dice.choice([1, 6, 48]))  # type: ignore[arg-type]  # a literal
        rotation = self._rotate(source, authority)
        both: list[Act] = [disturb, rotation]
        self._dice.shuffle(both)
        yield from both
        yield Look(rounds=self._dice.choice([2, 5]))
        yield Wait(hours=max(disturb.hours, rotation.in_hours) + 1)

    def _outage(self) -> Iterator[Act]:
        source, authority = self._where()
        if self._dice.random() < 0.6:
            yield self._rotate(source, authority)
        month = self._dice.random() < 0.3
        trouble = self._dice.choice(["refused", "unavailable", "throttled", "html", "closed"])
        yield Outage(
            source=source,
            trouble=trouble,  # type: ignore[arg-type]  # a literal
            hours=24 * 31 if month else self._dice.choice([0.2, 1, 30]),
            pace=24 * 4 if month else 0.25,
        )

    def _rogue(self) -> Iterator[Act]:
        source = self._dice.choice(self._sources)
        kind = self._dice.choice(["self-made-root", "other-customer", "no-client-auth", "expired"])
        yield Rogue(source=source, kind=kind, status=self._dice.choice(["Current", "Upcoming"]))  # type: ignore[arg-type]
        yield Look(rounds=self._dice.choice([1, 3]))
        if self._dice.random() < 0.5:
            yield from self._renewal()
        yield Rogue(source=source, kind=None)

    def _approval(self) -> Iterator[Act]:
        source = self._dice.choice(self._sources)
        yield Rogue(source=source, kind="partner")
        yield Look(rounds=3)
        yield Approve(source=source, wanted=True)
        yield from self._looks()
        yield Look(rounds=1)
        if self._dice.random() < 0.5:
            yield from self._renewal()
        yield Approve(source=source, wanted=False)
        yield from self._looks()
        yield Rogue(source=source, kind=None)

    def _switch(self) -> Iterator[Act]:
        target = self._dice.choice(GOALS)
        yield Switch(target=target, authorities=_AUTHORITIES)
        yield from self._looks()
        yield Switch(
            target=target, authorities=self._dice.choice([("Genesys",), ("DigiCert",), ("Genesys", "DigiCert")])
        )

    def _bad_luck(self) -> Iterator[Act]:
        for _ in range(self._dice.choice([1, 1, 2, 4])):
            if self._dice.random() < 0.5:
                self.rotations += 1
                source, authority = self._where()
                yield Rotate(source=source, authority=authority, in_hours=0.01)
                yield Wait(hours=0.02)
            yield Bad(
                function=self._dice.choice(["collect", "publish"]),
                call=self._dice.randint(1, 25),
                phase=self._dice.choice(["before", "after"]),
                what=self._dice.choice(["error", "error", "crash", "meanwhile"]),
                targets=tuple(self._dice.sample(GOALS, self._dice.choice([1, 2]))),
            )
            yield Wait(hours=self._dice.choice([0.02, 0.3]))

    def _drift(self) -> Iterator[Act]:
        yield Drift(target=self._dice.choice(GOALS), what=self._dice.choice(["adds", "replaces", "turns-off"]))

    def _loss(self) -> Iterator[Act]:
        yield Lose(target=self._dice.choice(GOALS))

    def _rollback(self) -> Iterator[Act]:
        target = self._dice.choice(GOALS)
        yield ByHand(target=target, wish="rollback")
        if self._dice.random() < 0.7:
            yield from self._renewal()
        else:
            yield from self._looks()
        yield ByHand(target=target, wish="release")

    def _anchor_lost(self) -> Iterator[Act]:
        source, authority = self._where()
        yield Anchor(source=source, authority=authority, roots="none")
        yield from self._looks()
        if self._dice.random() < 0.5:
            yield from self._renewal()
        yield Anchor(source=source, authority=authority, roots="all")
