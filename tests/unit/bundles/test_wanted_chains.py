"""What a leaf with several chains wants: each that leads to an anchor of its own, and none that does not."""

from rotation_watcher.bundles.wanted import Need, compose
from rotation_watcher.sources.history import Leaf, Status
from rotation_watcher.x509.certificates import Certificate
from tests.support.pki import NOW, Pair
from tests.support.small_region import NAME, authority, client, fingerprints, issuing

LEAF = client(1, NAME)


def need(*chains: tuple[Pair, ...], anchors: tuple[Pair, ...]) -> Need:
    first, *others = (tuple(one.read for one in chain) for chain in chains)
    state = Leaf(
        facts=LEAF.read.facts,
        chain=tuple(one.fingerprint for one in first),
        status=Status.CURRENT,
        since=NOW,
        first_seen=NOW,
    )
    return Need(
        source="use1",
        region="us-east-1",
        authority="DigiCert",
        certificate=LEAF.read,
        state=state,
        chain=first,
        anchors=tuple(one.read for one in anchors),
        client_auth=True,
        alternatives=tuple(others),
    )


FIRST, SECOND = ((issuing(above), authority(above)) for above in ("Root", "Second"))


def wanted(one: Need) -> tuple[set[str], int]:
    found = compose([one], {}, NOW)
    return {*found.certificates}, len(found.unproven)


def test_both_chains_are_wanted_where_both_roots_are_trusted() -> None:
    both: tuple[Certificate, ...] = tuple(one.read for one in (*FIRST, *SECOND))
    assert wanted(need(FIRST, SECOND, anchors=(FIRST[1], SECOND[1]))) == (fingerprints(*both), 0)


def test_a_chain_under_a_root_that_nobody_trusts_is_not_wanted_and_blocks_nothing() -> None:
    assert wanted(need(FIRST, SECOND, anchors=(FIRST[1],))) == (fingerprints(*FIRST), 0)
    assert wanted(need(FIRST, SECOND, anchors=(SECOND[1],))) == (fingerprints(*SECOND), 0)


def test_a_leaf_none_of_whose_chains_leads_to_an_anchor_is_unproven() -> None:
    assert wanted(need(FIRST, SECOND, anchors=(authority("Third"),))) == (set(), 1)
