"""The kit's claims are what the local world answers: the same probes are asked here and in an account."""

import re

import pytest

from genesys_certs.conformance import genesys
from genesys_certs.conformance.model import Outcome, Probe, claims
from genesys_certs.conformance.suites import SUITES
from tests.conformance.embedded import of_genesys, played, simulated

ANEW = "run `.venv/bin/python -m tests.conformance`, and read what it changes"
PROBES: list[Probe] = [probe for suite in SUITES.values() for probe in suite.probes]


@pytest.mark.parametrize("name", SUITES)
def test_the_embedded_aws_answers_every_probe_as_is_claimed(name: str) -> None:
    found, _ = played(name)
    known = claims()
    assert found == {name: known.get(name) for name in found}, ANEW


def test_the_simulator_answers_every_probe_as_is_claimed() -> None:
    with simulated() as simulator:
        found = of_genesys(simulator)
    known = claims()
    assert found == {name: known.get(name) for name in found}, ANEW
    assert {*found} == {probe.id for probe in genesys.PROBES} == {name for name in known if name.startswith("genesys.")}


def test_every_probe_has_a_claim_or_a_reason_why_it_has_none_and_there_is_no_other_claim() -> None:
    known = claims()
    of_aws = {name for name in known if not name.startswith("genesys.")}
    assert of_aws == {probe.id for probe in PROBES}, ANEW
    silent = {name: known[name].text for name in of_aws if known[name].outcome is Outcome.NOT_ASKED}
    assert silent == {probe.id: probe.unclaimed for probe in PROBES if probe.unclaimed}


def test_ids_are_stable_words_and_no_two_probes_have_one() -> None:
    by_service = {name: suite.probes for name, suite in SUITES.items()} | {"genesys": genesys.PROBES}
    ids = [probe.id for probes in by_service.values() for probe in probes]
    assert len(ids) == len({*ids})
    for service, probes in by_service.items():
        for probe in probes:
            assert re.fullmatch(rf"{service}(\.[a-z0-9]+(-[a-z0-9]+)*){{1,2}}", probe.id), probe.id
            assert probe.asks.endswith(".")
