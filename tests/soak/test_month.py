"""The small form of ``python -m tests.soak.month``: a fleet of four for twelve days, with faults; nothing grows."""

import msgspec

from tests.soak import month
from tests.soak.month import opened

DAYS, SOURCES, TARGETS, ROUNDS, SEED = 12, 2, 4, 3, 1


def test_nothing_grows_in_days_with_faults_and_what_would_is_seen() -> None:
    with opened(SOURCES, TARGETS, SEED) as lived:
        for _ in range(DAYS):
            lived.day(ROUNDS)
        assert lived.breaches() == []
        assert sum(day.faults for day in lived.days) > DAYS
        assert lived.days[-1].objects["targets/"] >= TARGETS

        last = lived.days[-1]
        for grown in (
            {"held": 2 * lived.days[month.SETTLED - 1].held},
            {"queue": 1},
            {"largest": month.LARGEST + 1},
            {"objects": last.objects | {"targets/": last.objects["targets/"] + 1}},
            {"versions": last.versions | {"sources/": last.versions["sources/"] + 1000}},
        ):
            lived.days[-1] = msgspec.structs.replace(last, **grown)
            assert len(lived.breaches()) == 1, grown
        lived.days[-1] = last
        lived.heard.update({next(iter(lived.heard)): 10_000})
        assert len(lived.breaches()) == 1
