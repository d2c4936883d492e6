"""The picture of a source, as geometry: where today is, what overlaps, what retires, which thresholds are near."""

from datetime import timedelta

import msgspec
import pytest

from rotation_watcher.status.gather import gather
from rotation_watcher.status.model import Status
from rotation_watcher.status.timeline import AFTER, BEFORE, Timeline, timeline
from tests.support.kept_state import DAY, NOW, KeptState

replace = msgspec.structs.replace


def status() -> Status:
    kept = KeptState(1, 1)
    return gather(kept.watch, kept.store, NOW)


def drawn(held: Status) -> Timeline:
    return timeline(held.sources[0], held.bundles, held.rules, NOW)


def percent(days: float) -> float:
    return 100 * ((days * DAY + BEFORE) / (BEFORE + AFTER))


def test_rows_come_in_the_order_in_which_certificates_are_used() -> None:
    rows = [one.what for one in drawn(status()).rows]
    assert rows == ["Current", "Upcoming", "Retiring", "Trusted root", "CA above it", "Root above it"]


def test_bars_lie_where_their_validity_is() -> None:
    picture = drawn(status())
    current, upcoming, *_ = picture.rows
    assert picture.today == pytest.approx(percent(0), abs=0.01)
    assert current.bar is not None
    assert (current.bar.x, current.bar.cut_left, current.bar.cut_right) == (0, True, False)
    assert current.bar.end == pytest.approx(percent(40), abs=0.02)
    assert upcoming.bar is not None
    assert upcoming.bar.x == pytest.approx(percent(-5), abs=0.01)


def test_the_time_in_which_both_are_valid_is_shaded() -> None:
    (both,) = drawn(status()).overlaps
    assert both.x == pytest.approx(percent(-5), abs=0.01)
    assert both.end == pytest.approx(percent(40), abs=0.02)


def test_what_does_not_overlap_is_not_shaded() -> None:
    held = status()
    (source,) = held.sources
    late = [replace(one, not_before=NOW + 50 * DAY) if one.state == "upcoming" else one for one in source.certificates]
    assert drawn(replace(held, sources=(replace(source, certificates=tuple(late)),))).overlaps == ()


def test_the_grace_of_what_retires_is_marked_up_to_its_removal() -> None:
    row = drawn(status()).rows[2]
    assert row.grace is not None
    assert row.grace.end == pytest.approx(percent(20), abs=0.02)
    assert row.removed == NOW + 20 * DAY
    assert row.thresholds == (), "nobody waits for the end of what is replaced"


def test_thresholds_stand_before_the_end_where_the_window_shows_them() -> None:
    current = drawn(status()).rows[0]
    assert [mark.words.split()[0] for mark in current.thresholds] == ["90", "60", "30", "14", "7", "3", "1"]
    assert current.thresholds[0].x == pytest.approx(percent(40 - 90), abs=0.02)


def test_thresholds_of_what_lives_short_stand_in_the_last_third_of_its_life() -> None:
    held = status()
    (source,) = held.sources
    short = replace(source.certificates[0], not_before=source.certificates[0].not_after - 47 * DAY)
    current = drawn(replace(held, sources=(replace(source, certificates=(short,)),))).rows[0]
    assert [mark.words.split()[0] for mark in current.thresholds] == ["15", "14", "7", "3", "1"]


@pytest.mark.parametrize("shift", [-4000 * DAY, 4000 * DAY, -timedelta(days=700_000), timedelta(days=2_900_000)])
def test_what_lies_outside_of_the_window_has_no_bar_and_breaks_nothing(shift: timedelta) -> None:
    held = status()
    (source,) = held.sources
    far = tuple(
        replace(one, not_before=one.not_before + shift, not_after=one.not_after + shift) for one in source.certificates
    )
    picture = drawn(replace(held, sources=(replace(source, certificates=far),)))
    assert [row.bar for row in picture.rows[:3]] == [None, None, None]


def test_what_is_revoked_is_called_so() -> None:
    held = status()
    (source,) = held.sources
    revoked = (replace(source.certificates[0], revoked=True), *source.certificates[1:])
    picture = drawn(replace(held, sources=(replace(source, certificates=revoked),)))
    assert [row.what for row in picture.rows[:2]] == ["Current, revoked", "Upcoming"]


def test_every_month_that_begins_a_quarter_is_named_and_january_by_its_year() -> None:
    assert [one.words for one in drawn(status()).ticks] == ["Oct", "2027", "Apr", "Jul", "Oct"]
