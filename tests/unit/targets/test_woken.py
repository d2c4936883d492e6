"""Who is told by CloudTrail that somebody changed a target asks the queue for that target, at once."""

from typing import Any

import pytest

from rotation_watcher import keys
from rotation_watcher.ports import Endpoint
from tests.support.small_world import ARNS, SmallWorld

OTHER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/other/fedcba9876543210"
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/front/0123456789abcdef/fedcba9876543210"
DISTRIBUTION = "arn:aws:cloudfront::123456789012:distribution/E1EXAMPLE"


def event(asked: Any, answered: Any = None, at: str = "2026-11-27T09:00:01Z") -> dict[str, Any]:
    detail = {"eventTime": at, "requestParameters": asked, "responseElements": answered}
    return {"detail-type": "AWS API Call via CloudTrail", "source": "aws.elasticloadbalancing", "detail": detail}


@pytest.mark.parametrize(
    ("asked", "woken"),
    [
        ({"trustStoreArn": ARNS["alb"]}, ["alb"]),
        ({"trustStoreArn": OTHER}, []),
        ({"domainName": "api.example.com", "patchOperations": [{"op": "remove", "path": "/x"}]}, ["api"]),
        ({"domainName": "other.example.com"}, []),
        ({"listenerArn": LISTENER, "mutualAuthentication": {"mode": "verify", "trustStoreArn": ARNS["alb"]}}, ["alb"]),
        ({"listenerArn": LISTENER, "defaultActions": [{"type": "forward"}]}, []),
        (None, []),
    ],
)
def test_the_target_that_it_names_is_asked_for(asked: Any, woken: list[str]) -> None:
    there = SmallWorld()

    summary = there.publish(**event(asked))

    assert summary.woken == woken
    assert summary.targets == {}
    assert [one.target for one in there.queue.sent] == woken


@pytest.mark.parametrize(
    "said",
    [
        {"listenerArn": LISTENER, "mutualAuthentication": {"mode": "off"}},
        {"listenerArn": LISTENER, "mutualAuthentication": {"mode": "verify", "trustStoreArn": OTHER}},
        {"listenerArn": LISTENER},
    ],
)
def test_a_listener_that_has_verified_with_a_target_wakes_it_whatever_the_event_names(said: Any) -> None:
    there = verified_by(LISTENER)

    summary = there.publish(**event(said))

    assert (summary.woken, summary.targets) == (["alb"], {})


def test_a_distribution_that_names_no_trust_store_any_more_wakes_the_one_that_it_verified_with() -> None:
    """CloudTrail tells of it in CloudFront's own spelling."""
    there = verified_by(DISTRIBUTION)

    summary = there.publish(**event({"id": "E1EXAMPLE"}, {"distribution": {"aRN": DISTRIBUTION}}))

    assert summary.woken == ["alb"]


def test_a_listener_of_others_wakes_nobody_however_often_it_changes() -> None:
    there = verified_by(LISTENER)
    reads = len(there.store.calls)

    summary = there.publish(**event({"listenerArn": f"{LISTENER}0", "mutualAuthentication": {"mode": "off"}}))

    assert (summary.woken, summary.targets, there.queue.sent) == ([], {}, [])
    assert len(there.store.calls) - reads <= len(ARNS), (
        "a record for each target, and nothing of the targets themselves"
    )


def test_of_a_record_that_cannot_be_read_nothing_is_known_and_the_others_are_woken() -> None:
    there = verified_by(LISTENER)
    there.store.seed(keys.record(keys.target(ARNS["api"])), b"{")

    assert there.publish(**event({"listenerArn": LISTENER})).woken == ["alb"]


def verified_by(way_in: str) -> SmallWorld:
    """A world whose trust store is known to be used there."""
    there = SmallWorld()
    there.adapter("alb").add(ARNS["alb"], None, Endpoint(way_in, verifies=True, detail=""))
    there.publish()
    return there


def test_the_same_event_twice_is_one_request_and_another_event_is_another() -> None:
    there = SmallWorld()
    for at in ("2026-11-27T09:00:01Z", "2026-11-27T09:00:01Z", "2026-11-27T09:00:02Z"):
        there.publish(**event({"trustStoreArn": ARNS["alb"]}, at=at))

    first, again, second = (one.deduplication for one in there.queue.sent)
    assert first == again != second
