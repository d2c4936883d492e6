"""What clients of a door meet, tried by real handshakes: who is admitted, and how long a change takes to be met.

Beside what a question is about, a truststore holds a root made for it alone. A client below that one is knocked with
until it is admitted: so the new bundle is in force when the question is asked.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cryptography.x509.oid import ExtendedKeyUsageOID

from genesys_certs.conformance.bench import BucketBench
from genesys_certs.conformance.door import Door, Seen, knock
from genesys_certs.conformance.material import Made, Material
from genesys_certs.conformance.model import Answer, Probe, not_asked, taken
from genesys_certs.problems import Problem

PATIENCE, PAUSE = 900.0, 3.0
"""How long, in seconds, a change may take to be met by clients; and between knocks."""
IN_A_ROW = 3
"""So many knocks that agree: a door has several machines."""
DEEPEST = 6
"""Intermediates of the longest chain that is tried."""
LATER = 600.0
"""Seconds after which a service might look at its bundle's object again."""
_OK = 200
_DEPTH = "the local edge (nginx) counts four intermediates; whether AWS counts leaf and root is not claimed"
_ANCHOR = "the local edge (nginx) follows a chain to a self-signed root; what AWS takes for an anchor is not claimed"


class Doorway(BucketBench):
    """A bench with a door, whose bundle can be changed."""

    door: Door
    shut = False
    """Nobody was let in for as long as was waited: nothing more is asked there."""

    def hold(self, content: bytes) -> None:
        """Load a bundle, and wait until the service shows it. Raises ClientError."""
        raise NotImplementedError

    def admits(self, seen: Seen) -> bool:
        """Whether a client that saw this was let in: what stands behind most doors answers 200 to every request."""
        return seen.status == _OK


class Holding(NamedTuple):
    """A bundle in force: the root made for it, and that root's client."""

    root: Made
    client: Made


def client_of(
    material: Material, issuer: Made, *, name: str = "", begins: int = -1, ends: int = 365, server: bool = False
) -> Made:
    """A client's certificate. ``begins``, ``ends``: days from now. ``server``: for servers alone."""
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    return material.below(issuer, name, begins=begins, ends=ends, usage=usage)


def met(bench: Doorway, chain: Sequence[Made]) -> Seen:
    """One knock. Raises Problem where there is no connection."""
    return knock(bench.services.connect, bench.door, chain)


def until(bench: Doorway, chain: Sequence[Made], *, admitted: bool) -> float | None:
    """Seconds until a client is admitted, or refused, in a row; None where that does not come."""
    begun, same = bench.services.timer(), 0
    first = 0.0
    while bench.services.timer() - begun < PATIENCE:
        try:
            agrees = bench.admits(met(bench, chain)) is admitted
        except Problem:
            agrees = False
        if agrees:
            first = bench.services.timer() if not same else first
            same += 1
            if same == IN_A_ROW:
                return first - begun
        else:
            same = 0
        bench.services.wait(PAUSE)
    return None


def held(bench: Doorway, *anchors: Made) -> Holding:
    """Load these anchors and a root of its own; return when the door goes by them. Raises Problem where it does not."""
    if bench.shut:
        raise Problem("shut", "The door let nobody in before.")
    root = bench.material.root()
    holding = Holding(root, client_of(bench.material, root))
    bench.hold(b"".join(one.pem for one in (root, *anchors)))
    if until(bench, [holding.client], admitted=True) is None:
        bench.shut = True
        raise Problem("shut", f"A client of a root that is held was not admitted within {PATIENCE:.0f} s.")
    return holding


def _judged(chain: Callable[[Material, Holding], Sequence[Made]]) -> Callable[[Doorway], Answer]:
    """Who is judged by a bundle with one root."""

    def probe(bench: Doorway) -> Answer:
        seen = met(bench, chain(bench.material, held(bench)))
        return taken(text=seen.words, admitted=bench.admits(seen))

    return probe


def _chained(*, root: bool, intermediate: bool, sent: bool) -> Callable[[Doorway], Answer]:
    """A client below an intermediate: which of root and intermediate are held, and whether it sends the latter."""

    def probe(bench: Doorway) -> Answer:
        top = bench.material.root()
        between = bench.material.below(top, ca=True)
        held(bench, *([top] if root else []), *([between] if intermediate else []))
        leaf = client_of(bench.material, between)
        seen = met(bench, [leaf, between] if sent else [leaf])
        return taken(text=seen.words, admitted=bench.admits(seen))

    return probe


