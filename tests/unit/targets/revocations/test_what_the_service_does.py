"""A service without room, one that refuses, and one that shows what it has late or not at all."""

import pytest

from rotation_watcher.errors import RevocationRejected, TargetBusy, TargetDenied, TargetError
from tests.support.loaded_lists import ALB, bodies, loaded, news, revoke, serials, state, theirs
from tests.support.small_refresh import CAS, DAY, HOUR, LEAVES, SmallRefresh, leaf
from tests.support.small_world import issued


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


def test_what_the_service_shows_in_another_form_is_not_added_at_every_run(world: SmallRefresh) -> None:
    world.target.revocation_content = lambda *_: b"in another form"  # type: ignore[method-assign]
    revoke(world)
    for _ in range(3):
        world.publish()
        world.clock.advance(HOUR)
    assert [call for call, _ in world.target.calls].count("add") == 3
    assert [one.facts["reason"] for one in news(world)] == ["not-ours"]


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
