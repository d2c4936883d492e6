"""A dry run writes nothing, sends nothing, changes nothing and delivers nothing, whatever it is asked for."""

from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.errors import RequestRefused
from rotation_watcher.targets.requests import PublishCall, Reconcile, Release, Rollback, Sweep
from tests.interleaving.calls import MOMENTS
from tests.support.small_world import ARNS, SmallWorld

TARGETS = st.sampled_from([*ARNS])
REQUESTS = st.one_of(
    st.builds(
        Reconcile,
        targets=st.lists(TARGETS, unique=True).map(tuple),
        dry_run=st.just(True),
    ),
    st.builds(
        Rollback,
        target=TARGETS,
        to=st.none() | st.sampled_from([f"version-{number:04}" for number in range(1, 30)]),
        dry_run=st.just(True),
    ),
    st.builds(Release, target=TARGETS, dry_run=st.just(True)),
    st.builds(Sweep, dry_run=st.just(True)),
)


@lru_cache
def world(moment: str) -> SmallWorld:
    """Each moment once: who writes nothing leaves it as it was."""
    made = SmallWorld()
    MOMENTS[moment](made, "alb")
    return made


@given(
    st.sampled_from([*MOMENTS]), REQUESTS, st.sampled_from(["apply", "observe"]), st.sampled_from(["heal", "report"])
)
@settings(max_examples=120)
def test_a_dry_run_writes_sends_changes_and_delivers_nothing(
    moment: str, request: PublishCall, mode: str, on_drift: str
) -> None:
    there = world(moment)
    there.mode, there.on_drift = mode, on_drift
    before = there.writes()
    try:
        summary = there.call(request)
    except RequestRefused:
        assert isinstance(request, Rollback | Release)
    else:
        assert (summary.dry_run, summary.broken) == (True, [])
    assert there.writes() == before


def test_a_dry_run_of_a_target_that_cannot_be_read_or_is_not_there_writes_nothing() -> None:
    there = SmallWorld()
    there.adapter("alb").held.clear()
    before = there.writes()
    for request in (Reconcile(dry_run=True), Release(target="alb", dry_run=True)):
        assert there.call(request).targets["alb"].outcome == "target-not-found"
    assert there.writes() == before


def test_it_says_what_would_be_done() -> None:
    there = SmallWorld()
    MOMENTS["twice"](there, "alb")
    now, earlier = there.record("alb").applied, there.record("alb").versions[0]
    assert now is not None
    looked_at = there.publish(sweep=True, dry_run=True).targets
    assert {name: one.outcome for name, one in looked_at.items()} == {"alb": "unchanged", "api": "unchanged"}
    back = there.publish(rollback="alb", dry_run=True).targets["alb"]
    assert (back.outcome, back.version) == ("would-roll-back", earlier.version)
    with pytest.raises(RequestRefused, match="no such earlier version v0"):
        there.publish(rollback="alb", to="v0", dry_run=True)
    assert there.publish(release="alb", dry_run=True).targets["alb"].outcome == "unchanged"
    there.publish(rollback="alb")
    assert there.publish(targets=["alb"], dry_run=True).targets["alb"].outcome == "unchanged"
    assert there.publish(release="alb", dry_run=True).targets["alb"].outcome == "would-update"
    assert there.publish(release="alb").targets["alb"].outcome == "updated"


def test_it_names_the_files_of_a_bundle_that_would_be_written() -> None:
    there = SmallWorld()
    assert there.publish(dry_run=True).bundles == {"carried": "would-write"}
    assert there.publish().bundles == {"carried": "written"}
    assert there.publish(dry_run=True).bundles == {"carried": "unchanged"}
