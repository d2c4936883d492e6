"""Write the endpoints in docs/security/partitions-and-quotas.md from botocore, or with --check fail if stale."""

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore
from made import settle

ROOT = Path(__file__).resolve().parents[1]
PATH = ROOT / "docs" / "security" / "partitions-and-quotas.md"
CALLED = (ROOT / "layers" / "dependencies" / "services.txt").read_text().split()
"""The services that the functions call, by botocore's names."""
AROUND = ("lambda", "scheduler", "logs", "cloudwatch", "kms", "xray", "cloudformation")
"""Those that the stack is made of besides."""
PREFIXES = {"elbv2": "elasticloadbalancing", "apigatewayv2": "apigateway", "cloudwatch": "monitoring"}
"""How their endpoints begin, where that is not botocore's name."""
PARTITIONS = {"aws": "commercial", "aws-us-gov": "GovCloud", "aws-cn": "China", "aws-eusc": "ESC"}
BEGIN, END = "<!-- made by scripts/partitions.py -->\n", "<!-- end of what is made -->\n"


@cache
def known() -> dict[str, Any]:
    """The partitions of botocore's list of endpoints, by name. Of its file: a session's list changes as it is used."""
    found = json.loads((Path(botocore.__file__).parent / "data" / "endpoints.json").read_text())
    return {each["partition"]: each for each in found["partitions"]}


def there(partition: str, service: str) -> str:
    """In how many of the partition's regions a service is known, and in which with a FIPS endpoint."""
    every = known()[partition]
    entry = every["services"].get(PREFIXES.get(service, service))
    if entry is None:
        return "**not known**"
    if not entry.get("isRegionalized", True):
        return "global"
    endpoints = {name: one for name, one in entry["endpoints"].items() if name in every["regions"]}
    fips = [name for name, one in endpoints.items() if any("fips" in v["tags"] for v in one.get("variants", []))]
    listed = ", ".join(fips) if len(fips) <= 6 else f"{len(fips)} regions"  # noqa: PLR2004  # a cell's width
    return f"{len(endpoints)} of {len(every['regions'])} regions; FIPS: {listed or 'none known'}"


def table() -> Iterator[str]:
    """The lines of the table."""
    yield f"| service | {' | '.join(f'{words} (`{name}`)' for name, words in PARTITIONS.items())} |"
    yield f"|---|{'---|' * len(PARTITIONS)}"
    for service in (*CALLED, *AROUND):
        name = f"`{service}`" + ("" if service in CALLED else " (around)")
        yield f"| {name} | {' | '.join(there(partition, service) for partition in PARTITIONS)} |"


def page(held: str) -> str:
    """The page with its table made anew."""
    before, _, rest = held.partition(BEGIN)
    return before + BEGIN + "\n".join(table()) + "\n" + END + rest.partition(END)[2]


def main() -> int:
    """Exit code: 0 written or fresh, 1 stale."""
    return settle({PATH: page(PATH.read_text())})


if __name__ == "__main__":
    sys.exit(main())
