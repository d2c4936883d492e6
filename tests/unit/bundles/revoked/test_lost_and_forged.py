"""Lists, indexes, manifests, chains that are lost, old or forged: no pin comes back, no good leaf loses its own."""

import json
from collections.abc import Callable

import pytest

from rotation_watcher import formats, keys
from rotation_watcher.bundles.decided import decode
from rotation_watcher.errors import FetchCode
from rotation_watcher.revocation.kept import DER, INDEX, MANIFEST
from rotation_watcher.x509.certificates import blocks_of
from rotation_watcher.x509.crl import Crl
from rotation_watcher.x509.revocation_index import build_index
from tests.support import certs, crls
from tests.support.certs import Issued
from tests.support.revoked_world import another, damage, forge_manifest, listed_by, live, view
from tests.support.small_refresh import DAY, HOUR, LEAVES, SmallRefresh, intermediate, leaf
from tests.support.small_world import NAME, START, certificate, issued
from tests.support.words import word


@pytest.mark.parametrize("how", ["deleted", "overwritten"])
@pytest.mark.parametrize("name", [MANIFEST, DER, INDEX])
def test_what_is_lost_of_a_list_brings_no_pin_back_and_is_alerted_and_others_are_pinned(
    struck: SmallRefresh, name: str, how: str
) -> None:
    other = another()
    kept = struck.store.versions[f"{struck.folder()}/{DER}"][-1]
    damage(struck, name, how)
    if name == DER:  # what decided is a version of this object: it is lost with it, but not for the next list
        struck.points.fail(LEAVES, FetchCode.TIMED_OUT)
    struck.present((leaf(), (intermediate(),)), (other, (intermediate(),)))
    before = live(struck)
    struck.clock.advance(HOUR)
    struck.publish()
    assert other.fingerprint in struck.pinned
    assert live(struck) == before
    (alert,) = [one for one in struck.heard() if word(one) == "state-forged"]
    assert struck.folder() in alert.what_happened
    if name != DER:
        assert struck.pinned == {other.fingerprint}
    struck.points.publish(LEAVES, kept.body, etag='"again"')
    struck.refresh()
    struck.publish()
    assert struck.pinned == {other.fingerprint}
    assert view(struck).forged == ()


def test_a_damaged_list_does_not_keep_a_new_ca_from_the_truststore(world: SmallRefresh) -> None:
    damage(world, DER, "overwritten")
    damage(world, INDEX, "overwritten")
    renewed = certs.issue(issued("Root 0"), "CA 2", ca=True)
    fresh = certs.issue(renewed, NAME, not_before=START - DAY)
    world.present((leaf(), (intermediate(),)), (fresh, (renewed,)))
    assert world.publish() == "updated"
    assert renewed.fingerprint in blocks_of(live(world))


def test_an_older_list_that_is_put_back_brings_no_pin_back(world: SmallRefresh) -> None:
    before = world.manifest()
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    world.heard()
    world.store.seed(f"{world.folder()}/{MANIFEST}", formats.encode(before))
    world.clock.advance(HOUR)
    world.publish()
    assert world.pinned == set()


def test_an_older_list_that_is_put_back_takes_no_pin_of_a_leaf_that_was_released(struck: SmallRefresh) -> None:
    held = struck.manifest()
    struck.list_leaves()
    struck.refresh()
    struck.publish()
    assert struck.pinned == {leaf().fingerprint}
    struck.store.seed(f"{struck.folder()}/{MANIFEST}", formats.encode(held))
    struck.publish()
    assert struck.pinned == {leaf().fingerprint}


def test_an_index_that_hides_a_revoked_leaf_brings_no_pin_back_and_is_written_anew(struck: SmallRefresh) -> None:
    clean = build_index(listed_by(), certificate(intermediate()))
    forge_manifest(struck, index=struck.store.seed(f"{struck.folder()}/{INDEX}", clean))
    struck.publish()
    assert struck.pinned == set()
    assert [word(one) for one in struck.heard()] == ["state-forged"]
    struck.refresh()
    assert view(struck).forged == ()
    assert struck.heard() == [], "neither is the revocation over"


def test_an_index_that_names_a_good_leaf_takes_no_pin(world: SmallRefresh) -> None:
    bad = build_index(listed_by(leaf().certificate.serial_number), certificate(intermediate()))
    forge_manifest(world, index=world.store.seed(f"{world.folder()}/{INDEX}", bad))
    world.clock.advance(HOUR)
    world.publish()
    assert world.pinned == {leaf().fingerprint}
    assert [word(one) for one in world.heard()] == ["state-forged"]
    world.refresh()
    assert [word(alert) for alert in world.heard()] == []


NAMESAKE = certs.issue(issued("Root 0"), "CA 1", ca=True)


