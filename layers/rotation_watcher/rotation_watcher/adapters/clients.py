"""boto3 clients with one configuration: timeouts in seconds, the SDK's retries, and a user agent that names us.

In Lambda the SDK comes from the dependencies layer, which has the models of its ``services.txt`` alone.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from threading import Lock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.handlers import add_expect_header
from botocore.utils import parse_timestamp

CONFIG = Config(
    connect_timeout=5,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 4},
    user_agent_extra="genesys-certificate-rotation-watcher",
    s3={"us_east_1_regional_endpoint": "regional"},
)
"""For the services of the targets, whose answers take their time.

In us-east-1 the SDK asks S3 by its former global name, for which no interface endpoint of a VPC answers (S3 User Guide,
AWS PrivateLink for Amazon S3, restrictions).
"""
PROMPT = CONFIG.merge(Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}))
"""For what answers at once or not at all: with every try and the pauses between them it stays below ``CALL_TAKES``."""
_PROMPT = {"s3", "sns", "events", "sqs", "ssm", "secretsmanager", "sts"}
HASTY = CONFIG.merge(Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}))
"""For what nobody waits for: three seconds at the most, and then it is left."""
SINGLE_ATTEMPT = CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
"""For API Gateway, which allows one UpdateDomainName in 30 seconds, and for CloudFront, where a second try after a lost
answer would be refused for the ETag that the first one left: the schedule retries and not the SDK."""
_ONCE = ("apigateway", "cloudfront")

_LOG_LEVELS = {
    "botocore": logging.INFO,
    "boto3": logging.INFO,
    "urllib3": logging.INFO,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
}
"""Below these levels the loggers write secrets."""
_MAKING = Lock()
"""A session makes clients for one thread at a time; secrets are read in a thread of their own."""


def make(
    service: str,
    *,
    region: str | None = None,
    endpoint_url: str | None = None,
    config: Config | None = None,
    session: "boto3.Session | None" = None,
) -> Any:
    """A client of an AWS service. Region and endpoint default to boto3's own configuration, as in Lambda.

    ``config`` stands for the one that is usual for the service. ``session``: with its credentials (``roles``).
    """
    quiet_sdk_logs()
    usual = SINGLE_ATTEMPT if service.startswith(_ONCE) else PROMPT if service in _PROMPT else CONFIG
    with _MAKING:
        if session is None and boto3.DEFAULT_SESSION is None:
            boto3.setup_default_session(botocore_session=core_session())
        factory: Any = (session or boto3).client  # the stubs know literal names only
        made = factory(service, region_name=region, endpoint_url=endpoint_url, config=config or usual)
    if service == "s3":
        # It makes each PutObject wait for a "100 Continue", a round trip, before it sends a body: worth it from one or
        # two megabytes on, where the SDKs of Java, Kotlin and Go begin with it. What is put here is some kilobytes.
        made.meta.events.unregister("before-call.s3", add_expect_header)
    return made


def core_session(profile: str | None = None) -> botocore.session.Session:
    """What a session of boto3 is made of. ``profile``: one of the AWS configuration's, for people."""
    made = botocore.session.Session(profile=profile)
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read_time)
    return made


def read_time(value: Any) -> datetime:
    """A time of an answer, as botocore reads it, but without guessing in what format it is.

    Guessing takes a quarter of a millisecond for each object of a listing, a twelfth of what reading an object takes.
    Raises ValueError for what is no time.
    """
    if isinstance(value, str):
        try:
            if value[4:5] == "-":
                return datetime.fromisoformat(value)
            if value.endswith(" GMT"):
                return parsedate_to_datetime(value)
        except ValueError:
            pass
    return parse_timestamp(value)


def deferred(service: str, *, region: str | None = None, session: Callable[[], "boto3.Session"] | None = None) -> Any:
    """A client that is made when it is first used: it reads the service's model, and most runs use few of them."""
    return _Deferred(lambda: make(service, region=region, session=session() if session else None))


class _Deferred:
    """Stands for a client; each of its attributes is the client's."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    @cached_property
    def _client(self) -> Any:
        return self._build()


def quiet_sdk_logs() -> None:
    """Keep secrets out of the logs, whatever the root logger's level is. Idempotent.

    At DEBUG botocore logs whole answers (a secret's text, a pre-signed URL) and request headers (the session token),
    and urllib3 logs URLs; httpx logs the URL of each request at INFO already.
    """
    for name, level in _LOG_LEVELS.items():
        logging.getLogger(name).setLevel(level)
