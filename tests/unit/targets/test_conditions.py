"""Every condition of a target that flaps is alerted once, and alerted again when it has been over for long."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

import msgspec
import pytest

from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.bundles.wanted import BundleView, Wanted, compose
from rotation_watcher.config import Bundle, Mode, Policy, Target
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetDenied, TargetError, TargetNotFound
from rotation_watcher.kinds import Proof
from rotation_watcher.ports import UNKNOWN, Endpoint, Live, Unknown
from rotation_watcher.sources.history import Status
from rotation_watcher.targets import conditions, plan
from rotation_watcher.targets.plan import Buckets, Snapshot
from rotation_watcher.targets.record import Applied, Hold, HoldReason, Pending, Record
from rotation_watcher.targets.record import decode as decode_record
from rotation_watcher.targets.record import encode as encode_record
from rotation_watcher.x509.truststore import of_blocks
from tests.support.words import word
from tests.unit.targets.test_plan import NOW, STORE, key, keys, live, need, wanted

replace = msgspec.structs.replace
STEP = timedelta(minutes=10)
PENDING = Pending(version="v2", sha256="ab", fingerprints=(), ours=(), at=NOW - timedelta(hours=1))


class Desk:
    """Runs for one target, ten minutes apart, and keeps its alerts."""

    def __init__(self) -> None:
        self.now = NOW
        self.told: list[Alert] = []
        applied = Applied(version="v1", sha256="", fingerprints=tuple(sorted(keys({0}))), at=NOW, proof="bytes")
        self.record = Record(target="alb", arn=STORE, applied=applied, endpoints=("listener",))

    def keep(self, record: Record) -> None:
        """Deliver what is due, and write the record as the bucket would keep it."""
        self.told += record.outbox
        self.record = decode_record(encode_record(record.delivered(frozenset(alert.key for alert in record.outbox))))

    def snapshot(self, **parts: object) -> Snapshot:
        """What a run finds: certificate 0 is live, deployed and wanted; ``parts`` say what is otherwise."""
        most = parts.get("most", 25)
        assert isinstance(most, int)
        target = Target(id="alb", arn=STORE, bundle="main", max_certificates=most)
        held = parts.get("live", {0})
        assert isinstance(held, set)
        desired = parts.get("wanted", wanted({0}))
        assert isinstance(desired, Wanted)
        record = parts.get("record", self.record)
        assert isinstance(record, Record)
        moved_to = parts.get("moved_to")
        assert moved_to is None or isinstance(moved_to, str)
        forged = parts.get("forged", ())
        assert isinstance(forged, tuple)
        proved, withdrawn = parts.get("proved", record.ours), parts.get("withdrawn", ())
        assert isinstance(proved, Collection)
        assert isinstance(withdrawn, Collection)
        blocks = of_blocks(live(held))
        planned = plan.make(
            blocks,
            desired,
            record,
            target,
            Policy(),
            ours=proved,
            withdrawn=withdrawn,
            moved_to=moved_to,
            may_remove=True,
            now=self.now,
        )
        view = BundleView(
            Bundle(id="main", sources=("use1",), authorities=()), desired, (), (), frozenset(), forged=forged
        )
        endpoints = parts.get("endpoints", (Endpoint("listener", verifies=True, detail=""),))
        assert isinstance(endpoints, tuple)
        bundle = None if parts.get("off") else blocks.data
        seen = Live(
            bundle=bundle,
            location=UNKNOWN,
            version=UNKNOWN,
            settled=True,
            warnings=(),
            endpoints=endpoints,
            proof=Proof.BYTES,
            mark=mark if isinstance(mark := parts.get("mark"), str | Unknown) else None,
        )
        return Snapshot(target, record, view, seen, blocks, {}, planned, buckets=Buckets("our-bucket", "our-bucket"))

    def look(self, mode: Mode = Mode.APPLY, **parts: object) -> None:
        """A run, of which nothing follows."""
        self.keep(conditions.notice(self.snapshot(**parts), mode, self.now))


def otherwise(mode: Mode = Mode.APPLY, **parts: object) -> Callable[[Desk], None]:
    return lambda desk: desk.look(mode, **parts)


def held(desk: Desk) -> None:
    """Six of six are not needed any more, which is too many to remove at once."""
    ours = keys({1, 2, 3, 4, 5})
    long_ago = dict.fromkeys(ours, NOW - timedelta(days=31))
    known = replace(desk.record, ours=dict.fromkeys(ours, NOW), unwanted=long_ago)
    kept = replace(known, applied=replace(known.applied, fingerprints=tuple(sorted(keys({*range(6)})))))  # type: ignore[type-var]
    after = conditions.notice(desk.snapshot(live={*range(6)}, record=kept), Mode.APPLY, desk.now)
    desk.keep(replace(after, ours={}, applied=desk.record.applied))


def leaving(desk: Desk) -> None:
    """The grace of a certificate of ours ends soon."""
    state = replace(need(0).state, status=Status.RETIRING, retire_after=desk.now + timedelta(days=1))
    desired = compose([replace(need(0), state=replace(state, since=desk.now - timedelta(days=29)))], {}, desk.now)
    known = replace(desk.record, ours={key(0): NOW}, unwanted={key(0): desk.now - timedelta(days=29)})
    after = conditions.notice(desk.snapshot(wanted=desired, record=known), Mode.APPLY, desk.now)
    desk.keep(replace(after, ours={}, unwanted={}))


def unwanted(desk: Desk) -> None:
    """A root of ours is wanted by nothing any more."""
    known = replace(desk.record, ours={key(1): NOW})
    after = conditions.notice(desk.snapshot(live={0, 1}, record=known), Mode.APPLY, desk.now)
    desk.keep(replace(after, ours={}))


def lingering(desk: Desk) -> None:
    """An approval was withdrawn, and nothing proves that the root which it let in is the watcher's."""
    known = replace(desk.record, ours={key(1): NOW}, approved={key(1): ("leaf",)})
    found = desk.snapshot(live={0, 1}, record=known, withdrawn={key(1)}, proved=())
    after = conditions.notice(found, Mode.APPLY, desk.now)
    desk.keep(replace(after, ours={}, approved={}))


