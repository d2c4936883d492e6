"""TLS listeners of Network Load Balancers in memory, as strict as the embedded AWS: its own rules judge the filters."""

from collections.abc import Sequence

import msgspec

from local.aws import identity_filters
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetNotFound
from rotation_watcher.ports import Filter, Listener
from tests.support.fakes import Watched

STORE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/main/0123456789abcdef"


class FakeListeners(Watched):
    """``ports.FilterTarget`` and ``MarkedTarget``. ``held``: the listeners by ARN, which a test may replace."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Listener] = {}

    def add(self, arn: str, *filters: Filter) -> None:
        """A listener that verifies with a trust store, as the operator made it."""
        settings = {"IgnoreClientCertificateExpiry": False, "AdvertiseTrustStoreCaNames": "off"}
        self.held[arn] = Listener(
            protocol="TLS", mode="verify", trust_store=STORE, filters=tuple(filters), settings=settings, mark=None
        )

    def put(self, arn: str, *filters: Filter) -> None:
        """Somebody else replaces the filters."""
        self.held[arn] = msgspec.structs.replace(self._found(arn), filters=tuple(filters))

    def turn_off(self, arn: str) -> None:
        """Somebody turns mutual TLS off, which takes the filters away."""
        self.held[arn] = Listener(protocol="TLS", mode="off", trust_store=None, mark=self._found(arn).mark)

    def read(self, arn: str) -> Listener:
        """See ``ports.FilterTarget``."""
        self._enter("read", arn)
        found = self._found(arn)
        self.after("read", arn)
        return found

    def update(self, arn: str, filters: Sequence[Filter], *, expected: Listener) -> None:
        """See ``ports.FilterTarget``."""
        self._enter("update", arn)
        found = self._found(arn)
        if not filters:
            raise BundleRejected(f"cannot change {arn}: an empty list")
        if found != msgspec.structs.replace(expected, mark=found.mark):
            raise TargetBusy(f"cannot change {arn}: it was changed since it was read")
        given = [
            {"Field": one.field, "Action": one.action, "MatchType": one.match, "Value": one.value} for one in filters
        ]
        if found.mode != "verify":
            raise BundleRejected(f"cannot change {arn}: it does not verify")
        if why := identity_filters.mistake(given, protocol=found.protocol, mode=found.mode):
            raise BundleRejected(f"cannot change {arn}: {why}")
        self.held[arn] = msgspec.structs.replace(found, filters=tuple(filters))
        self.after("update", arn)

    def mark(self, arn: str, bucket: str) -> None:
        """See ``ports.MarkedTarget``."""
        self._enter("mark", arn)
        self.held[arn] = msgspec.structs.replace(self._found(arn), mark=bucket)
        self.after("mark", arn)

    def _found(self, arn: str) -> Listener:
        if arn not in self.held:
            raise TargetNotFound(f"there is no {arn}")
        return self.held[arn]
