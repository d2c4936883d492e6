"""Whom an alert is about: a source or a target; what all alerts about one have in common is filled in here."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from rotation_watcher.alerts import Alert, Kind, Severity, alert_id
from rotation_watcher.messages.wording import headline, plain

AUTHORITY = 20
"""The most characters of an authority's name: the API may call one anything."""


class SourceName(msgspec.Struct, frozen=True):
    """A source as alerts name it."""

    id: str
    region: str


class TargetName(msgspec.Struct, frozen=True):
    """A target as alerts name it. ``label`` says what it is, in words: ``ALB trust store main``."""

    id: str
    arn: str
    label: str


class Words(NamedTuple):
    """The sentences of an alert. A line break opens a command, which is shown as it stands, to be copied."""

    title: str
    happened: str
    means: str
    do: str


def about_source(
    kind: Kind,
    severity: Severity,
    source: SourceName,
    authority: str | None,
    distinction: str,
    words: Words,
    facts: Mapping[str, str],
    now: datetime,
) -> Alert:
    """Build an alert about a source. Its id names the authority too, where one is given."""
    known = None if authority is None else plain(authority, AUTHORITY)
    return Alert(
        id=alert_id(kind, source.id if known is None else f"{source.id}:{known}", distinction),
        kind=kind,
        severity=severity,
        at=now,
        source=source.id,
        region=source.region,
        authority=known,
        title=headline(source.region, words.title),
        what_happened=words.happened,
        what_it_means=words.means,
        what_to_do=words.do,
        facts=facts,
    )


def about_target(
    kind: Kind,
    severity: Severity,
    target: TargetName,
    distinction: str,
    words: Words,
    facts: Mapping[str, str],
    now: datetime,
) -> Alert:
    """Build an alert about a target; its facts open with the target's id and ARN."""
    return Alert(
        id=alert_id(kind, target.id, distinction),
        kind=kind,
        severity=severity,
        at=now,
        target=target.id,
        title=headline(target.label, words.title),
        what_happened=words.happened,
        what_it_means=words.means,
        what_to_do=words.do,
        facts={"target": target.id, "ARN": target.arn, **facts},
    )
