"""A regional custom domain of API Gateway with an API behind it: what its clients meet, and when a change is met."""

from collections.abc import Sequence

from genesys_certs.conformance import api_gateway, handshakes
from genesys_certs.conformance.door import Door
from genesys_certs.conformance.model import Probe
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.workshop import Options, Workshop

_HELD = "the developer guide wants every CA of the chain in the truststore; the local edge (nginx) takes what is sent"


class Bench(api_gateway.Bench, handshakes.Doorway):
    """One domain, and an API that answers each request itself."""

    def __init__(self, workshop: Workshop, options: Options) -> None:
        super().__init__(workshop, options)
        workshop.answering_api(options.domain)
        self.door = Door(str(self.created["regionalDomainName"]), 443, options.domain)

    def hold(self, content: bytes) -> None:
        """Load a truststore in its turn. Raises ClientError."""
        self.update(self.put(content))
        self.settled()


PROBES: Sequence[Probe] = handshakes.probes("api-gateway-handshake", {"intermediate-sent": _HELD})

SUITE = Suite(
    service="api-gateway-handshake",
    about="a regional custom domain of API Gateway with mutual TLS, and what its clients meet",
    needs=(("domain",), ("certificate",)),
    makes=(
        "a versioned S3 bucket with some files",
        "a custom domain of the name that you gave, which no DNS record needs to lead to",
        "a REST API behind it that answers 200 by itself",
    ),
    makes_with=(),
    cost="less than 0.01 USD: some hundred requests. Neither a custom domain nor an API costs anything by itself.",
    minutes=60,
    kinds=("custom domain", "REST API", "bucket"),
    open=Bench,
    probes=PROBES,
    around=3,
)
