"""Who is told by CloudTrail that somebody changed a target asks the queue for that target, at once."""

from typing import Any

import pytest

from tests.support.small_world import ARNS, SmallWorld

OTHER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/other/fedcba9876543210"
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/front/0123456789abcdef/fedcba9876543210"


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


def test_a_listener_that_names_no_trust_store_of_ours_any_more_has_all_targets_looked_at() -> None:
    """Which trust store it named before is not in the event."""
    there = SmallWorld()
    there.publish()

    off = there.publish(**event({"listenerArn": LISTENER, "mutualAuthentication": {"mode": "off"}}))

    assert {*off.targets} == {*ARNS}


def test_the_same_event_twice_is_one_request_and_another_event_is_another() -> None:
    there = SmallWorld()
    for at in ("2026-11-27T09:00:01Z", "2026-11-27T09:00:01Z", "2026-11-27T09:00:02Z"):
        there.publish(**event({"trustStoreArn": ARNS["alb"]}, at=at))

    first, again, second = (one.deduplication for one in there.queue.sent)
    assert first == again != second
