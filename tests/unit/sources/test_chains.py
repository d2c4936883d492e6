"""One leaf under several valid chains in turn: one addition, no removal, and an end for one that is gone."""

from datetime import timedelta

from rotation_watcher.sources.chains import MOST_CHAINS
from tests.support.small_region import NAME, SmallRegion, authority, client, fingerprints, issuing, shown

LEAF = client(1, NAME)
FIRST, SECOND = (shown(LEAF, issuing(above)) for above in ("Root", "Second"))
BOTH = fingerprints(authority(), authority("Second"), issuing(), issuing("Second"))
DAY = 24 * 60


def two_roots() -> SmallRegion:
    region = SmallRegion()
    region.anchor(authority(), authority("Second"))
    return region


def test_two_chains_that_take_turns_for_a_day_are_one_addition_and_no_removal() -> None:
    region = two_roots()
    for number in range(96):
        region.step(FIRST if number % 2 == 0 else SECOND)
    for target in ("alb", "api"):
        assert region.updates(target) == 2, "the first chain, and then the second one beside it"
        assert region.live(target) > BOTH
    assert not region.told("removal-held")
    assert len(region.told("truststore-updated")) == 4
    assert region.pinned() == fingerprints(LEAF)
    marks = 24 * 60 / 120
    assert len([key for key in region.store.writes if key.endswith("history.json")]) <= marks + 3


def test_a_chain_that_is_gone_for_good_leaves_after_its_grace_and_not_before() -> None:
    region = two_roots()
    region.step(FIRST)
    region.step(SECOND)
    for _ in range(29):
        region.step(minutes=DAY)
        assert region.live("alb") > BOTH
    for _ in range(33):  # the history's grace is over; the target has its own
        region.step(minutes=DAY)
        region.publish()  # by the schedule
    assert region.live("alb") & BOTH == fingerprints(authority("Second"), issuing("Second"))
    (leaf,) = region.known.leaves.values()
    assert (leaf.chains, {*leaf.chain}) == ((), fingerprints(authority("Second"), issuing("Second")))
    assert region.updates() == 3


def test_a_chain_that_is_shown_now_and_then_stays() -> None:
    region = two_roots()
    for _ in range(4):
        region.step(FIRST)
        for _ in range(20):
            region.step(SECOND, minutes=DAY)
    assert region.live("alb") > BOTH
    assert region.updates() == 2


def test_a_run_after_a_long_silence_drops_no_chain() -> None:
    region = two_roots()
    region.step(FIRST)
    region.step(SECOND)
    region.step(minutes=60 * DAY)
    assert region.live("alb") > BOTH


def test_a_new_leaf_under_a_chain_that_is_known_above_the_old_one_is_no_change_of_issuer() -> None:
    region = two_roots()
    region.step(FIRST)
    region.step(SECOND)
    renewed = shown(client(2, NAME), issuing("Second"))
    region.step(renewed)
    region.step()
    assert len(region.told("rotated")) == 1
    assert not region.told("issuer-changed")


def test_an_approved_chain_gathers_no_other_and_no_other_root() -> None:
    region = SmallRegion()
    own = [shown(LEAF, issuing(above), authority(above)) for above in ("Own", "Other own")]
    region.approve(LEAF, authority("Own"))
    region.step(own[0])
    region.step(own[1])
    (leaf,) = region.known.leaves.values()
    assert leaf.chains == ()
    assert len(leaf.authorities) == 2


def test_no_more_chains_are_kept_than_a_few() -> None:
    region = SmallRegion()
    names = [f"Root {number}" for number in range(MOST_CHAINS + 4)]
    region.anchor(*map(authority, names))
    for name in names:
        region.look(shown(LEAF, issuing(name)))
    (leaf,) = region.known.leaves.values()
    assert len(leaf.chains) == MOST_CHAINS
    assert authority(names[-1]).read.fingerprint in leaf.authorities


def test_the_end_of_a_chain_is_never_before_the_grace_that_was_promised() -> None:
    region = two_roots()
    region.step(FIRST)
    for _ in range(60):
        region.step(SECOND, minutes=7 * 60)
        (leaf,) = region.known.leaves.values()
        shown_last = max(leaf.chains, key=lambda one: one.retire_after)
        assert shown_last.retire_after >= region.clock() + timedelta(days=30)
