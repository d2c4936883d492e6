"""What a KMS key changes: the ETag of an object, and what a caller of S3, SQS and SNS must be allowed besides.

A key is named by its ARN here, as the template names them; a secret under a key of AWS's own needs no word of it.

Sources: S3 API reference, Object (the ETag of an object under SSE-KMS is not the MD5 of its data); S3 user guide,
"Using server-side encryption with AWS KMS keys"; SQS and SNS Developer Guides, "Key management". What ALB, API Gateway
and CloudFront read for their callers: ``caller_rights``.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeKey, s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends

BY_KMS = "aws:kms"
_READS = ("kms:Decrypt",)
_WRITES = ("kms:GenerateDataKey",)
_BOTH = (*_WRITES, *_READS)


@contextmanager
def other_etags() -> Iterator[None]:
    """Let objects under a KMS key have an ETag that is no digest of their data alone, for the length of the block."""
    plain = FakeKey.etag.fget  # type: ignore[attr-defined]  # a property; moto is not typed

    def etag(key: FakeKey) -> str:
        found: str = plain(key)
        if key.encryption != BY_KMS:
            return found
        return f'"{hashlib.sha256(f"{key.version_id}{found}".encode()).hexdigest()[:32]}"'

    with patch.object(FakeKey, "etag", property(etag)):
        yield


def asked_of_kms(account: str, action: str, resource: str, named: str = "") -> list[tuple[str, str]]:
    """What a call needs of the key behind its resource: pairs of action and key. The key is named by its ARN.

    ``named``: the key that the call itself names for what it writes.
    """
    if action == "s3:PutObject" and named:
        return [(one, named) for one in _WRITES]
    service = action.partition(":")[0]
    needs, key = _OF.get(service, _of_nothing)(account, action, resource)
    return [(one, key) for one in needs] if key else []


type _Need = tuple[tuple[str, ...], str]
"""The actions of KMS, and the key; nothing is needed where there is no key."""


def _of_nothing(_account: str, _action: str, _resource: str) -> _Need:
    return (), ""


def _of_object(account: str, action: str, resource: str) -> _Need:
    bucket, _, key = resource.partition(":::")[2].partition("/")
    try:
        held = s3_backends[account]["aws"].get_bucket(bucket)
    except MissingBucket:
        return (), ""
    if action == "s3:PutObject":
        rule = (held.encryption or {}).get("Rule", {}).get("ApplyServerSideEncryptionByDefault", {})
        return _WRITES, rule.get("KMSMasterKeyID", "") if rule.get("SSEAlgorithm") == BY_KMS else ""
    if action in {"s3:GetObject", "s3:GetObjectVersion"}:
        found = held.keys.get(key)
        return _READS, found.kms_key_id or "" if isinstance(found, FakeKey) and found.encryption == BY_KMS else ""
    return (), ""


def _of_queue(account: str, action: str, resource: str) -> _Need:
    needs = {"sqs:SendMessage": _BOTH, "sqs:ReceiveMessage": _READS}.get(action, ())
    parts = resource.split(":")
    if not needs or len(parts) < 6:  # noqa: PLR2004  # the parts of an ARN
        return (), ""
    queue = sqs_backends[account][parts[3]].queues.get(parts[5])
    return needs, str(getattr(queue, "kms_master_key_id", None) or "")


def _of_topic(account: str, action: str, resource: str) -> _Need:
    parts = resource.split(":")
    if action != "sns:Publish" or len(parts) < 6:  # noqa: PLR2004
        return (), ""
    topic = sns_backends[account][parts[3]].topics.get(resource)
    return _BOTH, str(getattr(topic, "kms_master_key_id", None) or "")


def _of_parameter(account: str, action: str, resource: str) -> _Need:
    _, _, _, region, _, name = (*resource.split(":", 5), *[""] * 6)[:6]
    if action != "ssm:GetParameter" or not region:
        return (), ""
    held = ssm_backends[account][region]._parameters  # noqa: SLF001 - moto's own
    plain = name.removeprefix("parameter")
    found = held[plain][-1] if held.get(plain) else held[plain[1:]][-1] if held.get(plain[1:]) else None
    return _READS, _own(found.keyid if found else "")


def _of_secret(account: str, action: str, resource: str) -> _Need:
    parts = resource.split(":")
    if action != "secretsmanager:GetSecretValue" or len(parts) < 6:  # noqa: PLR2004
        return (), ""
    secrets = secretsmanager_backends[account][parts[3]].secrets
    return _READS, _own(getattr(secrets.get(resource), "kms_key_id", ""))


def _own(key: str | None) -> str:
    """The key, if it is one of the account's own."""
    return key if key and key.startswith("arn:") else ""


_OF: dict[str, Callable[[str, str, str], _Need]] = {
    "s3": _of_object,
    "sqs": _of_queue,
    "sns": _of_topic,
    "ssm": _of_parameter,
    "secretsmanager": _of_secret,
}
