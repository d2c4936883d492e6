"""New buckets let nobody of the public in, which moto does not know.

Since April 2023 S3 gives each new bucket all four settings of the public access block, whoever makes it (S3 user guide,
"Default settings for new S3 buckets").
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.s3.models import PublicAccessBlock, S3Backend

from local.aws.patching import patched


@contextmanager
def blocked_at_first() -> Iterator[None]:
    """Have moto do so for the length of the block."""
    usual: Any = S3Backend.create_bucket

    def create_bucket(backend: Any, *args: Any, **more: Any) -> Any:
        made = usual(backend, *args, **more)
        made.public_access_block = PublicAccessBlock(True, True, True, True)
        return made

    with patched(S3Backend, {"create_bucket": create_bucket}):
        yield
