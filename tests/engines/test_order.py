"""Truststores that hold several CAs of one name, in every order: whom we call admitted every engine lets in.

The order in the file decides for engines that do not try one candidate after the other (OpenSSL's issue 26667). So each
order is loaded into the real servers, as it would be deployed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from rotation_watcher.x509.paths import Path as TrustPath
from rotation_watcher.x509.selection import candidates_in_order, chain_taken
from rotation_watcher.x509.truststore import read
from tests.engines import judges
from tests.engines.judges import ACCEPTED, Case, Knock, Verdicts
from tests.support import pki
from tests.support.pki import Pair, ec_key

TODAY = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)
VALID: dict[str, Any] = {"start": TODAY - YEAR, "end": TODAY + YEAR}
PAST: dict[str, Any] = {"start": TODAY - 2 * YEAR, "end": TODAY - YEAR}


def knocks_and_bundles() -> tuple[list[Knock], dict[str, bytes]]:
    """Three CAs of one name without key identifiers, two with, an expired one of the same key; a leaf under each."""
    bare = {name: pki.root("Shared", key=ec_key(), aki=False, **VALID) for name in ("one", "two")}
    marked = {name: pki.root("Shared", key=ec_key(), **VALID) for name in ("three", "four")}
    renewed = pki.root("Renewed", key=ec_key(), **VALID)
    old = pki.root("Renewed", key=renewed.key, **PAST)
    between = {name: pki.intermediate("Issuing", root, aki=False, **VALID) for name, root in {**bare, **marked}.items()}
    issuers = {**bare, **marked, "renewed": renewed, **{f"below {name}": one for name, one in between.items()}}
    leaves = {
        name: pki.leaf(issuer, aki=not name.endswith(("one", "two")), **VALID) for name, issuer in issuers.items()
    }
    sets: dict[str, tuple[Pair, ...]] = {
        "bare": tuple(bare.values()),
        "marked": tuple(marked.values()),
        "mixed": (bare["one"], marked["three"], bare["two"]),
        "renewed": (renewed, old),
        "chains": (bare["one"], between["one"], between["three"], marked["three"]),
    }
    bundles = {
        f"{name} {number}": "".join(pair.pem for pair in order).encode()
        for name, members in sets.items()
        for number, order in enumerate(permutations(members))
    }
    knocks = [
        Knock(Case(name, "leaf alone", bundle), leaf.pem, leaf.key_pem)
        for bundle in bundles
        for name, leaf in leaves.items()
    ]
    return knocks, bundles


def ours(knocks: list[Knock], bundles: Mapping[str, bytes]) -> dict[Case, bool]:
    held = {name: candidates_in_order([*read(data).blocks.values()]) for name, data in bundles.items()}
    return {
        knock.case: isinstance(
            chain_taken(judges.leaf_of(knock), held[knock.case.bundle], at=datetime.now(UTC)), TrustPath
        )
        for knock in knocks
    }


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdicts]:
    knocks, bundles = knocks_and_bundles()
    lacking = judges.missing()
    folder = tmp_path_factory.mktemp("order")
    said: dict[str, Verdicts] = {
        "watcher": {case: ACCEPTED if yes else "" for case, yes in ours(knocks, bundles).items()}
    }
    said["nginx"] = judges.nginx(knocks, bundles, folder / "nginx")
    for name, engine in (("envoy", judges.envoy), ("openssl", judges.openssl)):
        if name not in lacking:
            said[name] = engine(knocks, bundles, folder / name)
    if "java" not in lacking:
        said["jsse"], said["certpath"] = judges.java(knocks, bundles, folder / "java")
    return said


def admitted(verdicts: Verdicts) -> set[Case]:
    return {case for case, word in verdicts.items() if word == ACCEPTED}


def settled_without_the_order(bundle: str) -> bool:
    """Whether no two CAs of the bundle bear one name, or key identifiers tell them apart."""
    return bundle.startswith(("marked", "renewed"))


def test_nginx_lets_in_whom_we_call_admitted_where_no_order_can_matter(verdicts: dict[str, Verdicts]) -> None:
    # The nginx at hand is built with musl, whose sort changes the order of equal names, and OpenSSL sorts its store by
    # name. So there no order in the file makes sure of anything; Debian's OpenSSL and Envoy keep the file's.
    ours = {case for case in admitted(verdicts["watcher"]) if settled_without_the_order(case.bundle)}
    assert len(ours) > 4
    assert ours - admitted(verdicts["nginx"]) == set()


@pytest.mark.parametrize("engine", ["envoy", "openssl", "jsse", "certpath"])
def test_whom_we_call_admitted_the_engine_lets_in(engine: str, verdicts: dict[str, Verdicts]) -> None:
    if engine not in verdicts:
        pytest.skip(f"{engine}: {judges.missing()}")
    assert admitted(verdicts["watcher"]) - admitted(verdicts[engine]) == set()


def test_the_order_does_decide_or_this_would_say_nothing(verdicts: dict[str, Verdicts]) -> None:
    assert len(admitted(verdicts["watcher"])) > 20
    orders = {case.bundle: case for case in admitted(verdicts["nginx"]) if case.client == "one"}
    assert {bundle for bundle in orders if bundle.startswith("bare")} == {"bare 0"}  # the one that stands first


def test_we_refuse_what_no_engine_at_all_lets_in(verdicts: dict[str, Verdicts]) -> None:
    anyone = set().union(*(admitted(said) for name, said in verdicts.items() if name != "watcher"))
    assert admitted(verdicts["watcher"]) <= anyone
