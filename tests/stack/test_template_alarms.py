"""What each alarm says, and when it rings: its own rule over small series of what the functions would have written."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from rotation_watcher.alerts.recording import FEW
from rotation_watcher.status.figures import NEAR_DAYS
from tests.stack.template import (
    ALARMS,
    FUNCTIONS,
    PARAMETERS,
    QUEUES,
    RESOURCES,
    ROOT,
    TEMPLATE,
    metrics_of,
    nodes,
    of_type,
)
from tests.support.alarms import Alarm, judged
from tests.support.roles import Resolver

OURS = "GenesysCertificateWatcher"
MINUTE, HOUR = 60, 3600
LONG = "genesys-certificate-watcher-production-eu"
LOGS = of_type("AWS::Logs::LogGroup")


class Deployed(Resolver):
    """The template with names as long as they become, and its attributes by name."""

    def __init__(self, **parameters: str) -> None:
        names = {name: f"{LONG}-{name}-1A2B3C4D5E6F" for name in RESOURCES}
        names |= {name: f"/genesys-certificate-watcher/{LONG}/{name.removesuffix('Logs').lower()}" for name in LOGS}
        names |= {name: f"https://sqs.ap-southeast-1.amazonaws.com/123456789012/{names[name]}" for name in QUEUES}
        names |= {"AlertTopic": f"arn:aws:sns:ap-southeast-1:123456789012:{names['AlertTopic']}"}
        names |= {"AWS::StackName": LONG}
        super().__init__(parameters, {name: (value, f"arn:aws:any:::{value}") for name, value in names.items()})

    def _getatt(self, argument: Any) -> str:
        name, attribute = argument.split(".") if isinstance(argument, str) else argument
        return self._places[name][0] if attribute == "QueueName" else self._places[name][1]


URL = "https://git.bank.example/platform/genesys-certificates/blob/main/docs/runbook.md"
STACK = Deployed(RunbookUrl=URL)
RULES = {name: STACK.of(one["Properties"]) for name, one in ALARMS.items()}
SAID = {name: str(rule["AlarmDescription"]) for name, rule in RULES.items()}


# What its mail says


def test_that_report_is_dead_says_that_alerts_wait_for_it() -> None:
    said = " ".join(SAID["ReportStoppedAlarm"].split())
    assert FEW == 3
    assert "only the first three are told" in said, "report alone sends the others (alerts.recording)"


@pytest.mark.parametrize("name", ALARMS)
def test_the_mail_says_what_is_at_risk_and_gives_whole_commands_and_its_section_of_the_runbook(name: str) -> None:
    said = SAID[name].splitlines()
    assert len(SAID[name]) <= 1024, "CloudWatch's limit"
    commands = [line for line in said if line.startswith("aws ")]
    assert commands
    assert not said[0].startswith("aws ")
    for command in commands:
        assert f" --region {STACK.of({'Ref': 'AWS::Region'})}" in command, "works from anywhere"
    assert said[-1] == f"{URL}#{name.lower()}"
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    assert re.search(rf"^### {name}\n(?!#)\S", runbook, re.MULTILINE), f"docs/runbook.md: the heading ### {name}"


def test_without_an_address_of_the_runbook_the_mail_names_the_file() -> None:
    said = Deployed().of(RULES["CollectStoppedAlarm"] | ALARMS["CollectStoppedAlarm"]["Properties"])
    assert said["AlarmDescription"].splitlines()[-1] == "docs/runbook.md#collectstoppedalarm"


def test_the_form_takes_no_address_of_the_runbook_with_which_cloudwatch_would_refuse_an_alarm() -> None:
    """The stack would be rolled back for a text that nobody has typed; names are as long as in the others' tests."""
    longest = PARAMETERS["RunbookUrl"]["MaxLength"]
    stack = Deployed(RunbookUrl=URL + "x" * (longest - len(URL)))
    said = {name: stack.of(one["Properties"])["AlarmDescription"] for name, one in ALARMS.items()}
    assert {name: len(one) for name, one in said.items() if len(one) > 1024} == {}


