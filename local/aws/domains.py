"""Custom domains of API Gateway with mutual TLS: one domain, seen through the REST (v1) and the HTTP (v2) API.

Here is what both share: which truststore a domain uses, the time that an update takes, and the pace at which updates
are taken. A domain keeps the bytes that it read at its last update: a newer object version is
not picked up automatically. While it is UPDATING, the truststore before is still the one in use.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

from moto.core.exceptions import JsonRESTError

from local.aws.bundle_rules import count_blocks, truststore_warnings
from local.aws.knobs import ClockFunction, Knobs

AVAILABLE, UPDATING = "AVAILABLE", "UPDATING"
_S3_URI = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)
"""No URL: what follows the bucket is the key, as it stands."""


class ApiGatewayError(JsonRESTError):
    """An error as either API answers it: the exception's name as the code, and an HTTP status."""

    def __init__(self, name: str, message: str, status: int) -> None:
        super().__init__(name, message)
        self.code = status


@dataclass(frozen=True)
class Place:
    """Where a domain lives. Both APIs of one account and region share it, and the pace of updates."""

    account: str
    region: str

    @classmethod
    def of(cls, response: Any) -> "Place":
        """Return the place that a call to moto is about."""
        return cls(response.current_account, response.region)


@dataclass(frozen=True)
class Truststore:
    """A truststore as a domain has loaded it."""

    uri: str
    version: str | None
    bundle: bytes
    warnings: tuple[str, ...]


@dataclass
class Domain:
    """The mutual TLS of one domain. ``before`` is what clients still meet while an update is under way."""

    truststore: Truststore | None
    before: Truststore | None = None
    reads_left: int = 0
    settles_at: datetime | None = None
    reaches_all_at: datetime | None = None
    routing_mode: str = "API_MAPPING_ONLY"
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules_made: int = 0

    def mutual_tls(self) -> dict[str, Any] | None:
        """Return the mutualTlsAuthentication of an answer, None where it is off; both APIs write it alike."""
        if self.truststore is None:
            return None
        shown: dict[str, Any] = {"truststoreUri": self.truststore.uri}
        if self.truststore.version:
            shown["truststoreVersion"] = self.truststore.version
        return shown | {"truststoreWarnings": list(self.truststore.warnings)}


class Domains:
    """The state of all domains of the server."""

    def __init__(self, clock: ClockFunction, knobs: Knobs) -> None:
        self._clock = clock
        self.knobs = knobs
        self._domains: dict[tuple[Place, str], Domain] = {}
        self._last_update: dict[Place, datetime] = {}
        self.lock = RLock()

    def add(self, place: Place, name: str, truststore: Truststore | None) -> Domain:
        """Remember a new domain; it is AVAILABLE at once."""
        with self.lock:
            return self._domains.setdefault((place, name), Domain(truststore))

    def find(self, place: Place, name: str) -> Domain | None:
        """Return the domain of that name."""
        with self.lock:
            return self._domains.get((place, name))

    def remove(self, place: Place, name: str) -> None:
        """Forget a domain."""
        with self.lock:
            self._domains.pop((place, name), None)

    def status(self, domain: Domain, *, counts: bool) -> str:
        """Return AVAILABLE or UPDATING. A read that ``counts`` is one of the ``settle_reads``."""
        with self.lock:
            if domain.settles_at is not None:
                return UPDATING if self._clock() < domain.settles_at else AVAILABLE
            if domain.reads_left <= 0:
                return AVAILABLE
            if counts:
                domain.reads_left -= 1
            return UPDATING

    def settle(self) -> None:
        """End every update that is under way."""
        with self.lock:
            for domain in self._domains.values():
                domain.reads_left, domain.settles_at, domain.reaches_all_at = 0, None, None

    def in_use(self, place: Place, name: str) -> Truststore | None:
        """Return the truststore that clients of the domain meet now; None where mTLS is off. Raises KeyError."""
        with self.lock:
            domain = self._domains[place, name]
            late = domain.reaches_all_at is not None and self._clock() < domain.reaches_all_at
            return domain.before if late or self.status(domain, counts=False) == UPDATING else domain.truststore

    def account_of(self, region: str, name: str) -> Place:
        """Return where the domain of that name is: in a region one account alone may have it. Raises KeyError."""
        with self.lock:
            found = [place for place, domain in self._domains if domain == name and place.region == region]
        if not found:
            raise KeyError(name)
        return found[0]

    def pace(self, place: Place) -> None:
        """Take the one update that the interval has room for. Raises TooManyRequestsException.

        An update that is refused for another reason has used its place all the same; one that is throttled has not.
        """
        with self.lock:
            now, last = self._clock(), self._last_update.get(place)
            if last is not None and now - last < self.knobs.update_interval:
                raise ApiGatewayError("TooManyRequestsException", "Too Many Requests", 429)
            self._last_update[place] = now

    def ensure_settled(self, domain: Domain) -> None:
        """Raise ConflictException while the domain is UPDATING."""
        if self.status(domain, counts=False) == UPDATING:
            raise ApiGatewayError(
                "ConflictException", "The domain name is being updated; try again when it is available.", 409
            )

    def start_update(self, domain: Domain, truststore: Truststore | None) -> None:
        """Put the domain into UPDATING, towards ``truststore`` (None: mTLS off)."""
        with self.lock:
            domain.before, domain.truststore = domain.truststore, truststore
            delay = self.knobs.settle_delay
            domain.settles_at = None if delay is None else self._clock() + delay
            domain.reads_left = self.knobs.settle_reads if delay is None else 0
            domain.reaches_all_at = self._clock() + (delay or timedelta(0)) + self.knobs.edge_lag

    def load(self, place: Place, uri: str | None, version: str | None) -> Truststore | None:
        """Return the truststore of an ``s3://bucket/key``, None for an empty ``uri``. Raises BadRequestException."""
        if not uri:
            if version:
                raise bad_request("A truststore version needs a truststore URI.")
            return None
        named = _S3_URI.fullmatch(uri)
        if named is None:
            raise bad_request(f"Invalid truststore URI: {uri}")
        stored = self.knobs.read_object(place.account, place.region, named["bucket"], named["key"], version)
        if stored is None or (version and stored.version is None):
            raise bad_request(f"The truststore object, or its version, cannot be found: {uri}")
        too_large = len(stored.body) > self.knobs.max_truststore_bytes
        if too_large or count_blocks(stored.body) > self.knobs.max_truststore_certificates:
            raise bad_request("The truststore is larger than allowed.")
        warnings = (*truststore_warnings(stored.body, self._clock()), *self.knobs.truststore_warnings)
        return Truststore(uri, version or None, stored.body, warnings)


def bad_request(message: str) -> ApiGatewayError:
    """Return the error of a call that makes no sense as it stands."""
    return ApiGatewayError("BadRequestException", message, 400)


def domain_arn(region: str, partition: str, name: str) -> str:
    """Return a domain's ARN; API Gateway's ARNs name no account."""
    return f"arn:{partition}:apigateway:{region}::/domainnames/{name}"
