"""The revocation lists of a trust store are kept in step: added, proved, then the old one removed; others' stay."""

import json
from collections.abc import Callable
from functools import cache

import pytest
from cryptography import x509

from rotation_watcher import formats, keys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import FetchCode, RevocationRejected, TargetBusy, TargetDenied, TargetError
from rotation_watcher.ports import BundleObject, RevocationFile
from rotation_watcher.revocation.kept import MANIFEST, PEM
from rotation_watcher.targets.revocation_state import State, decode
from rotation_watcher.x509.crl import Crl, read
from tests.support import certs
from tests.support.certs import Issued
from tests.support.small_refresh import CAS, DAY, HOUR, LEAVES, SmallRefresh, intermediate, leaf, named
from tests.support.small_world import ARNS, NAME, START, issued

ALB = ARNS["alb"]


def news(world: SmallRefresh) -> list[Alert]:
    """What was delivered since the last call, without reminders and ends."""
    return [alert for alert in world.heard() if alert.status in {"event", "open"}]


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
    news(world)
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
    news(world)


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
    assert news(world) == []


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
    (alert,) = news(world)
    assert (alert.kind, alert.severity, alert.facts["reason"]) == ("revocations-behind", "warning", "lost")
    assert "CN=CA 1" in loaded(world)
    world.clock.advance(HOUR)
    world.publish()
    assert news(world) == []


def test_where_drift_is_only_reported_it_is_not_added_again(world: SmallRefresh) -> None:
    world.target_options = {"on_drift": "report"}
    number = next(one.id for one in state(world).loaded.values() if one.url == LEAVES)
    del world.target.held[ALB].lists[number]
    for _ in range(3):
        world.publish()
    assert [one.facts["reason"] for one in news(world)] == ["lost"]
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
    (alert,) = news(world)
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
    (alert,) = news(world)
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
    assert news(world) == []
    world.clock.advance(HOUR)
    world.publish()
    assert [one.facts["reason"] for one in news(world)] == ["target-busy"]


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
    assert [one.facts["reason"] for one in news(world)] == ["unproved"]
    assert [call for call, _ in world.target.calls].count("add") == 3, "it is not added once more"
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
            assert state(world).leaving == ()
            assert decode(world.store.body(keys.added_lists(ALB))) == state(world)


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


def forge(world: SmallRefresh, **changed: object) -> None:
    """Somebody writes below targets/: ``changed`` of the leaves' list."""
    document = json.loads(world.store.body(keys.target_revocations("alb")))
    document["loaded"][world.folder()] |= changed
    world.store.seed(keys.target_revocations("alb"), json.dumps(document).encode())


def test_a_state_that_calls_others_lists_the_watchers_own_removes_none_and_is_alerted_once(world: SmallRefresh) -> None:
    number = next(one for one, (body, _) in world.target.held[ALB].lists.items() if body == theirs())
    document = json.loads(world.store.body(keys.target_revocations("alb")))
    mine = document["loaded"][world.folder()]
    forged = {**mine, "id": number, "entries": 3, "fingerprint": x509_fingerprint(theirs())}
    world.store.seed(keys.target_revocations("alb"), json.dumps({**document, "leaving": [forged]}).encode())
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
        document = json.loads(world.store.body(keys.target_revocations("alb")))
        world.store.seed(keys.target_revocations("alb"), json.dumps({**document, "arn": "else"}).encode())
    else:
        forge(world, **changed[what])
    for _ in range(4):
        world.clock.advance(HOUR)
        world.publish()
    assert [one.facts["reason"] for one in news(world)] == ([told] if told else [])
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": serials(leaf()), "CN=Root 0": set()}
    assert_quiet(world)


def assert_quiet(world: SmallRefresh) -> None:
    news(world)
    writes, calls = len(world.store.writes), len(world.target.calls)
    world.publish()
    assert world.store.writes[writes:] == []
    assert {"add", "remove", "content"}.isdisjoint(call for call, _ in world.target.calls[calls:])
    assert news(world) == []


def x509_fingerprint(body: bytes) -> str:
    crl = read(body)
    assert isinstance(crl, Crl)
    return crl.facts.fingerprint


@pytest.mark.parametrize("body", [b"", b"{", b'{"format": "1"}'])
def test_a_state_that_cannot_be_read_is_made_anew_from_what_the_service_shows(world: SmallRefresh, body: bytes) -> None:
    before = dict(world.target.held[ALB].lists)
    world.store.seed(keys.target_revocations("alb"), body)
    world.publish()
    assert world.target.held[ALB].lists == before
    assert {one.url for one in state(world).loaded.values()} == {LEAVES, CAS}
    assert_quiet(world)


PLACES = {"targets": keys.target_revocations("alb"), "bundles": keys.added_lists(ALB)}


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
    document = json.loads(world.store.body(key)) | {"former": [x509_fingerprint(theirs())]}
    world.store.seed(key, json.dumps(document).encode())
    del world.store.versions[PLACES["targets"]]
    for _ in range(3):
        world.publish()
        world.clock.advance(HOUR)
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": set(), "CN=Root 0": set()}


