"""What is taken out of the watch file leaves no condition open: each is resolved by name, once it can be heard."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, override

import msgspec
import pytest

from rotation_watcher import configuration, keys, unwatched
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.sources import history
from rotation_watcher.targets import record
from tests.support.words import word
from tests.unit.test_configuration import GOOD as DOCUMENT
from tests.unit.test_configuration import Desk

GOOD: dict[str, Any] = {**DOCUMENT}
SOURCE, TARGET = "use1", "api"
ARN = str(GOOD["targets"][0]["arn"])
OTHER = {"id": "euc1", "region": "eu-central-1", "credentials": GOOD["sources"][0]["credentials"]}
WITHOUT_SOURCE = GOOD | {"sources": [OTHER], "bundles": [{"id": "main", "sources": ["euc1"]}]}
WITHOUT_TARGET = GOOD | {"targets": []}
RENAMED = GOOD | {"targets": [GOOD["targets"][0] | {"id": "door"}]}
OTHER_ARN = GOOD | {"targets": [GOOD["targets"][0] | {"arn": ARN.replace("api.", "other.")}]}


class Ending(Desk):
    """Both functions, and what they have open at a source and a target."""

    def __init__(self) -> None:
        super().__init__()
        assert GOOD["sources"][0]["id"] == SOURCE
        self.both()
        self.sink.delivered.clear()
        since = self.clock()
        told = Condition(
            kind="mtls-off",
            since=since,
            alerted=since,
            alert=f"mtls-off:{TARGET}:domain:1",
            title="t",
            severity=Severity.CRITICAL,
        )
        quiet = Condition(kind="quota-near", since=since)
        state = record.Record(target=TARGET, arn=ARN, conditions={"mtls-off:domain": told, "quota-near": quiet})
        self.store.seed(keys.record(keys.target(ARN)), record.encode(state))
        failing = msgspec.structs.replace(told, kind="source-failing", alert=f"source-failing:{SOURCE}:1")
        known = history.History(source=SOURCE, region="us-east-1", conditions={"source": failing})
        self.store.seed(keys.history(SOURCE), history.encode(known))

    def runs(self) -> list[str]:
        """A run of each function, as its handler goes; the messages of both."""
        self.clock.advance(timedelta(minutes=15))
        ports = unwatched.Ports(self.store, self.sink, self.clock)
        steps: list[tuple[Callable[[], configuration.Configured], Callable[..., tuple[str, ...]]]] = [
            (self.collect, lambda *given: unwatched.sources(*given).failures),
            (self.publish, unwatched.targets),
        ]
        for configure, wind_up in steps:
            configured = configure()
            assert wind_up(configured.dropped, configured.watch, ports) == ()
        return [f"{word(one)} {one.id}" for one in self.news()]

    @override
    def news(self) -> list[Alert]:
        """Without those that something is left out, which is told besides."""
        return [one for one in super().news() if one.kind is not Kind.NO_LONGER_WATCHED]

    def left(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The conditions of both."""
        source, target = self.store.body(keys.history(SOURCE)), self.store.body(keys.record(keys.target(ARN)))
        return history.decode(source).conditions, record.decode(target).conditions


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (WITHOUT_SOURCE, ["over: source-failing source-failing:use1:1"]),
        (WITHOUT_TARGET, ["over: mtls-off mtls-off:api:domain:1"]),
        (OTHER_ARN, ["over: mtls-off mtls-off:api:domain:1"]),
        (GOOD | {"mode": "observe"}, []),
    ],
    ids=["source", "target", "another ARN", "nothing"],
)
def test_what_was_told_of_it_is_resolved_once_with_its_own_id(document: dict[str, Any], told: list[str]) -> None:
    desk = Ending()
    assert desk.runs() == []
    desk.document = document
    assert desk.runs() == told
    before = len(desk.store.writes)
    assert [desk.runs() for _ in range(3)] == [[], [], []]
    assert len(desk.store.writes) == before, "and then a run writes nothing for it"
    assert [not one for one in desk.left()] == [document is WITHOUT_SOURCE, document in (WITHOUT_TARGET, OTHER_ARN)]


@pytest.mark.parametrize("document", [WITHOUT_TARGET, OTHER_ARN, RENAMED], ids=["target", "another ARN", "another id"])
def test_no_grace_runs_at_what_is_no_longer_watched(document: dict[str, Any]) -> None:
    desk, key = Ending(), keys.record(keys.target(ARN))
    since = desk.clock() - timedelta(days=20)
    known = msgspec.structs.replace(record.decode(desk.store.body(key)), ours={"ab": since}, unwanted={"ab": since})
    desk.store.seed(key, record.encode(known))
    desk.document = document
    desk.runs()
    after = record.decode(desk.store.body(key))
    assert (after.ours, after.unwanted) == (known.ours, known.unwanted if document is RENAMED else {})


def test_the_end_says_why_and_waits_until_it_can_be_heard() -> None:
    desk = Ending()
    desk.document = WITHOUT_TARGET
    desk.sink.closed = True
    desk.runs()
    desk.runs()
    desk.sink.closed = False
    desk.publish()
    configured = desk.publish()
    unwatched.targets(configured.dropped, configured.watch, unwatched.Ports(desk.store, desk.sink, desk.clock))
    (alert,) = desk.news()
    assert "no longer watched" in alert.what_it_means
    assert desk.publish().dropped == {}


def test_what_comes_back_before_its_end_was_told_is_not_wound_up() -> None:
    desk = Ending()
    desk.document = WITHOUT_SOURCE
    desk.collect()
    desk.document = GOOD
    assert desk.runs() == []
    assert desk.left()[0]


