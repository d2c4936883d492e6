"""One certificate that is ours and somebody else's: when ours leaves, theirs stays, and whoever it lets in."""

import random
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from rotation_watcher.errors import RequestRefused
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.x509.truststore import read
from tests.support import certs
from tests.support.small_world import ARNS, START, SmallWorld, issued, root

TARGETS = pytest.mark.parametrize("target", ["alb", "api"])
CAS = [certs.self_signed_ca(name) for name in ("One name", "One name", "One name", "Another name", "Another name")]
CLIENTS = [certs.issue(ca, f"client {place}", not_before=START - timedelta(days=1)) for place, ca in enumerate(CAS)]


def run(world: SmallWorld, target: str) -> Outcome:
    world.clock.advance(timedelta(minutes=6))
    outcome = world.publish(targets=[target]).targets[target].outcome
    world.clock.advance(timedelta(minutes=6))
    return outcome


@TARGETS
@pytest.mark.parametrize("first", [True, False])
def test_others_own_copy_stays_when_ours_leaves_the_bundle(target: str, *, first: bool) -> None:
    world = SmallWorld()
    world.widen("Extra")
    run(world, target)
    held, copy = world.adapter(target).held[ARNS[target]], issued("Extra").pem
    assert held.bundle is not None
    theirs = copy if target == "alb" else b"# the partner's own\n" + copy  # a trust store takes no comments
    held.bundle = theirs + held.bundle if first else held.bundle + theirs
    run(world, target)
    world.extra = ()
    assert world.publish(release=target, leave=[root("Extra")]).targets[target].outcome is Outcome.UPDATED
    world.clock.advance(timedelta(minutes=6))
    assert held.bundle.count(copy) == 1
    assert theirs in held.bundle
    assert root("Extra") not in world.record(target).ours
    assert [run(world, target) for _ in range(2)] == [Outcome.UNCHANGED] * 2
    world.widen("Another")
    run(world, target)
    assert held.bundle.count(copy) == 1


@TARGETS
def test_others_own_copy_stays_when_a_rollback_takes_ours_out(target: str) -> None:
    world = SmallWorld()
    run(world, target)
    world.widen("Extra")
    run(world, target)
    held, copy = world.adapter(target).held[ARNS[target]], issued("Extra").pem
    assert held.bundle is not None
    held.bundle = copy + held.bundle
    assert world.publish(rollback=target).targets[target].outcome is Outcome.ROLLED_BACK
    assert held.bundle.count(copy) == 1
    assert root("Extra") not in world.record(target).ours


@TARGETS
def test_what_others_had_before_us_is_neither_added_nor_removed(target: str) -> None:
    world = SmallWorld()
    held, copy = world.adapter(target).held[ARNS[target]], issued("Extra").pem
    assert held.bundle is not None
    held.bundle += copy
    world.widen("Extra")
    run(world, target)
    assert held.bundle.count(copy) == 1
    world.extra = ()
    world.widen("Another")
    run(world, target)
    assert world.publish(rollback=target).targets[target].outcome is Outcome.ROLLED_BACK
    assert held.bundle.count(copy) == 1


@cache
def admitted(bundle: bytes, client: int) -> bool:
    with TemporaryDirectory() as folder:
        Path(folder, "bundle").write_bytes(bundle)
        Path(folder, "client").write_bytes(CLIENTS[client].pem)
        command = ["openssl", "verify", "-purpose", "sslclient", "-no-CApath", "-no-CAstore", "-no_check_time"]
        command += ["-CAfile", f"{folder}/bundle", f"{folder}/client"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def meddle(world: SmallWorld, chance: random.Random) -> None:
    """What partners do: put one of their CAs in, in front or behind, in some form; or take one of theirs out."""
    held = world.adapter("api").held[ARNS["api"]]
    assert held.bundle is not None
    pem = chance.choice(CAS).pem
    form = chance.choice([pem, b"# ours\n" + pem, pem.replace(b"\n", b"\r\n")])
    match chance.choice(["first", "last", "out"]):
        case "first":
            held.bundle = form + held.bundle
        case "last":
            held.bundle += form
        case _:
            held.bundle = held.bundle.replace(form, b"", 1)


def wish(world: SmallWorld, chance: random.Random) -> None:
    """The operator puts one of the CAs into the bundle, or takes one out."""
    key = f"extra/{chance.randrange(len(CAS))}.pem"
    world.store.seed(key, CAS[int(key[6])].pem)
    world.extra = tuple(one for one in world.extra if one != key) if key in world.extra else (*world.extra, key)


def publish(world: SmallWorld, chance: random.Random, **event: object) -> bool:
    """One run of publish; whether what belongs to others stayed, and whoever they let in."""
    world.clock.advance(timedelta(minutes=6))
    held = world.adapter("api").held[ARNS["api"]]
    before, ours = held.bundle or b"", {*world.record("api").ours} if world.runs else set[str]()
    let_in = [place for place in range(len(CAS)) if admitted(before, place)]
    if event.get("rollback") and chance.random() < 0.5 and (versions := world.record("api").versions):
        event["to"] = chance.choice(versions).version
    try:
        outcome = world.publish(**event).targets["api"].outcome
    except RequestRefused:
        outcome = Outcome.UNCHANGED
    after = held.bundle or b""
    assert outcome is not Outcome.STATE_FORGED
    texts = iter([segment.text for segment in read(after).segments])
    for segment in read(before).segments:
        if segment.block is None or segment.block.fingerprint not in ours:
            assert segment.text in texts, f"{segment.text[:40]!r} was lost or moved by {event}"
    live = read(after).blocks.keys()
    for place in let_in:
        if CAS[place].fingerprint in live:
            assert admitted(after, place), f"{event} shut out the client of {place}"
    return outcome in {Outcome.UPDATED, Outcome.ROLLED_BACK}


@pytest.mark.parametrize("seed", range(16))
def test_whoever_partners_let_in_is_let_in_after_every_update_and_rollback(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret hangs on it
    world = SmallWorld()
    publish(world, chance, targets=["api"])
    changed = 0
    for _ in range(14):
        for act in (meddle, wish):
            if chance.random() < 0.5:
                act(world, chance)
        changed += publish(world, chance, targets=["api"])
        if chance.random() < 0.4:
            changed += publish(world, chance, rollback="api")
            publish(world, chance, release="api")
    assert changed
