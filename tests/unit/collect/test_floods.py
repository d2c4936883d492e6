"""Whatever the API answers, state stays small, a flood is one alert, and what is true is alerted all the same."""

import itertools
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.outbox import BATCH
from rotation_watcher.alerts.waiting import FIRST_FEW
from rotation_watcher.errors import StoreError
from rotation_watcher.sources import bounds
from rotation_watcher.sources.history import encode
from tests.support.alert_examples import EXAMPLES
from tests.support.small_collect import SmallCollect, entity, junk, leaf, renewed, strangers
from tests.support.small_world import leaf_of
from tests.support.words import word

FULL = 20_000
SMALL = 256 * 1024


class Killed(BaseException):
    """The function died; nothing in it may catch this."""


def test_twenty_thousand_junk_entities_are_one_alert_and_the_true_leaf_is_trusted() -> None:
    world = SmallCollect()
    world.answers["one"] = [*junk(FULL - 1), leaf()]
    before = len(world.store.writes)
    for _ in range(4):
        world.look()
    assert world.kinds == ["flood"]
    (alert,) = world.sink.delivered
    assert alert.severity == "warning", "an accepted current leaf is there, so nobody is blind"
    assert alert.facts["too many (current not trusted)"] == str(FULL - 1 - bounds.REFUSED)
    assert alert.facts["example 3"]
    assert world.state().authorities["Genesys"].leaves.keys() == {leaf_of("Root 0").fingerprint}
    assert len(world.store.body(keys.history("one"))) < SMALL
    assert len(world.store.writes) - before <= 20


def test_a_flood_without_an_accepted_current_leaf_is_critical_and_one_alert() -> None:
    world = SmallCollect()
    world.answers["one"] = junk(100)
    for _ in range(4):
        world.look()
    assert [(word(alert), alert.severity) for alert in world.sink.delivered] == [("flood", "critical")]


def test_a_flood_that_hides_the_leaf_later_is_alerted_again_as_critical() -> None:
    world = SmallCollect()
    for answer in ([*junk(100), leaf()], junk(100)):
        world.answers["one"] = answer
        for _ in range(3):
            world.look()
    assert [(word(alert), alert.severity) for alert in world.sink.delivered] == [
        ("flood", "warning"),
        ("flood", "critical"),
    ]


def test_a_flood_of_certificates_is_kept_by_a_few_files() -> None:
    world = SmallCollect()
    world.answers["one"] = [*strangers(300), leaf()]
    for _ in range(3):
        world.look()
    assert world.kinds == ["flood"]
    assert len(world.store.writes) <= 20


def test_a_flood_of_authorities_that_nobody_knows_is_one_alert_too() -> None:
    world = SmallCollect()
    world.answers["one"] = [leaf(), *(entity(f"junk {place}", authority=f"A{place}") for place in range(3000))]
    for _ in range(3):
        world.look()
    assert world.kinds == ["flood"]
    assert len(world.state().authorities) <= 1 + bounds.REFUSED


def test_a_flood_that_is_another_at_every_run_for_three_days_is_one_alert_and_small_state() -> None:
    world, numbers = SmallCollect(), itertools.count()
    for _ in range(3 * 24 * 4):
        world.answers["one"] = [leaf(), *junk(20, start=20 * next(numbers))]
        world.look()
    assert world.kinds == ["flood"]
    assert len(world.store.body(keys.history("one"))) < SMALL


def test_a_few_new_ones_at_every_other_run_are_alerted_one_by_one_up_to_a_bound_and_then_as_a_flood() -> None:
    world, numbers = SmallCollect(), itertools.count()
    for _ in range(2 * 24 * 2):
        world.answers["one"] = [leaf(), *junk(4, start=4 * next(numbers))]
        world.look()
        world.look()
    kinds = world.kinds
    assert kinds.count("flood") == 1
    assert kinds.count("quarantined") <= 2 * 2 * 10, "ten a day, over two days and their edges"
    assert len(world.store.body(keys.history("one"))) < SMALL


def test_the_widest_entities_of_every_group_leave_the_history_small() -> None:
    world = SmallCollect()
    texts = ["x" * 700, "é" * 300]
    for round_ in range(30):
        world.answers["one"] = [
            entity(f"{text} {place} {round_}", status, authority=authority)
            for text in texts
            for place in range(40)
            for status in ("Current", "Upcoming")
            for authority in ("Genesys", "x" * 40, f"odd {place} {round_}")
        ]
        world.look()
    assert len(world.store.body(keys.history("one"))) < SMALL


def test_the_same_flood_in_another_order_writes_nothing() -> None:
    world = SmallCollect()
    flood = [*junk(50), *strangers(50), leaf()]
    for _ in range(3):
        world.answers["one"] = flood
        world.look()
    before = len(world.store.writes)
    world.answers["one"] = flood[::-1]
    world.look()
    assert len(world.store.writes) == before


