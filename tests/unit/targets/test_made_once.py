"""A change of a record that a run wants to see before it saves it is made once of one record, and anew of another."""

from datetime import timedelta
from unittest.mock import Mock

import msgspec
import pytest

from rotation_watcher.targets import conditions, proof
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.session import made_once
from tests.support.small_world import SmallWorld

replace = msgspec.structs.replace
ONE = Record(target="alb", arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/alb/1")
OTHER = replace(ONE, released=("a" * 64,))


class Seen:
    """A change that notes of which records it was made."""

    def __init__(self) -> None:
        self.made: list[Record] = []

    def __call__(self, record: Record) -> Record:
        self.made.append(record)
        return replace(record, shown="seen")


def test_of_an_equal_record_it_is_not_made_again() -> None:
    seen = Seen()
    change = made_once(seen)
    first = change(ONE)
    assert first.shown == "seen"
    assert change(replace(ONE)) is first
    assert seen.made == [ONE]


def test_of_what_somebody_else_left_it_is_made_anew() -> None:
    seen = Seen()
    change = made_once(seen)
    assert [change(one).released for one in (ONE, OTHER, ONE)] == [(), OTHER.released, ()]
    assert seen.made == [ONE, OTHER, ONE]


def test_an_update_is_noticed_once_and_proved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = SmallWorld()
    world.publish(targets=["alb"])
    world.widen("Extra")
    world.clock.advance(timedelta(minutes=5))
    notice, proved = Mock(side_effect=conditions.notice), Mock(side_effect=proof.proved)
    monkeypatch.setattr(conditions, "notice", notice)
    monkeypatch.setattr(proof, "proved", proved)
    assert world.publish(targets=["alb"]).targets["alb"].outcome == "updated"
    assert (notice.call_count, proved.call_count) == (1, 1)
