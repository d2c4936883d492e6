"""The services of the packed SDK are those that the functions make clients of, and no others."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LISTED = (ROOT / "layers/dependencies/services.txt").read_text().split()
PASSED_ON = {"adapters/clients.py", "adapters/connections.py"}
"""Where the service is an argument of the function itself."""


def asked_for() -> Iterator[tuple[str, ast.expr]]:
    """Every first argument of ``make``, ``deferred`` and ``client`` in what is deployed, with its file."""
    package = ROOT / "layers/rotation_watcher/rotation_watcher"
    for home in (package, ROOT / "functions"):
        for path in sorted(home.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                    of_clients = isinstance(node.func.value, ast.Name) and node.func.value.id == "clients"
                    if node.func.attr == "client" or (of_clients and node.func.attr in {"make", "deferred"}):
                        yield str(path.relative_to(home)), node.args[0]


def test_every_service_of_which_a_client_is_made_is_packed_and_no_other() -> None:
    found = [(file, argument) for file, argument in asked_for() if file not in PASSED_ON]
    named = [argument.value for _, argument in found if isinstance(argument, ast.Constant)]
    assert len(named) == len(found), "a service that is no text in the code cannot be found: name it there"
    assert {*named} == {*LISTED}, "mend layers/dependencies/services.txt"


def test_the_list_is_sorted_and_names_each_once() -> None:
    assert sorted({*LISTED}) == LISTED
