"""docs/vpc.md names just the endpoints that the functions' code needs, by their roles and the clients that it makes."""

import re
from pathlib import Path

from tests.stack.template import FUNCTIONS, STATEMENTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "vpc.md").read_text()
CLIENTS = {*(ROOT / "layers" / "dependencies" / "services.txt").read_text().split()}
"""The services of which the code makes clients, by botocore's names (tests/unit/test_services.py)."""
SERVED = {"elbv2": "elasticloadbalancing", "apigatewayv2": "apigateway"}
"""Clients that call another service's endpoint."""
BY_HAND = {"lambda"}
"""What the authorizer calls without a client of the SDK (bootstrap_door)."""
BY_LAMBDA = {"Log", "Trace", "ReportFailedRuns", "TakeFromQueue", "LambdaMakesNetworkInterfaces", "TheCodeMakesNone"}
"""Statements for what the Lambda service does with a function's role, from outside the VPC."""
SPELLED = {"RefreshCrls": "refresh_crls", "AmazonQ": "amazon_q"}
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| ([a-z_, ]+) \| (.*) \|$", re.MULTILINE)


def of_roles() -> dict[str, set[str]]:
    """By service, the functions whose code may call it. KMS is asked by the services themselves."""
    found: dict[str, set[str]] = {}
    for name, function in FUNCTIONS.items():
        role, short = function["Properties"]["Role"]["Fn::GetAtt"][0], name.removesuffix("Function")
        for statement in STATEMENTS:
            if statement.role == role and statement.allows and statement.sid not in BY_LAMBDA:
                for service in {action.partition(":")[0] for action in statement.actions} - {"kms"}:
                    found.setdefault(service, set()).add(SPELLED.get(short, short.lower()))
    return found


def rows() -> dict[str, tuple[str, set[str]]]:
    """By service, its endpoint and who calls it, as the page says."""
    found = {service: (endpoint, {*callers.split(", ")}) for service, endpoint, callers, _ in ROW.findall(PAGE)}
    assert found
    return found


def test_the_page_names_each_service_with_the_functions_that_may_call_it() -> None:
    assert {service: callers for service, (_, callers) in rows().items()} == of_roles()


def test_the_page_names_the_services_of_which_the_code_makes_clients_and_no_other() -> None:
    assert {*rows()} == {SERVED.get(one, one) for one in CLIENTS} | BY_HAND


def test_every_service_has_its_endpoint_but_the_one_that_has_none() -> None:
    for service, (endpoint, _) in rows().items():
        named = f"`com.amazonaws.<region>.{service}`" in endpoint
        assert named is (service != "cloudfront"), service
