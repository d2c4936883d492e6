"""Woken by the queue behind the alert topic; the work is ``rotation_watcher.slack``."""

from rotation_watcher import starting  # before all else

# isort: split
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation_watcher import __version__, bootstrap_chat
from rotation_watcher.errors import RequestRefused
from rotation_watcher.slack import QueueMessage, post_all

logger = Logger(version=__version__)
starting.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Post the batch; answer with the messages that failed (``batchItemFailures``), which the queue brings again.

    Raises RequestRefused for an event without records. The webhook is read at every run (Powertools keeps the secret
    for five minutes), so a new URL needs no deployment.
    """
    del context
    if "Records" not in event:
        raise RequestRefused(
            "the event is not understood: slack takes what its queue hands over (events/slack-alert.json)"
        )
    messages = [QueueMessage(record["messageId"], record["body"]) for record in event["Records"]]
    outcome = post_all(messages, bootstrap_chat.build())
    logger.info("posted", extra={"posted": outcome.posted, "failed": len(outcome.failed)})
    for words in outcome.errors:
        logger.error(words)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in outcome.failed]}