@pytest.mark.parametrize(
    "name", [name for name in ALARMS if "Errors" in name or "Silence" in name or "Stopped" in name]
)
def test_the_mail_about_a_function_gives_the_command_that_shows_the_reason_in_its_own_log(name: str) -> None:
    function = re.sub(r"(Errors|Silence|Stopped)Alarm", "", name)
    group = STACK.of({"Ref": f"{function}Logs"})
    assert f'aws logs tail {group} --since 3h --region us-east-1 --filter-pattern "?ERROR ' in SAID[name]


def test_the_command_that_runs_a_function_does_its_work_and_is_no_dry_run() -> None:
    called: dict[str, set[str]] = {}
    for name, said in SAID.items():
        for function, payload in re.findall(
            r"--function-name (\S+) .* --payload '([^']*)' /dev/stdout$", said, re.MULTILINE
        ):
            called.setdefault(name, set()).add(function)
            assert json.loads(payload) == {}, "publish serves all targets, the others everything"
    assert called["PublishSilenceAlarm"] == {STACK.of({"Ref": "PublishFunction"})}
    assert {one for each in called.values() for one in each} <= {STACK.of({"Ref": name}) for name in FUNCTIONS}
    assert "dry" not in "".join(SAID.values())


# When it rings

FUNCTION = {name: STACK.of({"Ref": f"{name}Function"}) for name in ("Collect", "Publish", "RefreshCrls", "Report")}
EVERY = {"Collect": 15 * MINUTE, "Publish": 15 * MINUTE, "RefreshCrls": HOUR, "Report": 5 * MINUTE}
"""How often each function runs."""
FIGURES = {
    "OldestSourceHours": "Collect",
    "TargetsOutOfStep": "Report",
    "SoonestExpiryDays": "Report",
    "NobodyListens": "Report",
}
"""What is written while something is wrong, and by whose runs."""
SILENCE = {
    "Collect": "CollectStoppedAlarm",
    "Publish": "PublishSilenceAlarm",
    "RefreshCrls": "RefreshCrlsSilenceAlarm",
    "Report": "ReportStoppedAlarm",
}
BEGINS, ENDS = 12 * HOUR, 24 * HOUR
"""When something happens, and how long it is watched."""
DEAD_MEN = {
    name: rule
    for name, rule in RULES.items()
    if name in SILENCE.values() or OURS in {one.get("Namespace") for one in nodes(rule) if isinstance(one, dict)}
}


def always(value: float) -> Callable[[float], float]:
    return lambda _: value


def never(_: float) -> None:
    """Nothing is written."""


class Story:
    """What is written: by Lambda, the Scheduler and the log of each run, and by the functions what is wrong.

    After BEGINS functions are ``dead`` (they do not run), ``fail`` at each run, lose their ``log``, or are woken by
    others alone (``unasked``); ``wrong`` figures are written for ``lasts`` hours, by the hours since then.
    """

    def __init__(
        self,
        *,
        dead: str = "",
        fail: str = "",
        log: str = "",
        unasked: str = "",
        wrong: Mapping[str, Callable[[float], float | None]] | None = None,
        lasts: float = 99,
    ) -> None:
        self._dead, self._fail, self._log, self._unasked = dead, fail, log, unasked
        self._wrong, self._lasts = wrong or {}, lasts

    def __call__(self, namespace: str, name: str, about: str) -> Mapping[int, float]:
        if name in FIGURES and namespace == OURS:
            runs = self._runs(FIGURES[name])
            said = self._wrong.get(name, never)
            hours = {at: (at - BEGINS) / HOUR for at in runs if at >= BEGINS}
            figures = {at: said(one) for at, one in hours.items() if one < self._lasts}
            lost = self._log == FIGURES[name]
            return {} if lost else {at: one for at, one in figures.items() if one is not None}
        if (namespace, name) == ("AWS/Lambda", "Errors"):
            (function,) = [one for one, other in FUNCTION.items() if other == about]
            return {at: float(function == self._fail and at >= BEGINS) for at in self._runs(function)}
        if (namespace, name) == ("AWS/Scheduler", "InvocationAttemptCount"):
            return {at: 1 for at in self._runs("Publish") if at < BEGINS or self._unasked != "Publish"}
        if (namespace, name) == ("AWS/Logs", "IncomingLogEvents"):
            return {at: 4 for at in self._runs("Report") if at < BEGINS or self._log != "Report"}
        return {}

    def _runs(self, function: str) -> list[int]:
        return [at for at in range(0, ENDS, EVERY[function]) if at < BEGINS or self._dead != function]

    def states(self) -> dict[str, dict[float, str]]:
        """The states of each alarm by the hours after BEGINS."""
        moments = range(BEGINS - 4 * HOUR, ENDS, 15 * MINUTE)
        return {
            name: dict(zip([(now - BEGINS) / HOUR for now in moments], Alarm(rule).look(self, *moments), strict=True))
            for name, rule in DEAD_MEN.items()
        }

    def rings(self) -> dict[str, float]:
        """The alarms that ring, with the hours after BEGINS that it took."""
        states = self.states()
        return {
            name: next(at for at, one in seen.items() if one == "ALARM")
            for name, seen in states.items()
            if "ALARM" in seen.values()
        }


