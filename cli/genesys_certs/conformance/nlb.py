"""A TLS listener of a Network Load Balancer: what its identity filters take, and what a change leaves as it was."""

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from genesys_certs.conformance.asking import refusal, tried
from genesys_certs.conformance.bench import BucketBench
from genesys_certs.conformance.model import Answer, Probe, taken
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.workshop import Options, Workshop

PORT = 49_443
"""Of the listener: one that nobody is likely to use."""
MOST = 100
"""Identity filters of a listener (ELB's guide)."""

type Filter = dict[str, str]


def one_filter(value: str, field: str = "san-dns", match: str = "exact", action: str = "accept") -> Filter:
    """A filter, as ModifyListener takes it."""
    return {"Field": field, "Action": action, "MatchType": match, "Value": value}


class Bench(BucketBench):
    """A listener in verify mode, with a trust store and a target group of its own."""

    def __init__(self, workshop: Workshop, options: Options) -> None:
        super().__init__(workshop, options)
        self.elb = workshop.client("elbv2")
        self.trust_store = str(workshop.trust_store(self.first)["TrustStoreArn"])
        balancer = workshop.load_balancer(options)
        group = workshop.target_group(str(balancer["VpcId"]))
        self.created = workshop.listener(
            str(balancer["LoadBalancerArn"]), PORT, options.certificate, group, self.mutual([])
        )
        self.arn = str(self.created["ListenerArn"])

    def mutual(self, filters: Sequence[Filter], mode: str = "verify") -> dict[str, Any]:
        """MutualAuthentication, as ModifyListener takes it; without filters the member is left out."""
        said: dict[str, Any] = {"Mode": mode}
        if mode == "verify":
            said["TrustStoreArn"] = self.trust_store
        return said | ({"ClientCertificateIdentityFilters": [*filters]} if filters else {})

    def change(self, mutual: dict[str, Any]) -> None:
        """ModifyListener."""
        self.elb.modify_listener(ListenerArn=self.arn, MutualAuthentication=mutual)

    def shown(self) -> dict[str, Any]:
        """What the listener says of mutual TLS."""
        found = self.elb.describe_listeners(ListenerArns=[self.arn])["Listeners"][0]
        mutual: dict[str, Any] = found.get("MutualAuthentication", {})
        return mutual

    def filters(self) -> list[Filter]:
        """Those that it shows."""
        return list(self.shown().get("ClientCertificateIdentityFilters") or [])


def _set(filters: Sequence[Filter], mode: str = "verify") -> Callable[[Bench], Answer]:
    """Set filters, and read them back."""

    def probe(bench: Bench) -> Answer:
        try:
            bench.change(bench.mutual(filters, mode))
        except ClientError as error:
            return refusal(error)
        shown = bench.filters()
        same = shown == [*filters]
        alike = sorted(map(str, shown)) == sorted(map(str, filters))
        return taken(filters=len(shown), read_back="literal" if same else "in-another-order" if alike else "changed")

    return probe


def _created(bench: Bench) -> Answer:
    mutual = bench.created.get("MutualAuthentication", {})
    return taken(
        mode=str(mutual.get("Mode", "")),
        advertises=str(mutual.get("AdvertiseTrustStoreCaNames", "not-shown")),
        ignores_expiry=bool(mutual.get("IgnoreClientCertificateExpiry", False)),
        filters=len(mutual.get("ClientCertificateIdentityFilters") or []),
    )


def _left_out(bench: Bench) -> Answer:
    """Filters, then a change of mutual TLS that says nothing of them."""
    bench.change(bench.mutual([one_filter("a.example.com")]))
    bench.change(bench.mutual([]))
    return taken(filters=len(bench.filters()))


def _empty(bench: Bench) -> Answer:
    """Filters, then an empty list."""
    bench.change(bench.mutual([one_filter("a.example.com")]))
    try:
        bench.change(bench.mutual([]) | {"ClientCertificateIdentityFilters": []})
    except ClientError as error:
        return refusal(error)
    return taken(filters=len(bench.filters()))


