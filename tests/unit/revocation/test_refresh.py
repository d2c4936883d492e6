"""refresh_crls over lists in memory: what is put in force, what is not, and what a crash, a dry run, a race leave."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from rotation_watcher import keys
from rotation_watcher.errors import FetchCode, StoreError
from rotation_watcher.ports import PublishRequest
from rotation_watcher.revocation.kept import DER, INDEX, MANIFEST, PEM
from rotation_watcher.revocation.points import folders_of
from rotation_watcher.x509.crl import Crl, read
from rotation_watcher.x509.revocation_index import Index, open_index
from tests.support import certs, crls
from tests.support.pki import Extra, Pair
from tests.support.small_refresh import CAS, DAY, HOUR, LEAVES, SmallRefresh, intermediate, leaf, listed, named
from tests.support.small_world import NAME, START, certificate, issued
from tests.support.words import word


@pytest.fixture
def world() -> SmallRefresh:
    return SmallRefresh()


def outcomes(world: SmallRefresh) -> dict[str, str]:
    return {one.url: one.reason or one.outcome for one in world.refresh().lists}


def test_the_lists_of_leaves_and_of_the_cas_above_them_are_fetched_and_that_of_no_root(world: SmallRefresh) -> None:
    assert outcomes(world) == {LEAVES: "new", CAS: "new"}
    assert {subject for _, subject in world.points.calls} == {LEAVES, CAS}


def test_der_pem_and_index_are_kept_and_the_manifest_names_their_versions_last(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    folder, held = world.folder(), world.manifest()
    written = [key.rpartition("/")[2] for key in world.store.writes if key.startswith(folder)]
    assert written == [DER, PEM, INDEX, MANIFEST]
    body = world.points.files[LEAVES].body
    assert world.store.body(f"{folder}/{DER}") == body
    again = read(world.store.body(f"{folder}/{PEM}"))
    assert isinstance(again, Crl)
    assert (again.der, again.facts) == (body, held.facts)
    index = open_index(world.store.body(f"{folder}/{INDEX}"), issuer_key=held.issuer_key)
    assert isinstance(index, Index)
    assert index.contains(leaf().certificate.serial_number)
    stored = {name: world.store.get(f"{folder}/{name}") for name in (DER, PEM, INDEX)}
    assert [one and one.version for one in stored.values()] == [
        held.der.version,
        held.pem.version,
        held.index.version,
    ]
    assert (held.url, held.fetched_from, held.facts.entries) == (LEAVES, LEAVES, 1)


def test_an_unchanged_list_is_asked_for_with_its_validators_and_nothing_is_written(world: SmallRefresh) -> None:
    world.refresh()
    before = len(world.store.writes)
    answers = len(world.points.bodies)
    assert outcomes(world) == {LEAVES: "unchanged", CAS: "unchanged"}
    assert world.points.bodies[answers:] == [], "both answered with 304"
    assert world.store.writes[before:] == []
    assert world.heard() == []


def test_a_server_that_says_304_for_ever_is_asked_for_the_whole_list_when_it_is_due(world: SmallRefresh) -> None:
    world.refresh()
    world.points.publish(LEAVES, listed(intermediate(), made=world.clock(), number=9), etag='"1"')
    assert outcomes(world)[LEAVES] == "unchanged"
    world.clock.advance(5 * DAY)
    assert outcomes(world)[LEAVES] == "new"


def test_a_list_is_replaced_by_a_later_one(world: SmallRefresh) -> None:
    world.refresh()
    world.list_leaves(number=7)
    assert outcomes(world)[LEAVES] == "new"
    assert world.manifest().facts.number == "7"


CA = Pair(intermediate().certificate, intermediate().key)


def odd(now: datetime, *extra: Extra, **more: Any) -> bytes:
    return crls.crl_der(CA, number=50, this_update=now, next_update=now + DAY, extra=extra, **more)


def flipped(whole: bytes) -> bytes:
    return whole[:-1] + bytes([whole[-1] ^ 1])


def cut(now: datetime, end: int) -> bytes:
    return listed(intermediate(), made=now, number=50)[:end]


def namesake() -> certs.Issued:
    return certs.issue(issued("Other"), "CA 1", ca=True)


BAD: dict[str, Callable[[datetime], bytes]] = {
    "bad-signature": lambda now: flipped(listed(intermediate(), made=now, number=50)),
    "wrong-issuer": lambda now: listed(namesake(), made=now, number=50),
    "older": lambda now: listed(intermediate(), made=now - DAY, number=0),
    "expired": lambda now: listed(intermediate(), made=now, number=50, period=timedelta(minutes=1)),
    "not-yet-valid": lambda now: listed(intermediate(), made=now + DAY, number=50),
    "unparsable": lambda _: b"",
    "truncated": lambda now: cut(now, -9),
    "delta": lambda now: odd(now, (x509.DeltaCRLIndicator(1), True)),
    "indirect": lambda now: odd(now, crls.issuing_point(LEAVES, indirect=True)),
    "wrong-distribution-point": lambda now: odd(now, crls.issuing_point(CAS)),
    "too-many": lambda now: odd(now, raw=crls.entry_der(crls.Entry(5)) * 1_000_001),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_new_list_never_displaces_the_good_one_and_is_alerted_with_its_reason(
    world: SmallRefresh, reason: str
) -> None:
    world.list_leaves(leaf(), number=40)
    world.refresh()
    world.heard()
    good = world.store.body(f"{world.folder()}/{MANIFEST}")
    world.points.publish(LEAVES, BAD[reason](world.clock()), etag='"bad"')
    assert outcomes(world)[LEAVES] == reason
    assert world.heard() == [], "a mirror that is behind for a moment is no news"
    assert outcomes(world)[LEAVES] == reason
    assert world.store.body(f"{world.folder()}/{MANIFEST}") == good
    assert world.revoked == {leaf().fingerprint}
    (alert,) = world.heard()
    assert (alert.kind, alert.severity, alert.facts["reason"]) == ("crl-stale", "warning", reason)
    assert alert.what_to_do


def test_a_list_that_is_too_large_is_refused(world: SmallRefresh) -> None:
    world.points.fail(LEAVES, FetchCode.ANSWER_TOO_LARGE)
    assert outcomes(world)[LEAVES] == "answer-too-large"


def test_where_one_url_of_a_list_fails_the_next_is_asked(world: SmallRefresh) -> None:
    mirror = "http://mirror.example.com/leaves.crl"
    world.present((leaf(LEAVES, mirror), (intermediate(),)))
    world.points.fail(LEAVES, FetchCode.TIMED_OUT)
    world.list_leaves(url=mirror)
    assert outcomes(world)[LEAVES] == "new"
    assert world.manifest(LEAVES, mirror).fetched_from == mirror
    assert world.heard() == []


def test_a_mirror_that_stands_still_keeps_no_newer_list_of_another_one_out() -> None:
    world, mirror = SmallRefresh(), "http://mirror.example.com/leaves.crl"
    world.present((leaf(LEAVES, mirror), (intermediate(),)))
    world.list_leaves(url=mirror)
    world.refresh()
    asked = len(world.points.bodies)
    world.list_leaves(leaf(LEAVES, mirror), url=mirror)
    world.refresh()
    assert world.points.bodies[asked:] == [], "the first one has the list in force, and that is not due"
    world.refresh(after=5 * DAY)
    assert world.manifest(LEAVES, mirror).fetched_from == mirror
    assert world.revoked == {leaf(LEAVES, mirror).fingerprint}
    world.refresh()
    assert [word(alert) for alert in world.heard()] == ["revoked"]


def test_a_refused_list_at_one_url_does_not_hide_the_good_one_at_the_next(world: SmallRefresh) -> None:
    mirror = "http://mirror.example.com/leaves.crl"
    world.present((leaf(LEAVES, mirror), (intermediate(),)))
    world.points.publish(LEAVES, b"a page that asks to log in")
    world.list_leaves(url=mirror)
    assert outcomes(world)[LEAVES] == "new"


def test_nothing_is_fetched_for_a_leaf_that_does_not_verify(world: SmallRefresh) -> None:
    world.store.seed("anchors/us-east-1.pem", issued("Other").pem)
    assert world.refresh().lists == []
    assert world.points.calls == []


def test_nothing_is_fetched_for_a_stranger_that_somebody_wrote_into_the_history(world: SmallRefresh) -> None:
    url = "http://crl.example.com/stranger.crl"
    stranger = certs.issue(intermediate(), "stranger.example.com", extensions=[named(url)])
    world.present((stranger, (intermediate(),)))
    assert world.refresh().lists == []
    assert world.points.calls == []


def test_an_ldap_name_is_skipped_with_a_remark(world: SmallRefresh) -> None:
    world.present((leaf("ldap://directory.example.com/cn=crl", LEAVES), (intermediate(),)))
    summary = world.refresh()
    assert [one.url for one in summary.lists] == [CAS, LEAVES]
    assert [remark for remark in summary.remarks if "other-scheme: ldap://" in remark]


def test_a_certificate_without_a_list_is_remarked(world: SmallRefresh) -> None:
    world.present((certs.issue(issued("Root 0"), NAME, not_before=START - DAY), ()))
    summary = world.refresh()
    assert summary.lists == []
    assert ["names no revocation list" in remark for remark in summary.remarks] == [True]


def test_a_dry_run_judges_everything_and_writes_sends_and_delivers_nothing(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    summary = world.refresh(dry_run=True)
    assert {one.outcome for one in summary.lists} == {"new"}
    assert [*summary.revoked] == [leaf().fingerprint[:16]]
    assert [one.partition(":")[0] for one in summary.alerts] == ["revoked"]
    assert (world.store.writes, world.queue.sent, world.heard()) == ([], [], [])


class Killed(BaseException):
    """The end of the process."""


@pytest.mark.parametrize("at", [DER, PEM, INDEX, MANIFEST])
def test_a_run_that_is_killed_before_the_manifest_leaves_the_last_good_list(world: SmallRefresh, at: str) -> None:
    world.list_leaves(leaf())
    world.refresh()
    world.heard()
    good = world.manifest()
    world.list_leaves(leaf(), number=8)

    def die(operation: str, key: str) -> None:
        if operation.startswith("put") and key == f"{world.folder()}/{at}":
            raise Killed

    world.store.before = die
    with pytest.raises(Killed):
        world.refresh()
    world.store.before = lambda *_: None
    assert world.manifest() == good
    world.points.fail(LEAVES, FetchCode.UNREACHABLE)
    summary = world.refresh()
    assert summary.remarks == []
    assert [*summary.revoked] == [leaf().fingerprint[:16]]
    world.list_leaves(leaf(), number=8)
    world.refresh()
    assert world.manifest().facts.number == "8"


@pytest.mark.parametrize(("name", "outcome"), [(DER, "new"), (PEM, "unchanged"), (INDEX, "unchanged")])
def test_a_damaged_part_is_written_anew_although_the_server_says_304(
    world: SmallRefresh, name: str, outcome: str
) -> None:
    world.list_leaves(leaf())
    world.refresh()
    key = f"{world.folder()}/{name}"
    del world.store.versions[key]
    summary = world.refresh()
    assert len(summary.remarks) == 1
    assert key in summary.remarks[0]
    assert {one.url: one.outcome for one in summary.lists}[LEAVES] == outcome
    assert key in world.store.versions
    assert world.refresh().remarks == []
    assert world.revoked == {leaf().fingerprint}


def test_a_list_under_a_former_key_is_put_anew_once_although_the_server_says_304(world: SmallRefresh) -> None:
    world.store.kms_key = "key/a"
    world.refresh()
    world.refresh()
    assert len(world.store.versions[f"{world.folder()}/{PEM}"]) == 1
    world.store.kms_key = ""
    summary = world.refresh()
    assert any("lies under a KMS key" in remark for remark in summary.remarks)
    world.refresh()
    kept = world.store.versions[f"{world.folder()}/{PEM}"]
    assert [one.kms_key for one in kept] == ["key/a", ""]
    assert world.manifest().pem.version == kept[-1].version


def test_a_dry_run_writes_no_damaged_part_anew(world: SmallRefresh) -> None:
    world.refresh()
    del world.store.versions[f"{world.folder()}/{INDEX}"]
    writes = len(world.store.writes)
    assert world.refresh(dry_run=True).remarks
    assert len(world.store.writes) == writes


@pytest.mark.parametrize("field", ["number", "this_update"])
def test_a_manifest_that_says_a_later_list_than_it_has_keeps_no_true_one_out(world: SmallRefresh, field: str) -> None:
    world.refresh()
    document = json.loads(world.store.body(f"{world.folder()}/{MANIFEST}"))
    document["facts"][field] = {"number": "FFFFFFFF", "this_update": "2046-01-01T00:00:00Z"}[field]
    world.store.seed(f"{world.folder()}/{MANIFEST}", json.dumps(document).encode())
    world.list_leaves(leaf())
    assert outcomes(world)[LEAVES] == "new"
    assert world.revoked == {leaf().fingerprint}


def test_a_manifest_that_is_none_is_written_anew(world: SmallRefresh) -> None:
    world.refresh()
    world.store.seed(f"{world.folder()}/{MANIFEST}", b"{")
    assert outcomes(world)[LEAVES] == "new"
    assert world.manifest().facts.entries == 0


def test_the_manifest_of_a_newer_release_is_left_alone_and_the_other_lists_go_on(world: SmallRefresh) -> None:
    key = f"{world.folder()}/{MANIFEST}"
    world.store.seed(key, b'{"format": 99}')
    summary = world.refresh()
    assert {one.url: one.outcome for one in summary.lists} == {LEAVES: "broken", CAS: "new"}
    assert "newer release" in summary.broken[0]
    assert world.store.body(key) == b'{"format": 99}'


def test_a_later_list_of_another_run_is_not_written_over(world: SmallRefresh) -> None:
    world.refresh()
    world.list_leaves(number=8)
    ahead = SmallRefresh()
    ahead.store.versions = world.store.versions
    ahead.clock.advance(HOUR * 3)
    ahead.list_leaves(number=9)

    def other_run(operation: str, key: str) -> None:
        if operation == "put_if" and key == f"{world.folder()}/{MANIFEST}":
            world.store.before = lambda *_: None
            ahead.refresh()

    world.store.before = other_run
    world.refresh()
    assert world.manifest().facts.number == "9"


@pytest.mark.parametrize("moment", ["it has an older list", "its server said 304", "it has judged"])
def test_a_slower_run_clears_nothing_that_a_newer_list_revokes(world: SmallRefresh, moment: str) -> None:
    world.refresh()
    world.publish()
    world.heard()
    if moment == "it has an older list":
        world.list_leaves(number=8)
    operation, key = {
        "it has an older list": ("put", f"{world.folder()}/{DER}"),
        "its server said 304": ("get", f"{world.folder(CAS, issuer=issued('Root 0'), ca=True)}/{INDEX}"),
        "it has judged": ("get", keys.CRL_STATE),
    }[moment]
    reads = 0

    def other_run(each: str, of: str) -> None:
        nonlocal reads
        if (each, of) != (operation, key):
            return
        reads += 1
        world.store.before = lambda *_: None
        world.list_leaves(leaf(), number=9)
        world.refresh(after=timedelta(seconds=5))
        assert world.revoked == {leaf().fingerprint}

    world.store.before = other_run
    summary = world.refresh()
    assert reads == 1
    if moment != "it has judged":
        assert [*summary.revoked] == [leaf().fingerprint[:16]], "it goes by what is in force when it ends"
    assert world.revoked == {leaf().fingerprint}
    assert [word(alert) for alert in world.heard()] == ["revoked"]
    world.publish()
    assert world.pinned == set()
    world.refresh()
    assert world.heard() == []


def test_a_slower_run_that_has_to_write_clears_nothing_that_a_newer_list_revokes(world: SmallRefresh) -> None:
    world.refresh()
    world.points.fail(CAS, FetchCode.TIMED_OUT)
    world.refresh()
    world.refresh()
    assert world.heard() == []

    def other_run(operation: str, key: str) -> None:
        if (operation, key) != ("put_if", keys.CRL_STATE):
            return
        world.store.before = lambda *_: None
        world.list_leaves(leaf(), number=9)
        world.refresh(after=timedelta(seconds=5))

    world.store.before = other_run
    world.refresh()
    assert world.revoked == {leaf().fingerprint}
    assert sorted({word(alert) for alert in world.heard()}) == ["crl-stale", "revoked"]


def test_a_run_that_dies_before_it_has_asked_publish_to_follow_is_made_good_by_the_next(world: SmallRefresh) -> None:
    world.refresh()
    world.list_leaves(leaf())

    def die(operation: str, key: str) -> None:
        if operation == "put_if" and key == keys.CRL_STATE:
            raise Killed

    world.store.after = die
    with pytest.raises(Killed):
        world.refresh()
    world.store.after = lambda *_: None
    assert world.revoked == {leaf().fingerprint}
    assert world.refresh().enqueued == ["alb"]
    assert world.refresh().enqueued == []


def test_a_queue_that_refuses_is_asked_again_and_the_alert_is_told_all_the_same(world: SmallRefresh) -> None:
    world.refresh()
    world.list_leaves(leaf())
    send, world.queue.send = world.queue.send, refuse  # type: ignore[method-assign]
    summary = world.refresh()
    assert (summary.enqueued, summary.broken) == ([], ["the queue is away for alb"])
    assert [word(alert) for alert in world.heard()] == ["revoked"]
    world.queue.send = send  # type: ignore[method-assign]
    assert world.refresh().enqueued == ["alb"]


def refuse(request: PublishRequest) -> None:
    raise StoreError(f"the queue is away for {request.target}")


def test_a_lost_history_clears_nobody(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    world.heard()
    del world.store.versions[keys.history("use1")]
    world.refresh()
    assert world.heard() == []
    assert world.revoked == {leaf().fingerprint}


def test_lists_of_cas_and_of_leaves_at_one_place_are_judged_each_for_its_kind(world: SmallRefresh) -> None:
    """One for users alone says nothing of the CA that names the same place (RFC 5280 6.3.3 (b) (2) (ii))."""
    both = certs.issue(issued("Root 0"), NAME, not_before=START - DAY, extensions=[named(CAS)])
    world.present((leaf(), (intermediate(),)), (both, ()))
    root = Pair(issued("Root 0").certificate, issued("Root 0").key)
    now = world.clock()
    body = crls.crl_der(
        root,
        [both.certificate.serial_number],
        number=50,
        this_update=now,
        next_update=now + DAY,
        extra=[crls.issuing_point(CAS, user=True)],
    )
    world.points.publish(CAS, body, etag='"user"')
    found = {(one.url, one.reason or one.outcome) for one in world.refresh().lists}
    assert found == {(CAS, "new"), (CAS, "out-of-scope"), (LEAVES, "new")}
    assert world.revoked == {both.fingerprint}


def test_a_source_that_cannot_be_read_stops_no_other_and_is_reported(world: SmallRefresh) -> None:
    def refuse(_: str, key: str) -> None:
        if key == keys.history("use1"):
            raise StoreError("S3 is away")

    world.store.before = refuse
    summary = world.refresh()
    assert summary.broken == ["source use1: S3 is away"]


def test_the_index_is_of_the_issuers_key(world: SmallRefresh) -> None:
    world.refresh()
    assert world.manifest().issuer_key == certificate(intermediate()).facts.spki_sha256


def test_other_bytes_of_one_number_and_time_are_no_news_unless_they_revoke_more(world: SmallRefresh) -> None:
    made = world.clock()
    world.list_leaves(made=made, number=50)
    world.refresh()
    for period in (7 * DAY, 6 * DAY):
        world.list_leaves(made=made, number=50, period=period)
        assert world.points.files[LEAVES].body != world.store.body(f"{world.folder()}/{DER}")
        assert_no_news(world)
    world.list_leaves(made=made, number=50, period=8 * DAY)
    world.refresh()
    assert world.manifest().facts.next_update == made + 8 * DAY, "it holds for longer"
    world.list_leaves(leaf(), made=made, number=50)
    world.refresh()
    assert world.revoked == {leaf().fingerprint}
    world.list_leaves(made=made, number=50, period=9 * DAY)
    assert_no_news(world)
    assert world.revoked == {leaf().fingerprint}


def assert_no_news(world: SmallRefresh) -> None:
    writes = len(world.store.writes)
    assert world.refresh().enqueued == []
    assert world.store.writes[writes:] == []


def test_a_list_that_cannot_be_read_every_other_run_wakes_nobody(world: SmallRefresh) -> None:
    world.refresh()
    broken: list[bool] = []

    def fail(operation: str, key: str) -> None:
        if broken and operation == "get" and key == f"{world.folder()}/{MANIFEST}":
            raise StoreError("not now")

    world.store.before = fail
    for round_ in range(4):
        broken[:] = [True] if round_ % 2 else []
        assert world.refresh().enqueued == []
    broken[:] = [True]
    world.list_cas()
    assert world.refresh().enqueued == []
    broken[:] = []
    assert world.refresh().enqueued == ["alb"], "told as soon as every list could be looked at"


@pytest.mark.parametrize("turned", [False, True])
def test_one_key_under_two_names_has_two_lists_each_for_its_own_name(world: SmallRefresh, *, turned: bool) -> None:
    other = certs.issue(issued("Root 0"), "CA X", ca=True, key=intermediate().key, extensions=[named(CAS)])
    url = "http://crl.example.com/x.crl"
    theirs = certs.issue(other, NAME, not_before=START - DAY, extensions=[named(LEAVES)])
    apart = certs.issue(other, NAME, not_before=START - DAY, extensions=[named(url)])
    world.present((leaf(), (intermediate(),)), (theirs, (other,)), (apart, (other,)))
    world.list_leaves(leaf(), theirs, issuer=other if turned else None)
    world.list_leaves(apart, url=url, issuer=other)
    world.refresh()
    spki = certificate(other).facts.spki_sha256
    assert folders_of(spki, theirs.certificate) == frozenset({world.folder(issuer=other)})
    assert world.folder(issuer=other) != world.folder()
    assert world.revoked == {theirs.fingerprint if turned else leaf().fingerprint, apart.fingerprint}
    world.refresh()
    assert "wrong-issuer" in {one.facts.get("reason") for one in world.heard()}
