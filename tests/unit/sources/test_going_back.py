"""The API presents a leaf again that had been replaced: alerted at once, and nothing is taken away for it."""

from rotation_watcher.alerts.model import Severity
from tests.support.small_region import NAME, SmallRegion, client, fingerprints, issuing, shown
from tests.support.words import word

OLD, NEW, NEXT = (client(number, NAME) for number in (1, 2, 3))
DAY = 24 * 60


def rotated() -> SmallRegion:
    """A region five days after OLD was replaced by NEW."""
    region = SmallRegion()
    region.step(shown(OLD, issuing()))
    region.step(shown(NEW, issuing()))
    region.step()
    region.step(minutes=5 * DAY)
    region.sink.delivered.clear()
    return region


def test_a_replaced_leaf_that_is_presented_again_is_alerted_at_once_and_only_once() -> None:
    region = rotated()
    region.step(shown(OLD, issuing()))
    assert [word(alert) for alert in region.sink.delivered] == ["went-back"]
    alert = region.sink.delivered[0]
    assert alert.severity is Severity.WARNING
    assert (alert.facts["old SHA-256"], alert.facts["newer SHA-256"]) == (OLD.read.fingerprint, NEW.read.fingerprint)
    for _ in range(200):
        region.step()
    assert [word(alert) for alert in region.sink.delivered] == ["went-back"]


def test_the_pins_of_the_newer_leaf_stay_through_its_grace() -> None:
    region = rotated()
    region.step(shown(OLD, issuing()))
    for _ in range(30):
        assert region.pinned() == fingerprints(OLD, NEW)
        region.step(minutes=DAY)
    region.step()
    region.step(minutes=DAY)
    region.step()
    region.publish(targets=["alb"])
    assert region.pinned() == fingerprints(OLD), "time has settled it"
    for _ in range(3):
        region.step(minutes=DAY)
    assert not region.state.conditions, "the condition is over"


def test_answers_that_flap_after_a_rotation_are_one_alert() -> None:
    region = rotated()
    for _ in range(40):
        region.step(shown(OLD, issuing()))
        region.step(shown(NEW, issuing()))
    assert [word(alert) for alert in region.sink.delivered] == ["went-back"]


def test_going_forth_again_is_no_going_back_and_a_second_time_is_alerted() -> None:
    region = rotated()
    region.step(shown(OLD, issuing()))
    region.step()
    region.step(shown(NEW, issuing()))
    for _ in range(3):
        region.step(minutes=DAY)
    assert len(region.told("went-back")) == 1
    assert not region.state.conditions
    region.step(shown(OLD, issuing()))
    assert len({alert.id for alert in region.told("went-back")}) == 2


def test_a_leaf_that_is_gone_but_known_is_alerted_too_and_is_no_rotation() -> None:
    region = rotated()
    for _ in range(28):
        region.step(minutes=DAY)
    assert OLD.read.fingerprint not in region.known.leaves
    region.step(shown(OLD, issuing()))
    region.step()
    assert [word(one) for one in region.sink.delivered if one.source] == ["went-back"]


def test_an_announced_leaf_that_was_withdrawn_and_comes_is_no_going_back() -> None:
    region = SmallRegion()
    region.step(shown(OLD, issuing()), shown(NEW, issuing(), status="Upcoming"))
    for _ in range(3):
        region.step(shown(OLD, issuing()))
    region.step(shown(NEW, issuing()))
    region.step()
    assert len(region.told("rotated")) == 1
    assert not region.told("went-back")


def test_a_rotation_in_two_steps_is_remembered() -> None:
    region = SmallRegion()
    region.step(shown(OLD, issuing()))
    for _ in range(2):
        region.step(shown(OLD, issuing()), shown(NEW, issuing()))
    for _ in range(2):
        region.step(shown(NEW, issuing()))
    assert region.known.replaced == (OLD.read.fingerprint,)


def test_of_many_rotations_the_last_twenty_are_remembered() -> None:
    region = SmallRegion()
    for number in range(24):
        for _ in range(2):
            region.step(shown(client(100 + number, NAME), issuing()))
    assert len(region.known.replaced) == 20
    assert region.known.replaced[-1] == client(122, NAME).read.fingerprint


def test_a_leaf_that_lost_its_acceptance_was_not_replaced() -> None:
    region = SmallRegion()
    region.step(shown(OLD, issuing()), shown(NEW, issuing()))
    region.step(shown(OLD, issuing()), shown(NEW))  # without what leads to an anchor
    assert region.known.leaves[NEW.read.fingerprint].status == "retiring"
    region.step(shown(OLD, issuing()))
    for _ in range(3):
        region.step(shown(OLD, issuing()), shown(NEW, issuing()))
    assert region.known.replaced == ()
    assert not region.told("went-back")


def test_the_next_rotation_ends_it() -> None:
    region = rotated()
    region.step(shown(OLD, issuing()))
    region.step()
    for _ in range(4):
        region.step(shown(NEXT, issuing()), minutes=DAY)
    assert not region.state.conditions
    assert region.known.replaced == (OLD.read.fingerprint, NEW.read.fingerprint)


def twice_rotated() -> SmallRegion:
    """A region five days after NEXT replaced NEW, which had replaced OLD."""
    region = rotated()
    for _ in range(2):
        region.step(shown(NEXT, issuing()))
    region.step(minutes=5 * DAY)
    region.sink.delivered.clear()
    return region


def test_another_replaced_leaf_that_is_shown_while_the_first_is_open_is_alerted_too() -> None:
    region = twice_rotated()
    region.step(shown(OLD, issuing()))
    region.step(shown(NEW, issuing()))
    told = region.told("went-back")
    assert [alert.facts["old SHA-256"] for alert in told] == [OLD.read.fingerprint, NEW.read.fingerprint]
    for _ in range(20):
        region.step(shown(OLD, issuing()))
        region.step(shown(NEW, issuing()))
    assert len(region.told("went-back")) == 2


def test_two_replaced_leaves_in_one_answer_are_two_alerts() -> None:
    region = twice_rotated()
    region.step(shown(OLD, issuing()), shown(NEW, issuing()), shown(NEXT, issuing()))
    told = region.told("went-back")
    assert {alert.facts["old SHA-256"] for alert in told} == {OLD.read.fingerprint, NEW.read.fingerprint}
    assert len({alert.id for alert in told}) == 2
    assert {alert.facts["newer SHA-256"] for alert in told} == {NEXT.read.fingerprint}
