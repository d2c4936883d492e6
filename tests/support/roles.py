"""The template's roles as AWS would have them: intrinsic functions resolved for one set of parameters."""

import re
from collections.abc import Mapping
from typing import Any

from tests.stack.template import TEMPLATE

type Node = Any

_NOTHING = object()
"""What AWS::NoValue leaves behind."""


class Resolver:
    """Resolves Ref, GetAtt, Sub, If, Join, Split, Select and the conditions, as CloudFormation does.

    ``parameters`` are those that differ from their default; ``places`` gives each resource's Ref and Arn by logical id.
    """

    def __init__(
        self,
        parameters: Mapping[str, str],
        places: Mapping[str, tuple[str, str]],
        template: Node = TEMPLATE,
        account: str = "123456789012",
    ) -> None:
        self._template, self._known, self._account = template, template["Parameters"], account
        unknown = parameters.keys() - self._known.keys()
        if unknown:
            raise KeyError(f"no such parameters: {unknown}")
        self._parameters = {name: str(each.get("Default", "")) for name, each in self._known.items()} | dict(parameters)
        self._places = places

    def policies(self, role: str) -> dict[str, dict[str, Any]]:
        """The role's policy documents by name; what is attached to it by its logical id."""
        resources = self._template["Resources"]
        attached = {name: self.of(resources[name]["Properties"]["PolicyDocument"]) for name in self.attached(role)}
        return self.inline(role) | attached

    def inline(self, role: str) -> dict[str, dict[str, Any]]:
        """Of them those that stand in the role."""
        found = self.of(self._template["Resources"][role]["Properties"]["Policies"])
        return {policy["PolicyName"]: policy["PolicyDocument"] for policy in found}

    def attached(self, role: str) -> list[str]:
        """The logical ids of the stack's managed policies that are attached to the role."""
        found = []
        for entry in self._template["Resources"][role]["Properties"].get("ManagedPolicyArns", []):
            node = entry
            while "Fn::If" in node:
                condition, then, otherwise = node["Fn::If"]
                node = then if self.holds(condition) else otherwise
            if node != {"Ref": "AWS::NoValue"}:
                found.append(node["Ref"])
        return found

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template holds."""
        return bool(self._condition(self._template["Conditions"][condition]))

    def of(self, node: Node) -> Node:
        """The node with every function in it resolved."""
        if isinstance(node, list):
            return [value for each in node if (value := self.of(each)) is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, argument), *_ = node.items()
            if name == "Ref" or name.startswith("Fn::"):
                return getattr(self, "_" + name.removeprefix("Fn::").lower())(argument)
        return {key: value for key, each in node.items() if (value := self.of(each)) is not _NOTHING}

    def _ref(self, name: str) -> Node:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in self._known:
            text = self._parameters[name]
            return text.split(",") if self._known[name]["Type"] == "CommaDelimitedList" else text
        return self._name(name)

    def _name(self, name: str) -> str:
        fixed = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": self._account}
        fixed["AWS::URLSuffix"] = "amazonaws.com"
        fixed["AWS::StackName"] = self._places.get("AWS::StackName", ("watcher", ""))[0]
        return fixed[name] if name in fixed else self._places[name][0]

    def _getatt(self, argument: Node) -> str:
        name, attribute = argument.split(".") if isinstance(argument, str) else argument
        return self._places[name][("Value", "Arn").index(attribute)]

    def _sub(self, argument: Node) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name in given:
                return str(self.of(given[name]))
            if name in self._known:
                return self._parameters[name]
            return self._getatt(name) if "." in name else self._name(name)

        return re.sub(r"\$\{([^}!]+)\}", value, text)

    def _if(self, argument: Node) -> Node:
        condition, then, otherwise = argument
        return self.of(then if self.holds(condition) else otherwise)

    def _join(self, argument: Node) -> str:
        separator, values = argument
        return str(separator).join(self.of(values))

    def _split(self, argument: Node) -> list[str]:
        separator, text = argument
        return str(self.of(text)).split(separator)

    def _select(self, argument: Node) -> Node:
        index, values = argument
        return self.of(values)[int(index)]

    def _condition(self, node: Node) -> bool:
        ((name, argument),) = node.items()
        match name:
            case "Fn::Not":
                return not self._condition(argument[0])
            case "Fn::And":
                return all(map(self._condition, argument))
            case "Fn::Or":
                return any(map(self._condition, argument))
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                return bool(self.of(argument[0]) == self.of(argument[1]))
            case _:
                raise KeyError(name)
