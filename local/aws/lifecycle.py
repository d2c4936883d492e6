"""A bucket's lifecycle rules on virtual time, as "Managing the lifecycle of objects" of the S3 User Guide states them.

A rule with ``ExpirationInDays`` puts a delete marker on an object that is so many days old, one with
``NoncurrentVersionExpiration`` removes a version so many days after it was succeeded, both at the next midnight UTC. Of
several rules for one object the earliest counts. One with ``TagFilters`` takes the versions that bear all of these tags
themselves: S3 keeps tags for each version; that its lifecycle goes by those no page says in so many words.
A delete marker that is alone goes as well, by a rule with ``ExpirationInDays`` and no other ("Expiring objects", same
guide). moto stamps objects with the wall's time, so what is new is stamped at each ``look``. Rules of other kinds than
the template has are refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeDeleteMarker, FakeKey, s3_backends

DAY = timedelta(days=1)
_KNOWN = {
    "Id",
    "Status",
    "Prefix",
    "TagFilters",
    "ExpirationInDays",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
}


class Version(NamedTuple):
    """One version of an object. ``since``: when it came; ``succeeded``: when it stopped being the current one."""

    key: str
    id: str
    marker: bool
    bytes: int
    since: datetime
    succeeded: datetime | None
    tags: frozenset[tuple[str, str]] = frozenset()


class Lifecycle:
    """The rules of a template's bucket, applied to a bucket of the embedded AWS.

    Raises ValueError for a rule that it does not know.
    """

    def __init__(self, s3: Any, bucket: str, rules: Sequence[Mapping[str, Any]]) -> None:
        for rule in rules:
            if unknown := {*rule} - _KNOWN:
                raise ValueError(f"rule {rule.get('Id')}: {sorted(unknown)} is not simulated")
        self._s3, self._bucket = s3, bucket
        self._rules = [rule for rule in rules if rule["Status"] == "Enabled"]
        self._since: dict[str, datetime] = {}
        self._succeeded: dict[str, datetime] = {}

    def look(self, now: datetime) -> list[Version]:
        """Every version there is; what is new is stamped ``now`` (aware UTC)."""
        found = []
        for one, newest in self._listed():
            name, marker = str(one.version_id), isinstance(one, FakeDeleteMarker)
            self._since.setdefault(name, now)
            if not newest:
                self._succeeded.setdefault(name, now)
            size = 0 if isinstance(one, FakeDeleteMarker) else int(one.size)
            since, succeeded = self._since[name], self._succeeded.get(name)
            found.append(Version(one.name, name, marker, size, since, succeeded, _tags(one)))
        return found

    def apply(self, now: datetime) -> list[Version]:
        """Remove what is due, and put markers; what was removed."""
        gone = []
        versions = self.look(now)
        counts: dict[str, int] = {}
        for one in versions:
            counts[one.key] = counts.get(one.key, 0) + 1
        for one in versions:
            if one.succeeded is not None:
                due = self._due(one, one.succeeded, "noncurrent")
            elif one.marker:
                alone = counts[one.key] == 1 and self._due(one, one.since, "current") is not None
                due = now if alone else None
            else:
                due = None
                if (old := self._due(one, one.since, "current")) is not None and old <= now:
                    self._s3.delete_object(Bucket=self._bucket, Key=one.key)  # puts a marker
            if due is not None and due <= now:
                self._s3.delete_object(Bucket=self._bucket, Key=one.key, VersionId=one.id)
                gone.append(one)
        return gone

    def _due(self, version: Version, since: datetime, what: str) -> datetime | None:
        """When the earliest rule for it takes effect: at the midnight that follows the days."""
        days = []
        for rule in self._rules:
            tags = {(one["Key"], one["Value"]) for one in rule.get("TagFilters", ())}
            if version.key.startswith(rule.get("Prefix", "")) and tags <= version.tags:
                noncurrent = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
                days.append(noncurrent if what == "noncurrent" else rule.get("ExpirationInDays"))
        least = min((int(one) for one in days if one is not None), default=None)
        if least is None:
            return None
        end = since + least * DAY
        return end.replace(hour=0, minute=0, second=0, microsecond=0) + DAY

    def _listed(self) -> Iterator[tuple[FakeKey | FakeDeleteMarker, bool]]:
        """Versions and markers, those of one key together, the newest first; with whether it is that one.

        From moto's state: its answer to ListObjectVersions takes a millisecond for each version.
        """
        held = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[self._bucket].keys
        for key in sorted(held):
            for place, one in enumerate(reversed(held.getlist(key))):
                yield one, place == 0


def _tags(one: FakeKey | FakeDeleteMarker) -> frozenset[tuple[str, str]]:
    if isinstance(one, FakeDeleteMarker):
        return frozenset()
    return frozenset(s3_backends[DEFAULT_ACCOUNT_ID]["aws"].tagger.get_tag_dict_for_resource(one.arn).items())


def content(bucket: str, key: str, version: str | None = None) -> bytes:
    """What an object holds, from moto's state. Raises KeyError."""
    found = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_object(bucket, key, version)
    if not isinstance(found, FakeKey):
        raise KeyError(key)
    return bytes(found.value)
