"""What ends next of all that is in use, and whether what replaces it is there already. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from rotation_watcher.status.model import BundleStatus, Certificate, NextExpiry, SourceStatus

_SEEN_WITHIN = timedelta(hours=1)
"""How long after its end the rotation away from a leaf may not be seen yet."""
_NEAR, _NOW = 30, 7
"""How many days before it ends something without a successor is to be looked at, and acted upon."""
_THIRD, _SIXTH = 3, 6
"""What lives a year is replaced weeks before its end, what lives a month days before: most with a third of it left."""


def days_before(begins: datetime | None, end: datetime, days: int, part: int = _THIRD) -> int:
    """How many days before an end a number of days counts from: in the last third of a life at the earliest.

    A leaf of 47 days has less than 90, 60 and 30 days left on most days of its life; none of them says anything.
    """
    return days if begins is None else min(days, max((end - begins).days // part, 0))


def near_days(one: NextExpiry) -> int:
    """How many days before its end it is to be looked at, if it has no successor."""
    return days_before(one.begins, one.at, _NEAR)


def now_days(one: NextExpiry) -> int:
    """How many days before its end it is to be acted upon, if it has no successor."""
    return days_before(one.begins, one.at, _NOW, _SIXTH)


def ends(
    sources: Iterable[SourceStatus], bundles: Iterable[BundleStatus], now: datetime, *, ended: bool = False
) -> list[NextExpiry]:
    """All that is in use, the first that ends first. A leaf that has ended counts only where it is presented still.

    What that leaf's successor is worth is not that it is announced: it must be presented. ``ended``: all else that has
    ended counts too.
    """
    found = [*_of_sources(sources, now, ended=ended), *_of_bundles(bundles, now, ended=ended)]
    return sorted(found, key=lambda one: (one.at, one.of, one.fingerprint))


def _of_sources(sources: Iterable[SourceStatus], now: datetime, *, ended: bool) -> Iterator[NextExpiry]:
    for source in sources:
        for one in source.certificates:
            if one.state != "retiring":
                late = one.not_after + _SEEN_WITHIN <= now
                same = [each for each in source.certificates if each.authority == one.authority]
                yield _ending(one, source.region, [each for each in same if not late or each.state == "current"])
        for one in source.anchors:
            if ended or one.not_after >= now:
                yield _ending(one, source.region, [each for each in source.anchors if each.authority == one.authority])


def _of_bundles(bundles: Iterable[BundleStatus], now: datetime, *, ended: bool) -> Iterator[NextExpiry]:
    for bundle in bundles:
        for one in bundle.certificates:
            if one.state != "retiring" and (ended or one.not_after >= now):
                others = [each for each in bundle.certificates if {*each.why} & {*one.why}]
                same = [each for each in others if each.subject == one.subject or each.issuer == one.issuer]
                yield _ending(one, f"bundle {bundle.id}", same)


def _ending(one: Certificate, of: str, others: Iterable[Certificate]) -> NextExpiry:
    return NextExpiry(
        role=one.role,
        of=of,
        subject=one.subject,
        fingerprint=one.fingerprint,
        begins=one.not_before,
        at=one.not_after,
        successor=any(
            each.not_after > one.not_after and each.state != "retiring" and not each.revoked for each in others
        ),
    )
