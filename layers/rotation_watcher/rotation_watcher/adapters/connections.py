"""What adapters are built from: SDK clients and HTTP clients, each made when it is first asked for."""

from typing import TYPE_CHECKING, Any

from rotation_watcher.adapters import clients

if TYPE_CHECKING:
    import httpx


class Connections:
    """What adapters are built from: SDK clients and HTTP clients.

    ``region``: the targets' AWS region (None: from boto3's own configuration, as in Lambda). ``authorizer``: the ARN of
    the stack's own authorizer (None: it has none).
    """

    def __init__(self, region: str | None = None, *, authorizer: str | None = None) -> None:
        self._region = region
        self.authorizer = authorizer
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The SDK's client of an AWS service, shared by all adapters, and made when it is first used."""
        if service not in self._clients:
            self._clients[service] = clients.deferred(service, region=self._region)
        return self._clients[service]

    def http(self) -> "httpx.Client":
        """A new HTTP client for downloads; it follows no redirects."""
        import httpx  # noqa: PLC0415  # only trust stores of load balancers are downloaded

        return httpx.Client(timeout=httpx.Timeout(15.0, connect=5.0), follow_redirects=False)
