"""ALB trust stores: created from, and pointed at, exact S3 object versions, and read back through pre-signed URLs."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.responses import ELBV2Response
from moto.utilities.utils import get_partition

from local.aws.bundle_rules import BundleRefused, trust_store_certificates
from local.aws.knobs import Knobs
from local.aws.listeners import verifying
from local.aws.paging import page
from local.aws.presigned import Downloads

_MOST_TAGS, _MOST_DESCRIBED = 50, 20
_MOTO_ADDS, _MOTO_REMOVES = ELBV2Response.add_tags, ELBV2Response.remove_tags
_MOTO_DESCRIBES = ELBV2Response.describe_tags


@dataclass
class Revocation:
    """One CRL of a trust store."""

    number: int
    content: bytes
    entries: int


@dataclass
class TrustStore:
    """What one trust store holds. ``previous`` is the bundle before the last change, for stale reads."""

    arn: str
    name: str
    account: str
    region: str
    bundle: bytes
    certificates: int
    previous: bytes | None = None
    stale_reads: int = 0
    revocations: dict[int, Revocation] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """Return it as Describe, Create and Modify show it: without the place in S3."""
        return {
            "Name": self.name,
            "TrustStoreArn": self.arn,
            "Status": "ACTIVE",
            "NumberOfCaCertificates": self.certificates,
            "TotalRevokedEntries": sum(each.entries for each in self.revocations.values()),
        }


class TrustStores:
    """All trust stores of the server, over accounts and regions, and the operations on them."""

    def __init__(self, knobs: Knobs, downloads: Downloads, base_url: Callable[[], str]) -> None:
        self._knobs = knobs
        self._downloads = downloads
        self._base_url = base_url
        self._stores: dict[str, TrustStore] = {}
        self.lock = RLock()

    def operations(self) -> dict[str, Callable[[ELBV2Response], ActionResult]]:
        """Return the handlers by moto's names of the operations."""
        return {
            "create_trust_store": self._create,
            "modify_trust_store": self._modify,
            "describe_trust_stores": self._describe,
            "delete_trust_store": self._delete,
            "get_trust_store_ca_certificates_bundle": self._get_bundle,
            "describe_trust_store_associations": self._associations,
            "add_tags": self._add_tags,
            "remove_tags": self._remove_tags,
            "describe_tags": self._describe_tags,
        }

    def by_arn(self, arn: str) -> TrustStore | None:
        """Return the trust store of that ARN."""
        with self.lock:
            return self._stores.get(arn)

    def exists(self, account: str, region: str, arn: str) -> bool:
        """Return whether a listener of that account and region may name this trust store."""
        found = self.by_arn(arn)
        return found is not None and (found.account, found.region) == (account, region)

    def named(self, response: ELBV2Response) -> TrustStore:
        """Return the trust store that the call names. Raises TrustStoreNotFound."""
        return self._found(response, response.params.get("TrustStoreArn", ""))

    def offer(self, region: str, content: bytes) -> dict[str, str]:
        """Return the answer of the Get calls: where the content may be downloaded for a while."""
        return {"Location": self._downloads.offer(self._base_url(), region, content)}

    def _found(self, response: ELBV2Response, arn: str) -> TrustStore:
        with self.lock:
            if not self.exists(response.current_account, response.region, arn):
                raise _not_found()
            return self._stores[arn]

    def _own(self, response: ELBV2Response) -> list[TrustStore]:
        place = (response.current_account, response.region)
        return [each for each in self._stores.values() if (each.account, each.region) == place]

    def _create(self, response: ELBV2Response) -> ActionResult:
        name, region, account = response.params["Name"], response.region, response.current_account
        with self.lock:
            own = self._own(response)
            if any(each.name == name for each in own):
                raise ELBClientError("DuplicateTrustStoreName", f"A trust store with the name '{name}' already exists.")
            if len(own) >= self._knobs.max_trust_stores:
                raise ELBClientError("TooManyTrustStores", "The quota for the number of trust stores has been reached.")
            bundle, certificates = self._load(response)
            place = f"arn:{get_partition(region)}:elasticloadbalancing:{region}:{account}:truststore"
            arn = f"{place}/{name}/{secrets.token_hex(8)}"
            store = TrustStore(arn, name, account, region, bundle, certificates)
            self._stores[arn] = store
            store.tags |= _tags(response)
            return ActionResult({"TrustStores": [store.described()]})

    def _modify(self, response: ELBV2Response) -> ActionResult:
        with self.lock:
            store = self.named(response)
            bundle, certificates = self._load(response)
            if store.previous is None or not store.stale_reads:  # who lags behind goes on seeing what they saw
                store.previous = store.bundle
            store.bundle, store.certificates = bundle, certificates
            return ActionResult({"TrustStores": [store.described()]})

    def _load(self, response: ELBV2Response) -> tuple[bytes, int]:
        """Read the bundle that the call names and judge it. Returns it with its number of certificates."""
        params = response.params
        bucket, key = params["CaCertificatesBundleS3Bucket"], params["CaCertificatesBundleS3Key"]
        version = params.get("CaCertificatesBundleS3ObjectVersion")
        stored = self._knobs.read_object(response.current_account, response.region, bucket, key, version)
        if stored is None:
            raise ELBClientError("CaCertificatesBundleNotFound", "The specified CA certificate bundle does not exist.")
        knobs = self._knobs
        try:
            certificates = trust_store_certificates(
                stored.body,
                max_certificates=knobs.max_ca_certificates,
                max_bytes=knobs.max_certificate_bytes,
                max_subject_bytes=knobs.max_subject_bytes,
            )
        except BundleRefused as refusal:
            raise ELBClientError(
                "InvalidCaCertificatesBundle", f"The CA certificate bundle is invalid. {refusal}"
            ) from None
        return stored.body, len(certificates)

    def _describe(self, response: ELBV2Response) -> ActionResult:
        arns, names = response.params.get("TrustStoreArns", []), response.params.get("Names", [])
        with self.lock:
            own = self._own(response)
            if arns:
                own = [self._found(response, arn) for arn in arns]
            elif names:
                own = [each for each in own if each.name in names]
                if len(own) != len(set(names)):
                    raise _not_found()
            shown, marker = page([each.described() for each in own], response.params)
        return ActionResult({"TrustStores": shown, "NextMarker": marker})

    def _delete(self, response: ELBV2Response) -> ActionResult:
        with self.lock:
            store = self.named(response)
            if verifying(store.account, store.region, store.arn):
                raise ELBClientError(
                    "TrustStoreInUse", "The specified trust store is currently associated with a listener."
                )
            del self._stores[store.arn]
        return EmptyResult()

    def _get_bundle(self, response: ELBV2Response) -> ActionResult:
        with self.lock:
            store = self.named(response)
            content = store.bundle
            if store.stale_reads > 0 and store.previous is not None:
                store.stale_reads -= 1
                content = store.previous
            return ActionResult(self.offer(store.region, content))

    def _add_tags(self, response: ELBV2Response) -> ActionResult:
        if not _of_stores(response):
            return _MOTO_ADDS(response)
        with self.lock:
            stores = [self._found(response, arn) for arn in response.params["ResourceArns"]]
            for store in stores:
                if len({*store.tags, *_tags(response)}) > _MOST_TAGS:
                    raise ELBClientError("TooManyTags", "The maximum number of tags has been reached.")
                store.tags |= _tags(response)
        return EmptyResult()

    def _remove_tags(self, response: ELBV2Response) -> ActionResult:
        if not _of_stores(response):
            return _MOTO_REMOVES(response)
        with self.lock:
            for store in [self._found(response, arn) for arn in response.params["ResourceArns"]]:
                for key in response.params["TagKeys"]:
                    store.tags.pop(key, None)
        return EmptyResult()

    def _describe_tags(self, response: ELBV2Response) -> ActionResult:
        if not _of_stores(response):
            return _MOTO_DESCRIBES(response)
        arns = response.params["ResourceArns"]
        if len(arns) > _MOST_DESCRIBED:
            raise ELBClientError("ValidationError", f"Up to {_MOST_DESCRIBED} resources can be described at once.")
        with self.lock:
            found = [
                {"ResourceArn": one.arn, "Tags": {**one.tags}}  # moto makes the list of it
                for one in (self._found(response, arn) for arn in arns)
            ]
        return ActionResult({"TagDescriptions": found})

    def _associations(self, response: ELBV2Response) -> ActionResult:
        store = self.named(response)
        users = verifying(store.account, store.region, store.arn)
        if self._knobs.association_resource == "listener":
            arns = [each.arn for each in users]
        else:
            arns = list(dict.fromkeys(each.load_balancer_arn for each in users))
        shown, marker = page([{"ResourceArn": arn} for arn in arns], response.params)
        return ActionResult({"TrustStoreAssociations": shown, "NextMarker": marker})


def _of_stores(response: ELBV2Response) -> bool:
    """Whether the call names trust stores; what it says of others is moto's own."""
    return all(":truststore/" in arn for arn in response.params["ResourceArns"])


def _tags(response: ELBV2Response) -> dict[str, str]:
    tags = response.params.get("Tags") or []
    if len({tag["Key"] for tag in tags}) < len(tags):
        raise ELBClientError("DuplicateTagKeys", "A tag key was specified more than once.")
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def _not_found() -> ELBClientError:
    return ELBClientError("TrustStoreNotFound", "The specified trust store does not exist.")
