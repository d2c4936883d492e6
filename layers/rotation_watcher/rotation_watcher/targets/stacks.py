"""Several stacks at one target: one sees the other, and people are told.

Stacks of one bucket are no matter: its policy lets the functions of one stack write, and it has one. Stacks with
buckets of their own know nothing of each other's records. So what shows the other is looked at: from where a domain
loads, and the mark that a trust store or a listener bears (``ports.MarkedTarget``): the bucket of the stack that
changed it first. Nobody writes over a mark, so it is the later stack that tells.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Observed
from rotation_watcher.alerts.model import Kind, TargetName
from rotation_watcher.errors import TargetError
from rotation_watcher.expressions import Expression
from rotation_watcher.ports import UNKNOWN, Live, MarkedTarget, Unknown
from rotation_watcher.targets import places
from rotation_watcher.targets.plan import Buckets
from rotation_watcher.targets.record import Record

PREFIX = "two-stacks"
"""Conditions of this prefix."""
BUCKET = Expression(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_DEPLOYED = Expression(rf"s3://(?P<bucket>{BUCKET.pattern})/targets/[a-z0-9-]{{1,63}}/bundle\.pem")


def observed(live: Live, record: Record, own: Buckets, name: TargetName, now: datetime) -> Iterator[Observed]:
    """That another stack than the one with these buckets works at the target."""
    other = _marked_by(live)
    if other is None or other in own:
        return
    if places.exchanged(record, live, own):
        return
    marked = isinstance(live.mark, str)
    yield _observed(other, name, now, marked=marked, holds_state=marked or own.one)


def at_listener(mark: str | Unknown | None, own: str, name: TargetName, now: datetime) -> Iterator[Observed]:
    """That another stack than the one with the bucket ``own`` works at a listener with this mark."""
    other = _bucket_of(mark)
    if other is not None and other != own:
        yield _observed(other, name, now, marked=True, holds_state=True)


def mark(adapter: object, arn: str, bucket: str) -> None:
    """Mark a target as the stack's with this bucket, for the next one to see. It works without a mark all the same."""
    if isinstance(adapter, MarkedTarget):
        with suppress(TargetError):
            adapter.mark(arn, bucket)


def _observed(bucket: str, name: TargetName, now: datetime, *, marked: bool, holds_state: bool) -> Observed:
    return Observed(
        PREFIX,
        Kind.TWO_STACKS,
        lambda since: builders.two_stacks(
            target=name, bucket=bucket, marked=marked, holds_state=holds_state, since=since, now=now
        ),
    )


def told(live: Live) -> bool:
    """Whether the target says who works at it: a mark that cannot be read is none that is gone."""
    return live.mark is not UNKNOWN or live.location is not UNKNOWN


def _marked_by(live: Live) -> str | None:
    """The bucket of the stack that has marked it, or from which it loads; None where none of ours is known."""
    if isinstance(live.mark, str):
        return _bucket_of(live.mark)
    place = _DEPLOYED.fullmatch(live.location) if isinstance(live.location, str) else None
    return place["bucket"] if place else None


def _bucket_of(mark: str | Unknown | None) -> str | None:
    """What it names; None where it names no bucket: people may set any tag."""
    return mark if isinstance(mark, str) and BUCKET.fullmatch(mark) else None
