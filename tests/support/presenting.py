"""A small world with observations: collect reads what the API presents, publish deploys it, all in memory."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from rotation_watcher import collect as collecting
from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.bundles import pins
from rotation_watcher.ports import Credentials
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory
from tests.support import pki
from tests.support.pki import Pair
from tests.support.small_world import START, SmallWorld

NAME = "dataactions.prod.us-east-1.mypurecloud.com"
"""The name that the region's certificates must bear."""
YEAR = timedelta(days=365)


def root(common: str, **more: Any) -> Pair:
    """A root that is valid around the world's start."""
    return pki.root(common, start=START - YEAR, end=START + 20 * YEAR, **more)


def intermediate(common: str, issuer: Pair, **more: Any) -> Pair:
    """An intermediate that is valid around the world's start."""
    return pki.intermediate(common, issuer, start=START - YEAR, end=START + 10 * YEAR, **more)


def leaf(issuer: Pair, **more: Any) -> Pair:
    """A leaf that bears the region's name, unless told otherwise."""
    return pki.leaf(issuer, **{"names": (NAME,), "start": START - YEAR / 2, "end": START + YEAR / 2, **more})


class PresentingWorld(SmallWorld):
    """The operator trusts ``anchor``, under which Genesys presents ``genuine`` alone; ``present_also`` adds others."""

    def __init__(self) -> None:
        super().__init__()
        for key in list(self.store.list("sources/")):
            self.store.remove(key)
        self.anchor = root("Anchor")
        self.genuine = leaf(self.anchor)
        self.trust(self.anchor)
        self.entities: list[bytes] = []
        self.shown()

    def trust(self, *roots: Pair) -> None:
        """The region's file of roots holds these."""
        self.store.seed("anchors/us-east-1.pem", "".join(one.read.pem for one in roots).encode())

    def shown(self, *chains: Sequence[Pair], status: str = "Current") -> None:
        """The API presents the genuine leaf and these chains, the leaf of each first."""
        everything = [("Current", [self.genuine]), *((status, chain) for chain in chains)]
        self.entities = [
            json.dumps(
                {
                    "signingAuthority": "Genesys",
                    "certificate": "".join(one.read.pem for one in chain),
                    "status": status,
                    "type": "Client",
                }
            ).encode()
            for status, chain in everything
        ]

    def approve(self, one: Pair, **fields: Any) -> None:
        """The operator approves a leaf, with these fields of the file beside ``by`` and ``why``."""
        document = {"by": "Ada", "why": "case 4711", **fields}
        self.store.seed(keys.approval(one.read.fingerprint), json.dumps(document).encode())

    def withdraw(self, one: Pair) -> None:
        """The operator takes the approval back."""
        self.store.remove(keys.approval(one.read.fingerprint))

    def look(self, times: int = 1) -> list[Alert]:
        """Collect and publish, a quarter of an hour apart; the alerts that were delivered meanwhile."""
        before = len(self.sink.delivered)
        for _ in range(times):
            self.clock.advance(timedelta(minutes=15))
            self.collect()
            self.publish_all()
        return self.sink.delivered[before:]

    def collect(self) -> collecting.Summary:
        """One run of collect."""
        ports = collecting.Ports(
            store=self.store,
            secrets=_Secrets(),
            genesys=_Genesys(self.entities),
            sink=self.sink,
            queue=self.queue,
            metrics=_Metrics(),
            clock=self.clock,
        )
        summary = collecting.collect(self.watch, collecting.Request(), ports)
        assert summary.sources["use1"].outcome == "read", summary
        return summary

    def publish_all(self) -> None:
        """Publish each target."""
        for target in ("alb", "api"):
            self.publish(targets=[target])

    def alive(self, one: Pair) -> bool:
        """Whether a certificate is in one of the targets."""
        return any(one.read.fingerprint in self.live(target) for target in ("alb", "api"))

    def pinned(self, one: Pair) -> bool:
        """Whether a leaf is among the pins."""
        held = pins.decode(self.store.body(keys.pins("main"))).pins
        return one.read.fingerprint in {pin.certificate.fingerprint for pin in held}

    @property
    def known(self) -> AuthorityHistory:
        """What the history says of the authority."""
        return history.decode(self.store.body(keys.history("use1"))).authorities["Genesys"]

    def forge(self, one: Pair, **fields: Any) -> None:
        """Somebody who can write the history changes what it says of a leaf."""
        document = json.loads(self.store.body(keys.history("use1")))
        document["authorities"]["Genesys"]["leaves"][one.read.fingerprint].update(fields)
        self.store.seed(keys.history("use1"), json.dumps(document).encode())


class _Secrets:
    def get(self, arn: str) -> str:
        return json.dumps({"client_id": arn, "client_secret": "not-a-real-secret"})


class _Genesys:
    def __init__(self, entities: Sequence[bytes]) -> None:
        self.entities = entities

    def certificates(self, *, api_url: str, login_url: str, credentials: Credentials) -> Sequence[bytes]:
        del api_url, login_url, credentials
        return self.entities


class _Metrics:
    def count(self, name: str, value: float = 1) -> None:
        del name, value