def contended(desk: Desk) -> None:
    """Somebody has taken out again, for the third time in a row, what the watcher put in."""
    applied = desk.record.applied
    assert applied
    known = replace(desk.record, applied=replace(applied, at=desk.now - STEP))
    once = conditions.notice(desk.snapshot(live=set(), record=known), Mode.APPLY, desk.now)
    assert once.rounds
    known = replace(known, rounds=replace(once.rounds, count=3))
    after = conditions.notice(desk.snapshot(live=set(), record=known), Mode.APPLY, desk.now)
    desk.keep(replace(after, rounds=None, applied=applied))


def on_hold(desk: Desk) -> None:
    """A leaf is refused, and a person has stopped every update."""
    hold = Hold(reason=HoldReason.BY_HAND, sha256="", since=NOW)
    known = replace(desk.record, hold=hold)
    after = conditions.notice(desk.snapshot(wanted=wanted({0, 1}), record=known), Mode.APPLY, desk.now)
    desk.keep(replace(after, hold=None))


def unreadable(error: TargetError) -> Callable[[Desk], None]:
    def look(desk: Desk) -> None:
        target = desk.snapshot().target
        record = conditions.failed(
            desk.record, target, error, prefix=conditions.UNREADABLE, content="", missing=(), now=desk.now
        )
        desk.keep(record)

    return look


def unchangeable(error: TargetError) -> Callable[[Desk], None]:
    """A change is due, and the target does not take it."""

    def look(desk: Desk) -> None:
        desk.look(wanted=wanted({0, 1}))
        snapshot = desk.snapshot(wanted=wanted({0, 1}))
        desk.keep(conditions.update_failed(desk.record, snapshot, error, "ab" * 32, desk.now))

    return look


def proved(desk: Desk) -> None:
    """A change was due, and has been proved in this run."""
    desk.look(wanted=wanted({0, 1}))
    desk.keep(conditions.proved(desk.record, Target(id="alb", arn=STORE, bundle="main"), desk.now))


def unproven(desk: Desk) -> None:
    """An update does not show; asked for an hour ago, in each occurrence anew."""
    asked = replace(PENDING, at=desk.now - timedelta(hours=1))
    snapshot = desk.snapshot(record=replace(desk.record, pending=asked))
    after = conditions.notice(snapshot, Mode.APPLY, desk.now)
    after = conditions.unproven(after, snapshot, asked, "unproven", (), desk.now)
    desk.keep(replace(after, pending=None))


def door(name: str) -> tuple[Endpoint, ...]:
    return (Endpoint(name, verifies=False, detail="It passes through."),)


quiet = otherwise()
KINDS: dict[str, tuple[str, Callable[[Desk], None], Callable[[Desk], None]]] = {
    "others add": ("drift-found", otherwise(live={0, 1}), quiet),
    "others remove": ("drift-found", otherwise(live=set(), wanted=wanted(set())), quiet),
    "others repoint": ("drift-found", otherwise(moved_to="s3://other/x"), quiet),
    "mutual TLS off": ("mtls-off", otherwise(off=True), quiet),
    "a listener that does not verify": ("mtls-off", otherwise(endpoints=door("listener")), quiet),
    "an open default endpoint": ("mtls-off", otherwise(endpoints=door("default")), quiet),
    "undone again and again": ("contended", contended, quiet),
    "a history that was forged": ("state-forged", otherwise(forged=("The history names a stranger.",)), quiet),
    "another stack": ("two-stacks", otherwise(mark="their-bucket"), quiet),
    "nearly full": ("quota-near", otherwise(most=1), quiet),
    "too many removals": ("removal-held", held, quiet),
    "a removal to come": ("removal-planned", leaving, quiet),
    "nothing wants it any more": ("removal-planned", unwanted, quiet),
    "still let in": ("truststore-update-failed", lingering, quiet),
    "more than the limit": ("truststore-update-failed", otherwise(most=1, live={0, 1}), otherwise(most=9)),
    "on hold": ("truststore-update-failed", on_hold, quiet),
    "a change to come": ("change-planned", otherwise(Mode.OBSERVE, wanted=wanted({0, 1})), otherwise(Mode.OBSERVE)),
    "busy when read": ("truststore-update-failed", unreadable(TargetBusy("throttled")), quiet),
    "fails when read": ("truststore-update-failed", unreadable(TargetError("reset")), quiet),
    "gone when read": ("truststore-update-failed", unreadable(TargetNotFound("gone")), quiet),
    "busy when changed": ("truststore-update-failed", unchangeable(TargetBusy("throttled")), proved),
    "denied when changed": ("truststore-update-failed", unchangeable(TargetDenied("denied")), proved),
    "rejected when changed": ("truststore-update-failed", unchangeable(BundleRejected("no")), proved),
    "does not show": ("truststore-update-failed", unproven, proved),
}

