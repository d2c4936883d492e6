"""What ends next of all that is in use, and whether what replaces it is there already. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rotation_watcher.status.model import BundleStatus, Certificate, NextExpiry, SourceStatus


def ends(sources: Iterable[SourceStatus], bundles: Iterable[BundleStatus], now: datetime) -> list[NextExpiry]:
    """All that is in use, the first that ends first. What has ended counts only where it is presented still."""
    found = [*_of_sources(sources, now), *_of_bundles(bundles, now)]
    return sorted(found, key=lambda one: (one.at, one.of, one.fingerprint))


def _of_sources(sources: Iterable[SourceStatus], now: datetime) -> Iterator[NextExpiry]:
    for source in sources:
        for one in source.certificates:
            if one.state != "retiring":
                others = [each for each in source.certificates if each.authority == one.authority]
                yield _ending(one, source.region, others)
        for one in source.anchors:
            if one.not_after >= now:
                yield _ending(one, source.region, [each for each in source.anchors if each.authority == one.authority])


def _of_bundles(bundles: Iterable[BundleStatus], now: datetime) -> Iterator[NextExpiry]:
    for bundle in bundles:
        for one in bundle.certificates:
            if one.state != "retiring" and one.not_after >= now:
                others = [each for each in bundle.certificates if {*each.why} & {*one.why}]
                same = [each for each in others if each.subject == one.subject or each.issuer == one.issuer]
                yield _ending(one, f"bundle {bundle.id}", same)


def _ending(one: Certificate, of: str, others: Iterable[Certificate]) -> NextExpiry:
    return NextExpiry(
        role=one.role,
        of=of,
        subject=one.subject,
        fingerprint=one.fingerprint,
        at=one.not_after,
        successor=any(
            each.not_after > one.not_after and each.state != "retiring" and not each.revoked for each in others
        ),
    )
