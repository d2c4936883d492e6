"""Woken by the FIFO queue, the Scheduler, EventBridge, or by hand; the work is ``rotation_watcher.publish``."""

from rotation_watcher import starting  # before all else

# isort: split
import logging
from typing import Any

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation_watcher import __version__, bootstrap, configuration
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.errors import StoreError, together
from rotation_watcher.publish import Summary, publish
from rotation_watcher.targets.requests import Changed, PublishCall, Queued, Sweep, decode_request

logger = Logger(version=__version__)
_NO_TARGET = (
    "the stack lists targets (TargetArns) or roles for them (TargetRoleArns), and the configuration in use names none:"
    " none is kept up to date"
)

watcher = bootstrap.build()
ports = watcher.publish  # built while the container starts, once for all its runs
starting.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Answer with the summary of one run; to the queue, with the messages that are to come back.

    The event: messages of the queue; EventBridge's event that somebody changed a target; or ``{"targets": [...]}``,
    ``{"rollback": "id", "to": "version"}``, ``{"release": "id"}``, ``{"sweep": true}``, each also with
    ``"dry_run": true``; ``{}`` serves every target.
    A configuration that is refused is replaced by the last good one; collect sends the alert about it. So is one that
    cannot be read, which fails the run.
    Raises ConfigurationError, RequestRefused, or StoreError after all other targets were served, so that Lambda counts
    the run as failed.
    """
    delivery = watcher.delivery()
    sink = watcher.sink(Fill.PUBLISH, delivery)
    this_run = msgspec.structs.replace(
        ports,
        owner=context.aws_request_id,
        sink=sink,
        remaining=lambda: context.get_remaining_time_in_millis() / 1000,
    )

    def run(request: PublishCall) -> Summary:
        dry_run = not isinstance(request, Queued | Changed) and request.dry_run
        configured = configuration.in_use(watcher.watch, watcher.parse, ports.store, dry_run=dry_run)
        for words in configured.failures:
            logger.error(words)
        for mistake in configured.mistakes:
            logger.error("the last good configuration is in use", extra={"mistake": mistake})
        wound_up: tuple[str, ...] = ()
        if configured.dropped:
            from rotation_watcher import unwatched  # noqa: PLC0415  # seldom is something taken out

            ends = unwatched.Ports(this_run.store, sink, this_run.clock, this_run.remaining)
            wound_up = unwatched.targets(configured.dropped, configured.watch, ends)
        summary = publish(configured.watch, request, this_run)
        logger.info("published", extra={"summary": summary.short()})
        if logger.log_level <= logging.DEBUG:
            _explain(summary)
        for words in summary.passed_over:
            logger.warning(words)
        if delivery.waiting:
            logger.warning("alerts wait: nobody has confirmed", extra={"waiting": delivery.waiting})
        listed = watcher.settings.target_arns or watcher.settings.target_roles
        idle = isinstance(request, Sweep) and not configured.watch.targets and listed
        others = [*configured.failures, *([_NO_TARGET] if idle else []), *wound_up, *delivery.failures]
        if failures := summary.failures(others):
            raise StoreError(together(failures))
        return summary

    request = decode_request(event)
    if isinstance(request, Queued):
        from rotation_watcher import messages  # noqa: PLC0415  # a sweep has none

        back = messages.serve(request, run, watcher.queue, ports.clock)
        return {"batchItemFailures": [{"itemIdentifier": name} for name in back]}
    return msgspec.to_builtins(run(request))


def _explain(summary: Summary) -> None:
    from rotation_watcher import decisions  # noqa: PLC0415  # it loads what refresh_crls needs

    for line in decisions.of_publish(summary):
        logger.debug("decided", extra={"decision": line})
