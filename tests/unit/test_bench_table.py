"""The benchmarks' one table: every row in it and in the JSON, a miss shown as missed. Nothing is measured here."""

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks.rows import MEASUREMENTS
from benchmarks.table import Machine, Row, text

KEPT = Row("kept", "90 ms", "peer: 100 ms", 0.9, 0.9, 1.0)
MISSED = Row("too slow", "200 ms", "peer: 100 ms", 2.0, 2.0, 1.0)
UNJUDGED = Row("for the record", "5 MB", "", None, 5.0, None)


def fails() -> list[Row]:
    raise RuntimeError("made up")


def test_all_rows_are_in_the_table_and_in_the_json_and_a_miss_is_a_miss(tmp_path: Path) -> None:
    place = tmp_path / "bench.json"
    table, broken = bench.measure(["a", "b"], {"a": lambda: [KEPT, UNJUDGED], "b": lambda: [MISSED]}, place)

    lines = {line.split("  ")[0]: line for line in table.splitlines()}
    assert lines["kept"].endswith("met")
    assert lines["too slow"].endswith("MISSED")
    assert not lines["for the record"].endswith(("met", "MISSED"))
    assert "1 of 2 bars missed" in table
    assert broken == 0
    written = json.loads(place.read_text())
    assert [(row["name"], row["met"]) for row in written["rows"]] == [
        ("kept", True),
        ("for the record", None),
        ("too slow", False),
    ]
    assert written["machine"]["processors"] >= 1
    assert len(written["machine"]["load"]) == 2


def test_a_measurement_that_fails_is_told_and_keeps_no_other_from_being_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, broken = bench.measure(["bad", "good"], {"bad": fails, "good": lambda: [KEPT]}, tmp_path / "bench.json")

    assert broken == 1
    assert "could not be measured" in table
    assert "kept" in table
    assert "made up" in capsys.readouterr().err


def test_only_what_was_chosen_is_measured_and_the_exit_code_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setattr(bench, "MEASUREMENTS", {"a": lambda: [KEPT], "b": lambda: [MISSED]})

    assert bench.main(["--only", "b"]) == 0
    told = capsys.readouterr().out
    assert "too slow" in told
    assert "kept" not in told


@pytest.mark.parametrize(("load", "loaded"), [((0.4, 1.9), False), ((0.4, 2.1), True)])
def test_the_table_says_when_others_were_at_work(load: tuple[float, ...], loaded: bool) -> None:  # noqa: FBT001
    assert ("LOADED" in text([KEPT], Machine("Linux", 2, "3.13.0", "now", load))) == loaded


def test_every_measurement_is_known_by_name() -> None:
    names = "pem collect check init calls fleet growth flood crl authorize cost"
    assert [*MEASUREMENTS] == names.split()
