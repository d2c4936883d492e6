"""Delivery to a real topic and a real bus: nothing counts as told before somebody can hear it."""

import itertools
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.delivery import PAUSE, Delivery
from rotation_watcher.adapters.event_bus import DETAIL_TYPE, LIMIT, SOURCE, EventBus
from rotation_watcher.adapters.sns import SnsSink, SnsSubscribers
from rotation_watcher.alerts.model import Alert, Status
from rotation_watcher.alerts.outbox import Waiting, deliver
from rotation_watcher.errors import DeliveryError, DeliveryTimedOut, NobodyListens
from tests.support.alert_examples import EXAMPLES, NOW
from tests.support.fakes import ManualClock

NUMBERS = itertools.count()
MAILBOX = "ops@bank.example"
BUS = "incidents"


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock(NOW)


class Stack:
    """One topic with a mailbox and a queue of what arrives, and the delivery of each run."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws, self.sns, self.sqs = aws, aws.client("sns"), aws.client("sqs")
        self.topic = str(self.sns.create_topic(Name=f"told-{next(NUMBERS)}")["TopicArn"])
        self.waits: list[float] = []

    def subscribe(self) -> str:
        """The mailbox is asked whether it wants to hear."""
        return str(self.sns.subscribe(TopicArn=self.topic, Protocol="email", Endpoint=MAILBOX)["SubscriptionArn"])

    def run(self, *, bus: str | None = None) -> Delivery:
        events = EventBus(self.aws.client("events"), bus) if bus else None
        return Delivery(SnsSink(self.sns, self.topic), SnsSubscribers(self.sns, self.topic), events, self.wait)

    def wait(self, seconds: float) -> None:
        """Note it."""
        self.waits.append(seconds)

    @property
    def asked(self) -> int:
        return len(self.aws.calls.of("sns", "GetTopicAttributes"))

    @property
    def published(self) -> int:
        return len(self.aws.calls.of("sns", "Publish"))


@pytest.fixture
def stack(aws: EmbeddedAws) -> Stack:
    aws.events.clear()
    there = Stack(aws)
    aws.calls.clear()
    return there


def outbox(*names: str) -> tuple[list[Alert], Waiting]:
    waiting = [EXAMPLES[name] for name in names]

    def clear(taken: frozenset[str]) -> bool:
        waiting[:] = [one for one in waiting if one.key not in taken]
        return True

    return waiting, Waiting(tuple(waiting), clear)


def test_alerts_wait_without_an_error_while_the_mailbox_has_not_confirmed_and_come_when_it_has(stack: Stack) -> None:
    assert stack.subscribe() == "pending confirmation"
    waiting, box = outbox("mtls_off", "rotated", "expired")
    run = stack.run()
    assert deliver([box], run) == ((),)
    assert (len(waiting), run.waiting, stack.published, stack.asked) == (3, 3, 0, 1)
    stack.aws.confirm(MAILBOX)
    run = stack.run()
    assert deliver([box], run) == ((),)
    assert (waiting, run.waiting, stack.published, stack.asked) == ([], 0, 3, 2)


def test_a_run_with_nothing_to_deliver_asks_nothing(stack: Stack) -> None:
    assert deliver([Waiting((), lambda _: True)], stack.run()) == ((),)
    assert len(stack.aws.calls.of("sns")) == 0


def test_a_subscription_that_nobody_confirms_is_gone_after_two_days(stack: Stack, clock: ManualClock) -> None:
    stack.subscribe()
    clock.advance(timedelta(hours=48))
    said = stack.sns.get_topic_attributes(TopicArn=stack.topic)["Attributes"]
    names = ("SubscriptionsConfirmed", "SubscriptionsPending", "SubscriptionsDeleted")
    assert [said[name] for name in names] == ["0", "0", "1"]
    with pytest.raises(NobodyListens):
        stack.run().deliver(EXAMPLES["rotated"])


@pytest.mark.parametrize("code", ["AuthorizationError", "InternalError"])
def test_a_topic_that_does_not_say_silences_nothing(stack: Stack, code: str) -> None:
    stack.subscribe()
    stack.aws.fail_next("sns", "GetTopicAttributes", code, 403)
    run = stack.run()
    run.deliver(EXAMPLES["rotated"])
    assert (stack.published, run.waiting) == (1, 0)


def test_at_most_five_messages_a_second_go_to_a_topic(stack: Stack) -> None:
    stack.subscribe()
    stack.aws.confirm(MAILBOX)
    waiting, box = outbox("mtls_off", "rotated", "expired", "quota_near")
    assert deliver([box], stack.run()) == ((),)
    assert stack.waits == [PAUSE] * 3
    assert 1 / PAUSE <= 5
    assert waiting == []


@pytest.mark.parametrize("name", ["rotated", "mtls_off", "resolved", "reminder"])
def test_a_bus_hears_every_message_as_data_though_no_mailbox_does(stack: Stack, name: str) -> None:
    stack.aws.client("events").create_event_bus(Name=f"{BUS}-{name}")
    run, alert = stack.run(bus=f"{BUS}-{name}"), EXAMPLES[name]
    run.deliver(alert)
    (event,) = stack.aws.events
    assert (event.source, event.detail_type, run.failures) == (SOURCE, DETAIL_TYPE, [])
    detail = event.detail
    assert (detail["id"], detail["status"], detail["key"]) == (alert.id, alert.status, alert.key)
    assert msgspec.convert(detail, Alert) == alert


def test_an_event_that_is_too_large_is_cut_and_taken(stack: Stack) -> None:
    facts = {f"fact {number:04}": "é" * 300 for number in range(4000)}
    stack.run(bus="default").deliver(msgspec.structs.replace(EXAMPLES["expired"], facts=facts))
    (event,) = stack.aws.events
    assert len(json.dumps(event.detail, ensure_ascii=False).encode()) <= LIMIT + 10_000
    assert "cut" in event.detail["facts"]


def refuse(bus: Any) -> None:
    def put_events(**_: Any) -> dict[str, Any]:
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "AccessDeniedException"}]}

    bus._client = type("Refusing", (), {"put_events": staticmethod(put_events)})()


def test_a_bus_that_takes_nothing_repeats_no_mail_and_is_reported(stack: Stack) -> None:
    stack.subscribe()
    stack.aws.confirm(MAILBOX)
    run = stack.run(bus="default")
    refuse(run._bus)
    waiting, box = outbox("rotated")
    assert deliver([box], run) == ((),)
    assert (waiting, stack.published) == ([], 1)
    assert "AccessDeniedException" in run.failures[0]


def test_where_the_bus_is_the_only_one_that_hears_what_it_does_not_take_waits(stack: Stack) -> None:
    run = stack.run(bus="default")
    stack.aws.fail_next("events", "PutEvents", "AccessDeniedException", 400)
    waiting, box = outbox("rotated")
    ((error,),) = deliver([box], run)
    assert "EventBridge did not take the alert" in error
    assert len(waiting) == 1
    refuse(run._bus)
    with pytest.raises(DeliveryError):
        run.deliver(EXAMPLES["rotated"])


@pytest.mark.parametrize("heard", [False, True])
def test_what_only_the_bus_hears_at_once_is_not_lost_by_it_either(stack: Stack, heard: bool) -> None:  # noqa: FBT001  # a row
    if heard:
        stack.subscribe()
        stack.aws.confirm(MAILBOX)
    run = stack.run(bus="default")
    refuse(run._bus)
    if heard:
        run.as_event(EXAMPLES["rotated"])
        assert "AccessDeniedException" in run.failures[0]
    else:
        with pytest.raises(DeliveryError, match="AccessDeniedException"):
            run.as_event(EXAMPLES["rotated"])
    assert stack.published == 0


def test_status_is_an_attribute_so_that_a_filter_may_keep_ends_whatever_their_severity(stack: Stack) -> None:
    url = stack.sqs.create_queue(QueueName=f"ends-{next(NUMBERS)}")["QueueUrl"]
    arn = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"$or": [{"severity": ["critical"]}, {"status": ["resolved"]}]}
    attributes = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(policy)}
    stack.sns.subscribe(TopicArn=stack.topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    run = stack.run()
    for name in ("quota_near", "mtls_off", "resolved"):
        run.deliver(EXAMPLES[name])
    bodies = stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert {json.loads(one["Body"])["status"] for one in bodies} == {Status.EVENT, Status.RESOLVED}
    assert len(bodies) == 2


class Mute:
    """A service that answers nobody. ``tries`` counts who waited for it."""

    def __init__(self) -> None:
        self.tries = 0

    def deliver(self, _alert: Alert) -> None:
        self.tries += 1
        raise DeliveryTimedOut("no answer")


def test_a_topic_that_does_not_answer_is_waited_for_once_a_run_however_many_outboxes_there_are(stack: Stack) -> None:
    """A sweep has an outbox at each target, and two minutes for all of them."""
    stack.subscribe()
    stack.aws.confirm(MAILBOX)
    mute: Any = Mute()
    stack.aws.client("events").create_event_bus(Name=f"{BUS}-mute")
    for runs in (1, 2):
        run = Delivery(
            mute,
            SnsSubscribers(stack.sns, stack.topic),
            EventBus(stack.aws.client("events"), f"{BUS}-mute"),
            stack.wait,
        )
        for name in ("mtls_off", "rotated", "expired"):
            waiting, box = outbox(name)
            ((error,),) = deliver([box], run)
            assert "no answer" in error
            assert len(waiting) == 1
        assert mute.tries == runs
        assert len(stack.aws.events) == 3 * runs, "the bus hears each of them"


def test_a_bus_that_does_not_answer_is_waited_for_once_a_run_and_each_failure_is_said(stack: Stack) -> None:
    stack.subscribe()
    stack.aws.confirm(MAILBOX)
    mute: Any = Mute()
    run = Delivery(SnsSink(stack.sns, stack.topic), SnsSubscribers(stack.sns, stack.topic), mute, stack.wait)
    for name in ("mtls_off", "rotated", "expired"):
        waiting, box = outbox(name)
        assert deliver([box], run) == ((),)
        assert waiting == []
    assert (mute.tries, stack.published, len(run.failures)) == (1, 3, 3)
