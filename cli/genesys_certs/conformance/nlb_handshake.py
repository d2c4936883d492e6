"""A TLS listener of a Network Load Balancer in verify mode: what its clients meet, by trust store, filter and list.

It answers nobody by itself, and takes no Application Load Balancer for a target (guide, "Target groups for your Network
Load Balancers", routing configuration): the operator names a server that answers HTTP. Chain, filters, lists, in this
order (guide, "Authenticate clients using mutual TLS for Network Load Balancers").
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from genesys_certs.conformance import balancers
from genesys_certs.conformance.balancers import PORT
from genesys_certs.conformance.door import Seen
from genesys_certs.conformance.handshakes import client_of, held, met, until
from genesys_certs.conformance.model import Answer, Probe, not_asked, taken
from genesys_certs.conformance.nlb import Filter, one_filter
from genesys_certs.conformance.suite import Suite

_BAD_REQUEST = 400
_PARTNER = "Partner 7"
"""The common name of the client that filters name."""


class Bench(balancers.Bench):
    """A listener that leads to the operator's server."""

    kind = "network"

    def listen(self, balancer: dict[str, Any]) -> None:
        """Make it, with a target group of that one server."""
        host, _, port = self.options.target.rpartition(":")
        group = self.workshop.target_group(str(balancer["VpcId"]))
        self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": host, "Port": int(port)}])
        arn = str(balancer["LoadBalancerArn"])
        made = self.workshop.listener(arn, PORT, self.options.certificate, group, self.mutual())
        self.listener = str(made["ListenerArn"])

    def admits(self, seen: Seen) -> bool:
        """Whatever the server answers but 400, which the local edge says to whom it refuses."""
        return seen.status not in {0, _BAD_REQUEST}

    @contextmanager
    def filtered(self, *filters: Filter) -> Iterator[None]:
        """These filters are there for the length of the block, and none afterwards. Raises ClientError."""
        self._filter(filters)
        try:
            yield
        finally:
            self._filter(())

    def _filter(self, filters: Sequence[Filter]) -> None:
        mutual = self.mutual() | {"ClientCertificateIdentityFilters": [*filters]}
        self.elb.modify_listener(ListenerArn=self.listener, MutualAuthentication=mutual)


def _filtered(*filters: Filter) -> Callable[[Bench], Answer]:
    """The partner's client and another one of the same root: the other is knocked with until it is refused."""

    def probe(bench: Bench) -> Answer:
        holding = held(bench)
        partner = client_of(bench.material, holding.root, name=_PARTNER)
        with bench.filtered(*filters):
            seconds = until(bench, [holding.client], admitted=False)
            seen = met(bench, [partner])
        return taken(
            seconds or 0.0, text=seen.words, partner_admitted=bench.admits(seen), other_refused=seconds is not None
        )

    return probe


def _lifted(bench: Bench) -> Answer:
    """The filters are taken away: how long until a client that they refused is admitted."""
    holding = held(bench)
    with bench.filtered(one_filter(_PARTNER, "subject-cn")):
        if until(bench, [holding.client], admitted=False) is None:
            return not_asked("it was never refused")
    seconds = until(bench, [holding.client], admitted=True)
    return taken(seconds or 0.0, admitted=seconds is not None)


PROBES: Sequence[Probe] = (
    *balancers.probes("nlb-handshake"),
    Probe(
        "nlb-handshake.filter.exact",
        "A filter that names one client: when others are refused.",
        _filtered(one_filter(_PARTNER, "subject-cn")),
    ),
    Probe(
        "nlb-handshake.filter.prefix",
        "A filter with the beginning of its name.",
        _filtered(one_filter(_PARTNER[:5], "subject-cn", "prefix")),
    ),
    Probe(
        "nlb-handshake.filter.capitals",
        "A filter with its name in capitals.",
        _filtered(one_filter(_PARTNER.upper(), "subject-cn")),
    ),
    Probe(
        "nlb-handshake.filter.part",
        "An exact filter with the beginning of its name alone.",
        _filtered(one_filter(_PARTNER[:5], "subject-cn")),
    ),
    Probe(
        "nlb-handshake.filter.two",
        "Two filters, one of which names it.",
        _filtered(one_filter("Another", "subject-cn"), one_filter(_PARTNER, "subject-cn")),
    ),
    Probe(
        "nlb-handshake.filter.other-field",
        "A filter on a field that its certificate does not have.",
        _filtered(one_filter(_PARTNER, "subject-ou")),
    ),
    Probe("nlb-handshake.filter.lifted", "The filters are taken away: when others are admitted.", _lifted),
)

SUITE = Suite(
    service="nlb-handshake",
    about="a TLS listener of a Network Load Balancer, and what its clients meet",
    needs=(("certificate",), ("subnets", "load_balancer"), ("target",)),
    makes=(
        "a versioned S3 bucket with some files",
        "a trust store",
        "a target group with the server that you named",
        f"a TLS listener on port {PORT} that verifies clients and leads those that it lets in to that server",
    ),
    makes_with=(("subnets", "an internet-facing Network Load Balancer in the subnets"),),
    uses_with=(
        ("load_balancer", "the load balancer that you named, which has that listener for the while"),
        ("target", "the server that you named, for a request of each client that is let in"),
    ),
    cost="less than 0.10 USD: an hour of a Network Load Balancer, if it makes one, and of a trust store in use.",
    minutes=60,
    around=7,
    kinds=("listener", "load balancer", "target group", "trust store", "bucket"),
    open=Bench,
    probes=PROBES,
)
