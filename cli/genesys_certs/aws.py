"""The operator's AWS session: profile, region, and clients that behave as the watcher's do."""

import os
import re
from typing import Any

import boto3
from botocore.config import Config

from genesys_certs.exits import USAGE
from genesys_certs.problems import Problem, no_region
from rotation_watcher.adapters import clients
from rotation_watcher.nearest import did_you_mean

_SHAPE = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
INVOKED = clients.CONFIG.merge(Config(read_timeout=320, retries={"mode": "standard", "total_max_attempts": 1}))
"""For functions: publish may take five minutes, and must not be woken a second time by a retry."""


def connect(profile: str | None, region: str | None) -> str:
    """Make the session that all clients of this process are made from, and give its region.

    The region is ``region``, else AWS_REGION, AWS_DEFAULT_REGION, or the profile's. Raises Problem where there is none.
    """
    core = clients.core_session(profile)
    environment = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    chosen = region or environment or core.get_config_variable("region")  # raises ProfileNotFound
    if not chosen:
        raise no_region()
    _refuse_typo(core, chosen)
    boto3.setup_default_session(botocore_session=core, region_name=chosen)
    return str(chosen)


def _refuse_typo(core: Any, region: str) -> None:
    """Raise Problem for what is no region; one that the SDK does not know yet is taken unless it is nearly another."""
    known = {one for part in core.get_available_partitions() for one in core.get_available_regions("s3", part)}
    if region in known:
        return
    hint = did_you_mean(region, sorted(known), cutoff=0.85)
    if hint or not _SHAPE.fullmatch(region):
        hint = hint or "Write it as AWS does, such as us-east-1."
        raise Problem("unknown-region", f"There is no AWS region {region!r}.", hint, exit_code=USAGE)


def client(service: str, region: str | None = None) -> Any:
    """A client of this session, in its region or in another one."""
    return clients.make(service, region=region)


def signing() -> Any:
    """A client of S3 that signs links as every region takes them."""
    return clients.make("s3", config=clients.PROMPT.merge(Config(signature_version="s3v4")))


def invoking() -> Any:
    """A client of Lambda that waits for a whole run, and never repeats it."""
    return clients.make("lambda", config=INVOKED)
