"""docs/security/data.md: who connects to what, what is kept, and for how long, held to the code and the template."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from rotation_watcher import keys
from rotation_watcher.adapters import secrets
from tests.stack.template import PARAMETERS, QUEUES, ROOT, properties

TEXT = (ROOT / "docs" / "security" / "data.md").read_text()
PACKAGE = ROOT / "layers" / "rotation_watcher" / "rotation_watcher"
COMMAND = ROOT / "cli" / "genesys_certs"
CONNECTING = {
    "httpx",
    "httpcore",
    "socket",
    "http.client",
    "urllib.request",
    "requests",
    "aiohttp",
    "smtplib",
    "ftplib",
}
"""Libraries that open connections; boto3 and botocore speak to AWS alone, and urllib3 below them."""
TO_GENESYS, TO_LISTS, TO_CHATS, TO_AWS = "Genesys", "revocation lists", "Slack", "a trust store's pre-signed URL"
MODULES = {
    "adapters/genesys.py": TO_GENESYS,
    "adapters/connections.py": TO_GENESYS,
    "adapters/crl_http.py": TO_LISTS,
    "adapters/checked_backend.py": TO_LISTS,
    "adapters/chats.py": TO_CHATS,
    "adapters/webhook.py": TO_CHATS,
    "adapters/slack.py": TO_CHATS,
    "adapters/teams.py": TO_CHATS,
    "adapters/trust_store.py": TO_AWS,
    "adapters/network.py": TO_AWS,
}
"""Every module that imports one of them, with what it asks."""
OF_THE_COMMAND = {
    "authorities.py": TO_GENESYS,
    "conformance/genesys.py": TO_GENESYS,
    "conformance/of_genesys.py": TO_GENESYS,
    "conformance/of_aws.py": TO_AWS,
    "conformance/door.py": TO_AWS,  # handshakes at the load balancer, domain or distribution that it made
}
"""The same of the command, which runs on somebody's machine; the rest of it asks by the package's adapters."""


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables below a heading, without their head."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = [[cell.strip() for cell in line[1:-1].split("|")] for line in section.splitlines() if line.startswith("|")]
    rules = [place for place, row in enumerate(found) if set(row[0]) == {"-"}]
    return [row for place, row in enumerate(found) if place not in rules and place + 1 not in rules]


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def connects(path: Path) -> bool:
    """Whether a module can open a connection by itself."""
    return any(name == each or name.startswith(f"{each}.") for name in imported(path) for each in CONNECTING)


def test_no_other_module_can_open_a_connection() -> None:
    code = [*PACKAGE.rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    assert len(code) > 150
    opening = {
        path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else path.relative_to(ROOT).as_posix()
        for path in code
        if connects(path)
    }
    assert opening == set(MODULES), "say in docs/security/data.md what it sends where"


def test_no_other_module_of_the_command_can_open_a_connection() -> None:
    opening = {path.relative_to(COMMAND).as_posix() for path in COMMAND.rglob("*.py") if connects(path)}
    assert opening == set(OF_THE_COMMAND), "say in docs/security/data.md what it sends where"


def test_the_page_names_whom_these_modules_ask() -> None:
    places = [row[0] for row in rows("What leaves the account")]
    for asked in {*MODULES.values()} - {TO_AWS}:
        assert any(asked in place for place in places), asked


RULES: list[dict[str, Any]] = properties("Bucket")["LifecycleConfiguration"]["Rules"]


def rule(identifier: str) -> dict[str, Any]:
    (found,) = [each for each in RULES if each["Id"] == identifier]
    return found


def days(cell: str) -> int | None:
    number = re.match(r"(\d+) days?\b", cell)
    return int(number[1]) if number else None


def test_what_stays_in_the_bucket_stays_as_long_as_the_template_says() -> None:
    said = {
        row[0].strip("`"): row for row in rows("What stays, and until when") if row[0].count("`") == 2 and len(row) == 4
    }
    by_prefix = {each["Prefix"]: each for each in RULES if "Prefix" in each and "TagFilters" not in each}
    tagged = rule("old-records")
    (tag,) = tagged["TagFilters"]
    kept = tagged["NoncurrentVersionExpiration"]["NoncurrentDays"]
    where = f"`{tagged['Prefix']}`, tagged `{tag['Key']}={tag['Value']}`"
    assert f"| {where} | records, which no target loads | kept | {kept} days |" in TEXT
    assert by_prefix.keys() < said.keys()
    for prefix, (_, _, current, old) in said.items():
        one = by_prefix.get(prefix, {})
        assert days(current) == one.get("ExpirationInDays"), prefix
        assert days(old) == one.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"), prefix
    assert "| uploads that were never completed | | 7 days | |" in TEXT
    assert rule("broken-uploads")["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_every_prefix_that_functions_or_people_write_has_its_row() -> None:
    said = {row[0].strip("`").partition("/")[0] for row in rows("What stays, and until when")}
    assert {each.partition("/")[0] for each in (*keys.STATE, "wakes/", "anchors/", "approvals/", "extra/")} <= said


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_keeps_its_messages_as_long_as_is_said(queue: str) -> None:
    (until,) = [row[1] for row in rows("What stays, and until when") if f"`{queue}`" in row[0]]
    assert (days(until) or 0) * 86_400 == QUEUES[queue]["Properties"]["MessageRetentionPeriod"]


def test_logs_and_secrets_are_as_is_said() -> None:
    assert f"`LogRetentionDays`, {PARAMETERS['LogRetentionDays']['Default']} by default" in TEXT
    assert secrets.MAX_AGE == 5 * 60
    assert "used within five minutes" in TEXT
