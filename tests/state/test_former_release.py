"""Whoever rolls the code back to a release without a guard gets an error, loses nothing: the real code of it is run.

``format-1/release.zip`` is the package of the last release that wrote format 1, without its adapters.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rotation_watcher.sources import history
from rotation_watcher.targets import record

HERE = Path(__file__).parent
HISTORY, RECORD = "sources/use1/history.json", "targets/alb/record.json"
OLD = {
    HISTORY: next(
        path.read_text() for path in sorted(HERE.glob("format-1/history-*.json")) if "use1" in path.read_text()
    ),
    RECORD: next(
        path.read_text() for path in sorted(HERE.glob("format-1/record-*.json")) if "/alb/" in path.read_text()
    ),
}
NEW = {
    HISTORY: history.encode(history.decode(OLD[HISTORY].encode())).decode(),
    RECORD: record.encode(record.decode(OLD[RECORD].encode())).decode(),
}


def run(state: dict[str, str]) -> Any:
    command = [sys.executable, "-I", str(HERE / "former.py"), str(HERE / "format-1" / "release.zip")]
    return json.loads(
        subprocess.run(command, input=json.dumps(state), capture_output=True, text=True, check=True).stdout
    )


def test_the_former_release_reads_and_writes_what_it_wrote() -> None:
    answer = run(OLD)
    assert answer["collect"] == {"outcome": "failed", "message": "no secret here"}
    assert answer["publish"] == {"outcome": "target-denied", "message": "no permission here"}
    assert {*answer["written"]} == {HISTORY, RECORD}


@pytest.mark.parametrize("key", [HISTORY, RECORD])
def test_the_former_release_refuses_what_this_one_writes_aloud_and_leaves_it_alone(key: str) -> None:
    answer = run({**OLD, key: NEW[key]})
    refused = ["collect", "publish"] if key == HISTORY else ["publish"]
    for function in refused:
        assert answer[function]["outcome"] == "broken"
        assert f"{key} cannot be read" in answer[function]["message"]
        assert "$.format" in answer[function]["message"]
    assert {*answer["written"]} == ({HISTORY} if key == RECORD else set())