def test_while_the_service_does_not_show_a_file_that_it_lists_none_is_added(world: SmallRefresh) -> None:
    lists = world.target.held[ALB].lists
    shown: dict[int, tuple[bytes, int]] = {}

    def hide(call: str, _: str) -> None:
        if call == "content":
            shown.update(lists)
            lists.update({number: (b"", entries) for number, (_, entries) in lists.items()})

    def show(call: str, _: str) -> None:
        if call == "content":
            lists.update(shown)
        if call == "add":
            raise TargetError("the answer was lost")

    world.target.before, world.target.after = hide, show
    revoke(world)
    for _ in range(3):
        world.publish()
        lists.update(shown)
        world.clock.advance(HOUR)
    assert len(lists) == 4
    assert {one.facts["reason"] for one in news(world)} == {"target-busy"}
    world.target.before = world.target.after = lambda *_: None
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_a_list_that_leaves_and_cas_name_is_loaded_for_each_and_stays() -> None:
    world = SmallRefresh()
    direct = certs.issue(issued("Root 0"), NAME, not_before=START - DAY, extensions=[named(CAS)])
    world.present((leaf(), (intermediate(),)), (direct, ()))
    world.refresh()
    for _ in range(2):
        world.publish()
    assert len(state(world).loaded) == len(world.target.held[ALB].lists) == 3
    assert_quiet(world)


def test_a_list_of_the_same_number_and_time_replaces_the_one_that_it_revokes_more_than(world: SmallRefresh) -> None:
    made = world.clock()
    for revoked in ([], [leaf()]):
        world.list_leaves(*revoked, made=made, number=50)
        world.refresh()
        world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())
    assert [one.kind for one in news(world)] == ["revoked"]


def test_what_the_service_shows_in_another_form_is_not_added_at_every_run(world: SmallRefresh) -> None:
    world.target.revocation_content = lambda *_: b"in another form"  # type: ignore[method-assign]
    revoke(world)
    for _ in range(3):
        world.publish()
        world.clock.advance(HOUR)
    assert [call for call, _ in world.target.calls].count("add") == 3
    assert [one.facts["reason"] for one in news(world)] == ["not-ours"]


def test_a_target_that_is_moved_away_and_back_has_its_lists_once(world: SmallRefresh) -> None:
    elsewhere = f"{ALB[:-1]}{'2' if ALB[-1] == '1' else '1'}"
    world.target.add(elsewhere, issued("Other").pem)
    world.target_options = {"arn": elsewhere}
    world.publish()
    assert len(world.target.held[elsewhere].lists) == 2
    revoke(world)
    world.publish()
    world.target_options = {}
    for _ in range(2):
        world.publish()
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": serials(leaf()), "CN=Root 0": set()}


def test_a_file_that_the_service_hid_for_a_run_is_removed_by_the_next(world: SmallRefresh) -> None:
    old = state(world).loaded[world.folder()].id
    lists = world.target.held[ALB].lists
    hidden = lists[old]

    def hide(call: str, _: str) -> None:
        if call == "remove":
            lists.pop(old, None)

    world.target.before = hide
    revoke(world)
    world.publish()
    world.target.before = lambda *_: None
    assert old not in lists
    world.publish()
    lists[old] = hidden
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_a_list_that_could_not_be_removed_for_long_is_removed_though_its_object_is_gone(world: SmallRefresh) -> None:
    def refuse(call: str, _: str) -> None:
        if call == "remove":
            raise TargetDenied("no permission")

    world.target.before = refuse
    revoke(world)
    world.publish()
    assert len(world.target.held[ALB].lists) == 4
    for key, versions in world.store.versions.items():  # what the lifecycle rule does
        if key.startswith("crls/"):
            del versions[:-1]
    world.target.before = lambda *_: None
    world.clock.advance(100 * DAY)
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_lists_whose_entries_never_show_do_not_pile_up(world: SmallRefresh) -> None:
    def miscount(call: str, arn: str) -> None:
        if call == "add":
            lists = world.target.held[arn].lists
            lists[max(lists)] = (lists[max(lists)][0], 77)

    world.target.after = miscount
    for _ in range(5):
        world.list_leaves(leaf())
        world.refresh()
        world.publish()
    assert len([body for body in bodies(world) if body != theirs()]) == 3, (
        "the last that was proved, the newest, and the CAs' list"
    )
    assert "unproved" in {one.facts.get("reason") for one in news(world)}


def test_what_has_room_once_the_same_run_has_removed_something_is_added_and_not_told(world: SmallRefresh) -> None:
    world.target.held[ALB].lists |= {1000 + n: (theirs(), 3) for n in range(26)}
    world.list_leaves(leaf())
    world.list_cas()
    world.refresh()
    news(world)
    world.publish()
    assert len(world.target.held[ALB].lists) == 29
    assert {one.fingerprint for one in state(world).loaded.values()} == {
        world.manifest().facts.fingerprint,
        world.manifest_of(CAS, issued("Root 0")).facts.fingerprint,
    }
    assert news(world) == []


def test_a_list_that_another_run_has_just_replaced_is_not_told_as_lost(world: SmallRefresh) -> None:
    world.target_options = {"on_drift": "report"}
    revoke(world)
    other: list[str] = []

    def meanwhile(call: str, key: str) -> None:
        if call == "get" and key == keys.added_lists(ALB) and not other:
            other.append(key)
            world.publish()

    world.store.after = meanwhile
    world.publish()
    assert other
    assert news(world) == []
    assert loaded(world)["CN=CA 1"] == serials(leaf())


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
    news(world)
    world.target_options = {"on_drift": "report"}
    world.publish()
    assert set(loaded(world)) == {"CN=Other", "CN=CA 1", "CN=Root 0"}
    assert news(world) == []
