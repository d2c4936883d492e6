"""The revocation lists of a trust store are kept in step: added, proved, then the old one removed; others' stay."""

import json
from collections.abc import Callable
from functools import cache

import pytest
from cryptography import x509

from rotation_watcher import formats, keys
from rotation_watcher.errors import FetchCode, RevocationRejected, TargetBusy, TargetDenied, TargetError
from rotation_watcher.ports import BundleObject, RevocationFile
from rotation_watcher.revocation.kept import MANIFEST, PEM
from rotation_watcher.targets.revocation_state import State, decode
from rotation_watcher.x509.crl import Crl, read
from tests.support import certs
from tests.support.certs import Issued
from tests.support.small_refresh import CAS, DAY, HOUR, LEAVES, SmallRefresh, intermediate, leaf
from tests.support.small_world import ARNS, NAME, START, issued
from tests.support.words import word

ALB = ARNS["alb"]


CHANGES = {"put", "put_if", "add", "remove"}


class Killed(BaseException):
    """The end of the process."""


@pytest.fixture
def world() -> SmallRefresh:
    """Everything is published, and two lists are in force: of leaves, and of CAs."""
    world = SmallRefresh()
    world.target.load_list(ALB, theirs())
    world.refresh()
    world.publish()
    assert state(world).leaving == ()
    assert {one.url for one in state(world).loaded.values()} == {LEAVES, CAS}
    world.heard()
    return world


@cache
def theirs() -> bytes:
    return certs.crl(issued("Other"), [7, 8, 9])


def state(world: SmallRefresh) -> State:
    return decode(world.store.body(keys.target_revocations("alb")))


def loaded(world: SmallRefresh) -> dict[str, set[int]]:
    """The serials of what the trust store has loaded, by the issuer's name; two lists of one issuer are an error."""
    found: dict[str, set[int]] = {}
    for body, _ in world.target.held[ALB].lists.values():
        crl = x509.load_pem_x509_crl(body)
        name = crl.issuer.rfc4514_string()
        assert name not in found, f"two lists of {name}"
        found[name] = {each.serial_number for each in crl}
    return found


def serials(*revoked: Issued) -> set[int]:
    return {one.certificate.serial_number for one in revoked}


def revoke(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    world.heard()


def test_the_lists_in_force_are_loaded_beside_those_of_others(world: SmallRefresh) -> None:
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": set(), "CN=Root 0": set()}


def test_a_quiet_run_changes_and_writes_nothing(world: SmallRefresh) -> None:
    writes, calls = len(world.store.writes), len(world.target.calls)
    world.publish()
    assert world.store.writes[writes:] == []
    assert [call for call, _ in world.target.calls[calls:]] == ["read", "revocations"]


def test_a_new_list_is_added_and_proved_before_the_old_one_is_removed(world: SmallRefresh) -> None:
    seen: list[tuple[str, int]] = []
    world.target.before = lambda call, arn: seen.append((call, len(world.target.held[arn].lists)))
    revoke(world)
    world.publish()
    changes = [(call, count) for call, count in seen if call in {"add", "remove"}]
    assert changes == [("add", 3), ("remove", 4)]
    assert loaded(world)["CN=CA 1"] == serials(leaf())
    assert state(world).leaving == ()


def test_publish_is_asked_to_follow_when_a_list_is_replaced(world: SmallRefresh) -> None:
    world.list_leaves()
    assert world.refresh().enqueued == ["alb"]
    assert world.refresh().enqueued == []


def test_what_others_loaded_of_the_same_issuer_stays(world: SmallRefresh) -> None:
    other = world.target.load_list(ALB, certs.crl(intermediate(), [5]))
    revoke(world)
    world.publish()
    assert other.id in world.target.held[ALB].lists


def test_in_observe_mode_and_dry_runs_nothing_is_changed(world: SmallRefresh) -> None:
    revoke(world)
    before = dict(world.target.held[ALB].lists)
    world.publish(dry_run=True)
    assert world.target.held[ALB].lists == before


def test_a_dry_run_says_what_would_be_done(world: SmallRefresh) -> None:
    revoke(world)
    assert world.summary(dry_run=True).revocations == [f"would add {LEAVES}"]
    assert world.summary().revocations[0] == f"added {LEAVES}: 1 entries"


def test_off_takes_the_watchers_lists_out_and_leaves_others(world: SmallRefresh) -> None:
    world.target_options = {"revocation": "off"}
    world.publish()
    assert loaded(world) == {"CN=Other": {7, 8, 9}}
    assert world.heard() == []


def test_off_from_the_start_touches_nothing() -> None:
    world = SmallRefresh()
    world.target_options = {"revocation": "off"}
    world.refresh()
    world.publish()
    assert world.target.held[ALB].lists == {}
    assert keys.target_revocations("alb") not in world.store.versions


def test_a_list_that_somebody_removed_is_alerted_once_and_added_again(world: SmallRefresh) -> None:
    number = next(one.id for one in state(world).loaded.values() if one.url == LEAVES)
    del world.target.held[ALB].lists[number]
    world.publish()
    (alert,) = world.heard()
    assert (alert.kind, alert.severity, alert.facts["reason"]) == ("revocations-behind", "warning", "lost")
    assert "CN=CA 1" in loaded(world)
    world.clock.advance(HOUR)
    world.publish()
    assert world.heard() == []


def test_where_drift_is_only_reported_it_is_not_added_again(world: SmallRefresh) -> None:
    world.target_options = {"on_drift": "report"}
    number = next(one.id for one in state(world).loaded.values() if one.url == LEAVES)
    del world.target.held[ALB].lists[number]
    for _ in range(3):
        world.publish()
    assert [one.facts["reason"] for one in world.heard()] == ["lost"]
    assert "CN=CA 1" not in loaded(world)
    revoke(world)
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf()), "a newer list is no drift"


