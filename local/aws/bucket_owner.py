"""Calls of S3 that say to whom the bucket must belong, which moto does not heed.

A mismatch is refused with 403 (S3 user guide, "Verifying bucket ownership with bucket owner condition").
"""

from typing import Any

from moto.s3.models import s3_backends

from local.aws.faults import Fault

_EXPECTED = "HTTP_X_AMZ_EXPECTED_BUCKET_OWNER"


def refused(environ: dict[str, Any]) -> Fault | None:
    """The refusal; None where the bucket is the named account's, where none is named, or where there is no bucket."""
    expected = environ.get(_EXPECTED)
    bucket = environ["PATH_INFO"].lstrip("/").partition("/")[0]
    if expected is None or bucket not in s3_backends.bucket_accounts:
        return None
    _, account = s3_backends.bucket_accounts[bucket]
    return None if account == expected else Fault("AccessDenied", 403, "Access Denied", after=False)
