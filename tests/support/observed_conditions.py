"""Every place in a package where a condition is observed, read from its source: whoever adds a module is seen too."""

import ast
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from rotation_watcher.alerts.model import Kind


class Place(NamedTuple):
    """One ``Observed(key, kind, …)``, and the module that it is in."""

    module: ModuleType
    call: ast.Call

    @property
    def kind(self) -> Kind:
        """The kind of its alert."""
        kind = self.call.args[1]
        assert isinstance(kind, ast.Attribute), (
            f"{self}: write the kind out, as Kind.NAME, so that this test can read it"
        )
        return Kind[kind.attr]

    def __str__(self) -> str:
        return f"{self.module.__name__}, line {self.call.lineno}"


def places(package: ModuleType) -> list[Place]:
    """All of a package, whichever module they are in."""
    names = [f"{package.__name__}.{one.name}" for one in pkgutil.iter_modules(package.__path__)]
    return [Place(module, call) for module in map(import_module, names) for call in _observed(module)]


def _observed(module: ModuleType) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Observed":
            yield node
