"""How the demo ends: with a legend of what it leaves, and on Ctrl-C with a line and no traceback."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.demo import COUNTED
from local.demo_legend import MEANINGS, PLAIN, legend

ROOT = Path(__file__).resolve().parents[3]


def test_every_field_of_the_summary_is_explained_once_and_ids_are_no_fields() -> None:
    counts = dict.fromkeys(COUNTED, 0)
    target = {"arn": "a", "authorities": [], "certificates": [], "handshakes": counts}
    leaves = {"Genesys": {"ab" * 32: "current"}}
    text = legend(
        {
            "handshakes": counts,
            "faults": [],
            "quiet_run_writes": 0,
            "alerts": [{"id": "1", "kind": "rotated", "severity": "info", "at": "now"}],
            "mails": 1,
            "targets": {"alb": target},
            "sources": {"use1": {"region": "us-east-1", "leaves": leaves}},
        }
    )
    named = [line.partition(":")[0] for line in text.splitlines()[2:] if line and not line.startswith(" ")]
    assert sorted(named) == sorted(MEANINGS)
    assert all(len(line) <= 100 for line in text.splitlines())


def test_the_summary_has_no_field_that_the_legend_leaves_out() -> None:
    """The demo itself takes a minute; its summary is one expression, whose words stand in its source."""
    tree = ast.parse((ROOT / "local" / "demo.py").read_text())
    (made,) = (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == "_summary")
    keys = [key for one in ast.walk(made) if isinstance(one, ast.Dict) for key in one.keys]
    named = {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    assert {"handshakes", "faults", "mails"} <= named
    assert not named - {*MEANINGS, *PLAIN}, "say in MEANINGS (local/demo_legend.py) what it is"


def test_a_field_that_nothing_is_said_of_is_refused() -> None:
    with pytest.raises(KeyError, match="new_count"):
        legend({"new_count": 1})


INTERRUPTED = """
import os, signal, sys
import local.demo
from local import __main__
def play(rest):
    os.kill(os.getpid(), signal.SIGINT)
    while True: pass
local.demo.main = play
sys.argv = ["local", "demo"]
sys.exit(__main__.main())
"""


def test_ctrl_c_ends_it_with_one_line_and_the_code_of_an_interrupt() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.splitlines() == ["python -m local demo: stopped by Ctrl-C."]
