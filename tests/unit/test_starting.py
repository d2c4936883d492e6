"""No garbage is collected while a function starts, and it is from then on."""

import ast
import subprocess
import sys

import pytest

from tests.support.functions import FOLDER, LOGICAL_NAMES


@pytest.mark.parametrize("function", LOGICAL_NAMES)
def test_each_function_pauses_it_before_all_imports_and_ends_that_as_soon_as_it_has_started(function: str) -> None:
    _, first, *rest = ast.parse((FOLDER / function / "app.py").read_text()).body
    assert ast.unparse(first) == "from rotation_watcher import starting"
    said = [ast.unparse(one) for one in rest]
    ended = said.index("starting.done()")
    handler = next(at for at, one in enumerate(rest) if isinstance(one, ast.FunctionDef))
    imported = max(at for at, one in enumerate(rest) if isinstance(one, ast.Import | ast.ImportFrom))
    assert imported < ended < handler


def test_once_it_has_started_garbage_is_collected() -> None:
    """In a process of its own, for the rest of this one goes on collecting."""
    tried = (
        "import gc; from rotation_watcher import starting; paused = not gc.isenabled(); starting.done();"
        " print(paused, gc.isenabled())"
    )
    done = subprocess.run([sys.executable, "-c", tried], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
