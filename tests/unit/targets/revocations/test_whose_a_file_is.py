"""Whose a loaded list is, where somebody else has the same one, or the state is lost or forged."""

import json

import pytest

from rotation_watcher import formats, keys
from rotation_watcher.revocation.kept import MANIFEST, PEM
from tests.support import certs
from tests.support.loaded_lists import (
    ALB,
    PLACES,
    Killed,
    assert_quiet,
    die_at,
    fingerprint_of,
    loaded,
    news,
    revoke,
    serials,
    state,
    theirs,
)
from tests.support.small_refresh import CAS, HOUR, LEAVES, SmallRefresh, intermediate, leaf
from tests.support.small_world import folder, issued


def test_what_others_loaded_of_the_same_issuer_stays(world: SmallRefresh) -> None:
    other = world.target.load_list(ALB, certs.crl(intermediate(), [5]))
    revoke(world)
    world.publish()
    assert other.id in world.target.held[ALB].lists


@pytest.mark.parametrize("handed", ["before", "after"])
def test_the_same_list_that_somebody_else_loads_stays_theirs(handed: str) -> None:
    """Who loads lists by hand, before the watcher came or instead of it, has none of them removed."""
    world = SmallRefresh()
    world.refresh()
    if handed == "after":
        world.publish()
    by_hand = world.target.load_list(ALB, world.store.body(f"{world.folder()}/{PEM}")).id
    world.publish()
    assert len(world.target.held[ALB].lists) == 3
    revoke(world)
    world.publish()
    assert by_hand in world.target.held[ALB].lists
    world.target_options = {"revocation": "off"}
    for _ in range(2):
        world.publish()
    assert [*world.target.held[ALB].lists] == [by_hand]


@pytest.mark.parametrize("lost", ["targets", "bundles"])
def test_the_same_list_of_somebody_else_stays_theirs_where_a_record_is_lost(world: SmallRefresh, lost: str) -> None:
    """As where the target is renamed."""
    by_hand = world.target.load_list(ALB, world.store.body(f"{world.folder()}/{PEM}")).id
    world.publish()
    del world.store.versions[PLACES[lost]]
    world.publish()
    revoke(world)
    world.publish()
    assert by_hand in world.target.held[ALB].lists
    assert len(world.target.held[ALB].lists) == 4
    assert_quiet(world)


def forge(world: SmallRefresh, **changed: object) -> None:
    """Somebody writes below targets/: ``changed`` of the leaves' list."""
    document = json.loads(world.store.body(keys.target_revocations(folder("alb"))))
    document["loaded"][world.folder()] |= changed
    world.store.seed(keys.target_revocations(folder("alb")), json.dumps(document).encode())


def test_a_state_that_calls_others_lists_the_watchers_own_removes_none_and_is_alerted_once(world: SmallRefresh) -> None:
    number = next(one for one, (body, _) in world.target.held[ALB].lists.items() if body == theirs())
    document = json.loads(world.store.body(keys.target_revocations(folder("alb"))))
    mine = document["loaded"][world.folder()]
    forged = {**mine, "id": number, "entries": 3, "fingerprint": fingerprint_of(theirs())}
    world.store.seed(keys.target_revocations(folder("alb")), json.dumps({**document, "leaving": [forged]}).encode())
    for _ in range(4):
        world.publish()
        world.clock.advance(HOUR)
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": set(), "CN=Root 0": set()}
    (alert,) = news(world)
    assert (alert.kind, alert.facts["reason"]) == ("revocations-behind", "not-ours")


