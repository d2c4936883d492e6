"""Another account or region of the embedded AWS, as somebody who works there has it."""

from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from local.aws.server import EmbeddedAws


class Keys(NamedTuple):
    """What signs calls in the name of a role: access key, secret key, session token."""

    access: str
    secret: str
    token: str


class OtherPlace:
    """Its clients, and what is made there. ``account`` None: the server's own."""

    def __init__(self, aws: "EmbeddedAws", region: str, account: str | None) -> None:
        self._aws = aws
        self.region = region
        self.account = account or aws.account
        self._session: Any = boto3.session.Session()
        self._clients: dict[tuple[str, str], Any] = {}
        self._keys = assumed(aws, f"arn:aws:iam::{account}:role/owner") if account else None

    def client(self, service: str, region: str | None = None) -> Any:
        """A client that works there; made once."""
        place = region or self.region
        if self._keys is None:
            return self._aws.client(service, place)
        if (service, place) not in self._clients:
            self._clients[service, place] = self._session.client(
                service,
                region_name=place,
                endpoint_url=self._aws.url,
                aws_access_key_id=self._keys.access,
                aws_secret_access_key=self._keys.secret,
                aws_session_token=self._keys.token,
                config=Config(retries={"total_max_attempts": 1}, proxies={}),
            )
        return self._clients[service, place]

    def certificate(self, region: str | None = None) -> str:
        """The ARN of a certificate for *.example.com."""
        return self._aws.import_certificate(self.client("acm", region or self.region))


def assumed(aws: "EmbeddedAws", role_arn: str, policy: str = "") -> Keys:
    """The keys of a role that the server's own account takes on, perhaps under a session's policy (JSON)."""
    more = {"Policy": policy} if policy else {}
    given = aws.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test", **more)["Credentials"]
    return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
