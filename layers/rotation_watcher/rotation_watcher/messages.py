"""What becomes of the queue's messages after a run: done, back at their target's turn, or given up.

Lambda leaves the messages of a run that fails in the queue, where each hides those behind it for half an hour. A
message says no more than *reconcile this target now*, and the schedule says so again soon: so a run that fails takes
its messages off the queue first, and fails then, so that Lambda counts it. Only a run that was killed leaves them.
"""

import math
from collections.abc import Callable
from contextlib import suppress

from rotation_watcher.errors import StoreError
from rotation_watcher.ports import Clock, ReceivedMessages
from rotation_watcher.publish import Summary
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.pace import HORIZON
from rotation_watcher.targets.requests import Message, Queued

POSTPONED = 2
"""How often a message comes back at most: the queue counts, and sets aside what came too often (maxReceiveCount)."""


def serve(request: Queued, run: Callable[[Queued], Summary], queue: ReceivedMessages, clock: Clock) -> list[str]:
    """Run, and return the ids of the messages that are to come back, for Lambda (``batchItemFailures``).

    Raises what ``run`` raises, with the messages off the queue.
    """
    try:
        summary = run(request)
    except Exception:
        for message in request.messages:
            with suppress(StoreError):  # then the queue brings it again, late; the run's own error is what counts
                queue.acknowledge(message.receipt)
        raise
    return [message.id for message in request.messages if _postponed(message, summary, queue, clock)]


def _postponed(message: Message, summary: Summary, queue: ReceivedMessages, clock: Clock) -> bool:
    """Whether the message comes back: when its target's turn is, or when one can be promised."""
    target = summary.targets.get(message.target or "")
    if target is None or message.receives > POSTPONED:
        return False
    wait = target.again - clock() if target.again else HORIZON
    if wait > HORIZON or (target.again is None and target.outcome is not Outcome.PUT_OFF):
        return False
    try:
        queue.postpone(message.receipt, max(math.ceil(wait.total_seconds()), 1))
    except StoreError:
        return False  # the schedule asks again
    return True
