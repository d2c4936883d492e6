"""A run asks the queue for a target at once, and at most once more, however many sources it has changed."""

from threading import Event

from rotation_watcher import keys
from rotation_watcher.errors import StoreError
from rotation_watcher.targets.record import Applied, Record, encode
from tests.support.small_collect import ARN, SECRET, TARGET, SmallCollect, renewed
from tests.support.small_world import certificate, issued


def three() -> SmallCollect:
    return SmallCollect("one", "two", "three")


def test_three_sources_ask_for_their_common_target_twice() -> None:
    world = three()
    histories = 0

    def after(operation: str, key: str) -> None:
        nonlocal histories
        histories += (operation, key.endswith("/history.json")) == ("put_if", True)

    world.store.after = after
    written: list[int] = []
    world.queue.before = lambda *_: written.append(histories)
    summary = world.look()
    assert summary.enqueued == ["alb"]
    assert written == [1, 3], "at once, and when all that is new is in the histories"
    first, second = world.queue.waiting
    assert (first.target, second.target, first.group) == ("alb", "alb", second.group)
    assert first.deduplication != second.deduplication, "SQS would swallow the second"


def test_one_changed_source_asks_once() -> None:
    world = three()
    world.look()
    world.queue.sent.clear()
    world.answers["two"] = [renewed("Root 1")]
    assert world.look().enqueued == ["alb"]
    assert len(world.queue.waiting) == 1
    world.look()
    world.queue.sent.clear()
    assert (world.look().enqueued, world.queue.sent) == ([], [])


def test_a_change_is_asked_for_while_another_source_hangs() -> None:
    world = SmallCollect("one", "two")
    asked = Event()
    world.queue.before = lambda *_: asked.set()

    def secret(arn: str) -> str:
        if arn == ARN.format("one"):
            assert asked.wait(timeout=30)
        return SECRET

    world.secret = secret
    assert [one.outcome for one in world.look().sources.values()] == ["read", "read"]


def test_a_queue_that_fails_at_the_second_request_is_an_error_of_the_source_that_asked() -> None:
    world = three()
    last: list[str] = []

    def after(operation: str, key: str) -> None:
        if operation == "put_if" and key.endswith("/history.json"):
            last.append(key)

    def fail_later(*_: object) -> None:
        if world.queue.waiting:
            raise StoreError("the queue is away")

    world.store.after, world.queue.before = after, fail_later
    summary = world.look()
    broken = [name for name in world.answers if keys.history(name) == last[2]]
    assert summary.broken == broken
    assert "the queue is away" in (summary.sources[broken[0]].message or "")
    assert summary.enqueued == ["alb"]


def test_a_queue_that_fails_at_first_is_asked_by_the_next_source() -> None:
    world = three()
    failures = iter([True])

    def fail_once(*_: object) -> None:
        if next(failures, False):
            raise StoreError("the queue is away")

    world.queue.before = fail_once
    summary = world.look()
    assert len(summary.broken) == 1
    assert [one.target for one in world.queue.waiting] == ["alb", "alb"]


def test_what_a_target_holds_is_read_once_a_run_however_many_sources_change_their_issuer() -> None:
    world, reads = three(), 0
    held = tuple(certificate(issued(name)).fingerprint for name in ("Root 0", "Root 1"))
    applied = Applied(version="v", sha256="", fingerprints=held, at=world.clock(), proof="bytes")
    record = Record(target="alb", arn=TARGET, applied=applied)
    world.store.seed(keys.record(keys.target(TARGET)), encode(record))
    world.look()

    def before(operation: str, key: str) -> None:
        nonlocal reads
        reads += (operation, key) == ("get", keys.record(keys.target(TARGET)))

    world.answers = {name: [renewed("Root 1")] for name in world.answers}
    world.store.before = before
    most = 0
    while world.kinds.count("issuer-changed") < 3:
        reads = 0
        world.look()
        most = max(most, reads)
    assert most == 1
