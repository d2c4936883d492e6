"""``template.yaml`` as data, for the tests of this folder.

Wherever the same thing must be true of every function, queue or statement, the tests walk over all of them: what is
added later is judged too.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text()

type Node = Any  # a template is a tree of whatever YAML gives


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms. cfn-lint's own reader is not used: importing it takes seconds."""

    def short_form(self, name: str, node: yaml.Node) -> Node:
        """``!Sub x`` as ``{"Fn::Sub": "x"}``."""
        if isinstance(node, yaml.ScalarNode):
            value: Node = self.construct_scalar(node)
            value = value.split(".", 1) if name == "GetAtt" else value
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            assert isinstance(node, yaml.MappingNode)
            value = self.construct_mapping(node, deep=True)
        return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _Loader.short_form)


def load(path: Path) -> dict[str, Node]:
    """A template as ordinary dictionaries, lists and strings."""
    found: dict[str, Node] = yaml.load(path.read_text(), _Loader)  # noqa: S506  # it is a safe one
    return found


TEMPLATE = load(ROOT / "template.yaml")
RESOURCES: dict[str, Node] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Node] = TEMPLATE["Parameters"]


def of_type(kind: str) -> dict[str, Node]:
    """The resources of one type, by logical id."""
    found = {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}
    assert found, f"no resource of type {kind}"
    return found


def properties(name: str) -> Node:
    return RESOURCES[name]["Properties"]


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
ALARMS = of_type("AWS::CloudWatch::Alarm")
ROLES = of_type("AWS::IAM::Role")


class Statement(NamedTuple):
    """One statement of a role, and the conditions of the template under which it exists."""

    role: str
    under: tuple[str, ...]
    body: dict[str, Node]

    @property
    def sid(self) -> str:
        return str(self.body["Sid"])

    @property
    def allows(self) -> bool:
        return bool(self.body["Effect"] == "Allow")

    @property
    def actions(self) -> list[str]:
        return as_list(self.body["Action"])

    @property
    def resources(self) -> list[Node]:
        return as_list(self.body["Resource"])


DRAINED = {"FileEventsQueue": "report takes what is in it in each of its runs, and drops what it cannot read"}
"""Queues that are no last stop although nothing stands behind them, with what empties them."""


def as_list(node: Node) -> list[Node]:
    return node if isinstance(node, list) else [node]


def unfold(node: Node, under: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """The entries of a list, with the conditions of the Fn::If around each; AWS::NoValue is left out."""
    for entry in as_list(node):
        if isinstance(entry, dict) and "Fn::If" in entry:
            condition, then, otherwise = entry["Fn::If"]
            yield from unfold(then, (*under, condition))
            yield from unfold(otherwise, (*under, f"not {condition}"))
        elif entry != {"Ref": "AWS::NoValue"}:
            yield under, entry


def policies(template: dict[str, Node], role: str) -> Iterator[tuple[tuple[str, ...], str, Node]]:
    """A role's policies, its own and those attached: the conditions around each, the resource that has it, and it."""
    own = template["Resources"][role]["Properties"]
    for under, policy in unfold(own["Policies"]):
        yield under, role, policy["PolicyDocument"]
    for under, attached in unfold(own.get("ManagedPolicyArns", [])):
        managed = template["Resources"][attached["Ref"]]
        assert managed["Type"] == "AWS::IAM::ManagedPolicy", "those of AWS bring wildcards"
        yield under, attached["Ref"], managed["Properties"]["PolicyDocument"]


def statements() -> Iterator[Statement]:
    for role in ROLES:
        for under, _, document in policies(TEMPLATE, role):
            for deeper, body in unfold(document["Statement"], under):
                yield Statement(role, deeper, body)


STATEMENTS = tuple(statements())


BUCKET_ARN = "arn:${AWS::Partition}:s3:::${State.Value}/"
"""How the ARN of an object of the stack's own bucket begins."""


def in_bucket(resource: Node) -> str | None:
    """The key pattern of a resource in the stack's own bucket."""
    text = resource.get("Fn::Sub") if isinstance(resource, dict) else None
    return text.removeprefix(BUCKET_ARN) if isinstance(text, str) and text.startswith(BUCKET_ARN) else None


def keys_of(role: str, action: str) -> set[str]:
    """The key patterns of the stack's own bucket on which a role may do something."""
    return {
        key
        for statement in STATEMENTS
        if statement.role == role and statement.allows and action in statement.actions
        for resource in statement.resources
        if (key := in_bucket(resource))
    }


def seconds(node: Node) -> int:
    assert isinstance(node, int)
    return node


def metrics_of(alarm: Node) -> list[Node]:
    """The metrics that an alarm rests on, each with its name and dimensions."""
    own = alarm["Properties"]
    return [own] if "MetricName" in own else [m["MetricStat"]["Metric"] for m in own["Metrics"] if "MetricStat" in m]


def nodes(node: Node) -> Iterator[Node]:
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from nodes(child)


def refuses_http(resource: Node) -> bool:
    return any(
        s["Effect"] == "Deny" and s["Principal"] == "*" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for s in resource["Properties"]["PolicyDocument"]["Statement"]
    )


def refs(body: Node) -> set[str]:
    """The names that a statement refers to: parameters, resources, and those inside a text (Fn::Sub)."""
    found = [node for node in nodes(body) if isinstance(node, dict)]
    inside = {name for node in found for name in re.findall(r"\$\{(\w+)\}", json.dumps(node.get("Fn::Sub", "")))}
    return inside | {str(node["Ref"]) for node in found if "Ref" in node}
