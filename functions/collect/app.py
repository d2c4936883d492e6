"""Woken by the Scheduler (default every 15 minutes) or by hand; the work is ``rotation_watcher.collect``."""

from rotation_watcher import starting  # before all else

# isort: split
import logging
from typing import Any

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation_watcher import __version__, bootstrap, configuration
from rotation_watcher.adapters.metrics import EmbeddedMetrics
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.collect import Request, SourceSummary, collect
from rotation_watcher.errors import RequestRefused, StoreError, together
from rotation_watcher.sources.observation import Observation

logger = Logger(version=__version__)

watcher = bootstrap.build(EmbeddedMetrics())
ports = watcher.collect  # built while the container starts, once for all its runs
starting.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Answer with the summary of one run.

    The event: ``{"sources": ["us-east-1"], "dry_run": true, "test": true}``, all optional; or ``{"reach": true}``: then
    nothing is done, and the answer says by service of AWS why the network does not let the function through. A
    configuration that is refused is alerted, and the last good one is used. Raises ConfigurationError where there is
    none, RequestRefused, or StoreError after all other sources were served, so that Lambda counts the run as failed.
    """
    if event == {"reach": True}:
        return {"reach": watcher.unreached()}
    try:
        request = msgspec.convert(event, Request)
    except msgspec.ValidationError as error:
        raise RequestRefused(f"the event is not understood: {error}") from error
    delivery = watcher.delivery()
    sink = watcher.sink(Fill.COLLECT, delivery)
    this_run = msgspec.structs.replace(
        ports,
        sink=sink,
        remaining=lambda: context.get_remaining_time_in_millis() / 1000,
        explain=_explain if logger.log_level <= logging.DEBUG else ports.explain,
    )
    configured = configuration.keep(
        watcher.watch,
        watcher.parse,
        ports.store,
        sink,
        ports.clock,
        dry_run=request.dry_run,
        test=request.test,
        remaining=this_run.remaining,
    )
    not_ended: tuple[str, ...] = ()
    if not request.dry_run and (configured.dropped or not configured.noted):
        from rotation_watcher import unwatched  # noqa: PLC0415  # seldom is something taken out

        ends = unwatched.Ports(this_run.store, sink, this_run.clock, this_run.remaining)
        wound_up = unwatched.sources(configured.dropped, configured.watch, ends, noted=configured.noted)
        not_ended, this_run = wound_up.failures, msgspec.structs.replace(this_run, unready=wound_up.unready)
    summary = collect(configured.watch, request, this_run)
    answer = msgspec.to_builtins(summary)
    for mistake in configured.mistakes:
        logger.error("the last good configuration is in use", extra={"mistake": mistake})
    if delivery.waiting:
        answer["waiting"] = delivery.waiting
        logger.warning("alerts wait: nobody has confirmed", extra={"waiting": delivery.waiting})
    logger.info("collected", extra={"summary": answer})
    if configured.mistakes:
        answer["configuration_refused"] = [*configured.mistakes]  # not in that line: one of the log has an end
    undelivered = [words for source in summary.sources.values() for words in source.undelivered]
    undelivered += [*configured.failures, *not_ended, *delivery.failures]
    if summary.broken or undelivered:
        broken = [f"{name}: {summary.sources[name].message}" for name in summary.broken]
        raise StoreError(together([*broken, *undelivered]))
    return answer


def _explain(source: str, observation: Observation | None, summary: SourceSummary) -> None:
    """At DEBUG: a line for each decision about a source."""
    from rotation_watcher import decisions  # noqa: PLC0415  # it loads what publish and refresh_crls need

    for line in decisions.of_source(source, observation) if observation else ():
        logger.debug("decided", extra={"decision": line})
    why = [words for words in (summary.reason, summary.message) if words]
    if not summary.changed:
        why.append("nothing changed, so nothing is written and no target is asked for")
    logger.debug("decided", extra={"decision": {"source": source, "decided": summary.outcome, "why": why}})