@pytest.mark.parametrize("key", [keys.CONFIGURATION, keys.ACCEPTED])
def test_notes_that_somebody_wrote_end_nothing_that_is_watched(key: str) -> None:
    desk = Ending()
    document = msgspec.json.decode(desk.store.body(key))
    dropped = {SOURCE: "us-east-1"} if key == keys.CONFIGURATION else {TARGET: ARN}
    desk.store.seed(key, msgspec.json.encode({**document, "dropped": dropped}))
    assert desk.runs() == []
    assert all(desk.left())


def test_a_run_that_is_killed_at_any_write_loses_no_end() -> None:
    for place in range(12):
        desk = Ending()
        desk.document = WITHOUT_TARGET
        left = place

        def dies(operation: str, _: str) -> None:
            nonlocal left
            if operation in {"put", "put_if"}:
                left -= 1
                if left < 0:
                    raise KeyboardInterrupt

        desk.store.before = dies
        try:
            told = desk.runs()
        except KeyboardInterrupt:
            told = [f"{word(one)} {one.id}" for one in desk.news()]
        desk.store.before = lambda *_: None
        told += desk.runs()
        assert {*told} == {"over: mtls-off mtls-off:api:domain:1"}
        assert not desk.left()[1]


def upgraded() -> Ending:
    """A former release kept the target by its id; this release is deployed together with a watch file of other ids."""
    desk = Ending()
    place = keys.record(keys.target(ARN))
    kept = record.decode(desk.store.body(place))
    waits = builders.trial(requested=False, now=desk.clock())
    former = keys.record(keys.former_target(TARGET))
    Ledger(desk.store, former).note([waits])
    kept = msgspec.structs.replace(kept, ours={"aa" * 32: desk.clock()}, outbox=(waits,))
    desk.store.seed(former, msgspec.json.encode({**msgspec.to_builtins(kept), "format": "2"}))
    del desk.store.versions[place]
    desk.document = RENAMED
    desk.sink.delivered.clear()
    return desk


def test_what_a_former_release_kept_by_an_id_goes_on_by_another_one_in_the_same_step() -> None:
    desk = upgraded()
    configured = desk.publish()
    ports = unwatched.Ports(desk.store, desk.sink, desk.clock)
    assert unwatched.targets(configured.dropped, configured.watch, ports) == ()
    assert sorted(word(one) for one in desk.sink.delivered) == ["over: mtls-off", "test"]
    after = record.decode(desk.store.body(keys.record(keys.target(ARN))))
    assert ({*after.ours}, after.former, after.outbox, {*after.conditions}) == ({"aa" * 32}, TARGET, (), {"quota-near"})
    assert record.decode(desk.store.body(keys.record(keys.former_target(TARGET)))).former == TARGET
    writes = len(desk.store.writes)
    assert desk.publish().dropped == {}
    assert len(desk.store.writes) == writes


def test_killed_at_any_call_of_that_nothing_of_it_is_lost() -> None:
    place = 0
    while place >= 0:
        desk, left = upgraded(), place

        def dies(_operation: str, _key: str) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                raise KeyboardInterrupt

        desk.store.before = dies
        for _ in range(2):
            with suppress(KeyboardInterrupt):
                configured = desk.publish()
                ports = unwatched.Ports(desk.store, desk.sink, desk.clock)
                assert unwatched.targets(configured.dropped, configured.watch, ports) == ()
        desk.store.before = lambda *_: None
        after = record.decode(desk.store.body(keys.record(keys.target(ARN))))
        assert ({*after.ours}, after.former, after.outbox) == ({"aa" * 32}, TARGET, ()), place
        assert {word(one) for one in desk.sink.delivered} == {"over: mtls-off", "test"}, place
        assert desk.publish().dropped == {}
        place = place + 1 if left < 0 else -1


def test_a_fleet_that_is_no_longer_watched_leaves_a_run_its_time_and_is_wound_up_by_several() -> None:
    desk = Ending()
    told = record.decode(desk.store.body(keys.record(keys.target(ARN)))).conditions["mtls-off:domain"]
    arns = {f"t{number:03}": ARN.replace("api.", f"t{number:03}.") for number in range(100)}
    for name, arn in arns.items():
        known = msgspec.structs.replace(told, alert=f"mtls-off:{name}:domain:1")
        state = record.Record(target=name, arn=arn, conditions={"mtls-off:domain": known})
        desk.store.seed(keys.record(keys.target(arn)), record.encode(state))
    fleet = [{**GOOD["targets"][0], "id": name, "arn": arn} for name, arn in arns.items()]
    desk.document = GOOD | {"targets": fleet}
    desk.runs()
    desk.document = WITHOUT_TARGET
    left = [300.0]

    def slow(*_: str) -> None:
        left[0] -= 1

    took: list[float] = []
    heard: list[str] = []
    ports = unwatched.Ports(desk.store, desk.sink, desk.clock, lambda: left[0])
    for _ in range(20):
        configured = desk.publish()
        left[0], desk.store.before = 300.0, slow
        assert unwatched.targets(configured.dropped, configured.watch, ports) == ()
        desk.store.before = lambda *_: None
        took.append(300.0 - left[0])
        heard += [one.id for one in desk.news()]
    assert max(took) < unwatched.TAKES + 20, "publish begins no target when little more than half of its time is left"
    assert sorted(heard) == [f"mtls-off:{name}:domain:1" for name in arns]
    assert took[-1] == 0, "what is done is asked no more"
