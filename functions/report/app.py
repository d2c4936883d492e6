"""Woken by the Scheduler (every 5 minutes) or by hand; the work is ``rotation_watcher.report``."""

from rotation_watcher import starting  # before all else

# isort: split
from typing import Any

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation_watcher import __version__, bootstrap, configuration
from rotation_watcher.adapters.metrics import EmbeddedMetrics
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.errors import RequestRefused, StoreError, together
from rotation_watcher.report import Request, changed_files, report

logger = Logger(version=__version__)

watcher = bootstrap.build(EmbeddedMetrics())
starting.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Answer with the summary of one run.

    The event: ``{"dry_run": true}`` or ``{"again": true}``, both optional. A configuration that is refused is replaced
    by the last good one; collect sends the alert about it. Raises ConfigurationError where there is none,
    RequestRefused, or StoreError where the page cannot be written, or, after all else was done, where an alert was not
    taken, so that Lambda counts the run as failed.
    """
    try:
        request = msgspec.convert(event, Request)
    except msgspec.ValidationError as error:
        raise RequestRefused(f"the event is not understood: {error}") from error
    delivery = watcher.delivery()
    ports = msgspec.structs.replace(
        watcher.report(),
        sink=watcher.sink(Fill.REPORT, delivery),
        remaining=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    files = changed_files(request, ports)
    configured = configuration.in_use(watcher.watch, watcher.parse, ports.store, dry_run=True)  # publish notes
    summary = report(configured.watch, request, ports, files)
    answer = msgspec.to_builtins(summary)
    if "unheard" in answer:
        logger.warning(answer["unheard"])
    for one in summary.files_unsaid:
        logger.warning(one)
    if delivery.waiting:
        answer["waiting"] = delivery.waiting
        logger.warning("alerts wait: nobody has confirmed", extra={"waiting": delivery.waiting})
    logger.info("reported", extra={"summary": answer})
    if configured.mistakes:
        answer["configuration_refused"] = [*configured.mistakes]  # collect and publish log them
    if failed := [*configured.failures, *summary.undelivered, *delivery.failures]:
        raise StoreError(together(failed))
    return answer
