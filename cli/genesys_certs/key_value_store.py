"""A CloudFront key value store through boto3: its pairs with the ETag that they belong to, and updates on that ETag.

Requests are signed with SigV4A, for which botocore needs awscrt (decision 0034).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, MissingDependencyException

from rotation_watcher.adapters.aws_errors import SdkError, code
from rotation_watcher.bundles.cloudfront_pins import UpdateKeys
from rotation_watcher.errors import Conflict, StoreError

READS = 6
"""How often a store is read until two descriptions around the listing agree, and show the version that is awaited."""
PAUSE = 1.0
"""Seconds between two reads."""
PAGE = 50
"""Pairs a page; the most that ListKeys gives."""

_CURES = {
    "AccessDeniedException": "allow DescribeKeyValueStore, ListKeys and UpdateKeys of cloudfront-keyvaluestore on it",
    "ResourceNotFoundException": "compare the ARN with the key value store's page in the CloudFront console",
    "ServiceQuotaExceededException": "the store is full, or a pair too large: give the pins a store of their own",
}


class Held(NamedTuple):
    """What a store holds (key to value), and the ETag of that version."""

    pairs: Mapping[str, str]
    etag: str


def read(client: Any, arn: str, pause: Callable[[float], object], *, awaited: str | None = None) -> Held:
    """Read a whole store: all its pairs are of one version, that of ``awaited`` if it is given.

    ListKeys tells no ETag, so the store is described before and after. ``pause`` waits that many seconds. Raises
    Conflict where others keep changing the store, or where the awaited version does not show; StoreError otherwise.
    """
    seen = ""
    for attempt in range(READS):
        if attempt:
            pause(PAUSE)
        try:
            before = str(client.describe_key_value_store(KvsARN=arn)["ETag"])
            pages = client.get_paginator("list_keys").paginate(KvsARN=arn, PaginationConfig={"PageSize": PAGE})
            pairs = {each["Key"]: each["Value"] for page in pages for each in page.get("Items", [])}
            seen = str(client.describe_key_value_store(KvsARN=arn)["ETag"])
        except (ClientError, BotoCoreError) as error:
            raise _failed("read", arn, error) from error
        if before == seen and awaited in {None, seen}:
            return Held(pairs, seen)
    shown = f"it shows {seen} instead of {awaited}" if awaited else "it was changed during each read"
    raise Conflict(f"{arn}: {shown}, {READS} times. Find out who else writes it, and run this again")


def update(client: Any, arn: str, etag: str, requests: Iterable[UpdateKeys]) -> str:
    """Carry out the requests on the version of ``etag``, each on the one before. Returns the last version's ETag.

    Raises Conflict where somebody else changed the store meanwhile: what was carried out before that stays. StoreError
    otherwise.
    """
    for request in requests:
        try:
            etag = str(client.update_keys(KvsARN=arn, IfMatch=etag, **request)["ETag"])
        except (ClientError, BotoCoreError) as error:
            if code(error) == "ConflictException":
                raise Conflict(f"{arn}: somebody else changed it since it was read. Run this again") from error
            raise _failed("change", arn, error) from error
    return etag


def _failed(verb: str, arn: str, error: SdkError) -> StoreError:
    if isinstance(error, MissingDependencyException):
        return StoreError(
            f"cannot {verb} {arn}: its requests are signed with SigV4A, and the SDK needs awscrt for that, which is not"
            " installed here. Run this in a checkout: pipx install --force '.[cloudfront]'"
        )
    cure = _CURES.get(code(error), "")
    return StoreError(f"cannot {verb} {arn}: {error}{': ' if cure else ''}{cure}")
