"""A listener of Elastic Load Balancing that verifies clients: what they meet there, and what revocation lists do."""

from collections.abc import Callable
from typing import Any, ClassVar

from cryptography.hazmat.primitives.serialization import Encoding

from genesys_certs.conformance import alb, handshakes, revocations
from genesys_certs.conformance.door import Door
from genesys_certs.conformance.handshakes import client_of, held, met, until
from genesys_certs.conformance.model import Answer, Probe, not_asked, taken
from genesys_certs.conformance.workshop import Options, Workshop

PORT = 49_443
"""Of the listener: one that nobody is likely to use."""
PATIENCE, PAUSE = 600.0, 5.0
"""How long, in seconds, a load balancer may take to be there; and between looks."""
_LISTS = "the local edge (nginx) asks for a list of every CA; what Elastic Load Balancing does is not claimed"


class Bench(alb.Bench, handshakes.Doorway):
    """A trust store, and a listener that verifies with it."""

    kind: ClassVar[str]
    """Of its load balancer: application or network."""

    def __init__(self, workshop: Workshop, options: Options) -> None:
        super().__init__(workshop, options)
        balancer = workshop.load_balancer(options, self.kind, "internet-facing")
        self.listen(balancer)
        name = str(balancer["DNSName"])
        self.door = Door(name, PORT, options.domain or name)
        begun = self.services.timer()
        while not self._active(str(balancer["LoadBalancerArn"])) and self.services.timer() - begun < PATIENCE:
            self.services.wait(PAUSE)

    def listen(self, balancer: dict[str, Any]) -> None:
        """Make the listener, and what stands behind it."""
        raise NotImplementedError

    def _active(self, arn: str) -> bool:
        (shown,) = self.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
        return bool(shown["State"]["Code"] != "provisioning")

    def mutual(self) -> dict[str, Any]:
        """MutualAuthentication, as ModifyListener takes it."""
        return {"Mode": "verify", "TrustStoreArn": self.arn}

    def hold(self, content: bytes) -> None:
        """Load a bundle. Raises ClientError."""
        before = self.read()
        self.elb.modify_trust_store(TrustStoreArn=self.arn, **self.put(content).bundle())
        self.settled(content, before)


def _revoked(bench: Bench) -> Answer:
    """A list is added: how long until a client on it is refused, and whether the others are admitted."""
    holding = held(bench)
    leaf = client_of(bench.material, holding.root)
    if not bench.admits(met(bench, [leaf])):
        return not_asked("its client was not admitted before")
    crl = bench.material.crl(holding.root, 1, revoked=[leaf]).public_bytes(Encoding.PEM)
    with revocations.loaded(bench, crl):
        seconds = until(bench, [leaf], admitted=False)
        words = met(bench, [leaf]).words
        kept = bench.admits(met(bench, [holding.client]))
    return taken(seconds or 0.0, text=words, refused=seconds is not None, others_kept=kept)


def _lifted(bench: Bench) -> Answer:
    """The list is taken away: how long until its client is admitted again."""
    holding = held(bench)
    leaf = client_of(bench.material, holding.root)
    crl = bench.material.crl(holding.root, 1, revoked=[leaf]).public_bytes(Encoding.PEM)
    with revocations.loaded(bench, crl):
        if until(bench, [leaf], admitted=False) is None:
            return not_asked("it was never refused")
    seconds = until(bench, [leaf], admitted=True)
    return taken(seconds or 0.0, admitted=seconds is not None)


def _listed(*, ended: bool = False, other: bool = False) -> Callable[[Bench], Answer]:
    """A client that is on no list, while there is one that ran out, or one of another CA alone."""

    def probe(bench: Bench) -> Answer:
        another = bench.material.root()
        holding = held(bench, another)
        marked = client_of(bench.material, holding.root)
        issuer = another if other else holding.root
        crl = bench.material.crl(issuer, 1, ended=ended, revoked=[] if other else [marked])
        with revocations.loaded(bench, crl.public_bytes(Encoding.PEM)):
            if not other:
                until(bench, [marked], admitted=False)
            seen = met(bench, [holding.client])
        return taken(text=seen.words, admitted=bench.admits(seen))

    return probe


def probes(service: str) -> tuple[Probe, ...]:
    """The questions about handshakes and revocation lists at a listener."""
    return (
        *handshakes.probes(service),
        Probe(f"{service}.list.revoked", "A client that a list names: when it is refused.", _revoked),
        Probe(f"{service}.list.lifted", "The list is taken away: when its client is admitted.", _lifted),
        Probe(
            f"{service}.list.ended",
            "A client that is on no list, while its CA's list ran out.",
            _listed(ended=True),
            _LISTS,
        ),
        Probe(
            f"{service}.list.other-issuer",
            "A client whose CA has no list, while another has.",
            _listed(other=True),
            _LISTS,
        ),
    )
