"""An HTTPS listener of an Application Load Balancer in verify mode: what its clients meet, and what CRLs do."""

from collections.abc import Sequence
from typing import Any

from genesys_certs.conformance import balancers
from genesys_certs.conformance.balancers import PORT
from genesys_certs.conformance.model import Probe
from genesys_certs.conformance.suite import Suite


class Bench(balancers.Bench):
    """A listener that answers by itself."""

    kind = "application"

    def listen(self, balancer: dict[str, Any]) -> None:
        """Make it."""
        arn = str(balancer["LoadBalancerArn"])
        self.workshop.answering_listener(arn, PORT, self.options.certificate, self.mutual())


PROBES: Sequence[Probe] = balancers.probes("alb-handshake")

SUITE = Suite(
    service="alb-handshake",
    about="an HTTPS listener of an Application Load Balancer, and what its clients meet",
    needs=(("certificate",), ("subnets", "load_balancer")),
    makes=(
        "a versioned S3 bucket with some files",
        "a trust store",
        f"an HTTPS listener on port {PORT} that verifies clients and answers 200 to those that it lets in",
    ),
    makes_with=(("subnets", "an internet-facing Application Load Balancer in the subnets"),),
    uses_with=(("load_balancer", "the load balancer that you named, which has that listener for the while"),),
    cost="less than 0.10 USD: an hour of an Application Load Balancer, if it makes one, and of a trust store in use.",
    minutes=45,
    around=7,
    kinds=("listener", "load balancer", "trust store", "bucket"),
    open=Bench,
    probes=PROBES,
)
