"""Write what the Terraform module takes over from template.yaml, or with --check fail if it is stale.

``parameters.tf`` has a variable for each parameter of the template as it is released (``release.template``), and the
map that the stack gets; ``outputs.tf`` has the outputs; README.md lists both.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from made import settle

from release.making import PREFIX
from release.template import packaged
from rotation_watcher import __version__

ROOT = Path(__file__).resolve().parents[1]
MODULE = ROOT / "terraform"
BEGIN, END = "<!-- made by scripts/terraform.py from template.yaml -->\n", "<!-- end of what is made -->\n"
MADE = "# Made by scripts/terraform.py from template.yaml.\n"
TYPES = {"String": "string", "Number": "number", "CommaDelimitedList": "list(string)"}
STACK = "aws_cloudformation_stack.watcher"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which no parameter has."""


_Loader.add_multi_constructor("!", lambda *_: None)


def snake(name: str) -> str:
    """``TargetArns`` as Terraform spells it: ``target_arns``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def quoted(value: Any) -> str:
    """A value in HCL, which reads JSON's strings but for what opens a template."""
    return re.sub(r"([$%])\{", r"\1\1{", json.dumps(value, ensure_ascii=False))


def default(parameter: dict[str, Any]) -> Any:
    """The default as Terraform has it: a list where the template has words between commas."""
    value = parameter["Default"]
    if parameter["Type"] == "CommaDelimitedList":
        return [one for one in value.split(",") if one]
    return value


def words(text: str, parameters: dict[str, Any]) -> str:
    """A description, in which other parameters have their names of here."""
    return re.sub(r"\b[A-Z]\w+\b", lambda name: snake(name[0]) if name[0] in parameters else name[0], text)


def variables(parameters: dict[str, Any]) -> Iterator[str]:
    """``parameters.tf``, line by line."""
    yield MADE
    for name, parameter in parameters.items():
        yield f'variable "{snake(name)}" {{'
        yield f"  description = {quoted(words(parameter['Description'], parameters))}"
        yield f"  type        = {TYPES[parameter['Type']]}"
        if "Default" in parameter:
            yield f"  default     = {quoted(default(parameter))}"
        yield "  nullable    = false"
        if allowed := parameter.get("AllowedValues"):
            yield from (
                "",
                "  validation {",
                f"    condition     = contains({quoted(allowed)}, var.{snake(name)})",
            )
            yield f'    error_message = "{snake(name)} must be one of: {", ".join(map(str, allowed))}."'
            yield "  }"
        yield "}\n"
    widest = max(map(len, parameters))
    yield "locals {\n  # What CloudFormation gets: texts, lists with commas between their members.\n  parameters = {"
    for name, parameter in parameters.items():
        value = f"var.{snake(name)}"
        if parameter["Type"] == "CommaDelimitedList":
            value = f'join(",", {value})'
        elif parameter["Type"] == "Number":
            value = f"tostring({value})"
        yield f"    {name:{widest}} = {value}"
    yield "  }\n}"


def outputs(template: dict[str, Any]) -> Iterator[str]:
    """``outputs.tf``, line by line."""
    yield MADE
    for name, output in template["Outputs"].items():
        yield f'output "{snake(name)}" {{'
        yield f"  description = {quoted(words(output['Description'], template['Parameters']))}"
        if "Condition" in output:
            yield f'  value       = lookup({STACK}.outputs, "{name}", null)'
        else:
            yield f'  value       = {STACK}.outputs["{name}"]'
        yield "}\n"


def tables(template: dict[str, Any]) -> Iterator[str]:
    """The two tables of the README."""
    yield from ("", "## Variables of the template", "", "| variable | type | default | meaning |", "|---|---|---|---|")
    for name, parameter in template["Parameters"].items():
        given = f"`{quoted(default(parameter))}`" if "Default" in parameter else "required"
        yield f"| `{snake(name)}` | `{TYPES[parameter['Type']]}` | {given} | {_cell(parameter, template)} |"
    yield from ("", "## Outputs", "", "| output | meaning |", "|---|---|")
    for name, output in template["Outputs"].items():
        yield f"| `{snake(name)}` | {_cell(output, template)} |"
    yield ""


def _cell(described: dict[str, Any], template: dict[str, Any]) -> str:
    text = words(described["Description"], template["Parameters"])
    return re.sub(r"([|*<>])", r"\\\1", text)


def made() -> dict[Path, str]:
    """What the files hold when they are fresh."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    released = packaged(text, lambda name: f"{name}.zip", PREFIX.format(version=__version__))
    template = yaml.load(released, _Loader)  # noqa: S506  # it is a safe one
    readme = MODULE / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    return {
        MODULE / "parameters.tf": "\n".join(variables(template["Parameters"])) + "\n",
        MODULE / "outputs.tf": "\n".join(outputs(template)).rstrip("\n") + "\n",
        readme: before + BEGIN + "\n".join(tables(template)) + "\n" + END + rest.partition(END)[2],
    }


def main() -> int:
    """Exit code: 0 written or fresh, 1 stale."""
    return settle(made())


if __name__ == "__main__":
    sys.exit(main())
