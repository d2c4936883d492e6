"""Who gets in at a moment, in OpenSSL's opinion: what Genesys presents must, a stranger with his own root must not."""

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

from local.genesys.issuing import Identity
from local.genesys.world import Authority
from tests.crash.script import Script
from tests.crash.state import latest_objects
from tests.crash.world import CrashEnvironment
from tests.support.verdicts import admits

_EPOCH = datetime.fromisoformat("2026-01-01T00:00:00Z")


class Verdicts(NamedTuple):
    """The ways that are open to Genesys, and the strangers that get in."""

    admitted: frozenset[str]
    strangers: frozenset[str]


class Judge:
    """Asks OpenSSL, each question once. ``known`` maps (bundle, leaf, day) to its word, and may be filled in ahead."""

    def __init__(self) -> None:
        self.known: dict[str, bool] = {}
        self._strangers: dict[tuple[str, str, int], Identity] = {}

    def verdicts(self, script: Script) -> Verdicts:
        """Who gets in now; of those that the API shows and nobody has approved, not even a pin may be there."""
        environment, now = script.environment, script.environment.clock()
        admitted, strangers = set(), set()
        for target, region, authority in script.ways():
            bundle = environment.live_pem(target) or b""
            name = f"{target} {region} {authority}"
            if self._admits(bundle, environment.world.region(region).presented(authority), now):
                admitted.add(name)
            if self._admits(bundle, self._stranger(environment, region, authority, now), now):
                strangers.add(f"a stranger at {name}")
            if script.quarantined and self._admits(bundle, script.quarantined, now):
                strangers.add(f"the quarantined leaf at {target}")
        pinned = [body for key, body in latest_objects(environment).items() if key.endswith("/pins.json")]
        if script.quarantined and any(script.quarantined.fingerprint.encode() in pins for pins in pinned):
            strangers.add("the quarantined leaf among the pins")
        return Verdicts(frozenset(admitted), frozenset(strangers))

    def _stranger(self, environment: CrashEnvironment, region: str, authority: Authority, now: datetime) -> Identity:
        """Every name of the real chain, with keys of his own."""
        where = environment.world.region(region)
        key = (where.presented(authority).fingerprint, authority, (now - _EPOCH) // timedelta(days=60))
        if key not in self._strangers:
            self._strangers[key] = where.stranger("self-made-root", authority)
        return self._strangers[key]

    def _admits(self, bundle: bytes, identity: Identity, now: datetime) -> bool:
        question = f"{hashlib.sha256(bundle).hexdigest()} {identity.fingerprint} {now:%Y-%m-%d}"
        if question not in self.known:
            self.known[question] = bool(bundle) and admits(bundle, identity, now)
        return self.known[question]
