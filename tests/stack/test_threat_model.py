"""docs/security/threat-model.md draws the stack that template.yaml makes, and goes through every flow by STRIDE."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack.template import FUNCTIONS, QUEUES, ROOT, STATEMENTS, in_bucket, of_type

TEXT = (ROOT / "docs" / "security" / "threat-model.md").read_text()
DIAGRAMS = re.findall(r"^```mermaid\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
"""Several, since a drawing of everything can be read by nobody."""


def edges(diagram: str) -> list[tuple[str, str, str]]:
    """(from, flow, to); an arrow with two heads is two."""
    lines = re.findall(r"^  (\w+) (<?)-- (F\d+) --> (\w+)$", diagram, re.MULTILINE)
    there = [(start, flow, end) for start, _, flow, end in lines]
    return there + [(end, flow, start) for start, back, flow, end in lines if back]


def boxes(diagram: str) -> set[str]:
    """The resources that stand within the stack."""
    stack = diagram.partition("subgraph stack[")[2].partition("    end")[0]
    return set(re.findall(r"^      (\w+)", stack, re.MULTILINE))


def others(diagram: str) -> set[str]:
    """What stands around the stack."""
    return set(re.findall(r'^    +([a-z]+)\["', diagram, re.MULTILINE))


EDGES = [edge for diagram in DIAGRAMS for edge in edges(diagram)]
SCHEDULES = of_type("AWS::Scheduler::Schedule")
RULES = of_type("AWS::Events::Rule")
TOPICS = of_type("AWS::SNS::Topic")
BOXES = {*FUNCTIONS, *QUEUES, *TOPICS, *SCHEDULES, *RULES, *of_type("AWS::S3::Bucket")}
FUNCTION_OF = {body["Properties"]["Role"]["Fn::GetAtt"][0]: name for name, body in FUNCTIONS.items()}
FLOWS = re.findall(r"^### (F\d+) (.*)$", TEXT, re.MULTILINE)


def named(node: Any) -> str:
    """The logical id that a Ref or an Arn names."""
    return str(node["Ref"] if "Ref" in node else node["Fn::GetAtt"][0])


def by_roles() -> Iterator[tuple[str, str]]:
    """What the roles let functions send, publish, invoke, read and write, within the stack."""
    for statement in STATEMENTS:
        function = FUNCTION_OF.get(statement.role)
        if function is None or not statement.allows:
            continue
        for resource in statement.resources:
            actions = {*statement.actions}
            if in_bucket(resource):
                if actions & {"s3:GetObject", "s3:GetObjectVersion"}:
                    yield "Bucket", function
                if "s3:PutObject" in actions:
                    yield function, "Bucket"
            elif actions & {"sqs:SendMessage", "sns:Publish", "lambda:InvokeFunction"}:
                yield function, named(resource)
            elif "sqs:ReceiveMessage" in actions and named(resource) in QUEUES:
                yield named(resource), function


def by_triggers() -> Iterator[tuple[str, str]]:
    """What wakes functions, and where what could not be handed over goes."""
    for name, body in FUNCTIONS.items():
        for event in body["Properties"].get("Events", {}).values():
            yield named(event["Properties"]["Queue"]), name
    for name, body in SCHEDULES.items():
        yield name, named(body["Properties"]["Target"]["Arn"])
        yield name, named(body["Properties"]["Target"]["DeadLetterConfig"]["Arn"])
    for name, body in RULES.items():
        for target in body["Properties"]["Targets"]:
            yield name, named(target["Arn"])
            yield name, named(target["DeadLetterConfig"]["Arn"])
    for name, body in QUEUES.items():
        if "RedrivePolicy" in body["Properties"]:
            yield name, named(body["Properties"]["RedrivePolicy"]["deadLetterTargetArn"])
    for body in of_type("AWS::SNS::Subscription").values():
        own = body["Properties"]
        if own["Protocol"] == "sqs":
            yield named(own["TopicArn"]), named(own["Endpoint"])
            yield named(own["TopicArn"]), named(own["RedrivePolicy"]["deadLetterTargetArn"])


def by_the_bucket() -> Iterator[tuple[str, str]]:
    """What S3 tells, and whom."""
    for name, body in of_type("AWS::S3::Bucket").items():
        for told in body["Properties"].get("NotificationConfiguration", {}).get("QueueConfigurations", []):
            yield name, named(told["Queue"])


def test_every_part_of_the_stack_that_data_passes_through_is_drawn_and_nothing_else() -> None:
    assert set.union(*map(boxes, DIAGRAMS)) == BOXES
    assert len(BOXES) > 20


def test_the_flows_within_the_stack_are_those_that_the_template_makes() -> None:
    drawn = {(start, end) for start, _, end in EDGES if {start, end} <= BOXES}
    assert drawn == {*by_roles(), *by_triggers(), *by_the_bucket()}


@pytest.mark.parametrize("diagram", DIAGRAMS)
def test_what_a_diagram_declares_takes_part_in_it_and_what_takes_part_is_declared(diagram: str) -> None:
    found = edges(diagram)
    assert boxes(diagram) | others(diagram) == {each for start, _, end in found for each in (start, end)}
    assert not boxes(diagram) & others(diagram)
    assert len(found) == len(re.findall("-->", diagram)) + len(re.findall("<--", diagram)), "each line is understood"


def test_each_flow_is_drawn_once() -> None:
    assert len(EDGES) == len({*EDGES})


def test_alerts_as_events_and_alarms_are_drawn_to_where_they_go() -> None:
    telling = {FUNCTION_OF[s.role] for s in STATEMENTS if s.allows and "events:PutEvents" in s.actions}
    alarms = {
        str(action["Ref"])
        for body in of_type("AWS::CloudWatch::Alarm").values()
        for action in body["Properties"]["AlarmActions"]
        if "Ref" in action
    }
    assert len(telling) > 1
    assert {start for start, _, end in EDGES if end == "bus"} == telling | {"logs"}
    assert {end for start, _, end in EDGES if start == "logs"} == alarms | {"bus"}


def test_whoever_reads_a_secret_or_asks_outside_is_drawn_so() -> None:
    reading = {
        FUNCTION_OF[s.role]
        for s in STATEMENTS
        if s.role in FUNCTION_OF and s.allows and {*s.actions} & {"ssm:GetParameter", "secretsmanager:GetSecretValue"}
    }
    assert {end for start, _, end in EDGES if start == "secrets"} == reading
    asking = {n for n, f in FUNCTIONS.items() if f["Properties"]["VpcConfig"]["Fn::If"][0] == "HasVpc"}
    assert {start for start, _, end in EDGES if end in {"genesys", "ca"}} == asking


def test_every_flow_of_the_diagram_is_gone_through_and_no_other() -> None:
    assert {flow for _, flow, _ in EDGES} == {flow for flow, _ in FLOWS}
    assert [flow for flow, _ in FLOWS] == [f"F{n}" for n in range(1, len(FLOWS) + 1)]


@pytest.mark.parametrize("flow", [f"{flow} {title}" for flow, title in FLOWS])
def test_each_flow_has_all_six_letters_and_each_threat_what_stops_it_and_where_that_is_shown(flow: str) -> None:
    section = TEXT.partition(f"### {flow}\n")[2].partition("\n#")[0]
    lines = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)[2:]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert {letter for row in rows for letter in row[0].split()} == {*"STRIDE"}
    for letters, threat, stops, evidence, remains in rows:
        assert stops, letters
        assert evidence or remains, f"{letters}: neither shown nor said to be open"
        assert not threat or "`" in evidence or remains, letters


def test_everything_that_is_drawn_takes_part_in_a_flow() -> None:
    assert {each for start, _, end in EDGES for each in (start, end)} >= BOXES
