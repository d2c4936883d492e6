"""CloudFront trust stores and the distributions that verify with them; moto has distributions alone.

Members, codes and statuses are those of botocore's model; the rules of bundles and the quotas those of the developer
guide (decision 0052). What no document says, and is assumed: an update that is taken leaves a new ETag, which stays as
it is when ``pending`` becomes ``active`` or ``failed``; the number of certificates changes when it becomes ``active``;
what failed leaves what was loaded before; what cannot be loaded at all (no such object, another region) is an
InvalidArgument at once (probes ``cloudfront.etag.settling``, ``cloudfront.error.no-object``). Whether a bad bundle is
refused at once or found out later is a knob.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any

from moto.cloudfront import urls
from moto.cloudfront.exceptions import CloudFrontException
from moto.cloudfront.models import cloudfront_backends
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.utilities.utils import get_partition

from local.aws.bundle_rules import CLOUDFRONT_KEYS, BundleRefused, trust_store_certificates
from local.aws.knobs import ClockFunction, Knobs

_PATHS = (
    "{0}/2020-05-31/trust-store$",
    "{0}/2020-05-31/trust-stores$",
    "{0}/2020-05-31/trust-store/(?P<id>[^/]+)$",
    "{0}/2020-05-31/distributionsByTrustStore$",
)
_REGION = re.compile(r"[a-z]{2}-[a-z]+-\d")
_SUMMARY = (
    *("Aliases", "Origins", "DefaultCacheBehavior", "CacheBehaviors", "CustomErrorResponses", "Comment", "PriceClass"),
    *("Enabled", "ViewerCertificate", "Restrictions", "WebACLId", "HttpVersion", "IsIPV6Enabled", "ViewerMtlsConfig"),
)
_A_PAGE = 100


@dataclass
class CloudFrontTrustStore:
    """One trust store. ``bundle`` is what viewers meet, ``asked`` what the last update brought and is not loaded yet.

    ``failure`` is why the last one was not loaded (empty: it was, or will be); ``stale``: so many reads more show the
    state before the last update.
    """

    id: str
    arn: str
    name: str
    bundle: bytes
    etag: str
    changed: datetime
    asked: bytes | None = None
    settles_at: datetime | None = None
    failure: str = ""
    ocsp: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    stale: int = 0


class CloudFrontTrustStores:
    """All trust stores of the server, and the operations on them. ``reasons``: why the next loads fail, in turn.

    ``status_of``: a distribution's status, by its id.
    """

    def __init__(self, clock: ClockFunction, knobs: Knobs) -> None:
        self._clock = clock
        self._knobs = knobs
        self._stores: dict[str, CloudFrontTrustStore] = {}
        self.reasons: list[str] = []
        self.status_of: Callable[[str], str] = lambda _distribution: "Deployed"
        self._lock = RLock()

    def operations(self) -> dict[str, Callable[[CloudFrontResponse], ActionResult]]:
        """Return the handlers by moto's names of the operations."""
        return {
            "create_trust_store": self._create,
            "get_trust_store": self._get,
            "update_trust_store": self._update,
            "delete_trust_store": self._delete,
            "list_trust_stores": self._list,
            "list_distributions_by_trust_store": self._distributions,
        }

    def by_arn(self, arn: str) -> CloudFrontTrustStore:
        """Return the trust store of that ARN, settled if its time has come. Raises KeyError."""
        with self._lock:
            store = self._stores[arn]
            self._settle(store)
            return store

    def by_id(self, identifier: str, account: str) -> CloudFrontTrustStore:
        """Return the trust store of that id or ARN. Raises EntityNotFound."""
        for store in self._stores.values():
            if identifier in {store.id, store.arn} and store.arn.split(":")[4] == account:
                self._settle(store)
                return store
        raise CloudFrontException("EntityNotFound", "The specified trust store does not exist.")

    def forget(self) -> None:
        """Begin anew."""
        self._stores.clear()
        self.reasons.clear()

    def _settle(self, store: CloudFrontTrustStore) -> None:
        if store.asked is None or (store.settles_at is not None and self._clock() < store.settles_at):
            return
        store.failure = self.reasons.pop(0) if self.reasons else store.failure
        if not store.failure:
            store.bundle = store.asked
        store.asked = None

    def _found(self, response: CloudFrontResponse, name: str) -> CloudFrontTrustStore:
        return self.by_id(str(response._get_param(name) or ""), response.current_account)  # noqa: SLF001  # moto's way

    def _create(self, response: CloudFrontResponse) -> ActionResult:
        name, account = str(response._get_param("Name")), response.current_account  # noqa: SLF001
        with self._lock:
            own = [each for each in self._stores.values() if each.arn.split(":")[4] == account]
            if any(each.name == name for each in own):
                raise CloudFrontException("EntityAlreadyExists", f"A trust store named {name} already exists.")
            if len(own) >= self._knobs.max_trust_stores:
                raise CloudFrontException("EntityLimitExceeded", "The quota for trust stores has been reached.")
            body, fault = self._load(response, response._get_param("CaCertificatesBundleSource"))  # noqa: SLF001
            if fault:
                raise CloudFrontException("InvalidArgument", f"The CA certificates bundle is not valid. {fault}")
            identifier = f"ts_{secrets.token_hex(12)}"
            arn = f"arn:{get_partition(response.region)}:cloudfront::{account}:trust-store/{identifier}"
            ocsp = _true(response._get_param("UseClientCertificateOCSPEndpoint"))  # noqa: SLF001
            store = CloudFrontTrustStore(identifier, arn, name, body, _etag(), self._clock(), ocsp=ocsp)
            self._stores[arn] = store
            given = response._get_param("Tags.Items") or []  # noqa: SLF001
            _backend(response).tagger.tag_resource(arn, [*given])
            return ActionResult({"TrustStore": self._described(store), "ETag": store.etag})

    def _get(self, response: CloudFrontResponse) -> ActionResult:
        with self._lock:
            store = self._found(response, "Identifier")
            if store.stale and store.before:
                store.stale -= 1
                return ActionResult(store.before)
            return ActionResult({"TrustStore": self._described(store), "ETag": store.etag})

    def _update(self, response: CloudFrontResponse) -> ActionResult:
        with self._lock:
            store = self._found(response, "Id")
            _match(response, store)
            source = response._get_param("CaCertificatesBundleSource")  # noqa: SLF001
            shown = {"TrustStore": self._described(store), "ETag": store.etag}
            if source is not None:
                body, fault = self._load(response, source)
                if fault and self._knobs.cloudfront_judges == "at-once":
                    raise CloudFrontException("InvalidArgument", f"The CA certificates bundle is not valid. {fault}")
                delay = self._knobs.settle_delay
                store.asked, store.failure = body, fault
                store.settles_at = self._clock() + delay if delay is not None else None
            if (ocsp := response._get_param("UseClientCertificateOCSPEndpoint")) is not None:  # noqa: SLF001
                store.ocsp = _true(ocsp)
            elif not self._knobs.cloudfront_keeps_ocsp:
                store.ocsp = False
            store.before, store.etag, store.changed = shown, _etag(), self._clock()
            return ActionResult({"TrustStore": self._described(store), "ETag": store.etag})

    def _delete(self, response: CloudFrontResponse) -> ActionResult:
        with self._lock:
            store = self._found(response, "Id")
            _match(response, store)
            if users(response, store):
                raise CloudFrontException("CannotDeleteEntityWhileInUse", "The trust store is in use.")
            del self._stores[store.arn]
        return EmptyResult()

    def _list(self, response: CloudFrontResponse) -> ActionResult:
        with self._lock:
            own = [each for each in self._stores.values() if each.arn.split(":")[4] == response.current_account]
            start = int(response._get_param("Marker") or 0)  # noqa: SLF001
            end = start + int(response._get_param("MaxItems") or _A_PAGE)  # noqa: SLF001
            shown = []
            for store in own[start:end]:
                self._settle(store)
                described = self._described(store) | {"ETag": store.etag}
                shown.append({key: one for key, one in described.items() if key != "UseClientCertificateOCSPEndpoint"})
            return ActionResult({"TrustStoreList": shown, "NextMarker": str(end) if end < len(own) else None})

    def _distributions(self, response: CloudFrontResponse) -> ActionResult:
        with self._lock:
            store = self._found(response, "TrustStoreIdentifier")
        found = users(response, store)
        marker = str(response._get_param("Marker") or "")  # noqa: SLF001
        start = int(marker or 0)
        end = start + min(int(response._get_param("MaxItems") or _A_PAGE), self._knobs.cloudfront_page)  # noqa: SLF001
        listed = {
            "Marker": marker,
            "MaxItems": _A_PAGE,
            "IsTruncated": end < len(found),
            "Quantity": len(found[start:end]),
            "Items": [_summary(each, self.status_of(each.id)) for each in found[start:end]],
        }
        more = {"NextMarker": str(end)} if end < len(found) else {}
        return ActionResult({"DistributionList": listed | more})

    def _described(self, store: CloudFrontTrustStore) -> dict[str, Any]:
        status = "pending" if store.asked is not None else "failed" if store.failure else "active"
        return {
            "Id": store.id,
            "Arn": store.arn,
            "Name": store.name,
            "Status": status,
            "NumberOfCaCertificates": store.bundle.count(b"-----BEGIN CERTIFICATE-----"),
            "LastModifiedTime": store.changed,
            "UseClientCertificateOCSPEndpoint": store.ocsp,
        } | ({"Reason": store.failure} if status == "failed" else {})

    def _load(self, response: CloudFrontResponse, source: Any) -> tuple[bytes, str]:
        """Read the bundle that the call names; it, and what is wrong with it. Raises InvalidArgument."""
        place = (source or {}).get("CaCertificatesBundleS3Location") or {}
        bucket, key, region = (str(place.get(name) or "") for name in ("Bucket", "Key", "Region"))
        if not (bucket and key and _REGION.fullmatch(region)):
            raise CloudFrontException("InvalidArgument", "Bucket, Key and Region name the bundle.")
        stored = self._knobs.read_object(response.current_account, region, bucket, key, place.get("Version"))
        if stored is None:
            raise CloudFrontException("InvalidArgument", f"No such version of s3://{bucket}/{key} in {region}.")
        if len(stored.body) > self._knobs.max_cloudfront_bundle_bytes:
            return stored.body, f"The bundle is larger than {self._knobs.max_cloudfront_bundle_bytes} bytes."
        try:
            trust_store_certificates(
                stored.body,
                max_certificates=self._knobs.max_ca_certificates,
                max_bytes=self._knobs.max_certificate_bytes,
                keys=CLOUDFRONT_KEYS,
            )
        except BundleRefused as refusal:
            return stored.body, str(refusal)
        return stored.body, ""


