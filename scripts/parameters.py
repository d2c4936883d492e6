"""Write the table of parameters in docs/deploy.md from template.yaml, or with --check fail if it is stale."""

import html
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from made import settle

ROOT = Path(__file__).resolve().parents[1]
PATH = ROOT / "docs" / "deploy.md"
BEGIN, END = "<!-- made by scripts/parameters.py from template.yaml -->\n", "<!-- end of what is made -->\n"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which no parameter has."""


_Loader.add_multi_constructor("!", lambda *_: None)


def table(template: dict[str, Any]) -> Iterator[str]:
    """The lines, a table for each group of the form, in the order in which it is asked."""
    form = template["Metadata"]["AWS::CloudFormation::Interface"]
    for group in form["ParameterGroups"]:
        yield from ("", f"### {group['Label']['default']}", "")
        yield from ("| the terminal asks | the console's label | default | answer |", "|---|---|---|---|")
        for name in group["Parameters"]:
            asked = template["Parameters"][name]
            label = form["ParameterLabels"][name]["default"]
            default = f"`{asked['Default']}`" if asked.get("Default") not in {None, ""} else ""
            words = html.escape(asked["Description"], quote=False).replace("|", r"\|").replace("*", r"\*")
            yield f"| `{name}` | {label} | {default} | {words} |"


def main() -> int:
    """Exit code: 0 written or fresh, 1 stale."""
    template = yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506  # it is a safe one
    before, _, rest = PATH.read_text().partition(BEGIN)
    return settle({PATH: before + BEGIN + "\n".join(table(template)) + "\n\n" + END + rest.partition(END)[2]})


if __name__ == "__main__":
    sys.exit(main())
