"""What adapters are built from: SDK clients and HTTP clients, each made when it is first asked for."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rotation_watcher.adapters import clients
from rotation_watcher.reach import Reach

if TYPE_CHECKING:
    import boto3
    import httpx

    from rotation_watcher.adapters.roles import Roles


class Connections:
    """What adapters are built from: SDK clients and HTTP clients, of one region and role.

    ``region``: the AWS region (None: from boto3's own configuration, as in Lambda). ``authorizer``: the ARN of
    the stack's own authorizer (None: it has none). ``account``: to which the buckets of places for files must belong
    (None: not known).
    """

    def __init__(self, region: str | None = None, *, authorizer: str | None = None, account: str | None = None) -> None:
        self._region = region
        self.authorizer = authorizer
        self.account = account
        self._clients: dict[str, Any] = {}
        self._session: Callable[[], boto3.Session] | None = None
        self._roles: list[Roles] = []

    def at(self, where: Reach) -> "Connections":
        """Those of another region or role; with a role of its own no authorizer of this stack is asked there."""
        account = where.bucket_account or where.account or self.account
        other = Connections(where.region or self._region, account=account)
        other._roles = self._roles
        if where.role_arn is not None:
            other._session = partial(self._assumed, where.role_arn, where.external_id)
        return other

    def client(self, service: str) -> Any:
        """The SDK's client of an AWS service, shared by all adapters, and made when it is first used."""
        if service not in self._clients:
            self._clients[service] = clients.deferred(service, region=self._region, session=self._session)
        return self._clients[service]

    def http(self) -> "httpx.Client":
        """A new HTTP client for downloads; it follows no redirects."""
        import httpx  # noqa: PLC0415  # only trust stores of load balancers are downloaded

        return httpx.Client(timeout=httpx.Timeout(15.0, connect=5.0), follow_redirects=False)

    def _assumed(self, role_arn: str, external_id: str | None) -> "boto3.Session":
        from rotation_watcher.adapters.roles import Roles  # noqa: PLC0415  # only targets of other accounts need it

        if not self._roles:
            self._roles.append(Roles())
        return self._roles[0].session(role_arn, external_id)
