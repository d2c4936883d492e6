"""Judging a flood takes no longer than it is large."""

from tests.support.processor import spent
from tests.support.small_collect import SmallCollect, junk, leaf

FULL = 10_000


def test_judging_a_flood_takes_time_in_proportion_to_its_size() -> None:
    def seconds(number: int) -> float:
        world = SmallCollect()
        world.answers["one"] = [*junk(number), leaf()]
        world.look()
        with spent() as taken:
            for _ in range(FULL // number):
                world.look()
        return taken.seconds

    assert seconds(FULL) < 4 * seconds(FULL // 20), "as many entities in fewer answers"