@pytest.mark.parametrize("full_by", ["files", "entries"])
def test_what_has_no_room_is_told_beforehand_and_the_old_list_stays(world: SmallRefresh, full_by: str) -> None:
    files = {1000 + n: (theirs(), 3) for n in range(27)} if full_by == "files" else {1000: (theirs(), 499_997)}
    world.target.held[ALB].lists |= files
    before = dict(world.target.held[ALB].lists)
    revoke(world)
    calls = len(world.target.calls)
    world.publish()
    assert world.target.held[ALB].lists == before
    assert "add" not in [call for call, _ in world.target.calls[calls:]]
    (alert,) = world.heard()
    assert (alert.kind, alert.severity, alert.facts["reason"]) == ("revocations-behind", "critical", "full")
    assert LEAVES in alert.what_happened
    assert "30 revocation files with 84 entries" in alert.what_happened or "500000 entries" in alert.what_happened


@pytest.mark.parametrize("error", [RevocationRejected("InvalidRevocationContent"), TargetDenied("no permission")])
def test_a_list_that_the_service_does_not_take_is_alerted_and_the_old_one_stays(
    world: SmallRefresh, error: Exception
) -> None:
    before = loaded(world)
    revoke(world)

    def refuse(call: str, _: str) -> None:
        if call == "add":
            raise error

    world.target.before = refuse
    for _ in range(3):
        world.publish()
        world.clock.advance(HOUR)
    assert loaded(world) == before
    (alert,) = world.heard()
    assert (alert.kind, alert.severity) == ("revocations-behind", "critical")
    assert world.record.claim is None
    world.target.before = lambda *_: None
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_a_busy_service_is_alerted_only_if_it_lasts(world: SmallRefresh) -> None:
    revoke(world)

    def busy(call: str, _: str) -> None:
        if call == "add":
            raise TargetBusy("throttled")

    world.target.before = busy
    world.publish()
    assert world.heard() == []
    world.clock.advance(HOUR)
    world.publish()
    assert [one.facts["reason"] for one in world.heard()] == ["target-busy"]


def test_while_the_new_list_does_not_show_its_entries_the_old_one_stays(world: SmallRefresh) -> None:
    revoke(world)

    def miscount(call: str, arn: str) -> None:
        if call == "add":
            lists = world.target.held[arn].lists
            newest = max(lists)
            lists[newest] = (lists[newest][0], 0)

    world.target.after = miscount
    world.publish()
    assert sorted(entries for _, entries in world.target.held[ALB].lists.values()) == [0, 0, 0, 3]
    world.clock.advance(HOUR)
    world.publish()
    assert [one.facts["reason"] for one in world.heard()] == ["unproved"]
    lists = world.target.held[ALB].lists
    lists[max(lists)] = (lists[max(lists)][0], 1)
    world.target.after = lambda *_: None
    world.clock.advance(HOUR)
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def moments(world: SmallRefresh) -> list[tuple[str, str, int]]:
    """Every call of a run that replaces a list, before and after."""
    seen: list[tuple[str, str]] = []
    world.store.before = world.target.before = lambda call, key: seen.append((call, key))
    world.publish()
    world.store.before = world.target.before = lambda *_: None
    return [(call, key, seen[:at].count((call, key))) for at, (call, key) in enumerate(seen)]


