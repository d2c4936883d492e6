"""Several stacks at one target: one sees the other, and people are told.

Stacks of one bucket are no matter: its policy lets the functions of one stack write, and it has one. Stacks with
buckets of their own know nothing of each other's records. So what shows the other is looked at: from where a domain
loads, and the mark that a trust store bears (``ports.MarkedTarget``): the bucket of the stack that changed it first.
Nobody writes over a mark, so it is the later stack that tells.
"""

from collections.abc import Iterator
from datetime import datetime

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Observed
from rotation_watcher.alerts.model import Kind, TargetName
from rotation_watcher.expressions import Expression
from rotation_watcher.ports import UNKNOWN, Live
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
    yield Observed(
        PREFIX,
        Kind.TWO_STACKS,
        lambda since: builders.two_stacks(
            target=name, bucket=other, marked=marked, holds_state=marked or own.one, since=since, now=now
        ),
    )


def told(live: Live) -> bool:
    """Whether the target says who works at it: a mark that cannot be read is none that is gone."""
    return live.mark is not UNKNOWN or live.location is not UNKNOWN


def _marked_by(live: Live) -> str | None:
    """The bucket of the stack that has marked it, or from which it loads; None where none of ours is known."""
    if isinstance(live.mark, str):
        return live.mark if BUCKET.fullmatch(live.mark) else None
    place = _DEPLOYED.fullmatch(live.location) if isinstance(live.location, str) else None
    return place["bucket"] if place else None
