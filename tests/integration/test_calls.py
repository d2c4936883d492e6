"""How many calls of AWS a run of publish makes: counted, so that none comes back unseen (docs/decisions/0046)."""

import pytest

from benchmarks.calls import BARS, KINDS, Figures, measured

FLEET = 6
"""Half of it is as many as a run has to serve to ask for a listing (``run.LISTED_FROM``)."""
A_RUN = {"changed": 24.0, "quiet": 18.0}
"""The most calls that the targets of a run share."""
WRITES = ("Put", "Modify", "Update", "Delete", "Publish", "Send", "Add", "Remove")


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_costs_no_more_calls_than_it_may(kind: str) -> None:
    found = measured(kind, FLEET)
    assert found
    for name, figures in found.items():
        assert 0 < figures.a_target <= BARS[kind, name], figures.calls
        assert figures.a_run <= A_RUN[name], figures.calls
        assert figures.alone <= BARS[kind, name] + A_RUN[name]
    assert _writes(found["quiet"]) == []


def _writes(figures: Figures) -> list[str]:
    return [call for call in figures.calls if call.split()[1].startswith(WRITES)]
