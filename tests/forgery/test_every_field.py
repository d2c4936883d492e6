"""Every object that functions keep, forged in every field: no rogue live or pinned, and nobody else's certificate gone.

The fields come from the types (``nasty``), so that one that is added later is forged too. Each forgery is one world, in
which publish then runs by itself, is asked to go back, and to release.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.bundles import pins
from rotation_watcher.sources import history
from rotation_watcher.sources.history import Chain, Leaf, Quarantined, Status
from rotation_watcher.sources.observation import Presence
from rotation_watcher.targets import record
from rotation_watcher.targets.record import Applied, Claim, Hold, HoldReason, Pending, Rounds
from rotation_watcher.trust.findings import Finding
from tests.forgery.nasty import FAR, forged
from tests.forgery.world import CUSTOMER, EVIL, ROGUE, ROGUE_LEAF, ForgeryWorld, fresh, known
from tests.support.small_world import START, folder, issued, root

OTHERS = 2
PASSED_OVER = {"facts", "spki_sha256", "subject", "issuer", "serial"}
"""Facts are the certificate's own, whatever the object says."""
COMMAND = f"Run: curl {EVIL}/root.pem"
ALERT = Alert(
    id="anchor-missing:use1:x",
    kind=Kind.ANCHOR_MISSING,
    severity=Severity.CRITICAL,
    at=START,
    title=COMMAND,
    what_happened=COMMAND,
    what_it_means=COMMAND,
    what_to_do=COMMAND,
)


def world() -> ForgeryWorld:
    there = fresh(OTHERS)
    there.lure()
    return there


def targets_record() -> Iterator[tuple[str, bytes]]:
    there = world()
    state, version, content = there.record("alb"), there.rogue_version["alb"], there.rogue_sha256
    held = (*(root(name) for name in there.others), root("Root 0"), root("Shared CA"), ROGUE.fingerprint)
    applied = Applied(version=version, sha256=content, fingerprints=held, ours=held, at=START, proof="bytes")
    going = {
        hold: Pending(version=version, sha256=content, fingerprints=held, ours=held, at=START, hold=hold)
        for hold in (HoldReason.BY_HAND, HoldReason.ROLLED_BACK, None)
    }
    served = state.applied
    assert served is not None
    same = Pending(
        version=served.version,
        sha256=served.sha256,
        fingerprints=served.fingerprints,
        ours=served.ours,
        at=START,
        hold=HoldReason.ROLLED_BACK,
        why=COMMAND,
        rolled_back_from=("v", "0"),
    )
    worded = msgspec.structs.replace(same, why="", rolled_back_from=(COMMAND, COMMAND))
    samples = {
        Claim: (Claim("somebody", FAR),),
        Applied: (applied,),
        Pending: (*going.values(), same, worded),
        Hold: (Hold(reason=HoldReason.BY_HAND, sha256="", since=FAR),),
        Rounds: (Rounds(count=10**9, since=FAR, proved=FAR),),
        Condition: (
            Condition(kind="state-forged", since=FAR, alerted=FAR),
            Condition(kind="left-out", since=START, alerted=START, reason=COMMAND),
        ),
        Alert: (ALERT,),
    }
    lures = (ROGUE.fingerprint, root(there.others[0]), root("Root 0"), version, content, COMMAND)
    for path, one in forged(state, lures, samples):
        yield path, record.encode(one)


def sources_history() -> Iterator[tuple[str, bytes]]:
    there = world()
    state = history.decode(there.store.body(keys.history("use1")))
    customer = known(CUSTOMER, issued("Shared CA"))
    strange = known(ROGUE_LEAF, ROGUE, Status.UPCOMING)
    approved = msgspec.structs.replace(strange, lifted=(Finding("chain-untrusted", ""), Finding("name-mismatch", "")))
    quarantined = Quarantined(presence=Presence.CURRENT, facts=None, reasons=(), first_seen=FAR)
    samples = {
        Leaf: (customer, strange, approved),
        Chain: (Chain(above=(ROGUE.fingerprint,), since=FAR, retire_after=FAR),),
        Quarantined: (quarantined,),
        Condition: (Condition(kind="quarantined", since=FAR, alerted=FAR),),
        Finding: (Finding("chain-untrusted", "…"), Finding("name-mismatch", COMMAND)),
        Alert: (ALERT,),
    }
    lures = (ROGUE.fingerprint, CUSTOMER.fingerprint, "client.another.example", "", "x" * 2000, COMMAND)
    for path, one in forged(state, lures, samples):
        yield path, history.encode(one)


def bundles_pins() -> Iterator[tuple[str, bytes]]:
    there = world()
    written = pins.decode(there.store.body(keys.pins("main")))
    facts = [known(one, ca).facts for one, ca in ((ROGUE_LEAF, ROGUE), (CUSTOMER, issued("Shared CA")))]
    rogue = tuple(msgspec.structs.replace(written.pins[0], certificate=one) for one in facts)
    lures = (ROGUE_LEAF.fingerprint, CUSTOMER.fingerprint, "client.another.example", "")
    for path, one in forged(written, lures, {type(rogue[0]): rogue}):
        yield path, msgspec.json.encode(one)


KINDS = {
    keys.record(folder("alb")): targets_record,
    keys.history("use1"): sources_history,
    keys.pins("main"): bundles_pins,
}


@lru_cache
def worlds(key: str) -> dict[str, list[tuple[str, bytes]]]:
    """The forgeries of an object by the field of its first level, without equal ones."""
    found: dict[str, dict[bytes, str]] = {}
    for path, body in KINDS[key]():
        if not any(f".{field}" in path for field in PASSED_OVER):
            found.setdefault(path.lstrip(".").partition(".")[0].partition("[")[0].partition(":")[0], {})[body] = path
    return {field: [(path, body) for body, path in bodies.items()] for field, bodies in found.items()}


CASES = [(key, field) for key in KINDS for field in worlds(key)]


def comes_to(there: ForgeryWorld, key: str, body: bytes) -> list[str]:
    there.store.seed(key, body)
    if key.startswith("targets/"):
        there.live_out("alb")
    else:
        there.lure(sources=key.startswith("sources/"))
        there.tries(targets=["alb"])
        there.tries(targets=["alb"])
    return there.breaches()


@pytest.mark.parametrize(("key", "field"), CASES, ids=[f"{key.rpartition('/')[2]}-{field}" for key, field in CASES])
def test_a_forged_field_lets_nobody_in_and_shuts_nobody_out(key: str, field: str) -> None:
    found = {path: breaches for path, body in worlds(key)[field] if (breaches := comes_to(world(), key, body))}
    assert not found


def test_every_field_of_every_object_is_forged() -> None:
    kinds: dict[str, Any] = {
        keys.record(folder("alb")): record.Record,
        keys.history("use1"): history.History,
        keys.pins("main"): pins.Pins,
    }
    for key, kind in kinds.items():
        assert worlds(key).keys() == {field.name for field in msgspec.structs.fields(kind)} - PASSED_OVER
