"""The CRLs of a trust store: added, described, downloaded and removed; there is no update."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cryptography import x509
from moto.core.responses import ActionResult, EmptyResult
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.responses import ELBV2Response

from local.aws.knobs import Knobs
from local.aws.paging import page
from local.aws.trust_stores import Revocation, TrustStore, TrustStores


class Revocations:
    """The operations on the CRLs of ``stores``."""

    def __init__(self, stores: TrustStores, knobs: Knobs) -> None:
        self._stores = stores
        self._knobs = knobs
        self._last_number = 0

    def operations(self) -> dict[str, Callable[[ELBV2Response], ActionResult]]:
        """Return the handlers by moto's names of the operations."""
        return {
            "add_trust_store_revocations": self._add,
            "describe_trust_store_revocations": self._describe,
            "remove_trust_store_revocations": self._remove,
            "get_trust_store_revocation_content": self._content,
        }

    def _add(self, response: ELBV2Response) -> ActionResult:
        with self._stores.lock:
            store = self._stores.named(response)
            loaded = [self._load(response, place) for place in response.params.get("RevocationContents", [])]
            entries = sum(each.entries for each in store.revocations.values()) + sum(entries for _, entries in loaded)
            if len(store.revocations) + len(loaded) > self._knobs.max_revocation_files:
                raise _too_many(f"A trust store takes at most {self._knobs.max_revocation_files} revocation files.")
            if entries > self._knobs.max_revoked_entries:
                raise _too_many(f"A trust store takes at most {self._knobs.max_revoked_entries} revoked entries.")
            added = []
            for content, count in loaded:
                self._last_number += 1
                revocation = Revocation(self._last_number, content, count)
                store.revocations[revocation.number] = revocation
                added.append(_described(store, revocation))
        return ActionResult({"TrustStoreRevocations": added})

    def _load(self, response: ELBV2Response, place: Mapping[str, Any]) -> tuple[bytes, int]:
        """Read one CRL. Returns it with its number of entries."""
        where = (place["S3Bucket"], place["S3Key"], place.get("S3ObjectVersion"))
        stored = self._knobs.read_object(response.current_account, response.region, *where)
        if stored is None:
            raise ELBClientError("RevocationContentNotFound", "The specified revocation file does not exist.")
        if len(stored.body) > self._knobs.max_revocation_bytes:
            raise ELBClientError("InvalidRevocationContent", "The provided revocation file is too large.")
        try:
            crl = x509.load_pem_x509_crl(stored.body)
        except ValueError:
            raise ELBClientError(
                "InvalidRevocationContent",
                "The provided revocation file is an invalid format, or uses an incorrect algorithm.",
            ) from None
        return stored.body, len(crl)

    def _describe(self, response: ELBV2Response) -> ActionResult:
        numbers = [int(each) for each in response.params.get("RevocationIds", [])]
        with self._stores.lock:
            store = self._stores.named(response)
            shown, marker = page(
                [_described(store, store.revocations[each]) for each in _known(store, numbers) or store.revocations],
                response.params,
            )
        return ActionResult({"TrustStoreRevocations": shown, "NextMarker": marker})

    def _remove(self, response: ELBV2Response) -> ActionResult:
        with self._stores.lock:
            store = self._stores.named(response)
            for number in _known(store, [int(each) for each in response.params["RevocationIds"]]):
                store.revocations.pop(number, None)
        return EmptyResult()

    def _content(self, response: ELBV2Response) -> ActionResult:
        with self._stores.lock:
            store = self._stores.named(response)
            (number,) = _known(store, [int(response.params["RevocationId"])])
            return ActionResult(self._stores.offer(store.region, store.revocations[number].content))


def _known(store: TrustStore, numbers: Iterable[int]) -> list[int]:
    wanted = list(numbers)
    if any(number not in store.revocations for number in wanted):
        raise ELBClientError("RevocationIdNotFound", "The specified revocation ID does not exist.")
    return wanted


def _described(store: TrustStore, revocation: Revocation) -> dict[str, Any]:
    return {
        "TrustStoreArn": store.arn,
        "RevocationId": revocation.number,
        "RevocationType": "CRL",
        "NumberOfRevokedEntries": revocation.entries,
    }


def _too_many(message: str) -> ELBClientError:
    return ELBClientError("TooManyTrustStoreRevocationEntries", message)
