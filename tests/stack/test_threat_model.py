"""docs/security/threat-model.md draws the stack that template.yaml makes, and goes through every flow by STRIDE."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack.template import FUNCTIONS, QUEUES, ROOT, STATEMENTS, in_bucket, of_type

TEXT = (ROOT / "docs" / "security" / "threat-model.md").read_text()
DIAGRAM = TEXT.partition("```mermaid\n")[2].partition("```")[0]
EDGES = re.findall(r"^  (\w+) -- (F\d+) --> (\w+)$", DIAGRAM, re.MULTILINE)
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


def test_every_part_of_the_stack_that_data_passes_through_is_drawn_and_nothing_else() -> None:
    stack = DIAGRAM.partition("subgraph stack[")[2].partition("    end")[0]
    drawn = set(re.findall(r"^      (\w+)", stack, re.MULTILINE))
    assert drawn == BOXES
    assert len(BOXES) > 20


def test_the_flows_within_the_stack_are_those_that_the_template_makes() -> None:
    drawn = {(start, end) for start, _, end in EDGES if {start, end} <= BOXES}
    assert drawn == {*by_roles(), *by_triggers()}


def test_what_stands_outside_the_stack_is_declared_and_takes_part() -> None:
    outside = set(re.findall(r'^    +([a-z]+)\["', DIAGRAM, re.MULTILINE))
    assert outside == {each for start, _, end in EDGES for each in (start, end)} - BOXES
    assert len(EDGES) == len(re.findall("-->", DIAGRAM)), "every line of the diagram is understood"


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