FORGERIES: dict[str, Callable[[int], Crl]] = {
    "of another CA": lambda serial: listed_by(serial, by=issued("Somebody")),
    "of another CA of the same name": lambda serial: listed_by(serial, by=NAMESAKE),
    "of another place": lambda serial: listed_by(serial, extra=[crls.issuing_point("http://else.example.com/a.crl")]),
    "of CA certificates alone": lambda serial: listed_by(serial, extra=[crls.issuing_point(LEAVES, ca=True)]),
    "of the future": lambda serial: listed_by(serial, made=START + 300 * DAY),
    "that names another": lambda serial: listed_by(serial + 1),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_no_list_of_the_issuer_bears_out_takes_no_pin_and_is_alerted(world: SmallRefresh, name: str) -> None:
    crl, before = FORGERIES[name](leaf().certificate.serial_number), live(world)
    index = build_index(listed_by(leaf().certificate.serial_number), certificate(intermediate()))
    folder = world.folder()
    forge_manifest(
        world,
        der=world.store.seed(f"{folder}/{DER}", crl.der),
        index=world.store.seed(f"{folder}/{INDEX}", index),
    )
    world.clock.advance(HOUR)
    world.publish()
    assert (world.pinned, live(world)) == ({leaf().fingerprint}, before)
    (alert,) = [one for one in world.heard() if word(one) == "state-forged"]
    assert folder in alert.what_happened
    world.refresh()
    assert world.revoked == set()
    assert view(world).forged == ()


def test_what_is_remembered_is_not_believed(world: SmallRefresh) -> None:
    forged = world.store.seed(
        f"{world.folder()}/{DER}", FORGERIES["of another CA"](leaf().certificate.serial_number).der
    )
    for version in (forged, "none"):
        body = json.dumps({"format": 1, "lists": {world.folder(): version}}).encode()
        world.store.seed(keys.revocations("main"), body)
        world.publish()
        assert world.pinned == {leaf().fingerprint}


@pytest.mark.parametrize("body", [b"", b"{", b'{"lists": 1}', b"\xff"])
def test_a_memory_that_cannot_be_read_is_written_anew(struck: SmallRefresh, body: bytes) -> None:
    struck.store.seed(keys.revocations("main"), body)
    struck.publish()
    assert struck.pinned == set()
    assert decode(struck.store.body(keys.revocations("main"))).lists == {struck.folder(): struck.manifest().der.version}


def test_a_manifest_that_is_lost_is_alerted_though_its_list_had_revoked_nothing(world: SmallRefresh) -> None:
    damage(world, MANIFEST, "deleted")
    world.clock.advance(HOUR)
    world.publish()
    assert world.pinned == {leaf().fingerprint}
    (alert,) = world.heard()
    assert (alert.kind, f"{world.folder()}/{MANIFEST} is missing" in alert.what_happened) == ("state-forged", True)
    assert view(world).removal_blockers
    world.refresh()
    world.publish()
    assert view(world).removal_blockers == ()


def lose(world: SmallRefresh, *lost: Issued) -> None:
    """What the source has shown of these is not there any more."""
    for one in lost:
        del world.store.versions[keys.seen("use1", certificate(one).fingerprint)]


def test_a_pinned_leaf_whose_chain_is_lost_is_held_against_its_list(world: SmallRefresh) -> None:
    lose(world, intermediate())
    world.list_leaves(leaf())
    world.refresh()
    assert [word(one) for one in world.heard()] == ["revoked"]
    world.publish()
    assert world.pinned == set()


def test_a_pinned_leaf_whose_ca_is_revoked_and_whose_chain_is_lost_loses_its_pin(world: SmallRefresh) -> None:
    lose(world, intermediate(), leaf())
    world.list_cas(intermediate())
    world.refresh()
    world.publish()
    assert world.pinned == set()


def test_what_signed_a_pinned_leaf_is_noted_beside_it_for_when_nothing_else_has_it_any_more(
    world: SmallRefresh,
) -> None:
    lose(world, intermediate())
    del world.store.versions[keys.wanted("main")]
    world.clock.advance(HOUR)
    world.publish()
    assert world.heard() == []
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    assert world.pinned == set()


def test_a_pinned_leaf_that_no_list_can_be_held_against_is_alerted(world: SmallRefresh) -> None:
    lose(world, intermediate())
    del world.store.versions[keys.wanted("main")]
    del world.store.versions[keys.pinned(leaf().fingerprint)]
    world.clock.advance(HOUR)
    world.publish()
    assert world.pinned == {leaf().fingerprint}
    (alert,) = world.heard()
    assert alert.kind == "state-forged"
    assert leaf().fingerprint[:16] in alert.what_happened


def test_a_leaf_of_a_history_that_is_lost_is_held_against_its_list_while_it_is_pinned(world: SmallRefresh) -> None:
    other = another()
    world.present((leaf(), (intermediate(),)), (other, (intermediate(),)))
    world.publish()
    world.present((other, (intermediate(),)))
    assert world.pinned == {leaf().fingerprint, other.fingerprint}
    world.heard()
    world.list_leaves(leaf())
    world.refresh()
    assert [word(one) for one in world.heard()] == ["revoked"]
    world.publish()
    assert world.pinned == {other.fingerprint}