def test_an_answer_is_judged_once_a_run() -> None:
    world, asked = SmallCollect(), 0

    def remaining() -> float:  # asked before each entity
        nonlocal asked
        asked += 1
        return 120.0

    world.remaining = remaining
    world.answers["one"] = [*junk(1000), leaf()]
    world.look()
    assert 1000 < asked < 1100


def test_approvals_are_listed_once_where_many_could_matter() -> None:
    world = SmallCollect()
    world.answers["one"] = [*strangers(300), leaf()]
    world.look()
    assert len([call for call in world.store.calls if "approvals/" in call[1]]) <= 10


def test_an_approval_is_found_in_a_flood() -> None:
    world = SmallCollect()
    other = entity(leaf_of("Root 1").pem)
    name = leaf_of("Root 1").fingerprint
    world.store.seed(
        keys.approval(name),
        b'{"by": "me", "why": "it is theirs", "until": "2027-01-01T00:00:00Z", "reasons": ["name-mismatch"]}',
    )
    flood = [entity(leaf_of(f"Root {place}").pem) for place in range(2, 20)]
    world.answers["one"] = [*flood, other, leaf()]
    world.look()
    assert name in world.state().authorities["Genesys"].leaves


def test_an_answer_that_cannot_be_judged_in_time_is_refused_and_what_is_known_stays() -> None:
    world = SmallCollect()
    world.look()
    known = world.state().authorities
    left = itertools.count(120.0, -1.0)
    world.remaining = lambda: next(left)
    world.answers["one"] = [*junk(500), leaf()]
    summary = world.look()
    assert summary.sources["one"].reason == "answer-too-large"
    assert world.state().authorities == known


def test_thousands_of_alerts_that_somebody_else_put_there_are_not_delivered_and_cost_no_thousands_of_reads() -> None:
    world = SmallCollect()
    world.look()
    old = [
        msgspec.structs.replace(EXAMPLES["quarantined"], id=f"quarantined:one:{n}", source="one") for n in range(4000)
    ]
    world.store.seed(keys.history("one"), encode(msgspec.structs.replace(world.state(), outbox=tuple(old))))
    world.sink.delivered.clear()
    world.store.calls.clear()
    world.look()
    assert world.kinds == ["state-forged"]
    assert len(world.store.calls) < 100
    assert not world.state().outbox


def test_a_rotation_during_a_flood_is_delivered_in_the_first_batch_whenever_the_run_is_killed() -> None:
    world = SmallCollect()
    world.look()
    world.sink.closed = True
    for number in range(6):
        world.answers["one"] = [leaf(), *junk(3, start=3 * number, status="Upcoming")]
        world.look()
        world.look()
        world.clock.advance(timedelta(hours=25))
    new = renewed()
    for _ in range(3):
        world.answers["one"] = [new, *junk(FULL // 10, status="Upcoming")]
        world.look()
    kinds = {word(alert) for alert in world.state().outbox}
    assert {"rotated", "flood", "quarantined"} <= kinds
    world.sink.closed = False
    world.look()
    assert "rotated" in world.kinds[: 2 * FIRST_FEW]


@pytest.mark.parametrize("killed_after", range(1, 25, 4))
def test_whenever_a_run_is_killed_while_it_delivers_every_alert_is_delivered_and_little_twice(
    killed_after: int,
) -> None:
    world = SmallCollect("one", "two")
    world.sink.closed = True
    world.look()
    for name in range(8):
        world.answers["one"] = world.answers["two"] = [leaf(), *junk(3, start=3 * name, status="Upcoming")]
        world.look()
        world.look()
        world.clock.advance(timedelta(hours=25))
    waiting = {alert.id for source in ("one", "two") for alert in world.state(source).outbox}
    assert len(waiting) >= 8
    world.sink.closed = False
    left = killed_after

    def dies(_operation: str, _subject: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    world.sink.before = dies
    while True:
        try:
            world.look()
        except Killed:
            left = 10_000
            continue
        break
    told = [alert.id for alert in world.sink.delivered]
    assert waiting <= {*told}
    assert len(told) - len({*told}) <= BATCH


def test_a_store_that_refuses_to_clear_does_not_stop_the_other_sources_alerts() -> None:
    world = SmallCollect("one", "two")
    world.answers = {"one": junk(100), "two": junk(100)}
    world.look()

    def refuse(operation: str, key: str) -> None:
        if operation == "put_if" and key == keys.history("one") and world.sink.delivered:
            raise StoreError("no")

    world.store.before = refuse
    summary = world.look()
    assert summary.broken == ["one"]
    assert world.kinds == ["flood", "flood"]
    assert not world.state("two").outbox
