"""The part of the matrix in which somebody has work to do; ``python -m tests.interleaving`` plays the whole."""

import pytest

from tests.interleaving.matrix import Case, breaches, part


@pytest.mark.parametrize("case", part(), ids="-".join)
def test_a_run_in_the_midst_of_another_breaks_nothing(case: Case) -> None:
    assert breaches(case) == []
