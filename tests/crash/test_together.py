"""Watchers that meet: a double schedule, a person meanwhile, sixteen at one target. Real processes, real HTTP."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("ROUNDS", "2"))
"""How often each trial is played; ``make soak`` plays more."""
ADDED = "truststore-updated"


@pytest.fixture(scope="module")
def rounds() -> dict[str, list[dict[str, Any]]]:
    """What came of every trial, by its name. A process of its own, for only one with one thread can be copied."""
    command = [sys.executable, "-m", "tests.crash.together", str(ROUNDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for line in done.stdout.splitlines():
        came = json.loads(line)
        found.setdefault(came["trial"], []).append(came)
    assert [len(each) for each in found.values()] == [ROUNDS] * 4
    return found


@pytest.mark.parametrize(("target", "operation"), [("alb", "ModifyTrustStore"), ("rest", "UpdateDomainName")])
def test_of_sixteen_publishes_of_one_target_one_wins_and_changes_it_once(
    rounds: dict[str, list[dict[str, Any]]], target: str, operation: str
) -> None:
    for came in rounds[f"publish {target}"]:
        assert came["updates"] == {operation: 1}
        assert came["outcomes"]["updated"] == 1
        assert sum(came["outcomes"].values()) == 16
        assert set(came["outcomes"]) <= {"updated", "claimed-by-another", "unchanged"}
        told = [alert.rpartition("/")[2].split(":") for alert in came["alerts at once"]]  # after the stack's name
        assert [about for kind, about, *_ in told if kind == ADDED] == [target]
        assert came["records"] == {target: {"done": True, "true": True}}
        assert (came["refused"], came["strangers"], came["differences"]) == ([], [], [])
    assert sum(came["lost races"] for came in rounds[f"publish {target}"]) > 0  # they did meet


def test_runs_at_the_same_time_make_one_history_and_alert_once(rounds: dict[str, list[dict[str, Any]]]) -> None:
    for came in rounds["collect"]:
        assert came["differences"] == []
        assert not any(came["broken"])
    assert sum(came["lost races"] for came in rounds["collect"]) > 0


def test_a_double_schedule_and_a_person_meanwhile_come_to_what_one_of_them_would(
    rounds: dict[str, list[dict[str, Any]]],
) -> None:
    for came in rounds["two schedules and a person"]:
        assert came["updates"].get("ModifyTrustStore", 0) <= 1
        assert came["updates"].get("UpdateDomainName", 0) <= 1
        assert not any(came["broken"])
        assert all(record == {"done": True, "true": True} for record in came["records"].values())
        assert (came["refused"], came["strangers"], came["differences"]) == ([], [], [])
