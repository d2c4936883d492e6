"""The lines for the log: what was done, what was not and why, and nothing that steers a terminal."""

from datetime import UTC, datetime

from rotation_watcher import decisions
from rotation_watcher.config import Mode
from rotation_watcher.publish import Summary as PublishSummary
from rotation_watcher.publish import TargetSummary
from rotation_watcher.refresh_crls import ListSummary
from rotation_watcher.refresh_crls import Summary as RefreshSummary
from rotation_watcher.targets.decide import Outcome

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


def test_of_a_target_it_is_said_what_was_not_done_and_what_that_waits_for() -> None:
    target = TargetSummary(
        outcome=Outcome.PUT_OFF,
        message="one update in 30 seconds\x1b[31m",
        added=["aa"],
        held=["bb"],
        leaving={"cc": "2026-12-23T00:00Z"},
        removal_waits_for=["use1: stale"],
        again=NOW,
    )
    summary = PublishSummary(
        mode=Mode.APPLY, targets={"alb": target}, bundles={"idle": "written"}, passed_over=["late"]
    )
    of_target, bundle, message = decisions.of_publish(summary)
    assert of_target == {
        "target": "alb",
        "decided": "put-off",
        "why": "one update in 30 seconds?[31m",
        "mode": "apply",
        "added": ["aa"],
        "not done": {
            "removal is held, more than the policy allows at once": ["bb"],
            "removal waits for": ["use1: stale"],
            "in its grace until": {"cc": "2026-12-23T00:00Z"},
            "put off until": "2026-11-23T15:30:00Z",
        },
    }
    assert bundle == {"bundle": "idle", "decided": "written"}
    assert message == {"decided": "message passed over", "why": "late"}


def test_of_a_list_it_is_said_why_it_is_not_used() -> None:
    one = ListSummary(
        url="http://crl.example/a.crl", outcome="failed", reason="timed-out", message="x", certificates=["aa"]
    )
    listed, revoked, remark = decisions.of_refresh(
        RefreshSummary(lists=[one], revoked={"aa": "http://crl.example/a.crl"}, remarks=["r"])
    )
    assert listed == {
        "list": "http://crl.example/a.crl",
        "decided": "failed",
        "why": ["timed-out", "x"],
        "for": ["aa"],
    }
    assert revoked == {"certificate": "aa", "decided": "revoked", "why": "http://crl.example/a.crl"}
    assert remark == {"decided": "remarked", "why": "r"}