def test_all_is_well_and_no_alarm_rings() -> None:
    assert Story().rings() == {}
    for name, rule in DEAD_MEN.items():
        assert Alarm(rule).look(Story(), BEGINS) == ["OK"], name


def test_a_dead_source_rings_while_the_others_live() -> None:
    """collect goes on, and its metric is the age of the oldest source."""
    story = Story(wrong={"OldestSourceHours": lambda hours: hours})
    assert story.rings() == {"SourceUnreadAlarm": 3}, "two hours of SilenceHours, and the period in which they end"


def test_a_source_that_is_read_now_and_then_rings_nothing() -> None:
    assert Story(wrong={"OldestSourceHours": lambda hours: 4.0 if hours % 1 else 0.0}).rings() == {}


@pytest.mark.parametrize("way", [lambda one: Story(dead=one), lambda one: Story(fail=one)], ids=["dead", "fails"])
@pytest.mark.parametrize(("function", "hours"), [("Collect", 2), ("Publish", 2), ("RefreshCrls", 6), ("Report", 1)])
def test_a_function_that_is_dead_or_ends_no_run_well_rings(
    way: Callable[[str], Story], function: str, hours: float
) -> None:
    assert way(function).rings() == {SILENCE[function]: hours}


def test_a_run_that_failed_now_and_then_is_no_silence() -> None:
    """FailedRunsAlarm tells of each."""
    rings = {name: Alarm(rule) for name, rule in DEAD_MEN.items()}

    def every_second(namespace: str, name: str, about: str) -> Mapping[int, float]:
        found = Story()(namespace, name, about)
        return {at: float(place % 2) for place, at in enumerate(found)} if name == "Errors" else found

    moments = range(BEGINS, ENDS, 15 * MINUTE)
    ringing = {name for name, alarm in rings.items() if "ALARM" in alarm.look(every_second, *moments)}
    assert ringing == set(), "refresh_crls ends one run of two well"


def test_publish_that_other_events_wake_and_no_schedule_rings() -> None:
    assert Story(unasked="Publish").rings() == {"PublishSilenceAlarm": 2}


def test_a_log_that_takes_nothing_rings_since_the_figures_go_over_it() -> None:
    story = Story(log="Report", wrong={"TargetsOutOfStep": always(1)})
    assert story.rings() == {"ReportStoppedAlarm": 1}


@pytest.mark.parametrize(
    ("metric", "value", "rings"),
    [
        ("TargetsOutOfStep", 1.0, {"TargetsOutOfStepAlarm": 0.25}),
        ("SoonestExpiryDays", 7.0, {"SoonestExpiryAlarm": 1}),
        ("SoonestExpiryDays", -0.25, {"SoonestExpiryAlarm": 1}),
        ("NobodyListens", 1.0, {"NobodyListensAlarm": 1}),
    ],
)
def test_a_figure_that_is_wrong_rings(metric: str, value: float, rings: dict[str, float]) -> None:
    assert Story(wrong={metric: always(value)}).rings() == rings


def test_a_topic_that_did_not_answer_for_a_while_rings_nothing() -> None:
    assert Story(wrong={"NobodyListens": always(1)}, lasts=0.5).rings() == {}


def test_report_counts_days_from_where_the_alarm_does() -> None:
    assert float(RULES["SoonestExpiryAlarm"]["Threshold"]) == NEAR_DAYS


