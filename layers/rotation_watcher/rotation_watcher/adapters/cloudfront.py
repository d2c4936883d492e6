"""CloudFront trust stores, for mutual TLS with viewers.

A trust store reads its bundle once and gives it back to nobody: its ETag, its status and the number of its certificates
are all that it shows. So ``bundle`` is UNKNOWN here, and what it holds is known by the ETag (``targets.loaded``).
CloudFront is one service for all regions; the SDK resolves its endpoint (in the partition ``aws`` that of us-east-1)
from whatever region it is given, and the bucket's own region is sent along.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.adapters.aws_errors import SdkError, code, translate, words
from rotation_watcher.arns import parse_target
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetError, TargetNotFound
from rotation_watcher.kinds import CLOUDFRONT_TRUST_STORE, Door, DoorKind
from rotation_watcher.ports import UNKNOWN, BundleObject, Endpoint, Live, Unknown

_REGION = re.compile(r"[a-z]{2}-[a-z]+-\d")
"""The bucket regions that the service's model takes; the SDK does not check it."""
_CONTENT = re.compile(r"\bcertificates?\b|\bbundle\b|\bpem\b")
_PLACE = re.compile(
    r"\bbucket\b|\bs3\b|\bobject\b|\bversion\b|\bregion\b|\bfound\b|\bexists?\b|\baccess\b|\bpermissions?\b"
)
_MODES = {
    "optional": "lets viewers in without a client certificate",
    "passthrough": "passes client certificates on without verifying them",
}


class CloudFrontTrustStores:
    """``ports.TrustTarget`` and ``ThriftyTarget``."""

    def __init__(self, client: Any) -> None:  # the SDK's client of cloudfront
        self._client = client
        self._asking: dict[str, str | None] = {}
        """By ARN the ETag with which a trust store was seen to ask OCSP responders; None: it asks none."""

    def expect(self, arns: Sequence[str]) -> None:
        """See ``ports.ThriftyTarget``. The service describes no trust stores by id at once."""

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:
        """See ``ports.TrustTarget``. The content is UNKNOWN; the ways in are distributions."""
        try:
            return self._live(arn, tuple(self._endpoints(arn, known_endpoints)))
        except (ClientError, BotoCoreError) as error:
            raise _failed("read", arn, error) from error

    def read_back(self, arn: str) -> Live:
        """See ``ports.ThriftyTarget``."""
        try:
            return self._live(arn, UNKNOWN)
        except (ClientError, BotoCoreError) as error:
            raise _failed("read", arn, error) from error

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> str:
        """See ``ports.TrustTarget``. What the trust store asks of OCSP stays as it is.

        Where it was seen to ask, that is sent along: no document says that a call which does not name it leaves it on.
        """
        if not _REGION.fullmatch(bundle.region):
            raise TargetError(f"cannot change {arn}: CloudFront loads from no bucket in the region {bundle.region}")
        if not expected:
            raise TargetError(f"cannot change {arn}: it was read without an ETag, so another's change could be lost")
        location: Any = {
            "Bucket": bundle.bucket,
            "Key": bundle.key,
            "Region": bundle.region,
            "Version": bundle.version,
        }
        more: Any = {"UseClientCertificateOCSPEndpoint": True} if self._asking.get(arn) == expected else {}
        try:
            answer = self._client.update_trust_store(
                Id=parse_target(arn).name,
                IfMatch=expected,
                CaCertificatesBundleSource={"CaCertificatesBundleS3Location": location},
                **more,
            )
        except (ClientError, BotoCoreError) as error:
            raise _failed("change", arn, error) from error
        etag = str(answer.get("ETag", ""))
        if not etag:
            raise TargetError(f"cannot change {arn}: the service answered without an ETag")
        return etag

    def _live(self, arn: str, endpoints: tuple[Endpoint, ...] | Unknown) -> Live:
        answer = self._client.get_trust_store(Identifier=parse_target(arn).name)
        store = answer["TrustStore"]
        status, reason = store.get("Status", ""), store.get("Reason", "")
        settled = status in {"active", "failed"}
        asks = bool(store.get("UseClientCertificateOCSPEndpoint"))
        self._asking[arn] = answer.get("ETag") if asks else None
        return Live(
            bundle=UNKNOWN,
            location=UNKNOWN,
            version=UNKNOWN,
            etag=answer.get("ETag") or None,
            settled=settled,
            state="" if settled else status.upper(),
            warnings=(),
            endpoints=endpoints,
            proof=CLOUDFRONT_TRUST_STORE.proof,
            certificates=store.get("NumberOfCaCertificates"),
            refused=(reason or "it gives no reason") if status == "failed" else "",
            asks_ocsp=asks,
        )

    def _endpoints(self, arn: str, known: Sequence[str]) -> Iterator[Endpoint]:
        """The distributions that use the trust store, and those that once did. One that is disabled is no way in."""
        pages = self._client.get_paginator("list_distributions_by_trust_store")
        found: dict[str, Mapping[str, Any]] = {}
        for page in pages.paginate(TrustStoreIdentifier=parse_target(arn).name):
            found |= {one["ARN"]: one for one in page["DistributionList"].get("Items", [])}
        for name in sorted({*found, *(one for one in known if ":distribution/" in one)}):
            shown: Mapping[str, Any] | None = found.get(name)
            if shown is None or "ViewerMtlsConfig" not in shown:
                shown = self._config(name)
            if shown is not None and shown.get("Enabled"):
                yield _judge(shown, name, arn)

    def _config(self, name: str) -> Mapping[str, Any] | None:
        """A distribution's configuration; None where there is no such distribution any more."""
        try:
            answer = self._client.get_distribution_config(Id=name.rpartition("/")[2])
        except ClientError as error:
            if code(error) == "NoSuchDistribution":
                return None
            raise
        config: Mapping[str, Any] = answer["DistributionConfig"]
        return config


def _judge(shown: Mapping[str, Any], name: str, arn: str) -> Endpoint:
    mutual = shown.get("ViewerMtlsConfig") or {}
    mode, config = mutual.get("Mode", ""), mutual.get("TrustStoreConfig") or {}
    called = f"The distribution {shown.get('DomainName') or name.rpartition('/')[2]}"
    if mode != "required":
        said = _MODES.get(mode, "asks viewers for no client certificate")
        return Endpoint(name, False, f"{called} {said}: mode {mode or 'off'}.", door=Door(DoorKind.DISTRIBUTION, name))
    if (other := config.get("TrustStoreId")) != parse_target(arn).name:
        detail = f"{called} verifies with another trust store: {other}."
        return Endpoint(name, False, detail, door=Door(DoorKind.OTHER_DISTRIBUTION, name))
    late = " and lets expired ones in" if config.get("IgnoreCertificateExpiry") else ""
    return Endpoint(name, True, f"{called} requires client certificates{late}.")


def _failed(verb: str, arn: str, error: SdkError) -> TargetError:
    said = f"cannot {verb} {arn}: {error}"
    match code(error):
        case "EntityNotFound":
            return TargetNotFound(said)
        case "PreconditionFailed":
            return TargetBusy(f"{said} (somebody has changed it since it was read)")
        case "InvalidArgument" if verb == "change":
            reason = words(error).lower()  # the texts are not documented: only a clear one means a bad content
            return BundleRejected(said) if _CONTENT.search(reason) and not _PLACE.search(reason) else TargetError(said)
        case _:
            return translate(f"cannot {verb} {arn}", error)
