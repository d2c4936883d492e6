"""What a door holds between requests: refreshed by ETag, within its time, and the last good one when that fails."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography import x509

from rotation_watcher import keys
from rotation_watcher.authorize import authorize
from rotation_watcher.identity import door as door_module
from rotation_watcher.identity.decision import LIST_UNKNOWN
from rotation_watcher.identity.door import BUDGET, CHUNK, EVERY, FIRST_BUDGET, HURRIED, LIMIT
from rotation_watcher.revocation.points import folder_of
from rotation_watcher.x509.distribution_points import named_by
from tests.support import doors
from tests.support.fake_door import DoorWorld, event, index, verdict
from tests.support.pki import CLIENT, DAY, NAME, Pair, make, name

POLICY = keys.identity("main")
SECOND = timedelta(seconds=1)


def calls(world: DoorWorld) -> list[tuple[str, str]]:
    made, world.objects.calls = world.objects.calls, []
    return made


def test_it_asks_once_a_minute_and_loads_nothing_twice() -> None:
    world = DoorWorld()
    manifests = [("get", f"{folder}/manifest.json") for folder in world.folders]
    world.ask("genesys")
    first = calls(world)
    assert first[0] == ("get", POLICY)
    assert [what for what, _ in first].count("part") == 2
    world.clock.advance(EVERY - SECOND)
    world.ask("genesys")
    assert calls(world) == []
    world.clock.advance(SECOND)
    world.ask("genesys")
    assert calls(world) == [("get", POLICY), *manifests]


def test_what_has_not_changed_is_not_sent_again() -> None:
    world = DoorWorld()
    world.ask("genesys")
    world.objects.sent = 0
    world.clock.advance(EVERY)
    world.ask("genesys")
    assert world.objects.sent == 0


def test_an_index_that_was_no_good_is_fetched_anew_although_its_manifest_stays() -> None:
    world = DoorWorld()
    place = next(key for key in world.objects.held if key.startswith(f"{world.folders[0]}/index.bin@"))
    good = world.objects.held[place]
    world.objects.held[place] = good[:-1] + bytes([good[-1] ^ 1])
    assert world.ask("revoked")[1]["remark"] == LIST_UNKNOWN
    world.objects.held[place] = good
    world.clock.advance(EVERY)
    assert world.ask("revoked")[1]["reason"] == "revoked"


def test_a_newly_revoked_leaf_is_refused_within_a_minute() -> None:
    world = DoorWorld()
    assert world.ask("genesys")[0]
    serial = doors.leaves()["genesys"].raw.serial_number
    world.objects.publish_index(world.folders[0], index(doors.root(), serial))
    world.clock.advance(EVERY)
    assert world.ask("genesys")[1]["reason"] == "revoked"


def test_while_s3_fails_the_last_good_ones_stay() -> None:
    world = DoorWorld()
    world.ask("genesys")
    world.objects.failing = lambda _key: True
    for _ in range(30):
        world.clock.advance(EVERY)
        assert world.ask("genesys")[1]["reason"] == "pinned"
        assert world.ask("revoked")[1]["reason"] == "revoked"
    assert world.logged[-2]["refresh"]


@pytest.mark.parametrize("bad", [b"", b"{", b"[]", doors.policy_bytes("newer")])
def test_a_bad_policy_never_displaces_the_good_one_and_does_not_count_as_confirmed(bad: bytes) -> None:
    world = DoorWorld()
    world.ask("genesys")
    world.objects.held[POLICY] = bad
    world.clock.advance(EVERY)
    assert world.ask("genesys")[0]
    assert POLICY in world.logged[-1]["refresh"][0]
    world.clock.advance(door_module.LIMIT)
    assert world.ask("genesys")[1]["reason"] == "policy-too-old"


@pytest.mark.parametrize(
    "wrong",
    [{"sha256": "0" * 64}, {"size": 7}, {"size": 100_000}, {"size": 1 << 40}, {"size": 0}, {"size": "x"}],
    ids=str,
)
def test_a_bad_index_never_displaces_the_good_one_and_heals(wrong: dict[str, object]) -> None:
    world = DoorWorld()
    assert world.ask("revoked")[1]["reason"] == "revoked"
    good = index(doors.root(), doors.leaves()["genesys"].raw.serial_number)
    world.objects.publish_index(world.folders[0], good, **wrong)
    world.clock.advance(EVERY)
    assert world.ask("revoked")[1]["reason"] == "revoked"
    assert world.folders[0] in world.logged[-1]["refresh"][0]
    world.objects.publish_index(world.folders[0], good)
    world.clock.advance(EVERY)
    assert world.ask("genesys")[1]["reason"] == "revoked"


def test_the_index_of_another_issuer_is_not_used() -> None:
    world = DoorWorld()
    serial = doors.leaves()["genesys"].raw.serial_number
    world.objects.publish_index(world.folders[0], index(doors.shared_ca(), serial))
    allowed, told = world.ask("genesys")
    assert (allowed, told["remark"]) == (True, LIST_UNKNOWN)
    assert "foreign" in world.logged[-1]["refresh"][0]


def test_a_list_that_is_not_there_yet_is_a_remark_and_tells_the_remedy() -> None:
    world = DoorWorld()
    del world.objects.held[f"{world.folders[0]}/manifest.json"]
    assert world.ask("genesys")[1]["remark"] == LIST_UNKNOWN
    assert "refresh_crls writes it" in world.logged[-1]["refresh"][0]


def test_a_huge_index_is_fetched_in_parts_over_several_requests_within_the_budget() -> None:
    world = DoorWorld()
    world.ask("genesys")
    serial = doors.leaves()["genesys"].raw.serial_number
    many = index(doors.root(), *range(1 << 60, (1 << 60) + 300_000), serial)
    assert len(many) > 2 * CHUNK
    world.objects.publish_index(world.folders[0], many)
    world.objects.takes = timedelta(milliseconds=90)
    world.clock.advance(EVERY)
    answers = []
    for _ in range(6):
        before = world.clock()
        answers.append(world.ask("genesys")[1]["reason"])
        assert world.clock() - before <= BUDGET
    assert answers[0] == "pinned"
    assert answers[-1] == "revoked"
    parts = [key for what, key in calls(world) if what == "part"]
    needed = 1 + -(-len(many) // CHUNK)  # one for the first, small index
    assert parts.count(f"{world.folders[0]}/index.bin") == needed


def test_the_first_request_may_wait_longer_and_still_ends() -> None:
    world = DoorWorld()
    world.objects.takes = timedelta(milliseconds=500)
    before = world.clock()
    assert world.ask("revoked")[1]["reason"] == "revoked"
    assert world.clock() - before <= FIRST_BUDGET


def test_a_list_that_is_followed_no_longer_is_forgotten() -> None:
    world = DoorWorld()
    world.ask("genesys")
    world.objects.held[POLICY] = json.dumps(doors.document() | {"lists": []}).encode()
    world.clock.advance(EVERY)
    calls(world)
    assert world.ask("genesys")[1]["remark"] == LIST_UNKNOWN
    assert calls(world) == [("get", POLICY)]


def test_what_the_lists_next_update_says_does_not_end_what_they_revoke() -> None:
    world = DoorWorld()
    world.ask("revoked")
    world.clock.advance(30 * DAY)
    assert world.ask("revoked")[1]["reason"] == "revoked"


def test_a_list_that_nobody_confirms_for_a_day_goes_on_revoking_and_clears_nobody() -> None:
    world = DoorWorld()
    assert "remark" not in world.ask("genesys")[1]
    world.objects.failing = lambda key: key.endswith("/manifest.json")
    for _ in range(24):
        world.clock.advance(LIMIT / 24)
        assert "remark" not in world.ask("genesys")[1]
    world.clock.advance(EVERY)
    allowed, told = world.ask("genesys")
    assert (allowed, told["reason"], told["remark"]) == (True, "pinned", LIST_UNKNOWN)
    assert world.ask("revoked")[1]["reason"] == "revoked"
    world.objects.failing = lambda _: False
    world.clock.advance(EVERY)
    assert "remark" not in world.ask("genesys")[1]


def test_a_container_without_a_policy_asks_again_soon_and_with_time() -> None:
    world = DoorWorld()
    world.objects.failing = lambda _: True
    assert world.ask("genesys")[1]["reason"] == "policy-unreadable"
    world.objects.failing = lambda _: False
    world.objects.takes = BUDGET * 2  # as a new connection may take
    assert world.ask("genesys")[1]["reason"] == "policy-unreadable", "not at every request"
    world.clock.advance(HURRIED)
    assert world.ask("genesys")[1]["reason"] == "pinned"


def test_a_container_that_slept_for_days_takes_its_time_for_the_policy() -> None:
    world = DoorWorld()
    assert world.ask("genesys")[0]
    world.clock.advance(2 * LIMIT)
    world.objects.takes = BUDGET * 2
    assert world.ask("genesys")[1]["reason"] == "pinned"


def test_a_list_that_failed_at_the_first_request_is_asked_for_again_soon() -> None:
    world = DoorWorld()
    world.objects.failing = lambda key: key.endswith("/manifest.json")
    assert world.ask("revoked")[1]["remark"] == LIST_UNKNOWN
    world.objects.failing = lambda _: False
    world.clock.advance(HURRIED)
    assert world.ask("revoked")[1]["reason"] == "revoked"


def test_lists_that_had_no_time_are_asked_for_by_the_next_request() -> None:
    world = DoorWorld()
    world.objects.takes = FIRST_BUDGET - timedelta(milliseconds=5)
    assert world.ask("revoked")[1]["remark"] == LIST_UNKNOWN
    world.objects.takes = timedelta(0)
    assert world.ask("revoked")[1]["reason"] == "revoked"


def test_a_list_that_there_is_not_is_asked_for_once_a_minute() -> None:
    world = DoorWorld()
    for folder in world.folders:
        del world.objects.held[f"{folder}/manifest.json"]
    world.ask("genesys")
    calls(world)
    world.clock.advance(HURRIED)
    world.ask("genesys")
    assert calls(world) == []


def test_a_slow_list_keeps_no_other_waiting_and_costs_one_request_a_minute() -> None:
    world = DoorWorld()
    world.ask("genesys")
    slow = f"{world.folders[0]}/manifest.json"
    world.objects.slow = {slow: timedelta(seconds=9)}
    world.objects.publish_index(
        world.folders[1], index(doors.shared_ca(), doors.leaves()["digicert"].raw.serial_number)
    )
    world.clock.advance(EVERY)
    waited, answers = [], []
    for _ in range(5):
        before = world.clock()
        answers.append(world.ask("digicert")[1]["reason"])
        waited.append(world.clock() - before)
    assert answers[-1] == "revoked"
    assert [one for one in waited if one] == [BUDGET]
    world.objects.publish_index(world.folders[1], index(doors.shared_ca()))
    answers.clear()
    for _ in range(2):  # a door to which somebody comes once a minute
        world.clock.advance(EVERY)
        answers.append(world.ask("digicert")[1]["reason"])
    assert answers[-1] == "pinned"


def test_a_clock_that_was_put_back_stops_no_refresh() -> None:
    world = DoorWorld()
    world.ask("genesys")
    calls(world)
    world.clock._now -= DAY
    world.ask("genesys")
    assert calls(world)


A, B = "http://crl.example.com/1.crl", "http://crl.example.com/2.crl"
LDAP = "ldap:///CN=CA?certificateRevocationList"


def point(
    *uris: str, reasons: frozenset[x509.ReasonFlags] | None = None, signer: x509.Name | None = None
) -> x509.DistributionPoint:
    """One distribution point of these names."""
    names = [x509.UniformResourceIdentifier(uri) for uri in uris]
    return x509.DistributionPoint(names or None, None, reasons, [x509.DirectoryName(signer)] if signer else None)


def naming(*points: x509.DistributionPoint, issuer: Pair | None = None) -> Pair:
    """A leaf of the right name, which nobody has pinned, and which says that its list lies there."""
    extra = [(x509.CRLDistributionPoints(points), False)] if points else []
    return make(NAME, issuer or doors.root(), names=(NAME,), eku=CLIENT, extra=extra)


def following(*members: Pair, revoked: Sequence[Pair] = (), pinned: Sequence[Pair] = ()) -> DoorWorld:
    """A world whose policy follows, of the regional root, the lists of these leaves alone; each names ``revoked``."""
    key, world = doors.root().read.facts.spki_sha256, DoorWorld()
    folders = [folder_of(doors.root().read, named_by(one.raw).names, ca=False) for one in members]
    listed = [one for one in doors.document()["lists"] if one["issuer_key"] != key]
    pins = [doors.document()["pins"][0] | {"sha256": one.read.fingerprint} for one in pinned]
    changed = {"lists": [*listed, *({"issuer_key": key, "folder": one} for one in folders)], "pins": pins}
    world.objects.held[POLICY] = json.dumps(doors.document() | changed).encode()
    for folder in folders:
        world.objects.publish_index(folder, index(doors.root(), *(one.raw.serial_number for one in revoked)))
    return world


def asked(world: DoorWorld, leaf: Pair) -> tuple[bool, dict[str, str]]:
    found = verdict(authorize(event(leaf.pem, "rest"), world.ports()), "rest")
    assert world.logged[-1].get("remark") == found[1].get("remark")
    return found


@pytest.mark.parametrize(
    ("names", "followed"),
    [
        ([point(A)], [[point(A)]]),
        ([point(A), point(B)], [[point(A), point(B)]]),
        ([point(A), point(B)], [[point(B)]]),
        ([point(A, LDAP)], [[point(A, LDAP)]]),
        ([point(LDAP), point(A)], [[point(A)]]),
        ([point(A)], [[point(B)], [point(A)]]),
        ([], [[point(A)]]),
    ],
    ids=["its-own", "its-own-two", "one-of-two", "two-names-of-one", "beside-ldap", "among-others", "names-none"],
)
def test_a_leaf_that_is_held_against_a_list_of_its_own_place_has_no_remark(
    names: list[x509.DistributionPoint], followed: list[list[x509.DistributionPoint]]
) -> None:
    world = following(*(naming(*points) for points in followed))
    allowed, told = asked(world, naming(*names))
    assert (allowed, told["reason"], told.get("remark")) == (True, "issued", None)


@pytest.mark.parametrize(
    ("names", "followed"),
    [
        ([point(B)], [[point(A)]]),
        ([point(A.replace("http", "https"))], [[point(A)]]),
        ([point(LDAP)], [[point(A)]]),
        ([point(A)], [[point(A, LDAP)]]),  # that list may be the one of the other name
        ([point(A)], [[point(A), point(B)]]),  # likewise
        ([point(A, reasons=frozenset({x509.ReasonFlags.key_compromise}))], [[point(A)]]),
        ([point(A, signer=name("Another CA"))], [[point(A)]]),
        ([point(signer=name("Another CA"))], [[point(A)]]),
    ],
    ids=["another-part", "https", "ldap", "fewer-names", "fewer-places", "some-reasons", "indirect", "no-name-at-all"],
)
def test_a_list_of_another_place_clears_nobody(
    names: list[x509.DistributionPoint], followed: list[list[x509.DistributionPoint]]
) -> None:
    world, leaf = following(*(naming(*points) for points in followed)), naming(*names)
    allowed, told = asked(world, leaf)
    assert (allowed, told["reason"], told["remark"]) == (True, "issued", LIST_UNKNOWN)


def test_a_pinned_leaf_that_no_list_is_for_has_the_remark_as_well() -> None:
    leaf = naming(point(LDAP))
    allowed, told = asked(following(naming(point(A)), pinned=[leaf]), leaf)
    assert (allowed, told["reason"], told["remark"]) == (True, "pinned", LIST_UNKNOWN)


def test_whoever_a_list_of_its_issuer_names_is_refused_wherever_that_list_lies() -> None:
    leaf = naming(point(B))
    allowed, told = asked(following(naming(point(A)), revoked=[leaf]), leaf)
    assert (allowed, told["reason"]) == (False, "revoked")


def test_a_list_that_ran_out_clears_nobody() -> None:
    world = DoorWorld()
    assert "remark" not in world.ask("genesys")[1]
    world.clock.advance(6 * DAY)
    assert "remark" not in world.ask("genesys")[1]
    world.clock.advance(2 * DAY)
    assert world.ask("genesys")[1]["remark"] == LIST_UNKNOWN