WRONG = {
    "SourceUnreadAlarm": ("OldestSourceHours", 9.0, "Collect"),
    "TargetsOutOfStepAlarm": ("TargetsOutOfStep", 2.0, "Report"),
    "SoonestExpiryAlarm": ("SoonestExpiryDays", 1.0, "Report"),
    "NobodyListensAlarm": ("NobodyListens", 1.0, "Report"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_rings_ends_when_it_is_over(name: str) -> None:
    metric, value, _ = WRONG[name]
    seen = Story(wrong={metric: always(value)}, lasts=4).states()[name]
    assert (seen[3.75], seen[11.75]) == ("ALARM", "OK")


@pytest.mark.parametrize("name", WRONG)
def test_what_rings_does_not_end_by_silence_before_silence_rings(name: str) -> None:
    """Nothing written is nothing wrong only while another alarm would tell that nothing runs."""
    metric, value, function = WRONG[name]

    class Dying(Story):
        def _runs(self, function: str) -> list[int]:
            died = BEGINS + 4 * HOUR
            return [at for at in super()._runs(function) if at < died or function != WRONG[name][2]]

    states = Dying(wrong={metric: always(value)}).states()
    ends = min(at for at, one in states[name].items() if at > 4 and one == "OK")
    rings = min(at for at, one in states[SILENCE[function]].items() if at > 4 and one == "ALARM")
    assert rings <= ends


def test_a_stack_that_has_just_been_made_rings_where_silence_is_the_danger() -> None:
    never = {name for name, rule in DEAD_MEN.items() if Alarm(rule).look(lambda *_: {}, BEGINS) == ["ALARM"]}
    assert never == {*SILENCE.values()}


@pytest.mark.parametrize("hours", [1, 2, 8])
def test_silence_hours_decides_for_how_long_a_source_or_a_function_may_be_silent(hours: int) -> None:
    stack = Deployed(SilenceHours=str(hours))
    alarm = Alarm(stack.of(ALARMS["CollectStoppedAlarm"]["Properties"]))
    at = [BEGINS + hour * HOUR for hour in range(hours + 2)]
    assert alarm.look(Story(dead="Collect"), *at[:-1]) == ["OK"] * hours + ["ALARM"]
    age = Alarm(stack.of(ALARMS["SourceUnreadAlarm"]["Properties"]))
    story = Story(wrong={"OldestSourceHours": lambda passed: passed})
    assert age.look(story, *at) == ["OK"] * (hours + 1) + ["ALARM"]


# The evaluator itself

GUIDE = {
    (3, 3): {
        "0-X-X": "OK OK OK OK",
        "0----": "OK OK OK OK",
        "-----": "INSUFFICIENT_DATA before ALARM OK",
        "0XX-X": "ALARM ALARM ALARM ALARM",
        "----X": "INSUFFICIENT_DATA before ALARM OK",
    },
    (2, 3): {
        "0-X-X": "ALARM ALARM ALARM ALARM",
        "00X0X": "ALARM ALARM ALARM ALARM",
        "0-X--": "OK OK ALARM OK",
        "----0": "OK OK ALARM OK",
        "----X": "INSUFFICIENT_DATA before ALARM OK",
    },
}
"""The two tables of the CloudWatch User Guide, "How alarm state is evaluated when data is missing", but for the row
``X----``, where ``missing``, which no alarm here uses, rings early. Columns: missing, ignore, breaching,
notBreaching."""


@pytest.mark.parametrize(("of", "row"), [(of, row) for of, rows in GUIDE.items() for row in rows])
def test_the_evaluator_keeps_the_tables_of_the_guide(of: tuple[int, int], row: str) -> None:
    points = [{"0": False, "X": True, "-": None}[sign] for sign in row]
    ways = ("missing", "ignore", "breaching", "notBreaching")
    found = [judged(points, periods=of[1], to_alarm=of[0], missing=way, before="before") for way in ways]
    assert found == GUIDE[of][row].split()


# The dashboard


def widgets(**parameters: str) -> Iterator[dict[str, Any]]:
    body = Deployed(**parameters).of(RESOURCES["MonitoringDashboard"]["Properties"]["DashboardBody"])
    yield from json.loads(body)["widgets"]


def test_the_dashboard_shows_every_metric_of_ours_and_every_alarm_that_is_always_there() -> None:
    shown = [tuple(row) for one in widgets() if one["type"] == "metric" for row in one["properties"]["metrics"]]
    ours = [row for row in shown if row[0] == OURS]
    assert {row[1] for row in ours} == FIGURES.keys()
    assert {row[2:] for row in ours} == {("service", LONG)}
    (alarms,) = [one["properties"]["alarms"] for one in widgets() if one["type"] == "alarm"]
    always = [name for name, one in ALARMS.items() if "Condition" not in one]
    assert alarms == [STACK.of({"Fn::GetAtt": [name, "Arn"]}) for name in always]
    errors = {row[-1] for row in shown if row[1] == "Errors"}
    assert errors == {STACK.of({"Ref": name}) for name, one in FUNCTIONS.items() if "Condition" not in one}
    assert any(row[1] == "ApproximateAgeOfOldestMessage" for row in shown)


def test_nothing_of_the_dashboard_lies_over_anything_else_and_each_has_its_region() -> None:
    taken: set[tuple[int, int]] = set()
    for one in widgets(AuthorizerBundle="main"):
        area = {
            (x, y) for x in range(one["x"], one["x"] + one["width"]) for y in range(one["y"], one["y"] + one["height"])
        }
        assert not area & taken
        assert one["x"] + one["width"] <= 24
        assert one["type"] == "alarm" or one["properties"]["region"] == "us-east-1"
        taken |= area


def test_refusals_are_shown_where_there_is_an_authorizer_and_a_dashboard_only_where_it_is_wanted() -> None:
    title = "Refusals of the authorizer, by reason"
    assert title not in [one["properties"]["title"] for one in widgets()]
    assert title in [one["properties"]["title"] for one in widgets(AuthorizerBundle="main")]
    assert RESOURCES["MonitoringDashboard"]["Condition"] == "HasDashboard"
    assert [Deployed(Dashboard=one).holds("HasDashboard") for one in PARAMETERS["Dashboard"]["AllowedValues"]] == [
        True,
        False,
    ]
    assert "StackName" in str(TEMPLATE["Resources"]["MonitoringDashboard"]["Properties"]["DashboardName"])


def test_logs_are_asked_for_fields_that_lambda_and_the_functions_write() -> None:
    queries = {
        one["properties"]["title"]: one["properties"]["query"]
        for one in widgets(AuthorizerBundle="main")
        if one["type"] == "log"
    }
    pattern = re.search(r"parse @message /(.*)/ \|", queries["Outcomes of publish, by hour"])
    assert pattern
    line = json.dumps({"message": "published", "summary": {"targets": {"alb": {"outcome": "unchanged"}}}})
    found = re.search(pattern[1].replace("?<", "?P<"), line)
    assert found
    assert found["outcome"] == "unchanged"


def test_every_way_to_name_targets_makes_the_alarms_about_them() -> None:
    ways = [one["Condition"] for one in TEMPLATE["Conditions"]["HasTargets"]["Fn::Or"]]
    assert ways == ["ListsTargets", "TagsTargets", "HasTargetRoles"]
    assert {ALARMS[name].get("Condition") for name in ("PublishSilenceAlarm", "TargetsOutOfStepAlarm")} == {
        "HasTargets"
    }


# What it costs


def test_the_document_names_every_metric_of_ours_and_every_alarm_with_its_price() -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text()
    rows = {line.split("|")[1].strip().strip("`"): line for line in text.splitlines() if line.startswith("| `")}
    assert rows.keys() == FIGURES.keys() | {"AuthorizerWithoutPolicy"} | ALARMS.keys()
    for name, row in rows.items():
        price = f"{len(metrics_of(ALARMS[name])) / 10:.2f}" if name in ALARMS else "0.00"
        assert row.split("|")[-2].strip() == price, row
    plain = [name for name, one in ALARMS.items() if one.get("Condition", "HasTargets") == "HasTargets"]
    metrics = sum(len(metrics_of(ALARMS[name])) for name in plain)
    assert f"{len(plain)} alarms on {metrics} metrics: {metrics / 10:.2f}, " in text
