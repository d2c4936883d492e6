"""What there is to know of a revocation list without reading one: most runs read none."""

from datetime import datetime

import msgspec

from rotation_watcher.clocks import Instant

MAX_BYTES = 50 * 1024 * 1024
"""The longest list that is read, in bytes as it came: ALB's limit of a revocation file."""


class CrlFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One list as plain data, for manifests and to hold the next list against.

    ``fingerprint`` is the SHA-256 of the DER in lower-case hex; ``issuer`` is for people, at most 200 characters, and
    may hold hostile text; ``number`` is the CRL number in upper-case hex without leading zeros, None where the list has
    none; times are aware UTC; ``entries`` counts the entries as they stand, as AWS's ``NumberOfRevokedEntries`` does.
    """

    fingerprint: str
    issuer: str
    number: str | None
    this_update: Instant
    next_update: Instant | None
    entries: int

    @property
    def order(self) -> tuple[datetime, int]:
        """What grows from one list of a point to the next."""
        return order_of(self.this_update, self.number)


def order_of(this_update: datetime, number: str | None) -> tuple[datetime, int]:
    """What grows from one list of a point to the next: ``thisUpdate``, then the CRL number (hex)."""
    return this_update, int(number or "0", 16)