@pytest.mark.parametrize(
    ("what", "told"),
    [("made", "forged"), ("id", "not-ours"), ("fingerprint", "forged"), ("arn", None), ("url", "forged")],
)
def test_a_forged_state_keeps_no_true_list_out_loads_none_twice_and_is_alerted_once(
    world: SmallRefresh, what: str, told: str | None
) -> None:
    number = next(one for one, (body, _) in world.target.held[ALB].lists.items() if body == theirs())
    revoke(world)
    changed: dict[str, dict[str, object]] = {
        "made": {"made": "2099-01-01T00:00:00Z"},
        "id": {"id": number, "entries": 3, "fingerprint": world.manifest().facts.fingerprint},
        "fingerprint": {"fingerprint": world.manifest().facts.fingerprint},
        "url": {"url": "http://else.example.com"},
    }
    if what == "arn":
        document = json.loads(world.store.body(keys.target_revocations(folder("alb"))))
        world.store.seed(keys.target_revocations(folder("alb")), json.dumps({**document, "arn": "else"}).encode())
    else:
        forge(world, **changed[what])
    for _ in range(4):
        world.clock.advance(HOUR)
        world.publish()
    assert [one.facts["reason"] for one in news(world)] == ([told] if told else [])
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": serials(leaf()), "CN=Root 0": set()}
    assert_quiet(world)


@pytest.mark.parametrize("body", [b"", b"{", b'{"format": "1"}'])
def test_a_state_that_cannot_be_read_is_made_anew_from_what_the_service_shows(world: SmallRefresh, body: bytes) -> None:
    before = dict(world.target.held[ALB].lists)
    world.store.seed(keys.target_revocations(folder("alb")), body)
    world.publish()
    assert world.target.held[ALB].lists == before
    assert {one.url for one in state(world).loaded.values()} == {LEAVES, CAS}
    assert_quiet(world)


@pytest.mark.parametrize("lost", PLACES)
def test_where_the_state_is_lost_the_lists_are_known_by_their_content(world: SmallRefresh, lost: str) -> None:
    world.target.before = die_at("remove", ALB, 0)
    revoke(world)
    with pytest.raises(Killed):
        world.publish()
    world.target.before = lambda *_: None
    assert len(world.target.held[ALB].lists) == 4
    del world.store.versions[PLACES[lost]]
    world.clock.advance(HOUR)
    world.publish()
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": serials(leaf()), "CN=Root 0": set()}
    assert_quiet(world)


def test_where_both_records_are_lost_what_was_loaded_counts_as_others(world: SmallRefresh) -> None:
    before = dict(world.target.held[ALB].lists)
    for place in PLACES.values():
        del world.store.versions[place]
    for _ in range(2):
        world.publish()
    after = world.target.held[ALB].lists
    assert {number: after[number] for number in before} == before
    assert len(after) == len(before) + 2
    assert_quiet(world)


@pytest.mark.parametrize("lost", PLACES)
def test_where_a_state_is_lost_what_nothing_wants_any_more_leaves_too(world: SmallRefresh, lost: str) -> None:
    world.target_options = {"revocation": "off"}
    del world.store.versions[PLACES[lost]]
    world.publish()
    assert loaded(world) == {"CN=Other": {7, 8, 9}}


def test_a_forged_manifest_makes_no_list_the_watchers_that_its_issuer_did_not_sign(world: SmallRefresh) -> None:
    key = f"{world.folder()}/{MANIFEST}"
    document = json.loads(world.store.body(key)) | {"former": [fingerprint_of(theirs())]}
    world.store.seed(key, json.dumps(document).encode())
    del world.store.versions[PLACES["targets"]]
    for _ in range(3):
        world.publish()
        world.clock.advance(HOUR)
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": set(), "CN=Root 0": set()}


def test_a_list_that_its_issuer_did_not_sign_is_not_loaded_and_is_alerted(world: SmallRefresh) -> None:
    key = f"{world.folder()}/{MANIFEST}"
    document = json.loads(world.store.body(key))
    forged = certs.crl(issued("Somebody"), [1])
    version = world.store.seed(f"{world.folder()}/{PEM}", forged)
    document["pem"]["version"] = version
    document["der"]["sha256"] = "ab" * 32
    world.store.seed(key, json.dumps(document).encode())
    before = loaded(world)
    world.clock.advance(HOUR)
    world.publish()
    assert loaded(world) == before
    assert "forged" in {one.facts.get("reason") for one in news(world)}


def test_an_older_list_that_is_put_back_is_not_loaded(world: SmallRefresh) -> None:
    older = world.manifest()
    revoke(world)
    world.publish()
    world.store.seed(f"{world.folder()}/{MANIFEST}", formats.encode(older))
    world.clock.advance(HOUR)
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())
