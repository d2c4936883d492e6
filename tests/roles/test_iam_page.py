"""docs/security/iam.md: made of both templates, with a reason for every statement."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.stack.template import ROOT, load, nodes

SCRIPTS = str(ROOT / "scripts")


@pytest.fixture(scope="module")
def iam() -> ModuleType:
    sys.path.insert(0, SCRIPTS)
    try:
        return importlib.import_module("iam")
    finally:
        sys.path.remove(SCRIPTS)


def test_the_page_is_made_of_the_templates_of_today(iam: ModuleType) -> None:
    assert iam.PATH.read_text() == iam.page(), "run .venv/bin/python scripts/iam.py"


def sids(*paths: Path) -> set[str]:
    """The Sid of every statement of the templates, wherever it stands."""
    return {
        str(node["Sid"])
        for path in paths
        for node in nodes(load(path)["Resources"])
        if isinstance(node, dict) and "Sid" in node
    }


def test_every_statement_says_why_it_is_there_and_no_reason_is_left_over(iam: ModuleType) -> None:
    there = sids(iam.TEMPLATE, iam.ELSEWHERE, iam.REGION_BUCKET)
    assert len(there) > 60
    permissions = {n for n, r in load(iam.TEMPLATE)["Resources"].items() if r["Type"] == "AWS::Lambda::Permission"}
    assert set(iam.WHY) == there | permissions
    assert all(len(why) > 10 for why in iam.WHY.values())


def test_every_statement_of_every_role_stands_on_the_page_with_who_judges_it(iam: ModuleType) -> None:
    page = iam.PATH.read_text()
    for path in (iam.TEMPLATE, iam.ELSEWHERE):
        rows = list(iam.rows(path))
        assert rows
        for row in rows:
            assert row.judged, row.sid
            assert iam.line(row) in page
            for action in row.actions:
                assert f"`{action}`" in page


def test_conditions_of_conditions_name_their_parameters_too(iam: ModuleType) -> None:
    given = {(row.role, row.sid): row.given for row in iam.rows(iam.TEMPLATE)}
    assert given["CollectRole", "ReadWithKeys"] == ["ReadKmsKeyArns", "WatchFileUri"]
    assert given["PublishRole", "LambdaMakesNetworkInterfaces"] == ["FunctionsInVpc", "SubnetIds"]


def test_every_policy_on_a_resource_and_every_permission_stands_on_the_page(iam: ModuleType) -> None:
    page = iam.PATH.read_text()
    for path in (iam.TEMPLATE, iam.REGION_BUCKET):
        resources = load(path)["Resources"].items()
        listed = "\n".join(iam.policies(path))
        assert listed in page
        for name, resource in resources:
            if resource["Type"] == "AWS::Lambda::Permission":
                assert f"| {name} | allows " in listed
            if resource["Type"] == "AWS::IAM::ManagedPolicy":
                continue  # it stands with the roles to which it is attached
            for node in nodes(resource.get("Properties", {}).get("PolicyDocument")):
                if isinstance(node, dict) and "Sid" in node:
                    assert f"| {node['Sid']} | " in listed


def test_a_comment_of_the_template_is_found_below_a_sid_above_it_and_on_a_resources_line(iam: ModuleType) -> None:
    said = iam.comments(iam.TEMPLATE)
    assert said["AuthorizeRole", "LookNow"] == ""
    assert said["PublishRole", "ReadDefaultEndpoints"].startswith("Which APIs are behind a domain")
    both = said["PublishRole", "ReadDomains"]
    assert both.startswith("In the ARN of a domain such as *.example.com")
    assert "And the mappings" in both
    assert said["SlackRole", "Trace"] == "X-Ray knows no resource for these actions"


def test_what_is_judged_under_iam_is_what_that_world_has(iam: ModuleType) -> None:
    """The parameters of tests/roles/environment.py are read from its source: they are those that it has."""
    assert {"TargetArns", "CredentialArns", "KmsKeyArn"} <= iam.world()
    judged = {(row.role, row.sid): row.judged for row in iam.rows(iam.TEMPLATE)}
    assert judged["PublishRole", "ChangeTrustStores"] == ["work"]
    assert judged["PublishRole", "ChangeDomains"] == ["calls"]
    assert judged["PublishRole", "PutIntoRegionBuckets"] == ["work"], "by test_elsewhere.py"
    assert judged["PublishRole", "AlertAsEvent"] == ["form"], "AlertEventBus is not set there"
    assert judged["CollectRole", "Log"] == ["form"]
