"""The table of leaf x engine x expected: what is published decides equally in engines that share no code with it."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from local.genesys.issuing import pem_of
from tests.engines import judges
from tests.engines.judges import ACCEPTED, Case, Knock, Verdicts
from tests.engines.script import Outcome

TABLE = Path(__file__).resolve().parents[2] / "build" / "engines" / "table.txt"
BUNDLES = ("genesys", "digicert", "combined", "overlap")
ALONE, CHAIN, STALE, FORGED = "leaf alone", "its chain", "an older intermediate", "a forged intermediate"
DIGICERT = {"digicert", "combined", "overlap"}
EVERYWHERE = {*BUNDLES}


class Row(NamedTuple):
    """What a client sends, where it must be let in (nowhere else), and why so."""

    client: str
    sends: str
    admitted: set[str]
    why: str


# "genesys": both regions' roots; "digicert": root, current and announced intermediate; "combined": us-east-1 of both
# authorities; "overlap": the combined one on day 3, when the second DigiCert leaf was announced and not yet presented.
# Each of them also holds a root of somebody else, which the watcher found there.
ROWS = (
    Row("current Genesys", ALONE, {"genesys", "combined", "overlap"}, "its region's root is in the bundle"),
    Row("current Frankfurt", ALONE, {"genesys"}, "the new root came before the leaf; the others do not ask for it"),
    Row("current DigiCert", CHAIN, DIGICERT, "as Genesys presents it"),
    Row("current DigiCert", ALONE, DIGICERT, "our bundle holds the intermediate: a chain that was not sent is no loss"),
    Row("current DigiCert", STALE, DIGICERT, "an intermediate that does not fit is passed over"),
    Row("current DigiCert", FORGED, DIGICERT, "so is one of the right name with another key"),
    Row("upcoming DigiCert", CHAIN, DIGICERT, "trusted before it is presented; in the old overlap by its root"),
    Row("upcoming DigiCert", ALONE, {"digicert", "combined"}, "the intermediate was not known on day 3"),
    Row("previous DigiCert", CHAIN, DIGICERT, "the root remains: a truststore cannot tell, the pins can"),
    Row("previous DigiCert", ALONE, {"overlap"}, "its intermediate left after the grace"),
    Row("previous Frankfurt", ALONE, set(), "its root left after the grace"),
    Row("another DigiCert customer", CHAIN, DIGICERT, "the trap: the CA signs for many, only the pins tell"),
    Row("another DigiCert customer", ALONE, DIGICERT, "the trap"),
    Row("somebody else's foreign", ALONE, EVERYWHERE, "not ours: what a target held before stays"),
    Row("another region's", ALONE, set(), "nobody asked for that region's root"),
    Row("self-made Genesys", ALONE, set(), "every name right, every key wrong"),
    Row("self-made DigiCert", CHAIN, set(), "every name right, every key wrong"),
    Row("self-made DigiCert", ALONE, set(), "every name right, every key wrong"),
    Row("expired Genesys", ALONE, set(), "over"),
    Row("expired DigiCert", CHAIN, set(), "over"),
    Row("not yet valid Genesys", ALONE, set(), "tomorrow"),
    Row("no clientAuth Genesys", ALONE, set(), "serverAuth alone"),
    Row("no clientAuth DigiCert", CHAIN, set(), "serverAuth alone"),
)

# Where an engine has a right to another opinion: who it lets in instead, and why. Held to be true, too.
DIFFERENT: dict[tuple[str, str, str], tuple[set[str], str]] = {
    ("jsse", "current DigiCert", FORGED): (
        set(),
        "PKIXValidator takes a chain whose names fit as it was sent and looks for no other; Genesys sends its own",
    ),
}


def _knocks(outcome: Outcome) -> list[Knock]:
    older = pem_of(outcome.clients["previous DigiCert"].chain[0])
    forged = pem_of(outcome.clients["self-made DigiCert"].chain[0])
    knocks = []
    for row in ROWS:
        identity = outcome.clients[row.client]
        sent = {
            ALONE: identity.pem(),
            CHAIN: identity.handshake_pem(),
            STALE: identity.pem() + older,
            FORGED: identity.pem() + forged,
        }[row.sends]
        knocks += [Knock(Case(row.client, row.sends, bundle), sent, identity.key_pem()) for bundle in BUNDLES]
    return knocks


@pytest.fixture(scope="module")
def verdicts(outcome: Outcome, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdicts]:
    """Every engine's word on every case; the engines that this machine has."""
    knocks, bundles, lacking = _knocks(outcome), outcome.published, judges.missing()
    folder = tmp_path_factory.mktemp("engines")
    found: dict[str, Verdicts] = {
        "nginx": judges.nginx(knocks, bundles, folder / "nginx"),
        "watcher": judges.watcher(knocks, bundles, folder / "watcher"),
    }
    if "envoy" not in lacking:
        found["envoy"] = judges.envoy(knocks, bundles, folder / "envoy")
    if "openssl" not in lacking:
        found["openssl"] = judges.openssl(knocks, bundles, folder / "openssl")
    if "java" not in lacking:
        found["jsse"], found["certpath"] = judges.java(knocks, bundles, folder / "java")
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(table(found))
    print(TABLE.read_text())  # noqa: T201 - the table is what this is about: pytest -s, and the text of a failure
    return found