@contextmanager
def routed() -> Iterator[None]:
    """Let moto know the paths for the length of the block."""
    for path in _PATHS:
        urls.url_paths[path] = CloudFrontResponse.dispatch
    try:
        yield
    finally:
        for path in _PATHS:
            urls.url_paths.pop(path, None)


def _match(response: CloudFrontResponse, store: CloudFrontTrustStore) -> None:
    given = str(response._get_param("IfMatch") or "").strip('"')  # noqa: SLF001
    if not given:
        raise CloudFrontException("InvalidIfMatchVersion", "The If-Match version is missing or not valid.")
    if given != store.etag:
        raise CloudFrontException("PreconditionFailed", "The precondition in If-Match evaluated to false.")


def users(response: CloudFrontResponse, store: CloudFrontTrustStore) -> list[Any]:
    """The distributions that verify with a trust store."""
    return [each for each in _backend(response).distributions.values() if _trust_store_of(each) == store.id]


def _backend(response: CloudFrontResponse) -> Any:
    return cloudfront_backends[response.current_account][get_partition(response.region)]


def _trust_store_of(distribution: Any) -> str | None:
    mutual = getattr(distribution.distribution_config, "ViewerMtlsConfig", None) or {}
    trusts = mutual.get("TrustStoreConfig") or {}
    return trusts.get("TrustStoreId") if mutual.get("Mode") != "passthrough" else None


def _summary(distribution: Any, status: str) -> dict[str, Any]:
    config = vars(distribution.distribution_config)
    return {name: config[name] for name in _SUMMARY if name in config} | {
        "Id": distribution.id,
        "ARN": distribution.arn,
        "Status": status,
        "LastModifiedTime": distribution.last_modified_time,
        "DomainName": distribution.domain_name,
        "Staging": False,
    }


def _true(said: object) -> bool:
    return str(said).lower() == "true"


def _etag() -> str:
    return f"E{secrets.token_hex(7).upper()}"
