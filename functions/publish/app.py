"""Woken by the FIFO queue, the Scheduler, or by hand; the work is ``rotation_watcher.publish``."""

from typing import Any

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation_watcher import bootstrap
from rotation_watcher.errors import RequestRefused, StoreError
from rotation_watcher.publish import Request, publish

logger = Logger()


class _Wish(msgspec.Struct, frozen=True):
    """A message of the queue."""

    target: str


watcher = bootstrap.build()
ports = watcher.publish  # built while the container starts, once for all its runs


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Answer with the summary of one run.

    The event: messages of the queue, or ``{"targets": [...], "dry_run": true}``, ``{"rollback": "id"}``,
    ``{"release": "id"}``, ``{"enqueue": "all"}``; ``{}`` looks at every target. Raises ConfigurationError,
    RequestRefused, or StoreError after all other targets were served, so that Lambda counts the run as failed.
    """
    summary = publish(watcher.watch(), _request(event), ports._replace(owner=context.aws_request_id))
    answer = msgspec.to_builtins(summary)
    logger.info("published", extra={"summary": answer})
    undelivered = [words for target in summary.targets.values() for words in target.undelivered]
    if summary.broken or undelivered:
        told = {name: target.message for name, target in summary.targets.items()} | summary.bundles
        raise StoreError("; ".join([*(f"{name}: {told.get(name)}" for name in summary.broken), *undelivered]))
    return answer


def _request(event: dict[str, Any]) -> Request:
    try:
        if "Records" in event:
            wishes = [msgspec.json.decode(record["body"], type=_Wish) for record in event["Records"]]
            return Request(targets=tuple(wish.target for wish in wishes), skip_unknown_targets=True)
        return msgspec.convert(event, Request)
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise RequestRefused(f"the event is not understood: {error}") from error
