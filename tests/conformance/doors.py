"""The doors of an embedded AWS, each a real TLS server: an nginx with what its trust store holds at that moment."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_connection, socket
from tempfile import TemporaryDirectory
from typing import Any

from moto.apigateway.models import apigateway_backends
from moto.cloudfront.models import cloudfront_backends
from moto.elbv2.models import elbv2_backends

from genesys_certs.conformance.door import Connect
from local.aws.server import EmbeddedAws
from local.edge.client import HOST
from local.edge.tls_edge import TlsEdge


@contextmanager
def doors(aws: EmbeddedAws) -> Iterator[Connect]:
    """Connections to the doors of an account, by the names that AWS gave them. Raises OSError where there is none."""
    with ExitStack() as opened:
        edges: list[TlsEdge] = []

        def connect(host: str, port: int) -> socket:
            arn = trust_store(aws, host, port)
            if arn is None:
                raise OSError(f"nobody is called {host}")
            if not edges:
                folder = Path(opened.enter_context(TemporaryDirectory()))
                edges.append(opened.enter_context(TlsEdge(folder / "edge")))
            lists = aws.live_lists(arn) if ":truststore/" in arn else []
            bundle = aws.live_bundle(arn)
            assert bundle is not None
            subject = subjects(aws, host, port)
            edges[0].load(
                {"door": bundle}, {"door": b"".join(lists)} if lists else None, {"door": subject} if subject else None
            )
            return create_connection((HOST, edges[0].port("door")), 10)

        yield connect


def verifying(aws: EmbeddedAws, host: str, port: int) -> Iterator[dict[str, Any]]:
    """What the listener of a load balancer's name and port says of mutual TLS."""
    listener: Any
    for balancer in elbv2_backends[aws.account][aws.region].load_balancers.values():
        for listener in balancer.listeners.values() if balancer.dns_name == host else ():
            if int(listener.port) == port:
                yield listener.mutual_authentication


def subjects(aws: EmbeddedAws, host: str, port: int) -> str | None:
    """A pattern of the subjects that the identity filters of a door let in; None: it has none.

    Of those on the subject alone: nginx does not show other names.
    """
    filters = [one for mutual in verifying(aws, host, port) for one in _filters(mutual)]
    return "|".join(filters) or None


def _filters(mutual: dict[str, Any]) -> Iterator[str]:
    for one in mutual.get("ClientCertificateIdentityFilters") or []:
        assert one["Field"] in {"subject-cn", "subject-ou"}, one["Field"]
        end = "(,|$)" if one["MatchType"] == "exact" else ""
        yield f"(^|,){one['Field'].removeprefix('subject-').upper()}={re.escape(one['Value'])}{end}"


def trust_store(aws: EmbeddedAws, host: str, port: int) -> str | None:
    """The ARN of the trust store, or domain, with which a door verifies."""
    for mutual in verifying(aws, host, port):
        return str(mutual["TrustStoreArn"])
    for domain in apigateway_backends[aws.account][aws.region].domain_names.values():
        if domain.regional_domain_name == host:
            return f"arn:aws:apigateway:{aws.region}::/domainnames/{domain.domain_name}"
    for distribution in cloudfront_backends[aws.account]["aws"].distributions.values():
        if distribution.domain_name == host:
            config: Any = distribution.distribution_config
            store = config.ViewerMtlsConfig["TrustStoreConfig"]["TrustStoreId"]
            return aws.trust_stores_of_cloudfront.by_id(store, aws.account).arn
    return None
