"""A world with a past, in which somebody else writes what only the functions may write.

Two targets hold six roots of others and what the watcher has added. The source presents a leaf of the Genesys authority
and one of DigiCert, whose CA has other customers. ``ROGUE`` is a root that nobody trusts, ``CUSTOMER`` a leaf of
another customer of that CA; their certificates lie wherever a forgery could want them.
"""

from copy import deepcopy
from datetime import timedelta
from functools import lru_cache

from rotation_watcher import config, keys
from rotation_watcher.bundles import pins
from rotation_watcher.errors import NewerFormat, RequestRefused
from rotation_watcher.publish import Summary
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, History, Leaf, Status
from rotation_watcher.targets.plan import digest
from tests.support import certs
from tests.support.fakes import InMemoryStore
from tests.support.small_world import ARNS, START, SmallWorld, certificate, folder, issued, leaf_of, root
from tests.support.words import word

OTHERS = tuple(f"Other {number}" for number in range(6))
EVIL = "https://evil.example"
"""What is in the words and commands of whoever forges state."""
BEGUN = START - timedelta(days=9)


@lru_cache
def under(ca: str, name: str) -> certs.Issued:
    """A leaf of that name under that root."""
    return certs.issue(issued(ca), name, not_before=BEGUN)


ROGUE = issued("Rogue")
ROGUE_LEAF = leaf_of("Rogue")
OURS = under("Shared CA", "client.genesys.example")
CUSTOMER = under("Shared CA", "client.another.example")


def known(one: certs.Issued, ca: certs.Issued, status: Status = Status.CURRENT) -> Leaf:
    """A history's entry of a leaf."""
    facts = certificate(one).facts
    return Leaf(facts=facts, chain=(ca.fingerprint,), status=status, since=START, first_seen=START)


class ForgeryWorld(SmallWorld):
    """See the module. ``rogue_version`` is a version of each target's bundle that holds the rogue root."""

    def __init__(self, others: tuple[str, ...] = OTHERS) -> None:
        super().__init__()
        self.others = others
        held = b"".join(issued(name).pem for name in others)
        for target in ARNS:
            self.adapter(target).add(ARNS[target], held)
        self.publish()
        self.clock.advance(timedelta(minutes=10))
        self.widen("Widened")
        self.publish()
        self.clock.advance(timedelta(minutes=10))
        self.rogue_body = held + issued("Root 0").pem + issued("Shared CA").pem + ROGUE.pem
        self.sink.delivered.clear()
        self.rogue_version: dict[str, str] = {}

    @property
    def watch(self) -> config.Watch:
        """Both authorities; the name of DigiCert's leaf has been learned."""
        document = {
            "mode": "apply",
            "sources": [
                {
                    "id": "use1",
                    "region": "us-east-1",
                    "credentials": "arn:aws:ssm:us-east-1:123456789012:parameter/genesys",
                    "authorities": ["Genesys", "DigiCert"],
                }
            ],
            "bundles": [
                {"id": "main", "sources": ["use1"], "authorities": ["Genesys", "DigiCert"], "extra": [*self.extra]}
            ],
            "targets": [{"id": target, "arn": arn, "bundle": "main"} for target, arn in ARNS.items()],
        }
        return config.from_document(document, stack_region="us-east-1")

    def present(self, name: str) -> None:
        """The source presents a leaf of each authority."""
        genesys, digicert = leaf_of(name), OURS
        state = History(
            source="use1",
            region="us-east-1",
            fresh_at=self.clock(),
            authorities={
                "Genesys": AuthorityHistory(leaves={genesys.fingerprint: known(genesys, issued(name))}),
                "DigiCert": AuthorityHistory(
                    names=("client.genesys.example",),
                    leaves={digicert.fingerprint: known(digicert, issued("Shared CA"))},
                ),
            },
        )
        for one in (genesys, digicert, issued(name), issued("Shared CA")):
            self.store.seed(keys.seen("use1", one.fingerprint), one.pem)
        self.store.seed("anchors/us-east-1.pem", issued(name).pem)
        self.store.seed("anchors/digicert.pem", issued("Shared CA").pem)
        self.store.seed(keys.history("use1"), history.encode(state))

    def lure(self, *, sources: bool = False) -> None:
        """Somebody puts the rogue's things below ``targets/``, or below ``sources/``."""
        if sources:
            for one in (ROGUE, ROGUE_LEAF, CUSTOMER):
                self.store.seed(keys.seen("use1", one.fingerprint), one.pem)
        else:
            self.rogue_version = {name: self.store.seed(keys.deployed(folder(name)), self.rogue_body) for name in ARNS}

    @property
    def rogue_sha256(self) -> str:
        """The digest of the rogue version."""
        return digest(self.rogue_body)

    def tries(self, **event: object) -> Summary | None:
        """One run; a refusal is an answer too."""
        try:
            return self.publish(**event)
        except RequestRefused:
            return None
        finally:
            self.clock.advance(timedelta(minutes=11))

    def live_out(self, *targets: str) -> None:
        """Whatever publish may be asked for, one after the other; at these targets (none: at all of them)."""
        chosen = targets or (*ARNS,)
        self.tries(targets=[*chosen])
        for target in chosen:
            self.tries(rollback=target)
        for target in chosen:
            self.tries(release=target)
        self.tries(targets=[*chosen])

    def told(self) -> set[str]:
        """The kinds of what was delivered since the world began."""
        return {word(alert) for alert in self.sink.delivered}

    def breaches(self) -> list[str]:
        """What must never be: rogues live or pinned, others' certificates gone, a current leaf shut out or unpinned.

        Nor his words in an alert of ours.
        """
        found = []
        needed = {root("Root 0"), root("Shared CA"), *(root(name) for name in self.others)}
        for target in ARNS:
            live = self.live(target)
            found += [f"rogue live at {target}"] if ROGUE.fingerprint in live else []
            found += [f"{target} lost {one[:8]}" for one in sorted(needed - live)]
        presented = {leaf_of("Root 0").fingerprint, OURS.fingerprint}
        rogue = {ROGUE_LEAF.fingerprint, CUSTOMER.fingerprint, ROGUE.fingerprint}
        try:
            pinned = {pin.certificate.fingerprint for pin in pins.decode(self.store.body(keys.pins("main"))).pins}
        except NewerFormat:
            pinned = presented  # nobody reads it, and publish says so at each run
        found += ["rogue pinned"] if pinned & rogue else []
        found += [f"pin {one[:8]} lost" for one in sorted(presented - pinned)]
        found += [f"{alert.kind} says his words" for alert in self.sink.delivered if EVIL in str(alert)]
        return found


@lru_cache
def _first(others: int) -> ForgeryWorld:
    return ForgeryWorld(OTHERS[:others])


def fresh(others: int = len(OTHERS)) -> ForgeryWorld:
    """A world of its own, at the moment after its second update."""
    world = deepcopy(_first(others))
    assert isinstance(world.store, InMemoryStore)
    return world
