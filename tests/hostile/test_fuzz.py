"""A moment of the fuzzing that ``make soak`` does for long, and that it finds what is wrong."""

import random

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from rotation_watcher.x509.certificates import parse_text
from tests.hostile import fuzz
from tests.support.pki import pem_of


def test_a_moment_of_fuzzing_finds_nothing() -> None:
    assert fuzz.run(seed=20261123, seconds=3) > 100


def test_a_fault_is_found_and_its_case_can_be_run_again() -> None:
    def faulty(chance: random.Random) -> None:
        if any(defect.code == "unparsable" for defect in parse_text(fuzz.text(chance)).defects):
            raise KeyError("a reader that trips over what it cannot parse")

    with pytest.raises(RuntimeError, match=r"faulty: --seed 1 --case (\d+): KeyError") as caught:
        fuzz.run(1, 30, targets={"faulty": faulty})
    case = int(str(caught.value).split("--case ")[1].split(":")[0])
    with pytest.raises(RuntimeError, match=rf"--case {case}: KeyError"):
        fuzz.run(1, 0, case=case, targets={"faulty": faulty})


def test_a_case_that_takes_too_long_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "LONGEST", -1.0)
    with pytest.raises(RuntimeError, match="took"):
        fuzz.run(1, 1)


def test_the_mutations_reach_past_the_first_check() -> None:
    codes: dict[str, int] = {}
    parsed = 0
    for number in range(400):
        result = parse_text(pem_of(fuzz.mutated_asn1(fuzz.SEEDS[0], random.Random(number))))  # noqa: S311 - repeatable
        parsed += bool(result.certificates)
        for defect in result.defects:
            codes[defect.code] = codes.get(defect.code, 0) + 1
    assert parsed > 40, "some remain certificates, with other content"
    assert codes["unparsable"] > 100


def test_the_tree_is_put_together_again_as_it_was() -> None:
    der = fuzz.LEAF.raw.public_bytes(Encoding.DER)
    assert fuzz.tlv(der[:1], b"".join(fuzz.children(der))) == der
