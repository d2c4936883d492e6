"""The smallest world in which collect and publish work together: one region, its answers written out, all in memory.

``answer`` says what the API shows from now on; ``step`` lets a quarter of an hour pass, collects, and publishes to a
trust store and a domain. Nothing here knows Genesys or AWS beyond the shape of an entity.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from rotation_watcher import collect as collecting
from rotation_watcher import config, keys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.bundles import pins
from rotation_watcher.ports import Credentials
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, History
from rotation_watcher.x509.certificates import Certificate
from tests.support.pki import NOW, Pair, ec_key, intermediate, leaf, root
from tests.support.small_world import ARNS, SmallWorld
from tests.support.watch_files import watch_file
from tests.support.words import word

REGION = "us-east-1"
NAME = "dataactions.prod.us-east-1.mypurecloud.com"
"""What the catalogue says of the region."""
_SECRET = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys"  # a name, no secret


def authority(name: str = "Root") -> Pair:
    """A root of that name."""
    return _root(name)


def issuing(above: str = "Root") -> Pair:
    """The one issuing CA, certified by that root: the same name and key, whoever certified it."""
    return _issuing(above)


@lru_cache
def client(number: int, *names: str, common: str | None = None, **more: Any) -> Pair:
    """A client's leaf under ``Issuing``, with these DNS names; ``number`` tells leaves of equal names apart."""
    given: dict[str, Any] = {"end": NOW + timedelta(days=300 + number)}
    return leaf(issuing(), common=common, names=names, **(given | more))


@lru_cache
def _root(name: str) -> Pair:
    return root(name)


_KEY = ec_key()


@lru_cache
def _issuing(above: str) -> Pair:
    return intermediate("Issuing", _root(above), key=_KEY)


def shown(*chain: Pair, status: str = "Current", signer: str = "DigiCert") -> dict[str, str]:
    """An entity of the API."""
    return {
        "signingAuthority": signer,
        "certificate": "".join(one.pem for one in chain),
        "status": status,
        "type": "Client",
    }


class SmallRegion(SmallWorld):
    """A source of one authority, watched; each target holds a root of somebody else's."""

    def __init__(self, signer: str = "DigiCert", *, region: str = REGION, **source: Any) -> None:
        super().__init__()
        self.clock.advance(NOW - self.clock())
        self.signer, self.region, self.source_more = signer, region, source
        self.store.remove(keys.history("use1"))
        self.store.remove(f"anchors/{REGION}.pem")
        self.anchor(authority())
        self.entities: Sequence[dict[str, str]] = ()
        self.counted: list[tuple[str, float]] = []

    @property
    def watch(self) -> config.Watch:
        """The watch file as it is now."""
        source = {"id": "use1", "region": self.region, "credentials": _SECRET, "authorities": [self.signer]}
        document = {
            "mode": self.mode,
            "sources": [{"api_url": "https://api", "login_url": "https://login"} | source | self.source_more],
            "bundles": [{"id": "main", "sources": ["use1"], "authorities": [self.signer]}],
            "targets": [{"id": target, "arn": arn, "bundle": "main"} for target, arn in ARNS.items()],
        }
        return watch_file(document)

    def anchor(self, *roots: Pair) -> None:
        """The operator trusts these roots, and no other."""
        key = "anchors/digicert.pem" if self.signer == "DigiCert" else f"anchors/{self.region}.pem"
        self.store.seed(key, "".join(one.pem for one in roots).encode())

    def answer(self, *entities: dict[str, str]) -> "SmallRegion":
        """What the API shows from now on."""
        self.entities = entities
        return self

    def approve(self, one: Pair, root: Pair | None = None) -> None:
        """An operator lets this leaf pass whatever its names, and under this root where one is given."""
        reasons = ["name-mismatch", "no-name", "name-uncertain", *(["chain-untrusted"] if root else [])]
        document = {"by": "ops", "why": "INC-7", "reasons": reasons}
        document |= {"root": root.read.fingerprint} if root else {}
        self.store.seed(keys.approval(one.read.fingerprint), json.dumps(document).encode())

    def look(self, *entities: dict[str, str], minutes: float = 15) -> collecting.SourceSummary:
        """Time passes, the API shows these entities, and the source is observed."""
        if entities:
            self.answer(*entities)
        self.clock.advance(timedelta(minutes=minutes))
        ports = collecting.Ports(
            store=self.store,
            secrets=self,
            genesys=self,
            sink=self.sink,
            queue=self.queue,
            metrics=self,
            clock=self.clock,
        )
        return collecting.collect(self.watch, collecting.Request(), ports).sources["use1"]

    def step(self, *entities: dict[str, str], minutes: float = 15) -> None:
        """A run of collect, and one of publish for what was enqueued."""
        already = len(self.queue.sent)
        self.look(*entities, minutes=minutes)
        for target in dict.fromkeys(one.target for one in self.queue.sent[already:]):
            self.publish(targets=[target])

    def certificates(self, *, api_url: str, login_url: str, credentials: Credentials) -> list[bytes]:  # noqa: ARG002 - the port
        """``ports.GenesysApi``."""
        return [json.dumps(entity).encode() for entity in self.entities]

    def get(self, arn: str) -> str:  # noqa: ARG002 - the port
        """``ports.Secrets``."""
        return '{"client_id": "id", "client_secret": "canary"}'

    def count(self, name: str, value: float = 1) -> None:
        """``ports.Metrics``."""
        self.counted.append((name, value))

    @property
    def state(self) -> History:
        """The source's history."""
        return history.decode(self.store.body(keys.history("use1")))

    @property
    def known(self) -> AuthorityHistory:
        """What is known of the watched authority."""
        return self.state.authorities.get(self.signer, AuthorityHistory())

    def pinned(self) -> set[str]:
        """The fingerprints of the pinned leaves."""
        if not self.store.versions.get(keys.pins("main")):
            return set()
        return {pin.certificate.fingerprint for pin in pins.decode(self.store.body(keys.pins("main"))).pins}

    def told(self, kind: str) -> list[Alert]:
        """The alerts of a kind that were delivered, in order."""
        return [alert for alert in self.sink.delivered if word(alert) == kind]

    def updates(self, target: str = "alb") -> int:
        """How often a target was changed."""
        return len([call for call in self.adapter(target).calls if call[0] == "update"])


def fingerprints(*pairs: Pair | Certificate) -> set[str]:
    """Their fingerprints."""
    return {one.read.fingerprint if isinstance(one, Pair) else one.fingerprint for one in pairs}