PASSES_UNAIDED = {"busy when read", "fails when read", "busy when changed"}


def play(desk: Desk, looks: Iterable[Callable[[Desk], None]], step: timedelta = STEP) -> datetime:
    for look in looks:
        desk.now += step
        look(desk)
    return desk.now


def of_kind(desk: Desk, kind: str) -> list[str]:
    return [alert.id for alert in desk.told if word(alert) == kind]


def assert_alerted(desk: Desk, kind: str, times: int) -> None:
    ids = of_kind(desk, kind)
    assert ids, f"{kind} was never alerted: is the function that observes it called by notice in targets/conditions.py?"
    assert len(ids) == len({*ids}), f"another occurrence of {kind} has the id of one before: end it in stamp(since)"
    assert len(ids) == times, (
        f"{kind} was alerted {len(ids)} times, not {times}: it is open until it was absent for CLEAR, if its prefix is"
        " in _SEEN in targets/conditions.py, and is alerted again when it comes back after that"
    )


@pytest.mark.parametrize("name", KINDS)
def test_what_flaps_at_each_run_is_alerted_once_and_once_more_when_it_comes_back_after_a_week(name: str) -> None:
    kind, disturbed, calm = KINDS[name]
    desk = Desk()
    play(desk, [quiet, *[disturbed] * 4, *[disturbed, calm] * 10])
    assert_alerted(desk, kind, 1)
    play(desk, [calm, calm, quiet, quiet])
    assert not desk.record.conditions, f"{kind} never ends: add the prefix of its key to _SEEN in targets/conditions.py"
    play(desk, [quiet], step=timedelta(days=7))
    play(desk, [disturbed] * 5)
    assert_alerted(desk, kind, 2)


@pytest.mark.parametrize("name", KINDS)
def test_what_every_fourth_run_finds_is_another_occurrence_each_time_unless_it_may_pass_unaided(name: str) -> None:
    """Answers of Genesys take turns, and are debounced in the history; what a target shows is as it is at that time."""
    kind, disturbed, calm = KINDS[name]
    desk = Desk()
    play(desk, [quiet, *[disturbed, calm, calm, calm] * 5])
    if name in PASSES_UNAIDED:
        assert of_kind(desk, kind) == [], f"{kind} may pass unaided: nobody is alerted before it lasts for PASSING"
    else:
        assert_alerted(desk, kind, 5)


@pytest.mark.parametrize("name", KINDS)
def test_what_lasts_is_alerted_once_and_a_run_that_finds_it_writes_nothing(name: str) -> None:
    kind, disturbed, _ = KINDS[name]
    desk = Desk()
    play(desk, [disturbed] * 6)
    before = desk.record
    play(desk, [disturbed] * 6)
    assert desk.record == before, f"{kind}: a run that finds it again must not change the record"
    assert_alerted(desk, kind, 1)


@pytest.mark.parametrize("error", [TargetBusy("throttled"), TargetError("reset")])
def test_a_passing_failure_is_not_alerted_if_it_is_over_before_half_an_hour(error: TargetError) -> None:
    desk = Desk()
    play(desk, [unreadable(error)] * 3)
    play(desk, [quiet] * 9)
    assert desk.told == []


def test_a_mark_that_cannot_be_read_for_a_while_is_not_gone() -> None:
    desk = Desk()
    play(desk, [otherwise(mark="their-bucket")] * 3)
    play(desk, [otherwise(mark=UNKNOWN)] * 6)
    assert [alert.kind for alert in desk.told] == ["two-stacks"]
    assert "two-stacks" in desk.record.conditions
    play(desk, [otherwise(mark=None)] * 3)
    assert [alert.status for alert in desk.told] == ["open", "resolved"]


@pytest.mark.parametrize(("ended", "severities"), [(False, ["warning", "warning"]), (True, ["info"])])
def test_a_root_that_nothing_wants_is_no_warning_once_it_has_ended(*, ended: bool, severities: list[str]) -> None:
    desk = Desk()
    desk.now = NOW + timedelta(days=901 if ended else 100)
    desk.record = replace(desk.record, ours={key(1): NOW})
    for _ in range(4):
        desk.look(live={0, 1})
        desk.now += timedelta(days=9, hours=20)
    told = [alert for alert in desk.told if alert.kind == Kind.REMOVAL_PLANNED and alert.status == "open"]
    assert [alert.severity for alert in told] == severities
