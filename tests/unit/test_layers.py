"""DESIGN.md's rings: imports point inwards only, and only the rim touches the world."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "layers" / "rotation_watcher" / "rotation_watcher"
USE_CASES = {"collect", "publish", "slack", "deploy", "survey", "notices", "trust", "bundle_files", "outbox"}
USE_CASES |= {"target_run", "by_hand"}
"""Orchestration over ports. The ports themselves are Protocols and data, and count as pure."""
RIM = {"settings", "bootstrap", "adapters"}
THIRD_PARTY = {"cryptography", "msgspec"}
UNCLEAN = {"os", "io", "socket", "subprocess", "time", "logging", "asyncio", "threading", "urllib.request", "pathlib"}
"""Modules of the standard library that reach out or wait."""

MODULES = {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in PACKAGE.rglob("*.py")}


def ring(name: str) -> str:
    head = name.partition("/")[0]
    return "rim" if head in RIM else "use case" if head in USE_CASES else "pure"


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> set[str]:
    """The modules of the package that a module imports, as names below it."""
    names = {
        name.removeprefix("rotation_watcher.").replace(".", "/")
        for name in imports(path)
        if "rotation_watcher." in name
    }
    return {name for name in names if name in MODULES or f"{name}/__init__" in MODULES}


def foreign(path: Path) -> set[str]:
    heads = {name.split(".")[0] for name in imports(path)}
    return {head for head in heads if head not in sys.stdlib_module_names and head != "rotation_watcher"}


PURE = sorted(name for name in MODULES if ring(name) == "pure")
INNER = sorted(name for name in MODULES if ring(name) != "rim")


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_imports_pure_modules_and_nothing_that_reaches_out(name: str) -> None:
    path = MODULES[name]
    assert {other for other in ours(path) if ring(other) != "pure"} == set()
    assert foreign(path) <= THIRD_PARTY
    assert not {each for each in imports(path) if each in UNCLEAN or each.split(".")[0] in UNCLEAN}


@pytest.mark.parametrize("name", INNER)
def test_nothing_but_the_rim_imports_the_rim_or_a_library_that_does_io(name: str) -> None:
    path = MODULES[name]
    assert {other for other in ours(path) if ring(other) == "rim"} == set()
    assert foreign(path) <= THIRD_PARTY


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith("adapters/")))
def test_an_adapter_knows_no_use_case(name: str) -> None:
    assert {other for other in ours(MODULES[name]) if ring(other) == "use case"} == set()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_only_bootstrap_reads_the_environment_or_the_clock(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text())
    touched = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    read = touched & {"os.environ", "os.getenv", "datetime.now", "datetime.utcnow", "time.time", "date.today"}
    assert read == set() or name == "bootstrap"
