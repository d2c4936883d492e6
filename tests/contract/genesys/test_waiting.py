"""What may pass is waited for: throttling, failing servers, broken connections."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rotation_watcher.adapters.genesys import MAX_PAUSE, TRIES
from rotation_watcher.errors import SourceReason
from tests.support.observer import EMPTY, REGION, Observer


def test_a_rate_limit_is_waited_for_as_long_as_the_api_asks(start: Callable[..., Observer]) -> None:
    observer = start(rate_limit=2)
    observer.observe()
    observer.clock.advance(timedelta(seconds=48))
    assert len(observer.observe()) == 3
    assert observer.clock.waited == [12.0]
    assert observer.asked("/certificates") == [200, 200, 429, 200, 200]


def test_a_rate_limit_that_lasts_too_long_is_reported_at_once(start: Callable[..., Observer]) -> None:
    observer = start(rate_limit=1)
    error = observer.fails()
    assert (error.reason, "60 s" in str(error)) == (SourceReason.THROTTLED, True)
    assert (observer.clock.waited, observer.asked("/certificates")) == ([], [200, 429])


@pytest.mark.parametrize(
    ("said", "waited"),
    [
        ("7", 7.0),
        ("Sun, 01 Mar 2026 12:00:09 GMT", 9.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 99999999999 12:00:00 GMT", 1.0),
        ("whenever you like", 1.0),
        ("-5", 1.0),
        ("7.5", 1.0),
    ],
)
@pytest.mark.parametrize("kind", ["token", "certificates"])
def test_a_retry_after_is_obeyed_where_it_means_something(
    kind: str, said: str, waited: float, observer: Observer
) -> None:
    observer.simulator.play(REGION, kind, status=429, headers={"Retry-After": said})  # type: ignore[arg-type]  # a str
    assert len(observer.observe()) == 3
    assert observer.clock.waited == [waited]


@pytest.mark.parametrize("said", [str(int(MAX_PAUSE) + 1), "Sun, 01 Mar 2026 13:00:00 GMT", "9" * 400])
@pytest.mark.parametrize(("status", "reason"), [(429, SourceReason.THROTTLED), (503, SourceReason.UNAVAILABLE)])
def test_a_wait_that_is_too_long_ends_the_observation(
    observer: Observer, said: str, status: int, reason: SourceReason
) -> None:
    observer.simulator.play(REGION, "certificates", status=status, headers={"Retry-After": said})
    assert observer.fails().reason is reason
    assert observer.clock.waited == []


PASSING = {
    "500": {"status": 500, "body": "trouble"},
    "502": {"status": 502, "body": "<html>bad gateway</html>"},
    "503": {"status": 503},
    "504": {"status": 504},
    "429": {"status": 429},
    "closed": {"close": True},
    "cut body": {"body": EMPTY, "cut": 5},
    "cut before the body": {"body": EMPTY, "cut": 0},
    "length too long": {"body": EMPTY, "content_length": 5000},
}


@pytest.mark.parametrize("kind", ["token", "certificates"])
@pytest.mark.parametrize("how", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_tried_again_and_passes(observer: Observer, kind: Any, how: dict[str, Any]) -> None:
    observer.simulator.play(REGION, kind, times=TRIES - 1, **how)
    assert len(observer.observe()) == 3
    assert observer.clock.waited == [1.0, 2.0]


@pytest.mark.parametrize("how", PASSING.values(), ids=PASSING)
def test_what_may_pass_and_does_not_is_reported_after_three_tries(observer: Observer, how: dict[str, Any]) -> None:
    observer.simulator.play(REGION, "certificates", times=0, **how)
    expected = {429: SourceReason.THROTTLED}.get(how.get("status", 0), SourceReason.UNAVAILABLE)
    assert observer.fails().reason is (expected if "status" in how else SourceReason.UNREACHABLE)
    assert len(observer.asked("/certificates")) == TRIES