def test_a_run_that_dies_at_any_call_is_completed_by_the_next_and_nothing_is_loaded_twice() -> None:
    def made() -> SmallRefresh:
        world = SmallRefresh()
        world.target.load_list(ALB, theirs())
        world.refresh()
        world.publish()
        revoke(world)
        return world

    found = [one for one in moments(made()) if one[0] in CHANGES | {"revocations", "content"}]
    assert len(found) > 10
    for side in ("before", "after"):
        for call, key, count in found if side == "before" else [one for one in found if one[0] in CHANGES]:
            world = made()
            killer = die_at(call, key, count)
            setattr(world.store, side, killer)
            setattr(world.target, side, killer)
            with pytest.raises(Killed):
                world.publish()
            setattr(world.store, side, lambda *_: None)
            setattr(world.target, side, lambda *_: None)
            names = {x509.load_pem_x509_crl(body).issuer.rfc4514_string() for body in bodies(world)}
            assert "CN=CA 1" in names, "a moment without a list"
            world.clock.advance(HOUR)
            world.publish()
            world.publish()
            wanted = {"CN=Other": {7, 8, 9}, "CN=CA 1": serials(leaf()), "CN=Root 0": set()}
            assert loaded(world) == wanted, (side, call, key)
            assert state(world).adding is None
            assert state(world).leaving == ()


def bodies(world: SmallRefresh) -> list[bytes]:
    return [body for body, _ in world.target.held[ALB].lists.values()]


def die_at(call: str, key: str, count: int) -> Callable[[str, str], None]:
    left = [count]

    def die(each: str, of: str) -> None:
        if (each, of) == (call, key):
            if not left[0]:
                raise Killed
            left[0] -= 1

    return die


def test_a_state_that_calls_others_lists_the_watchers_own_removes_none(world: SmallRefresh) -> None:
    number = next(one for one, (body, _) in world.target.held[ALB].lists.items() if body == theirs())
    document = json.loads(world.store.body(keys.target_revocations("alb")))
    folder, mine = next(iter(document["loaded"].items()))
    fingerprint = x509_fingerprint(theirs())
    for version in (mine["version"], ""):
        forged = {**mine, "id": number, "entries": 3, "fingerprint": fingerprint, "version": version}
        world.store.seed(
            keys.target_revocations("alb"), json.dumps({**document, "leaving": [{**forged, "folder": folder}]}).encode()
        )
        world.publish()
        assert number in world.target.held[ALB].lists
        (alert,) = world.heard()
        assert alert.facts["reason"] == "not-ours"
        for _ in range(3):
            world.clock.advance(HOUR)
            world.publish()
        assert {word(one) for one in world.heard()} == {"over: revocations-behind"}


def x509_fingerprint(body: bytes) -> str:
    crl = read(body)
    assert isinstance(crl, Crl)
    return crl.facts.fingerprint


@pytest.mark.parametrize("body", [b"", b"{", b'{"format": "1"}'])
def test_where_the_state_is_lost_the_lists_are_loaded_anew_and_the_former_ones_known_again(
    world: SmallRefresh, body: bytes
) -> None:
    """As where the target was renamed."""
    before = loaded(world)
    counts: list[int] = []
    world.target.before = lambda call, arn: (
        counts.append(len(world.target.held[arn].lists)) if call == "remove" else None
    )
    world.store.seed(keys.target_revocations("alb"), body)
    world.publish()
    assert counts == [5, 4], "all are there before the first goes"
    assert loaded(world) == before
    assert {one.url for one in state(world).loaded.values()} == {LEAVES, CAS}
    assert "forged" not in {one.facts.get("reason") for one in world.heard()}
    writes = len(world.store.writes)
    world.publish()
    assert world.store.writes[writes:] == []


def test_where_both_records_are_lost_what_was_loaded_counts_as_others(world: SmallRefresh) -> None:
    before = len(world.target.held[ALB].lists)
    world.store.seed(keys.target_revocations("alb"), b"")
    world.store.seed(keys.added_lists(ALB), b"")
    world.publish()
    assert len(world.target.held[ALB].lists) == before + 2


@pytest.mark.parametrize(
    "forge",
    [
        lambda one, theirs: one | {"id": theirs},
        lambda one, _: one | {"made": "2099-01-01T00:00:00Z", "number": "99"},
        lambda one, theirs: one | {"id": theirs, "entries": 3},
        lambda one, _: one | {"folder": "crls/elsewhere"},
    ],
    ids=["on another file", "of the future", "with its entries", "elsewhere"],
)
def test_a_state_that_says_a_list_is_loaded_keeps_no_list_out_and_is_alerted(
    world: SmallRefresh, forge: Callable[[dict[str, object], int], dict[str, object]]
) -> None:
    revoke(world)
    number = next(one for one, (body, _) in world.target.held[ALB].lists.items() if body == theirs())
    document = json.loads(world.store.body(keys.target_revocations("alb")))
    manifest = world.manifest()
    wanted = {"fingerprint": manifest.der.sha256, "version": manifest.pem.version}
    document["loaded"][world.folder()] = forge(document["loaded"][world.folder()] | wanted, number)
    world.store.seed(keys.target_revocations("alb"), json.dumps(document).encode())
    world.publish()
    assert serials(leaf()) in [{one.serial_number for one in x509.load_pem_x509_crl(body)} for body in bodies(world)]
    assert number in world.target.held[ALB].lists, "others' stay"
    assert "forged" in {one.facts.get("reason") for one in world.heard()}


