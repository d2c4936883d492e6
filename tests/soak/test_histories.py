"""Virtual years of rotations, failures and operators; OpenSSL is asked after each step. `make soak` plays thousands."""

from pathlib import Path

import pytest
from cryptography import x509

from local.genesys.issuing import pem_of
from rotation_watcher.alerts.model import Kind
from tests.soak.__main__ import explained
from tests.soak.acts import Emergency, Goal, Look, Script, from_text, to_text
from tests.soak.breach import Breach, fingerprint
from tests.soak.environment import ARNS
from tests.soak.openssl import Openssl, certificates
from tests.soak.playing import Player, play
from tests.soak.shrinking import shrink
from tests.soak.writing import write

SEEDS = range(1, 9)
ROTATIONS = 25
SCRIPTS = Path(__file__).with_name("scripts")
"""Shrunken scripts that the soak has found; each was red before its fault was corrected."""


@pytest.mark.parametrize("seed", SEEDS)
def test_no_promise_is_broken_in_a_script_of_many_rotations(seed: int) -> None:
    script = write(seed, ROTATIONS)
    played = play(script, Openssl())
    assert played.breach is None, explained(script)
    assert played.rotations >= ROTATIONS * 3 // 4  # some that were announced are overtaken by an emergency
    assert played.checks > len(script.acts)
    assert played.alerts > played.rotations


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.jsonl")), ids=lambda script: script.stem)
def test_a_script_that_once_broke_a_promise_ends_well(script: Path) -> None:
    assert play(from_text(script.read_text()), Openssl()).breach is None


def test_a_script_can_be_written_down_and_played_again() -> None:
    script = write(3, 10)
    assert from_text(to_text(script)) == script
    assert write(3, 10) == script
    assert write(4, 10).acts != script.acts


@pytest.fixture
def player() -> Player:
    """Two runs into a script, with everything as it should be."""
    player = Player(Script(seed=1, sources=("use1",), acts=()), Openssl())
    player.begin()
    player.judge.check()
    return player


def held(player: Player, goal: Goal) -> list[x509.Certificate]:
    return list(certificates(player.environment.live(goal) or b""))


def load(player: Player, goal: Goal, *wanted: x509.Certificate) -> None:
    """Change what a target holds without the judge's knowing."""
    player.environment.held[goal][ARNS[goal]].bundle = "".join(map(pem_of, wanted)).encode()


def test_the_judge_misses_a_root_that_is_needed(player: Player) -> None:
    root = player.environment.region("use1").issuer("Genesys").signer.certificate
    load(player, "alb", *(one for one in held(player, "alb") if one != root))
    with pytest.raises(Breach, match=r"alb refuses the leaf .* of use1 Genesys"):
        player.judge.check()


def test_the_judge_misses_what_is_foreign(player: Player) -> None:
    (foreign,) = player.environment.foreign["api"]
    load(player, "api", *(one for one in held(player, "api") if fingerprint(one) != foreign))
    with pytest.raises(Breach, match="api lost the foreign certificate"):
        player.judge.check()


def test_the_judge_sees_what_nobody_vouched_for(player: Player) -> None:
    load(player, "api", *held(player, "api"), player.environment.other("stranger").certificate)
    with pytest.raises(Breach, match="which nobody vouched for"):
        player.judge.check()


def test_the_judge_sees_a_stranger_get_in(player: Player) -> None:
    leaf = player.environment.region("use1").stranger("self-made-root")
    player.judge.add_rogue(leaf, leaf.pem())
    player.judge.check()
    load(player, "alb", *held(player, "alb"), leaf.chain[-1])
    player.judge.left("alb", {fingerprint(leaf.chain[-1])})  # even if it had been there before
    with pytest.raises(Breach, match="alb lets in"):
        player.judge.check()


def test_the_judge_sees_mutual_tls_turned_off(player: Player) -> None:
    player.environment.held["api"][ARNS["api"]].bundle = None
    with pytest.raises(Breach, match="api has no truststore any more"):
        player.judge.check()


def test_the_judge_finds_what_is_alerted_twice(player: Player) -> None:
    player.environment.mailbox.deliver(player.environment.mailbox.told[0].alert)
    with pytest.raises(Breach, match="came twice"):
        player.judge.check()


def test_the_judge_finds_what_was_never_alerted(player: Player) -> None:
    for act in (Emergency(source="use1", authority="Genesys"), Look(rounds=3)):
        player.do(act)
    assert any(told.alert.kind == "rotated" for told in player.environment.mailbox.told)
    player.environment.mailbox.told[:] = [
        told for told in player.environment.mailbox.told if told.alert.kind is not Kind.ROTATED
    ]
    player.judge.hearing.hear_again()
    with pytest.raises(Breach, match="nobody was told rotated"):
        player.end()


def test_a_failing_script_is_made_short() -> None:
    tried = []

    def fails(acts: object) -> bool:
        tried.append(acts)
        return isinstance(acts, list) and {7, 23} <= {*acts}

    assert shrink(list(range(40)), fails) == (7, 23)
    assert len(tried) < 100