def _other_change(bench: Bench) -> Answer:
    """Filters, then a change of something else."""
    bench.change(bench.mutual([one_filter("a.example.com")]))
    bench.elb.modify_listener(ListenerArn=bench.arn, SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")
    return taken(filters=len(bench.filters()), mode=str(bench.shown().get("Mode", "")))


def _lag(bench: Bench) -> Answer:
    """Ten changes: whether a read right behind one shows the former filters."""
    stale = 0
    for number in range(10):
        wanted = [one_filter(f"n{number}.example.com")]
        bench.change(bench.mutual(wanted))
        stale += bench.filters() != wanted
    return taken(stale_reads=bool(stale), text=f"{stale} of 10 were stale at first")


def _association(bench: Bench) -> Answer:
    """What the listing of a trust store's associations names."""
    found = bench.elb.describe_trust_store_associations(TrustStoreArn=bench.trust_store)["TrustStoreAssociations"]
    kinds = {str(one["ResourceArn"]).split(":", 5)[5].partition("/")[0] for one in found}
    return taken(names=",".join(sorted(kinds)), count=len(found))


def _in_use(bench: Bench) -> Answer:
    return tried(lambda: bench.elb.delete_trust_store(TrustStoreArn=bench.trust_store))


_DNS = "dataactions.example.com"
FILTERS: Sequence[tuple[str, str, Callable[[Bench], Answer]]] = (
    ("exact-dns", "An exact DNS name.", _set([one_filter(_DNS)])),
    ("prefix-dns", "The beginning of a DNS name.", _set([one_filter("dataactions.", match="prefix")])),
    ("capitals", "A DNS name in capitals: whether they are kept.", _set([one_filter(_DNS.upper())])),
    ("common-name", "An exact common name.", _set([one_filter(_DNS, "subject-cn")])),
    ("unit", "An exact organizational unit.", _set([one_filter("Partner", "subject-ou")])),
    ("uri", "An exact URI.", _set([one_filter("spiffe://example.com/a", "san-uri")])),
    ("uri-scheme", "The scheme of a URI as its beginning.", _set([one_filter("spiffe", "san-uri", "prefix")])),
    ("no-uri", "An exact URI without a scheme.", _set([one_filter("example", "san-uri")])),
    ("wildcard", "A DNS name with an asterisk.", _set([one_filter("*.example.com")])),
    ("twice", "One filter twice.", _set([one_filter(_DNS)] * 2)),
    (
        "order",
        "Two filters that are not in the alphabet's order.",
        _set([one_filter("b.example.com"), one_filter(_DNS)]),
    ),
    ("256-characters", "A value of 256 characters.", _set([one_filter("a" * 256, "subject-cn")])),
    ("257-characters", "A value of 257 characters.", _set([one_filter("a" * 257, "subject-cn")])),
    ("not-ascii", "A value with a letter outside ASCII.", _set([one_filter("Zürich", "subject-cn")])),
    ("other-field", "A field that the guide does not name.", _set([one_filter(_DNS, "san-email")])),
    ("other-match", "A match type that the guide does not name.", _set([one_filter(_DNS, match="suffix")])),
    ("other-action", "An action that the guide does not name.", _set([one_filter(_DNS, action="deny")])),
    ("100", "100 filters, the limit.", _set([one_filter(f"n{one}.example.com") for one in range(MOST)])),
    ("101", "101 filters.", _set([one_filter(f"n{one}.example.com") for one in range(MOST + 1)])),
    ("left-out", "A change of mutual TLS that says nothing of the filters that are there.", _left_out),
    ("empty-list", "An empty list in place of the filters that are there.", _empty),
    ("other-change", "A change of the listener that says nothing of mutual TLS.", _other_change),
    ("lag", "Whether a read right behind a change may show the former filters.", _lag),
    ("mode-off", "Filters in mode off.", _set([one_filter(_DNS)], "off")),
)

PROBES: Sequence[Probe] = (
    Probe("nlb.create.shown", "What a new listener shows of mutual TLS.", _created),
    *(Probe(f"nlb.filter.{name}", asks, ask) for name, asks, ask in FILTERS),
    Probe("nlb.mode.passthrough", "Mode passthrough, which ALB has.", _set([], "passthrough")),
    Probe("nlb.mode.verify", "Mode verify without filters.", _set([])),
    Probe("nlb.trust-store.associations", "What the associations of a trust store name.", _association),
    Probe("nlb.trust-store.in-use", "Deleting a trust store that a listener uses.", _in_use),
)

SUITE = Suite(
    service="nlb",
    about="a TLS listener of a Network Load Balancer, and its identity filters",
    needs=(("certificate",), ("subnets", "load_balancer")),
    makes=(
        "a versioned S3 bucket with one file",
        "a trust store",
        "a target group without targets",
        f"a TLS listener on port {PORT} that verifies clients",
    ),
    makes_with=(("subnets", "an internal Network Load Balancer in the subnets"),),
    uses_with=(("load_balancer", "the load balancer that you named, which has that listener for the while"),),
    cost="less than 0.10 USD: an hour of a Network Load Balancer, if it makes one, and of a trust store in use.",
    minutes=3,
    kinds=("listener", "load balancer", "target group", "trust store", "bucket"),
    open=Bench,
    probes=PROBES,
)
