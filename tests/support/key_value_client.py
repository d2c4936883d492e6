"""A client of the embedded key value stores that signs nothing: SigV4A needs awscrt, which the tests' process lacks."""

from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from local.aws.key_value_stores import HOST, EmbeddedStores

ARN = "arn:aws:cloudfront::123456789012:key-value-store/00000000-0000-0000-0000-000000000001"


def unsigned(stores: EmbeddedStores) -> Any:
    """The client; it asks once."""
    make: Any = boto3.client
    config = Config(proxies={"http": stores.proxy}, signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    return make("cloudfront-keyvaluestore", region_name="us-east-1", endpoint_url=f"http://{HOST}", config=config)
