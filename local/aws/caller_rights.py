"""Services that read an object for somebody read it in that caller's name, where IAM is enforced.

Source: API Gateway's API reference, MutualTlsAuthentication (who changes it must have permission for the object); of
the others it is believed. Under a KMS key S3 asks ``kms:Decrypt`` of whoever reads (S3 user guide, "Using server-side
encryption with AWS KMS keys"); that this is the service's caller, no document says (probes ``alb.kms.denied-update``,
``api-gateway.kms.denied-update``, ``cloudfront.kms.denied-update``). What must not be read counts as missing: API
Gateway was seen to say "Unable to access truststore URI" where a policy denied it to the caller; of the others nobody
knows the words.
"""

from collections.abc import Callable
from threading import local
from typing import Any
from unittest.mock import patch

from moto import settings
from moto.core.exceptions import AccessDeniedError
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from local.aws.stored import Reader, Stored

_present = local()


def serves(request: Any) -> None:
    """This thread serves that caller: an ``IAMRequest`` of moto's; None: one that IAM does not know, who may do all."""
    _present.request = request


def in_callers_name(read: Reader) -> Reader:
    """``read``, where the caller may read that object."""

    def reader(account: str, region: str, bucket: str, key: str, version: str | None = None) -> Stored | None:
        request = getattr(_present, "request", None) if settings.INITIAL_NO_AUTH_ACTION_COUNT == 0 else None
        if request is None:
            return read(account, region, bucket, key, version)
        action = "s3:GetObjectVersion" if version else "s3:GetObject"
        with patch.object(request, "_action", action):
            try:
                request.check_action_permitted(f"arn:{get_partition(region)}:s3:::{bucket}/{key}")
            except AccessDeniedError:
                return None
        return read(account, region, bucket, key, version)

    return reader


def within_session(judge: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    """``judge``, and the policy of the session that a role was taken on with, of which moto takes no notice.

    What a session may do is what both allow (IAM user guide, "Policies and permissions", session policies).
    """

    def judged(request: Any, resource: str) -> None:
        judge(request, resource)
        held = sts_backends[request.account_id][get_partition(request._region)]  # noqa: SLF001 - moto's own
        session = held.get_assumed_role_from_access_key(request._access_key._access_key_id)  # noqa: SLF001
        if session is None or not session.policy:
            return
        if IAMPolicy(session.policy).is_action_permitted(request._action, resource) is not PermissionResult.PERMITTED:  # noqa: SLF001
            request._raise_access_denied()  # noqa: SLF001

    return judged
