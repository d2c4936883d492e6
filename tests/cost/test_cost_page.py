"""docs/cost.md is what the calls come to that are counted here and now, at the prices that it names."""

import json

import pytest

from benchmarks.cost import BARS, COUNTS, PAGE, SCENARIOS, counted, lines, page, table


def test_the_counts_on_record_are_those_of_today() -> None:
    assert json.loads(COUNTS.read_text()) == counted(), "run python -m benchmarks.cost"


def test_the_page_is_made_of_the_counts_on_record() -> None:
    counts, text = json.loads(COUNTS.read_text()), PAGE.read_text()
    assert text == page(text, counts), "run python -m benchmarks.cost"
    assert table(counts) in text


@pytest.mark.parametrize("name", BARS)
def test_one_target_and_five_hundred_cost_less_than_they_may(name: str) -> None:
    assert sum(one.usd for one in lines(json.loads(COUNTS.read_text()), *SCENARIOS[name])) < BARS[name]


def test_the_readme_says_what_the_page_says() -> None:
    (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith("| **all** |")]
    (alarms,) = [line for line in PAGE.read_text().splitlines() if line.startswith("| alarms |")]
    one, _, many = (float(cell.strip(" *")) for cell in row.split("|")[2:5])
    said = (PAGE.parents[1] / "README.md").read_text()
    assert f"about {one:.0f} USD a month for one target and {many:.0f} for five hundred" in said
    assert f"{alarms.split('|')[2].strip()} of them are alarms" in said
