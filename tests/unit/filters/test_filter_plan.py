"""What is planned for a listener: never empty, never short, others' filters as they stand."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher.config import Policy, Target
from rotation_watcher.filters.entries import key_of
from rotation_watcher.filters.names import Names
from rotation_watcher.filters.plan import Blocker, Plan, Shown, make
from rotation_watcher.ports import Filter, Listener
from rotation_watcher.targets.record import Applied, Record
from tests.support.fake_listeners import STORE
from tests.support.listener_world import ARN, OTHERS, ours
from tests.support.small_world import START

DAY = timedelta(days=1)
OURS, SECOND, THIRD = ours("one.example.com"), ours("two.example.com"), ours("three.example.com")
NOBODY = Names({}, {}, ())


def wanting(*filters: Filter) -> Names:
    """Names for which no leaf is at hand: nothing here depends on what it bears."""
    return Names({key_of(one): one for one in filters}, {}, ())


def record(*live: Filter, own: tuple[Filter, ...] = (), leaves: Mapping[str, tuple[str, ...]] | None = None) -> Record:
    """A listener's record: what was proved, and what of it is ours, unwanted for a long time."""
    keys = tuple(sorted(map(key_of, live)))
    applied = Applied(version="v1", sha256="00", fingerprints=keys, at=START, proof="bytes")
    mine = {key_of(one): START for one in own}
    return Record(target="door", arn=ARN, applied=applied, ours=mine, unwanted=mine, approved=leaves or {})


def planned(
    *live: Filter,
    names: Names = NOBODY,
    kept: Record | None = None,
    may_remove: bool = True,
    unproved: tuple[Filter, ...] = (),
    unvouched: tuple[str, ...] = (),
    policy: Policy | None = None,
    shown: Shown | None = None,
) -> Plan:
    """The plan two years after everything began."""
    kept = kept or Record(target="door", arn=ARN)
    return make(
        Listener(protocol="TLS", mode="verify", trust_store=STORE, filters=live),
        names,
        kept,
        Target(id="door", arn=ARN, bundle="main"),
        policy or Policy(max_removed_share=1),
        confirmed={*kept.ours} - {*map(key_of, unproved)},
        shown=shown or Shown(),
        unvouched=unvouched,
        may_remove=may_remove,
        now=START + 730 * DAY,
    )


def test_what_is_ours_and_unwanted_leaves_after_its_grace() -> None:
    plan = planned(OTHERS, OURS, SECOND, names=wanting(OURS), kept=record(OTHERS, OURS, SECOND, own=(OURS, SECOND)))

    assert plan.filters == (OTHERS, OURS)
    assert plan.removed == (key_of(SECOND),)


@pytest.mark.parametrize("why", ["a stale source", "no proof", "an unnamed leaf"])
def test_it_stays_while_anything_stands_against_it(why: str) -> None:
    names = wanting(OURS)
    if why == "an unnamed leaf":
        names = names._replace(unnamed=(None,))  # type: ignore[arg-type]  # any leaf
    kept = record(OURS, SECOND, own=(OURS, SECOND))
    if why == "an unnamed leaf":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rotation_watcher.filters.plan._shut_out", lambda *_: [])
            plan = planned(OURS, SECOND, names=names, kept=kept)
    else:
        unproved = (SECOND,) if why == "no proof" else ()
        plan = planned(OURS, SECOND, names=names, kept=kept, may_remove=why != "a stale source", unproved=unproved)

    assert plan.filters == (OURS, SECOND)
    assert plan.disputed == ((key_of(SECOND),) if why == "no proof" else ())


@pytest.mark.parametrize("may_remove", [False, True])
def test_a_grace_begins_only_while_nothing_stands_against_removals(*, may_remove: bool) -> None:
    kept = msgspec.structs.replace(record(OURS, SECOND, own=(OURS, SECOND)), unwanted={})
    plan = planned(OURS, SECOND, names=wanting(OURS), kept=kept, may_remove=may_remove)

    assert plan.filters == (OURS, SECOND)
    assert (key_of(SECOND) in plan.graces.unwanted) is may_remove


def test_the_last_filter_of_all_never_leaves() -> None:
    revoked = {key_of(OURS): ("leaf",)}
    plan = planned(OURS, kept=record(OURS, own=(OURS,), leaves=revoked), unvouched=("leaf",))

    assert plan.filters == (OURS,)
    assert (plan.removed, plan.lingering) == ((), (key_of(OURS),))


def test_a_name_of_revoked_leaves_alone_leaves_at_once_whatever_stands_against_removals() -> None:
    kept = record(OURS, SECOND, own=(OURS, SECOND), leaves={key_of(SECOND): ("leaf",)})
    plan = planned(OURS, SECOND, names=wanting(OURS), kept=kept, unvouched=("leaf",), may_remove=False)

    assert plan.filters == (OURS,)


def test_a_name_that_another_leaf_bears_stays_though_one_is_revoked() -> None:
    kept = record(OURS, own=(OURS,), leaves={key_of(OURS): ("leaf",)})

    assert planned(OURS, names=wanting(OURS), kept=kept, unvouched=("leaf",)).changes is False


def test_more_removals_than_the_policy_allows_wait_for_a_person() -> None:
    kept = record(OURS, SECOND, THIRD, own=(SECOND, THIRD))
    plan = planned(OURS, SECOND, THIRD, names=wanting(OURS), kept=kept, policy=Policy(max_removals=1))

    assert plan.filters == (OURS, SECOND, THIRD)
    assert len(plan.held) == 2
    assert "2 of 3 filters" in plan.limit
    released = msgspec.structs.replace(kept, released=plan.held)
    plan = planned(OURS, SECOND, THIRD, names=wanting(OURS), kept=released, policy=Policy(max_removals=1))
    assert plan.filters == (OURS,)


def test_of_two_filters_that_are_alike_only_one_is_ours() -> None:
    theirs = Filter("san-dns", "exact", SECOND.value.upper())
    kept = record(OURS, theirs, own=(SECOND,))
    plan = planned(OURS, theirs, SECOND, names=wanting(OURS), kept=kept)

    assert plan.filters == (OURS, theirs)


def test_filters_of_another_action_or_field_are_carried_on_as_they_stand() -> None:
    strange = (Filter("issuer-cn", "suffix", "x", action="log"), Filter("san-uri", "prefix", "Urn:X:y"))

    assert planned(*strange, names=wanting(OURS)).filters == (*strange, OURS)


def test_an_emptied_list_never_gets_back_what_stood_for_revoked_leaves_alone() -> None:
    kept = record(OTHERS, OURS, SECOND, own=(OURS, SECOND), leaves={key_of(SECOND): ("leaf",)})
    shown = Shown((OTHERS, OURS, SECOND))
    plan = planned(names=wanting(OURS), kept=kept, shown=shown, unvouched=("leaf",))

    assert plan.filters == (OTHERS, OURS)


def test_nothing_is_put_into_an_empty_list_where_no_name_is_known() -> None:
    plan = planned(kept=record(OTHERS), shown=Shown((OTHERS,)))

    assert plan.blocked_by is Blocker.NOTHING_KNOWN
