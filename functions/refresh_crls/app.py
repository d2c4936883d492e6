"""Woken by the Scheduler (default every hour) or by hand; the work is ``rotation_watcher.refresh_crls``."""

from rotation_watcher import starting  # before all else

# isort: split
import logging
from typing import Any

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation_watcher import __version__, bootstrap, configuration
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.errors import RequestRefused, StoreError, together
from rotation_watcher.refresh_crls import Request, Summary, refresh_crls

logger = Logger(version=__version__)

watcher = bootstrap.build()
ports = watcher.refresh_crls  # built while the container starts, once for all its runs
starting.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Answer with the summary of one run.

    The event: ``{"dry_run": true}``, optional. A configuration that is refused is replaced by the last good one;
    collect sends the alert about it. Raises ConfigurationError where there is none, RequestRefused, or StoreError after
    all else was done, so that Lambda counts the run as failed. A list that cannot be got is an alert, and no error.
    """
    try:
        request = msgspec.convert(event, Request)
    except msgspec.ValidationError as error:
        raise RequestRefused(f"the event is not understood: {error}") from error
    delivery = watcher.delivery()
    sink = watcher.sink(Fill.REFRESH_CRLS, delivery)
    this_run = msgspec.structs.replace(
        ports, sink=sink, remaining=lambda: context.get_remaining_time_in_millis() / 1000
    )
    configured = configuration.in_use(watcher.watch, watcher.parse, ports.store, dry_run=True)  # publish notes
    for mistake in configured.mistakes:
        logger.error("the last good configuration is in use", extra={"mistake": mistake})
    summary = refresh_crls(configured.watch, request, this_run)
    answer = msgspec.to_builtins(summary)
    if delivery.waiting:
        answer["waiting"] = delivery.waiting
        logger.warning("alerts wait: nobody has confirmed", extra={"waiting": delivery.waiting})
    logger.info("refreshed", extra={"summary": answer})
    if logger.log_level <= logging.DEBUG:
        _explain(summary)
    if failed := [*configured.failures, *summary.broken, *summary.undelivered, *delivery.failures]:
        raise StoreError(together(failed))
    return answer


def _explain(summary: Summary) -> None:
    from rotation_watcher import decisions  # noqa: PLC0415  # it loads what publish needs

    for line in decisions.of_refresh(summary):
        logger.debug("decided", extra={"decision": line})
