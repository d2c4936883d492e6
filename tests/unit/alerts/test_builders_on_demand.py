"""The builders are loaded when they are asked for, by the names under which the package gives them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from rotation_watcher.alerts import builders

SOURCE = Path(builders.__file__)


def imported() -> dict[str, str]:
    """The module of each name, from the imports that only type checkers follow."""
    (block,) = (
        node
        for node in ast.parse(SOURCE.read_text()).body
        if isinstance(node, ast.If) and not node.orelse and isinstance(node.test, ast.Name)
    )
    lines = [node for node in block.body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: str(node.module) for node in lines for alias in node.names}


def test_what_type_checkers_see_is_what_there_is() -> None:
    assert sorted(imported()) == sorted(builders.__all__)
    for name, module in imported().items():
        assert getattr(builders, name) is getattr(sys.modules[module], name)


def test_a_name_that_no_module_gives_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_alert'"):
        builders.no_such_alert  # type: ignore[attr-defined]  # noqa: B018


def test_none_is_loaded_before_it_is_asked_for() -> None:
    asked = "import sys; from rotation_watcher.alerts import builders; print(*sorted(sys.modules)); builders.trial"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={"PYTHONPATH": str(SOURCE.parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not [name for name in done.stdout.split() if name.startswith(f"{builders.__name__}.")]


def test_no_builder_has_the_name_of_a_module() -> None:
    """Whoever imports a module directly would put it in the builder's place."""
    assert not {path.stem for path in SOURCE.parent.glob("*.py")} & {*builders.__all__}
