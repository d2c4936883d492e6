"""Woken by the Scheduler (default every 15 minutes) or by hand; the work is ``rotation_watcher.collect``."""

from typing import Any

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation_watcher import bootstrap, configuration
from rotation_watcher.adapters.metrics import EmbeddedMetrics
from rotation_watcher.collect import Request, collect
from rotation_watcher.errors import RequestRefused, StoreError

logger = Logger()

watcher = bootstrap.build(EmbeddedMetrics())
ports = watcher.collect  # built while the container starts, once for all its runs


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Answer with the summary of one run.

    The event: ``{"sources": ["us-east-1"], "dry_run": true}``, both optional. A configuration that is
    refused is alerted, and the last good one is used. Raises ConfigurationError where there is none, RequestRefused, or
    StoreError after all other sources were served, so that Lambda counts the run as failed.
    """
    try:
        request = msgspec.convert(event, Request)
    except msgspec.ValidationError as error:
        raise RequestRefused(f"the event is not understood: {error}") from error
    this_run = ports._replace(remaining=lambda: context.get_remaining_time_in_millis() / 1000)
    configured = configuration.keep(
        watcher.watch,
        watcher.parse,
        ports.store,
        ports.sink,
        ports.clock,
        dry_run=request.dry_run,
        remaining=this_run.remaining,
    )
    summary = collect(configured.watch, request, this_run)
    answer = msgspec.to_builtins(summary)
    if configured.mistakes:
        answer["configuration_refused"] = [*configured.mistakes]
    logger.info("collected", extra={"summary": answer})
    undelivered = [words for source in summary.sources.values() for words in source.undelivered]
    undelivered += configured.failures
    if summary.broken or undelivered:
        broken = [f"{name}: {summary.sources[name].message}" for name in summary.broken]
        raise StoreError("; ".join([*broken, *undelivered]))
    return answer
