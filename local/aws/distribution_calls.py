"""Distributions of CloudFront that verify viewers: moto's, with the rules that it does not know.

ETags, statuses and codes are those of botocore's model; that mutual TLS wants HTTPS alone and no HTTP/3 is the
developer guide's (``enable-mtls-distributions.html``), and 25 distributions a trust store ``cloudfront-limits.html``.
No document names the code of these refusals, nor of a mode and a trust store that do not go together: InvalidArgument
is assumed (probes ``distribution.requirement.*``, ``distribution.mode.*``). A disabled distribution can be deleted once
it is deployed; before that DistributionNotDisabled is assumed (probe ``distribution.delete.in-progress``).
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from moto.cloudfront.exceptions import CloudFrontException
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.responses import ActionResult, EmptyResult

from local.aws.cloudfront import CloudFrontTrustStores, users
from local.aws.knobs import ClockFunction, Knobs

_VERIFYING = ("required", "optional")


class Distributions:
    """The operations on distributions. ``stores`` are the trust stores that they may name."""

    def __init__(self, clock: ClockFunction, knobs: Knobs, stores: CloudFrontTrustStores) -> None:
        self._clock = clock
        self._knobs = knobs
        self._stores = stores
        self._deployed: dict[str, datetime] = {}

    def operations(self) -> dict[str, Callable[[CloudFrontResponse], ActionResult]]:
        """Return the handlers by moto's names of the operations."""
        return {
            "create_distribution": self._create,
            "create_distribution_with_tags": self._create_with_tags,
            "get_distribution": self._get,
            "update_distribution": self._update,
            "delete_distribution": self._delete,
        }

    def status(self, identifier: str) -> str:
        """Whether the last change has reached every edge."""
        return "InProgress" if self._clock() < self._deployed.get(identifier, self._clock()) else "Deployed"

    def forget(self) -> None:
        """Begin anew."""
        self._deployed.clear()

    def _create(self, response: CloudFrontResponse) -> ActionResult:
        return self._made(response, _given(response, "DistributionConfig"), [])

    def _create_with_tags(self, response: CloudFrontResponse) -> ActionResult:
        config = _given(response, "DistributionConfigWithTags.DistributionConfig")
        tags = response._get_param("DistributionConfigWithTags.Tags.Items") or []  # noqa: SLF001
        return self._made(response, config, tags)

    def _made(self, response: CloudFrontResponse, config: dict[str, Any], tags: list[dict[str, str]]) -> ActionResult:
        self._judge(response, config)
        made, location, _ = response.backend.create_distribution(config, tags)
        return self._changed(made, location)

    def _get(self, response: CloudFrontResponse) -> ActionResult:
        found, etag = response.backend.get_distribution(_id(response))
        return ActionResult({"Distribution": _described(found, self.status(found.id)), "ETag": etag})

    def _update(self, response: CloudFrontResponse) -> ActionResult:
        config, identifier = _given(response, "DistributionConfig"), _id(response)
        before, etag = response.backend.get_distribution(identifier)
        _match(response, etag)
        if config["CallerReference"] != before.distribution_config.caller_reference:
            raise CloudFrontException("IllegalUpdate", "The caller reference cannot be changed.")
        self._judge(response, config, before)
        changed, location, _ = response.backend.update_distribution(config, identifier, if_match=True)
        return self._changed(changed, location)

    def _delete(self, response: CloudFrontResponse) -> ActionResult:
        found, etag = response.backend.get_distribution(_id(response))
        _match(response, etag)
        config: Any = found.distribution_config
        if config.Enabled or self.status(found.id) != "Deployed":
            raise CloudFrontException("DistributionNotDisabled", "The distribution has not been disabled.")
        response.backend.delete_distribution(found.id, if_match=True)
        self._deployed.pop(found.id, None)
        return EmptyResult()

    def _changed(self, distribution: Any, location: str) -> ActionResult:
        """A change shows as InProgress in its own answer, however soon it is deployed."""
        distribution.etag = f"E{secrets.token_hex(7).upper()}"
        self._deployed[distribution.id] = self._clock() + self._knobs.deploy_delay
        shown = _described(distribution, "InProgress")
        return ActionResult({"Distribution": shown, "ETag": distribution.etag, "Location": location})

    def _judge(self, response: CloudFrontResponse, config: Mapping[str, Any], before: Any = None) -> None:
        """Raise what AWS would say of viewer mutual TLS in this configuration."""
        mutual = config.get("ViewerMtlsConfig") or {}
        if not mutual:
            return
        named = str((mutual.get("TrustStoreConfig") or {}).get("TrustStoreId") or "")
        verifies = mutual.get("Mode") in _VERIFYING
        if verifies != bool(named):
            raise CloudFrontException(
                "InvalidArgument", "Modes required and optional have a trust store, no other has."
            )
        if any(policy == "allow-all" for policy in _viewer_policies(config)):
            raise CloudFrontException("InvalidArgument", "Viewer mTLS needs cache behaviors with HTTPS alone.")
        if str(config.get("HttpVersion", "")).endswith("3"):
            raise CloudFrontException("InvalidArgument", "Viewer mTLS is not supported on HTTP/3.")
        if named:
            store = self._stores.by_id(named, response.current_account)
            others = [one for one in users(response, store) if one is not before]
            if len(others) >= self._knobs.max_distributions:
                raise CloudFrontException("EntityLimitExceeded", "The trust store has too many distributions.")


def _viewer_policies(config: Mapping[str, Any]) -> Iterator[str]:
    for behavior in (config["DefaultCacheBehavior"], *((config.get("CacheBehaviors") or {}).get("Items") or [])):
        yield str(behavior.get("ViewerProtocolPolicy", ""))


def _given(response: CloudFrontResponse, name: str) -> dict[str, Any]:
    return dict(response._get_param(name) or {})  # noqa: SLF001  # moto's way to a parameter


def _id(response: CloudFrontResponse) -> str:
    return str(response._get_param("Id"))  # noqa: SLF001


def _match(response: CloudFrontResponse, etag: str) -> None:
    given = str(response._get_param("IfMatch") or "").strip('"')  # noqa: SLF001
    if not given:
        raise CloudFrontException("InvalidIfMatchVersion", "The If-Match version is missing or not valid.")
    if given != etag:
        raise CloudFrontException("PreconditionFailed", "The precondition in If-Match evaluated to false.")


def _described(distribution: Any, status: str) -> dict[str, Any]:
    return {
        "Id": distribution.id,
        "ARN": distribution.arn,
        "Status": status,
        "LastModifiedTime": distribution.last_modified_time,
        "InProgressInvalidationBatches": 0,
        "DomainName": distribution.domain_name,
        "DistributionConfig": distribution.distribution_config,
    }
