"""Build the ports of the functions: the only place that chooses adapters and reads the environment and the clock.

What is costly or keeps state over warm invocations (clients, the token cache) is built once per container; the watch
file is read at every run, so that a change of it needs no deployment.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from rotation_watcher import __version__, config, keys, libraries, settings  # noqa: F401  # libraries: before adapters
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.caching_store import CachingStore
from rotation_watcher.adapters.connections import Connections
from rotation_watcher.adapters.delivery import Delivery
from rotation_watcher.adapters.s3 import S3Store
from rotation_watcher.adapters.sns import SnsSink, SnsSubscribers
from rotation_watcher.adapters.sqs import SqsPublishQueue
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import Origin
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.alerts.recording import Recording
from rotation_watcher.alerts.stamping import Stack, Stamping
from rotation_watcher.config import Watch
from rotation_watcher.errors import ConfigurationError
from rotation_watcher.ports import Clock, Metrics, ObjectStore, Wait
from rotation_watcher.settings import Settings

if TYPE_CHECKING:
    from rotation_watcher.adapters.event_bus import EventBus
    from rotation_watcher.adapters.remembering_store import Lately, Memory
    from rotation_watcher.collect import Ports as CollectPorts
    from rotation_watcher.listed_store import Memory as SourcesMemory
    from rotation_watcher.publish import Ports as PublishPorts
    from rotation_watcher.refresh_crls import Ports as RefreshPorts
    from rotation_watcher.report import Ports as ReportPorts


def utc_now() -> datetime:
    """The wall clock, aware UTC."""
    return datetime.now(UTC)


def sleep(seconds: float) -> None:
    """Sleep for real."""
    time.sleep(seconds)


def told_lately(now: datetime) -> "Lately":
    """What report asks for of the alerts that were delivered: what digests may still tell, and what the page shows."""
    from rotation_watcher.adapters.remembering_store import Lately  # noqa: PLC0415  # report alone
    from rotation_watcher.digests import KEPT  # noqa: PLC0415  # see above
    from rotation_watcher.status.told import READ  # noqa: PLC0415  # see above

    return Lately(keys.ALERT_LOG, [keys.told_on(now - KEPT * many) for many in (1, 4, 16)], READ)


class _NoMetrics:
    """Metrics that are discarded."""

    def count(self, name: str, value: float = 1) -> None:
        """Discard it."""


class Watcher:
    """The ports of the scheduled functions, built from one environment, each at its first use.

    A function loads its own use case and adapters alone, and a client is made when it is first used: what only some
    runs need costs no cold start (docs/decisions/0051).
    """

    def __init__(self, settings: Settings, metrics: Metrics, clock: Clock, wait: Wait) -> None:
        self.settings = settings
        self._metrics = metrics
        self._clock = clock
        self._wait = wait

    @cached_property
    def store(self) -> ObjectStore:
        """The stack's bucket."""
        return CachingStore(self._bucket(self._s3))

    @cached_property
    def collect(self) -> "CollectPorts":
        """The ports of collect."""
        from rotation_watcher.adapters.genesys import Genesys, make_client  # noqa: PLC0415  # collect alone
        from rotation_watcher.adapters.secrets import AwsSecrets  # noqa: PLC0415  # collect alone
        from rotation_watcher.collect import Ports  # noqa: PLC0415  # see above

        return Ports(
            store=self.store,
            secrets=AwsSecrets(),
            genesys=Genesys(self._clock, partial(make_client, self.settings.ca_file)),
            sink=self.sink(Fill.COLLECT),
            queue=self.queue,
            metrics=self._metrics,
            clock=self._clock,
            memory=lambda: self._known_sources,
        )

    @cached_property
    def _known_sources(self) -> "SourcesMemory":
        from rotation_watcher.listed_store import Memory  # noqa: PLC0415  # of use to large stacks alone

        return Memory()

    @cached_property
    def publish(self) -> "PublishPorts":
        """The ports of publish; ``owner`` must be replaced by the run's id."""
        from rotation_watcher import run_store  # noqa: PLC0415  # publish alone
        from rotation_watcher.adapters.registry import FilterTargets, OtherPlaces, TrustTargets  # noqa: PLC0415  # publish alone
        from rotation_watcher.publish import Ports  # noqa: PLC0415  # see above

        return Ports(
            store=CachingStore(self.store, indexes=True),
            targets=TrustTargets(self._connections),
            listeners=FilterTargets(self._connections),
            sink=self.sink(Fill.PUBLISH),
            queue=self.queue,
            clock=self._clock,
            wait=self._wait,
            owner="",
            claim_for=self.settings.claim_for,
            sweep_every=self.settings.sweep_every,
            memory=run_store.Memory(),
            abroad=OtherPlaces(self.settings.region_buckets, self._connections, owner=self.settings.account),
        )

    @cached_property
    def refresh_crls(self) -> "RefreshPorts":
        """The ports of refresh_crls. Only that function loads what it needs: httpcore takes longer than all of ours."""
        from rotation_watcher.adapters.crl_http import HttpDistributionPoints  # noqa: PLC0415  # see above
        from rotation_watcher.refresh_crls import Ports  # noqa: PLC0415

        return Ports(
            store=self.store,
            points=HttpDistributionPoints(),
            sink=self.sink(Fill.REFRESH_CRLS),
            queue=self.queue,
            clock=self._clock,
        )

    def report(self) -> "ReportPorts":
        """The ports of one run of report. What a run has read, the next asks for only where it has changed."""
        from rotation_watcher.adapters.file_events import SqsFileEvents  # noqa: PLC0415  # report alone
        from rotation_watcher.adapters.remembering_store import RememberingStore  # noqa: PLC0415  # report alone
        from rotation_watcher.report import Ports  # noqa: PLC0415  # it loads the engine of the page

        lately = told_lately(self._clock())
        folders = (keys.ALERT_LOG, *keys.DECIDING, "bundles/", "crls/", "sources/", "status/", "targets/")
        url, place = self.settings.file_events_url, keys.place(self.settings.watch_file)
        events = SqsFileEvents(self._connections.client("sqs"), url, self.settings.bucket) if url else None
        return Ports(
            store=RememberingStore(self._bucket(self._s3), self._memory, folders, skip=keys.ADDED, lately=lately),
            clock=self._clock,
            metrics=self._metrics,
            subscribers=SnsSubscribers(self._connections.client("sns"), self.settings.topic_arn),
            sink=self.sink(Fill.REPORT),
            stack=self.settings.stack,
            account=self.settings.account or "",
            fills=self._stack(None).fills(),
            events=events,
            watch_file=place.key if place is not None and place.bucket == self.settings.bucket else "",
        )

    @cached_property
    def _memory(self) -> "Memory":
        from rotation_watcher.adapters.remembering_store import Memory  # noqa: PLC0415  # report alone

        return Memory()

    def watch(self) -> Watch:
        """The watch file, read anew or made of the parameters. Raises ConfigurationError, StoreError."""
        mistakes = self.settings.mistakes
        try:
            found = self._read_watch()
        except ConfigurationError as error:
            raise ConfigurationError([*mistakes, *error.mistakes]) from error
        if mistakes:
            raise ConfigurationError(mistakes)
        return found

    def _read_watch(self) -> Watch:
        chosen = self.settings
        if not chosen.watch_file:
            return config.simple(
                mode=chosen.mode,
                region=chosen.genesys_region,
                authorities=chosen.authorities,
                credentials=chosen.credential_arns,
                targets=chosen.target_arns,
                stack_region=chosen.region,
                stack_account=chosen.account,
                elsewhere=self._elsewhere,
            )
        place = keys.place(chosen.watch_file)
        if place is None:
            raise ConfigurationError([f"WatchFileUri: {chosen.watch_file!r} is no s3://bucket/key"])
        own = place.bucket == chosen.bucket
        owner = chosen.account if own else chosen.watch_file_account
        stored = S3Store(self._s3, place.bucket, owner=owner).get(place.key)
        if stored is None:
            whose = "" if own else f", or its bucket is not of account {owner} (parameter WatchFileAccount)"
            raise ConfigurationError([f"{chosen.watch_file}: does not exist, or this function may not read it{whose}"])
        return config.load(
            stored.body,
            stack_region=chosen.region,
            stack_account=chosen.account,
            elsewhere=self._elsewhere,
            name=chosen.watch_file,
        )

    def parse(self, document: object) -> Watch:
        """A watch file that was kept, for this stack. Raises ConfigurationError."""
        chosen = self.settings
        return config.from_kept(
            document, stack_region=chosen.region, stack_account=chosen.account, elsewhere=self._elsewhere
        )

    @property
    def _elsewhere(self) -> config.Elsewhere:
        return config.Elsewhere(self.settings.region_buckets, self.settings.target_roles)

    @cached_property
    def _connections(self) -> Connections:
        return Connections(authorizer=self.settings.authorizer_arn, account=self.settings.account)

    @property
    def _s3(self) -> Any:
        return self._connections.client("s3")

    def _bucket(self, client: Any) -> S3Store:
        return S3Store(client, self.settings.bucket, owner=self.settings.account)

    def unreached(self) -> dict[str, str]:
        """By service of AWS that collect calls, why the network does not let it through; empty where it does."""
        from rotation_watcher.adapters import network  # noqa: PLC0415  # asked for by hand alone

        client, secrets = self._connections.client, {arn.split(":")[2] for arn in self.settings.credential_arns}
        asked = {"s3": client("s3"), "sns": client("sns"), "sqs": client("sqs")}
        asked |= {"events": client("events")} if self.settings.event_bus else {}
        asked |= {"ssm": client("ssm")} if "ssm" in secrets else {}
        asked |= {"secretsmanager": client("secretsmanager")} if "secretsmanager" in secrets else {}
        urls = {name: str(one.meta.endpoint_url) for name, one in asked.items()}
        return network.failures(urls)

    def delivery(self) -> Delivery:
        """The way of alerts out of the stack, for one run."""
        client, topic, bus = self._connections.client("sns"), self.settings.topic_arn, self.settings.event_bus
        return Delivery(SnsSink(client, topic), SnsSubscribers(client, topic), self._events(bus), self._wait)

    def _events(self, bus: str | None) -> "EventBus | None":
        if not bus:
            return None
        from rotation_watcher.adapters.event_bus import EventBus  # noqa: PLC0415  # few stacks have one

        return EventBus(self._connections.client("events"), bus)

    def sink(self, function: Fill, delivery: Delivery | None = None) -> AlertSink:
        """Where alerts of that function go: what only the environment knows is put on them here."""
        way = delivery or self.delivery()
        kept = Recording(way, self.store, lambda: self._hasty_store, self._clock, way.as_event)
        return Stamping(kept, self._stack(function))

    @cached_property
    def _hasty_store(self) -> ObjectStore:
        """The bucket, for what nobody waits for."""
        return self._bucket(clients.make("s3", config=clients.HASTY))

    def _stack(self, function: Fill | None) -> Stack:
        chosen = self.settings
        return Stack(
            origin=Origin(
                stack=chosen.stack,
                account=chosen.account or "",
                environment=chosen.environment,
                region=chosen.region,
                version=__version__,
            ),
            partition=chosen.topic_arn.split(":")[1],
            bucket=chosen.bucket,
            functions={function: chosen.own_name} if function and chosen.own_name else {},
            log_group=chosen.log_group,
            runbook=chosen.runbook,
        )

    @cached_property
    def queue(self) -> SqsPublishQueue:
        """The queue in front of publish."""
        return SqsPublishQueue(self._connections.client("sqs"), self.settings.queue_url)


def build(
    metrics: Metrics | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock = utc_now,
    wait: Wait = sleep,
) -> Watcher:
    """The watcher of this environment. Raises ConfigurationError naming every variable that is missing."""
    settings.forget_key_log(os.environ)
    chosen = settings.from_environment(os.environ if environment is None else environment)
    return Watcher(chosen, metrics or _NoMetrics(), clock, wait)
