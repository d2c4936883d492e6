from itertools import count

from local import patience
from local.patience import Limit


def asked(limit: Limit) -> int:
    """How often it is asked, once a second of its clock, until it is over."""
    return next(number for number in count(1) if limit.over())


def test_on_a_quiet_machine_a_limit_is_over_after_its_seconds() -> None:
    assert asked(Limit(20, slow=lambda: 1.0, clock=map(float, count()).__next__)) == 20


def test_on_a_machine_six_times_slower_it_is_over_after_six_times_its_seconds() -> None:
    assert asked(Limit(20, slow=lambda: 6.0, clock=map(float, count()).__next__)) == 120


def test_load_that_comes_later_stretches_only_what_is_left() -> None:
    load = iter([*[1.0] * 10, *[4.0] * 1000])
    assert asked(Limit(20, slow=load.__next__, clock=map(float, count()).__next__)) == 10 + 4 * 10


def test_who_asks_every_hundredth_of_a_second_waits_as_long_and_measures_four_times_a_second() -> None:
    measured: list[float] = []

    def slow() -> float:
        measured.append(2.0)
        return measured[-1]

    assert asked(Limit(5, slow=slow, clock=(one / 100 for one in count()).__next__)) == 2 * 5 * 100
    assert len(measured) == 2 * 5 * 4


def test_no_machine_counts_as_faster_than_a_quiet_one() -> None:
    assert patience.slowness() >= 1
    assert patience.seconds(30) >= 30
