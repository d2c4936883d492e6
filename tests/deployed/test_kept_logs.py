"""Logs that outlive the stack, on an engine that makes stacks: they stay, and the next stack of that name is made.

What this engine does not judge: it gives a group without a name always the same one, where CloudFormation makes a new
one, and takes a group that is there already. That no name of ours can be in the way, tests/stack holds.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from local.cloud.cloud import Cloud
from local.genesys.keys import DEFAULT_CACHE
from local.patience import Limit
from tests.stack.template import TEMPLATE, of_type

STACK = "kept-logs"
SECONDS = 60.0


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(DEFAULT_CACHE, minute=30.0) as opened:
        yield opened


def part_of_the_template() -> str:
    """The log groups as the template has them, with the parameters and conditions that they need."""
    groups = {name: one for name, one in of_type("AWS::Logs::LogGroup").items() if one["Condition"].endswith("sLogs")}
    used = {one["Condition"] for one in groups.values()}
    conditions = {name: one for name, one in TEMPLATE["Conditions"].items() if name in {"KeepsLogs", "DropsLogs"}}
    plain = {name: one for name, one in groups.items() if one["Condition"] in conditions}
    assert used >= conditions.keys()
    assert len(plain) == 8
    parameters = {name: TEMPLATE["Parameters"][name] for name in ("KeepLogs", "LogRetentionDays")}
    document = {"Parameters": parameters, "Conditions": conditions, "Resources": plain}
    return msgspec.json.encode(document).decode()


def groups(cloud: Cloud) -> set[str]:
    pages = cloud.client("logs").get_paginator("describe_log_groups").paginate()
    return {one["logGroupName"] for page in pages for one in page["logGroups"] if STACK in one["logGroupName"]}


def settled(cloud: Cloud, status: str) -> None:
    """Wait until the stack has come to that state; AssertionError where it comes to another one."""
    limit = Limit(SECONDS)
    formation: Any = cloud.client("cloudformation")
    while True:
        stacks = [one for one in formation.list_stacks()["StackSummaries"] if one["StackName"] == STACK]
        newest = max(stacks, key=lambda one: one["CreationTime"])["StackStatus"]
        if not newest.endswith("IN_PROGRESS"):
            break
        assert not limit.over(), newest
    assert newest == status


@pytest.mark.parametrize(("keep", "left"), [("yes", 4), ("no", 0)])
def test_they_stay_when_the_stack_goes_and_the_next_one_of_that_name_is_made(
    cloud: Cloud, keep: str, left: int
) -> None:
    formation: Any = cloud.client("cloudformation")
    given = [{"ParameterKey": "KeepLogs", "ParameterValue": keep}]
    before = {name for name in groups(cloud) if keep == "no"}
    for _ in range(2):
        formation.create_stack(StackName=STACK, TemplateBody=part_of_the_template(), Parameters=given)
        settled(cloud, "CREATE_COMPLETE")
        assert len(groups(cloud) - before) == 4
        formation.delete_stack(StackName=STACK)
        settled(cloud, "DELETE_COMPLETE")
        assert len(groups(cloud) - before) == left
