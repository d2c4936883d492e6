"""The shape of the package, derived from its imports: stages in one order, and rings from pure to rim.

Nothing is listed here but the order of the stages. A module's ring follows from what it imports:

* ``adapters``, ``settings``, ``starting``, ``libraries`` and ``bootstrap`` are the rim: they touch the world;
* whoever imports a Protocol (of ``ports``, or ``AlertSink``) orchestrates over it, as does who imports such a module;
* every other module is pure.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "layers" / "rotation_watcher" / "rotation_watcher"
STAGES = ("x509", "trust", "alerts", "sources", "revocation", "bundles", "identity", "targets", "filters", "status")
"""The way of the data; each may import itself and what stands before it."""
RIM = {"settings", "starting", "libraries", "bootstrap", "bootstrap_chat", "bootstrap_door", "adapters"}
THIRD_PARTY = {"cryptography", "msgspec"}
MORE = {"status/page": {"jinja2", "markupsafe"}, "watch_yaml": {"yaml"}}
"""What a single module may import besides; it is loaded by nobody who does not need it."""
UNCLEAN = {"os", "io", "socket", "subprocess", "time", "logging", "asyncio", "threading", "urllib.request", "pathlib"}
"""Modules of the standard library that reach out or wait."""

MODULES = {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in PACKAGE.rglob("*.py")}


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text())


@cache
def imports(name: str) -> frozenset[str]:
    return frozenset(_imports(tree(name)))


def _imports(module: ast.Module) -> Iterator[str]:
    for node in _statements(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """All statements of a module, at whatever depth: expressions, nine tenths of a tree, import nothing."""
    waiting: list[ast.AST] = [module]
    while waiting:
        yield (node := waiting.pop())
        for within in ("body", "orelse", "handlers", "finalbody", "cases"):
            waiting += getattr(node, within, ())


@cache
def ours(name: str) -> frozenset[str]:
    """The modules of the package that a module imports, as names below it."""
    names = (each.removeprefix("rotation_watcher.").replace(".", "/") for each in imports(name) if "_watcher." in each)
    found = {each if each in MODULES else f"{each}/__init__" for each in names}
    return frozenset((found & MODULES.keys()) - {name})


def foreign(name: str) -> set[str]:
    heads = {each.split(".")[0] for each in imports(name)}
    return {head for head in heads if head not in sys.stdlib_module_names and head != "rotation_watcher"}


def stage(name: str) -> str | None:
    head = name.partition("/")[0]
    return head if head in STAGES else None


def is_rim(name: str) -> bool:
    return name.partition("/")[0] in RIM


@cache
def protocols() -> frozenset[str]:
    """The Protocols of the package, as ``rotation_watcher.module.Name``."""
    return frozenset(
        f"rotation_watcher.{name.replace('/', '.')}.{node.name}"
        for name in MODULES
        for node in tree(name).body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
    )


@cache
def orchestrates(name: str) -> bool:
    """Whether a module works over ports: it imports a Protocol, or a module that does."""
    return bool({*imports(name)} & protocols()) or any(orchestrates(other) for other in ours(name))


def uses_stages(name: str) -> bool:
    return any(stage(other) for other in ours(name))


BASE = sorted(name for name in MODULES if "/" not in name and not is_rim(name) and not uses_stages(name))
"""What every stage may import: errors, keys, the watch file, ports …"""
INNER = sorted(name for name in MODULES if not is_rim(name))
PURE = sorted(name for name in INNER if not orchestrates(name))


@pytest.mark.parametrize("name", sorted(name for name in MODULES if stage(name)))
def test_a_package_imports_the_base_itself_and_the_packages_before_it(name: str) -> None:
    allowed = STAGES[: STAGES.index(str(stage(name))) + 1]
    assert {other for other in ours(name) if other not in BASE and stage(other) not in allowed} == set()


@pytest.mark.parametrize("name", BASE)
def test_the_base_imports_the_base_alone(name: str) -> None:
    assert ours(name) <= {*BASE}


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_imports_nothing_that_reaches_out(name: str) -> None:
    assert foreign(name) <= THIRD_PARTY | MORE.get(name, set())
    assert not {each for each in imports(name) if each in UNCLEAN or each.split(".")[0] in UNCLEAN}


@pytest.mark.parametrize("name", INNER)
def test_nothing_but_the_rim_imports_the_rim_or_a_library_that_does_io(name: str) -> None:
    assert {other for other in ours(name) if is_rim(other)} == set()
    assert foreign(name) <= THIRD_PARTY | MORE.get(name, set())


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith("adapters/")))
def test_an_adapter_knows_ports_and_data_but_nothing_that_orchestrates(name: str) -> None:
    assert {other for other in ours(name) if not is_rim(other) and ours(other) and orchestrates(other)} == set()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_only_bootstrap_reads_the_environment_or_the_clock(name: str) -> None:
    touched = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    read = touched & {"os.environ", "os.getenv", "datetime.now", "datetime.utcnow", "time.time", "date.today"}
    assert read == set() or name in {"bootstrap", "bootstrap_chat", "bootstrap_door"}


def test_the_rings_and_the_base_are_what_one_expects_of_them() -> None:
    # Guards the derivation itself: were it blind, every module would be pure and the rest of this file say nothing.
    assert {"errors", "keys", "config", "ports", "regions"} <= {*BASE}
    assert {"collect", "publish", "bundles/view", "targets/snapshot", "sources/repository"} <= {*INNER} - {*PURE}
    assert {"x509/pem", "trust/assessment", "alerts/mail", "sources/update", "bundles/wanted", "targets/plan"} <= {
        *PURE
    }


USE_CASES = {"collect", "publish", "refresh_crls", "report", "authorize", "slack"}


@pytest.mark.parametrize("name", sorted(USE_CASES))
def test_no_use_case_imports_another_so_that_a_function_loads_its_own_alone(name: str) -> None:
    assert name in MODULES
    assert not ours(name) & USE_CASES