def table(found: dict[str, Verdicts]) -> str:
    """The table as text: a line a leaf and what it sends; ``+`` is let in, ``-`` turned away, in order of BUNDLES."""
    lines = [f"each cell: {', '.join(BUNDLES)}; + let in, - turned away, * on purpose unlike the others (see below)\n"]
    heads = ["leaf", "sends", "expected", *found, "why"]
    rows: list[list[str]] = []
    for row in ROWS:
        expected = "".join("+" if bundle in row.admitted else "-" for bundle in BUNDLES)
        cells = [
            "".join("+" if said[Case(row.client, row.sends, bundle)] == ACCEPTED else "-" for bundle in BUNDLES)
            + "*" * ((engine, row.client, row.sends) in DIFFERENT)
            for engine, said in found.items()
        ]
        rows.append([row.client, row.sends, expected, *cells, row.why])
    widths = [max(len(line[column]) for line in [heads, *rows]) for column in range(len(heads))]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in [heads, *rows]
    ]
    lines += [f"* {engine}: {client}, {sends}: {why}\n" for (engine, client, sends), (_, why) in DIFFERENT.items()]
    lines += [f"not here: {engine}: {why}\n" for engine, why in judges.missing().items()]
    return "".join(lines)


def _expected(engine: str, row: Row) -> set[str]:
    different = DIFFERENT.get((engine, row.client, row.sends))
    return different[0] if different else row.admitted


@pytest.mark.parametrize("engine", ["nginx", "envoy", "openssl", "jsse", "certpath", "watcher"])
def test_an_engine_lets_in_whom_it_should_and_nobody_else(engine: str, verdicts: dict[str, Verdicts]) -> None:
    lacking = judges.missing().get({"jsse": "java", "certpath": "java"}.get(engine, engine))
    if lacking:
        pytest.skip(lacking)
    wrong = [
        f"{row.client} ({row.sends}) at {bundle}: {verdicts[engine][Case(row.client, row.sends, bundle)]}, {row.why}"
        for row in ROWS
        for bundle in BUNDLES
        if (verdicts[engine][Case(row.client, row.sends, bundle)] == ACCEPTED) != (bundle in _expected(engine, row))
    ]
    assert not wrong, "\n".join([*wrong, table(verdicts)])


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ("expired Genesys", {"expire", "validity", "validation time"}),
        ("no clientAuth Genesys", {"client", "purpose", "eku", "unsupported_certificate"}),
        (
            "another region's",
            {"first certificate", "unable to get", "unknown_ca", "unable to find", "neither an anchor"},
        ),
    ],
)
def test_every_engine_turns_away_for_the_fault_that_the_leaf_has(
    client: str, words: set[str], verdicts: dict[str, Verdicts]
) -> None:
    # CertPath's builder only says that it found no path.
    said = {engine: heard[Case(client, ALONE, "genesys")] for engine, heard in verdicts.items() if engine != "certpath"}
    assert {engine: text for engine, text in said.items() if not any(word in text.lower() for word in words)} == {}


def test_the_trap_that_every_engine_falls_into_is_closed_by_the_pins(outcome: Outcome) -> None:
    pinned = {
        pin["certificate"]["fingerprint"] for pin in json.loads(outcome.files["bundles/digicert/pins.json"])["pins"]
    }
    inside = {row.client for row in ROWS if "digicert" in row.admitted and "foreign" not in row.client}
    assert {client for client in inside if outcome.clients[client].fingerprint in pinned} == {
        "current DigiCert",
        "upcoming DigiCert",
    }
    assert {client for client in inside if outcome.clients[client].fingerprint not in pinned} == {
        "previous DigiCert",
        "another DigiCert customer",
    }
