"""An approval whose name is the fingerprint in another spelling is no approval, and whoever wrote it is told."""

import json

import pytest

from rotation_watcher.trust.approvals import INVALID, misnamed
from tests.support.small_collect import SmallCollect, entity, leaf
from tests.support.small_world import issued, leaf_of
from tests.support.words import word

FINGERPRINT = "ab12cd34" * 8
OTHER = "cd12cd34" * 8
SHOUTED = FINGERPRINT.upper()
COLONS = ":".join(SHOUTED[place : place + 2] for place in range(0, 64, 2))

WRONG = {
    "capitals": f"{SHOUTED}.json",
    "colons": f"{COLONS}.json",
    "as openssl prints it": f"sha256 Fingerprint={COLONS}.json",
    "as older openssl prints it": f"SHA256 Fingerprint={COLONS}.json",
    "with the name of the digest": f"sha256:{FINGERPRINT}.json",
    "with dashes": f"sha-256-{COLONS.replace(':', '-')}.json",
    "blanks": f"{COLONS.replace(':', ' ')}.json",
    "underscores": f"{COLONS.replace(':', '_').lower()}.json",
    "a blank at the end": f"{FINGERPRINT} .json",
    "another extension": f"{FINGERPRINT}.txt",
    "two extensions": f"{FINGERPRINT}.json.txt",
    "no extension": FINGERPRINT,
    "a shouted extension": f"{FINGERPRINT}.JSON",
    "a folder below": f"use1/{FINGERPRINT}.json",
    "cut short": f"{FINGERPRINT[:16]}.json",
    "cut short by one": f"{FINGERPRINT[:63]}.json",
    "cut short as an alert shows it": f"{FINGERPRINT[:16]}….json",
    "cut short with colons": f"{COLONS[:29]}.json",
}


@pytest.mark.parametrize("name", WRONG)
def test_every_other_spelling_is_named_with_the_right_one(name: str) -> None:
    written = f"approvals/{WRONG[name]}"
    found = misnamed([written], [OTHER, FINGERPRINT])
    assert found.keys() == {FINGERPRINT}
    assert found[FINGERPRINT].code == INVALID
    assert written in found[FINGERPRINT].detail
    assert f"approvals/{FINGERPRINT}.json" in found[FINGERPRINT].detail


def test_certificates_beside_an_approval_are_named_by_their_own_name() -> None:
    found = misnamed([f"approvals/{FINGERPRINT}.json", f"approvals/{COLONS}.pem"], [FINGERPRINT])
    assert f"approvals/{FINGERPRINT}.pem" in found[FINGERPRINT].detail


@pytest.mark.parametrize(
    "written",
    [
        [f"approvals/{FINGERPRINT}.json"],
        [f"approvals/{FINGERPRINT}.json", f"approvals/{FINGERPRINT}.pem"],
        [f"approvals/{FINGERPRINT}.json", f"approvals/{COLONS}.json"],
        ["approvals/"],
        ["approvals/README.md"],
        ["approvals/ab.json"],
        ["approvals/template.json"],
        [f"approvals/{'0' * 64}.json"],
        [f"approvals/{FINGERPRINT}0.json"],
    ],
)
def test_what_is_right_what_is_there_besides_and_what_means_another_leaf_is_not_named(written: list[str]) -> None:
    assert misnamed(written, [FINGERPRINT]) == {}


ROGUE = leaf_of("Rogue")
APPROVAL = {"by": "a", "why": "b", "reasons": ["chain-untrusted"], "root": issued("Rogue").fingerprint}


def rogue() -> SmallCollect:
    world = SmallCollect()
    world.answers["one"] = [leaf(), entity(ROGUE.pem + issued("Rogue").pem)]
    for _ in range(3):
        world.look()
    assert world.kinds == ["quarantined"]
    world.sink.delivered.clear()
    return world


@pytest.mark.parametrize("name", [ROGUE.fingerprint.upper(), ROGUE.fingerprint[:16]], ids=["capitals", "cut short"])
def test_an_approval_under_a_wrong_name_is_alerted_once_with_the_right_name(name: str) -> None:
    world = rogue()
    world.store.seed(f"approvals/{name}.json", json.dumps(APPROVAL).encode())
    for _ in range(5):
        world.look()
    (alert,) = [one for one in world.sink.delivered if word(one) == "quarantined"]
    assert f"approvals/{ROGUE.fingerprint}.json" in alert.facts["reason approval-invalid"]
    assert ROGUE.fingerprint not in world.state().authorities["Genesys"].leaves
    world.store.seed(f"approvals/{ROGUE.fingerprint}.json", json.dumps(APPROVAL).encode())
    world.look()
    assert ROGUE.fingerprint in world.state().authorities["Genesys"].leaves
    assert world.kinds == ["quarantined", "approved", *["over: quarantined"] * 2]


def test_a_quiet_run_asks_for_no_approvals() -> None:
    world = SmallCollect()
    for _ in range(3):
        world.look()
    assert not [call for call in world.store.calls if "approvals/" in call[1]]