@pytest.mark.parametrize("note", [None, b"{", b'{"format": 1, "arn": "arn:of:another"}'])
def test_a_note_that_is_lost_is_alerted_and_the_lists_are_loaded_anew_once(
    world: SmallRefresh, note: bytes | None
) -> None:
    before = loaded(world)
    if note is None:
        world.store.remove(keys.added_lists(ALB))
    else:
        world.store.seed(keys.added_lists(ALB), note)
    revoke(world)
    world.publish()
    assert loaded(world) == before | {"CN=CA 1": serials(leaf())}
    assert "forged" in {one.facts.get("reason") for one in world.heard()}
    for _ in range(3):
        world.clock.advance(HOUR)
        world.publish()
    assert {word(one) for one in world.heard()} == {"over: revocations-behind"}


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
    assert "forged" in {one.facts.get("reason") for one in world.heard()}


def test_an_older_list_that_is_put_back_is_not_loaded(world: SmallRefresh) -> None:
    older = world.manifest()
    revoke(world)
    world.publish()
    world.store.seed(f"{world.folder()}/{MANIFEST}", formats.encode(older))
    world.clock.advance(HOUR)
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_the_list_of_a_leaf_that_it_revokes_stays_loaded(world: SmallRefresh) -> None:
    revoke(world)
    for _ in range(3):
        world.publish()
        world.clock.advance(DAY)
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_a_list_whose_server_is_down_stays_loaded_after_it_ran_out(world: SmallRefresh) -> None:
    world.points.fail(LEAVES, FetchCode.TIMED_OUT)
    world.clock.advance(30 * DAY)
    world.refresh()
    world.publish()
    assert loaded(world)["CN=CA 1"] == set()


def test_going_back_by_hand_brings_no_earlier_list_back(world: SmallRefresh) -> None:
    revoke(world)
    world.publish()
    before = loaded(world)
    assert world.clock() > START
    world.call(rollback="alb")
    assert loaded(world) == before


def test_a_list_stays_while_its_ca_is_in_the_trust_store_though_no_leaf_needs_it(world: SmallRefresh) -> None:
    revoke(world)
    world.publish()
    other = certs.issue(issued("Root 0"), NAME, not_before=START - DAY)
    world.present((other, ()))
    for _ in range(3):
        world.refresh()
        world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf()), "CA 1 is in its grace: its list is what refuses the leaf"
    calls, writes = len(world.target.calls), len(world.store.writes)
    world.publish()
    assert {"add", "remove"}.isdisjoint(call for call, _ in world.target.calls[calls:])
    assert world.store.writes[writes:] == []


def test_a_list_that_the_sdk_has_added_twice_is_removed_once(world: SmallRefresh) -> None:
    add = world.target.add_revocation

    def twice(arn: str, place: BundleObject) -> RevocationFile:
        add(arn, place)
        return add(arn, place)

    world.target.add_revocation = twice  # type: ignore[method-assign]
    revoke(world)
    world.publish()
    world.target.add_revocation = add  # type: ignore[method-assign]
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_a_list_whose_answer_was_lost_is_found_again_although_others_were_due(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.list_cas()
    world.refresh()
    lost: list[str] = []

    def lose(call: str, arn: str) -> None:
        if call == "add" and not lost:
            lost.append(arn)
            raise TargetError("the answer was lost")

    world.target.after = lose
    world.publish()
    world.publish()
    world.publish()
    assert {name: len(found) for name, found in loaded(world).items()} == {"CN=Other": 3, "CN=CA 1": 1, "CN=Root 0": 0}


def test_a_run_that_dies_after_it_removed_a_list_that_nothing_needs_leaves_no_trouble(world: SmallRefresh) -> None:
    world.target_options = {"revocation": "off"}

    def die(call: str, _: str) -> None:
        if call == "remove":
            raise Killed

    world.target.after = die
    for _ in range(2):
        with pytest.raises(Killed):
            world.publish()
        world.clock.advance(HOUR)
    world.target.after = lambda *_: None
    world.publish()
    world.heard()
    world.target_options = {"on_drift": "report"}
    world.publish()
    assert set(loaded(world)) == {"CN=Other", "CN=CA 1", "CN=Root 0"}
    assert world.heard() == []
