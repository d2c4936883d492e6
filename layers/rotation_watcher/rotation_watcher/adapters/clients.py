"""boto3 clients, all alike: bounded waits, the SDK's own retries, a name by which AWS support finds our calls."""

from typing import Any

import boto3
from botocore.config import Config

CONFIG = Config(
    connect_timeout=5,
    read_timeout=15,
    retries={"mode": "standard", "max_attempts": 4},
    user_agent_extra="genesys-certificate-rotation-watcher",
)


def make(service: str) -> Any:
    """A client of an AWS service; region, credentials and endpoint come from the environment, as in Lambda."""
    factory: Any = boto3.client  # the stubs know literal names only
    return factory(service, config=CONFIG)