def _depth(bench: Doorway) -> Answer:
    """How many intermediates may stand between client and root: all are held, and sent."""
    authorities = [bench.material.root()]
    for _ in range(DEEPEST):
        authorities.append(bench.material.below(authorities[-1], ca=True))
    held(bench, *authorities)
    words, deepest = "", -1
    for number, issuer in enumerate(authorities):
        seen = met(bench, [client_of(bench.material, issuer), *reversed(authorities[1 : number + 1])])
        if not bench.admits(seen):
            words = seen.words
            break
        deepest = number
    return taken(text=f"one more: {words}" if words else "", intermediates=deepest)


def _added(bench: Doorway) -> Answer:
    """A root more: how long until its client is admitted, and whether the other's always was."""
    before, new = held(bench), bench.material.root()
    bench.hold(before.root.pem + new.pem)
    seconds = until(bench, [client_of(bench.material, new)], admitted=True)
    kept = bench.admits(met(bench, [before.client]))
    return taken(seconds or 0.0, admitted=seconds is not None, others_kept=kept)


def _removed(bench: Doorway) -> Answer:
    """A root less: how long until its client is refused."""
    old = bench.material.root()
    before, leaf = held(bench, old), client_of(bench.material, old)
    if not bench.admits(met(bench, [leaf])):
        return not_asked("its client was not admitted before")
    bench.hold(before.root.pem)
    seconds = until(bench, [leaf], admitted=False)
    kept = bench.admits(met(bench, [before.client]))
    return taken(seconds or 0.0, refused=seconds is not None, others_kept=kept)


def _gone(bench: Doorway) -> Answer:
    """The object is deleted once it is loaded. Who does not read it again needs neither key nor caller again."""
    holding = held(bench)
    bench.forget()
    bench.services.wait(LATER)
    seen = met(bench, [holding.client])
    return taken(text=seen.words, admitted=bench.admits(seen))


def probes(service: str, unclaimed: Mapping[str, str] | None = None) -> tuple[Probe, ...]:
    """The questions about handshakes at a service's door. ``unclaimed``: more of them that have no claim, and why."""
    more = unclaimed or {}
    judged: tuple[tuple[str, str, Callable[[Material, Holding], Sequence[Made]]], ...] = (
        ("known", "A client below a root that is held.", lambda _, held_: [held_.client]),
        ("stranger", "A client below a root that is not held.", lambda made, _: [client_of(made, made.root())]),
        ("none", "A client without a certificate.", lambda *_: []),
        ("expired", "A client that ran out.", lambda made, h: [client_of(made, h.root, begins=-9, ends=-2)]),
        ("not-yet-valid", "A client that begins later.", lambda made, h: [client_of(made, h.root, begins=2)]),
        ("server-only", "A certificate for servers alone.", lambda made, h: [client_of(made, h.root, server=True)]),
    )
    chained: tuple[tuple[str, str, Callable[[Doorway], Answer], str], ...] = (
        (
            "intermediate-sent",
            "The root is held, and the client sends its intermediate.",
            _chained(root=True, intermediate=False, sent=True),
            "",
        ),
        (
            "intermediate-held",
            "Root and intermediate are held, and the client sends its own certificate alone.",
            _chained(root=True, intermediate=True, sent=False),
            "",
        ),
        (
            "intermediate-missing",
            "The root is held, and nobody has the intermediate.",
            _chained(root=True, intermediate=False, sent=False),
            "",
        ),
        (
            "intermediate-alone",
            "The intermediate is held, and its root is not.",
            _chained(root=False, intermediate=True, sent=False),
            _ANCHOR,
        ),
    )
    return (
        *(Probe(f"{service}.client.{name}", asks, _judged(chain)) for name, asks, chain in judged),
        *(Probe(f"{service}.client.{name}", asks, ask, more.get(name, why)) for name, asks, ask, why in chained),
        Probe(f"{service}.client.depth", "How many intermediates a chain may have.", _depth, _DEPTH),
        Probe(f"{service}.change.added", "A root more: when its client is admitted.", _added),
        Probe(f"{service}.change.removed", "A root less: when its client is refused.", _removed),
        Probe(
            f"{service}.change.object-gone",
            "The bundle's object is deleted: whether its client is admitted ten minutes later.",
            _gone,
        ),
    )
