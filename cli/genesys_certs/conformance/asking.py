"""Ask a service, and make an answer of what it says, whatever that is."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from genesys_certs.conformance.model import Answer, Fact, Outcome, Probe, not_asked, taken
from genesys_certs.problems import Problem
from rotation_watcher import defects
from rotation_watcher.adapters.aws_errors import NO_ANSWER, code, words

NO_CONNECTION = "no connection"
"""Why nothing is known where the service gave no answer at all."""
_IN_THE_WAY = {
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException", "AuthFailure"),
    *("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "ServiceUnavailable"),
    *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InternalFailure", "InternalError", "SlowDown"),
}
"""Codes that say nothing of what was asked."""


def refusal(error: ClientError, *, means: tuple[str, ...] = (), **facts: Fact) -> Answer:
    """The answer that an error is. ``means``: codes that are the answer here and in the way elsewhere."""
    why = code(error)
    if why in _IN_THE_WAY and why not in means:
        return not_asked(words(error), why)
    return Answer(outcome=Outcome.REFUSED, code=why, text=words(error), facts=facts)


def tried(call: Callable[[], Any], *, means: tuple[str, ...] = ()) -> Answer:
    """Whether the service does it."""
    try:
        call()
    except ClientError as error:
        return refusal(error, means=means)
    return taken()


def ask(probe: Probe, bench: Any) -> Answer:
    """A probe's answer. What stands in its way is one, too: the others are asked all the same."""
    try:
        return probe.ask(bench)
    except ClientError as error:
        return not_asked(f"{error.operation_name}: {words(error)}", code(error))
    except BotoCoreError as error:
        lost = isinstance(error, NO_ANSWER)
        return not_asked(f"{NO_CONNECTION}: {type(error).__name__}" if lost else type(error).__name__)
    except Problem as problem:
        return not_asked(problem.message, problem.code)
    except Exception as error:  # noqa: BLE001  # an answer of a shape that nobody thought of costs one probe, not all
        return not_asked(f"{type(error).__name__} ({'; '.join(defects.trace(error))})")
