"""What publish does with ``crls/revoked.json``: pins go at once, a revoked CA vouches for nothing, no CA leaves."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from rotation_watcher import keys
from rotation_watcher.bundles.view import view_bundle
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.errors import TargetDenied
from rotation_watcher.x509.certificates import blocks_of
from tests.support import certs
from tests.support.certs import Issued
from tests.support.small_refresh import DAY, HOUR, SmallRefresh, intermediate, leaf, listed, named, renewed_intermediate
from tests.support.small_world import ARNS, NAME, START, issued


def another() -> Issued:
    """One more leaf under the same CA."""
    return certs.issue(intermediate(), NAME, not_before=START - DAY, extensions=[named("http://crl.example.com/2.crl")])


@pytest.fixture
def world() -> SmallRefresh:
    """Everything is published, and nothing is revoked."""
    world = SmallRefresh()
    world.refresh()
    assert world.publish() == "updated"
    assert world.pinned == {leaf().fingerprint}
    world.heard()
    return world


def view(world: SmallRefresh) -> BundleView:
    return view_bundle(world.watch, world.watch.bundle("main"), world.store, world.clock())


def live(world: SmallRefresh) -> bytes:
    held = world.target.held[ARNS["alb"]].bundle
    assert held is not None
    return held


def test_the_pin_of_the_only_leaf_goes_when_it_is_revoked_and_the_truststore_stays(world: SmallRefresh) -> None:
    before = live(world)
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    assert world.pinned == set()
    assert live(world) == before
    assert view(world).removal_blockers


def test_the_pin_goes_although_the_target_cannot_be_read(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()

    def refuse(operation: str, _: str) -> None:
        if operation == "read":
            raise TargetDenied("not allowed")

    world.target.before = refuse
    assert world.publish() == "target-denied"
    assert world.pinned == set()


def test_the_pins_of_others_stay(world: SmallRefresh) -> None:
    other = another()
    world.present((leaf(), (intermediate(),)), (other, (intermediate(),)))
    world.publish()
    assert world.pinned == {leaf().fingerprint, other.fingerprint}
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    assert world.pinned == {other.fingerprint}
    assert {need.certificate.fingerprint for need in view(world).wanted.needs} == {other.fingerprint}


def test_a_leaf_that_stands_under_a_revoked_ca_alone_loses_its_pin(world: SmallRefresh) -> None:
    before = live(world)
    world.list_cas(intermediate())
    world.refresh()
    world.publish()
    assert world.pinned == set()
    assert live(world) == before, "a truststore is not narrowed by itself"


def test_a_leaf_that_another_ca_certificate_vouches_for_keeps_its_pin(world: SmallRefresh) -> None:
    world.present((leaf(), (intermediate(), renewed_intermediate())))
    world.list_cas(intermediate())
    world.refresh()
    world.publish()
    assert world.pinned == {leaf().fingerprint}
    wanted = view(world).wanted.certificates
    assert renewed_intermediate().fingerprint in wanted
    assert intermediate().fingerprint not in wanted
    assert {intermediate().fingerprint, renewed_intermediate().fingerprint} <= {*blocks_of(live(world))}


def test_a_leaf_that_is_revoked_no_longer_is_pinned_again(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    world.list_leaves()
    world.refresh()
    world.publish()
    assert world.pinned == {leaf().fingerprint}


def test_without_the_file_nothing_is_revoked(world: SmallRefresh) -> None:
    assert keys.REVOKED not in world.store.versions
    assert view(world).unvouched == frozenset()


@pytest.mark.parametrize("body", [b"", b"{", b'{"format": 99}', b'{"certificates": 1}', b"\xff"])
def test_a_damaged_file_changes_no_pin_and_takes_nothing_away_and_is_told(world: SmallRefresh, body: bytes) -> None:
    other = another()
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    world.heard()
    world.store.seed(keys.REVOKED, body)
    world.present((leaf(), (intermediate(),)), (other, (intermediate(),)))
    before = live(world)
    world.clock.advance(HOUR)
    world.publish()
    assert world.pinned == set(), "neither does the revoked one come back"
    assert live(world) == before
    (alert,) = [one for one in world.heard() if one.kind == "state-forged"]
    assert keys.REVOKED in alert.what_happened


def test_a_damaged_file_does_not_keep_a_new_ca_from_the_truststore(world: SmallRefresh) -> None:
    world.store.seed(keys.REVOKED, b"{")
    renewed = certs.issue(issued("Root 0"), "CA 2", ca=True)
    fresh = certs.issue(renewed, NAME, not_before=START - DAY)
    world.present((leaf(), (intermediate(),)), (fresh, (renewed,)))
    assert world.publish() == "updated"
    assert renewed.fingerprint in blocks_of(live(world))


def test_a_dry_run_of_publish_drops_no_pin(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    world.publish(dry_run=True)
    assert world.pinned == {leaf().fingerprint}


def entry(body: dict[str, Any], world: SmallRefresh, of: Issued) -> None:
    """Put this entry for a leaf into the file, as somebody who may write there does."""
    written = {"format": 1, "certificates": {of.fingerprint: {"subject": "", "list": "", "since": SINCE} | body}}
    world.store.seed(keys.REVOKED, json.dumps(written).encode())


SINCE = "2026-01-01T00:00:00Z"


def forged_by(signer: Issued, issuer: Issued | None = None) -> Callable[[SmallRefresh], dict[str, Any]]:
    """A list that says so, signed by somebody else's CA, which stands as the issuer unless one is given."""

    def make(world: SmallRefresh) -> dict[str, Any]:
        body = listed(signer, leaf().certificate.serial_number, made=START)
        stored = world.store.put("crls/forged/list.der", body, content_type=keys.CRL_TYPE)
        return proof(issuer or signer, "crls/forged/list.der", stored.version)

    return make


def of_another(world: SmallRefresh) -> dict[str, Any]:
    """What proves that another leaf is revoked."""
    other = another()
    world.list_leaves(other)
    world.refresh()
    return proof(intermediate(), f"{world.folder()}/list.der", None, other)


def proof(issuer: Issued, key: str, version: str | None, of: Issued | None = None) -> dict[str, Any]:
    return {
        "proof": {
            "certificate": (of or leaf()).pem.decode(),
            "issuer": issuer.pem.decode(),
            "key": key,
            "version": version,
        }
    }


FORGERIES: dict[str, Callable[[SmallRefresh], dict[str, Any]]] = {
    "without a proof": lambda _: {},
    "a list of another CA": forged_by(issued("Somebody")),
    "a list of another CA of the same name": forged_by(certs.issue(issued("Root 0"), "CA 1", ca=True)),
    "a list in the name of its CA": forged_by(certs.issue(issued("Root 0"), "CA 1", ca=True), intermediate()),
    "a list that does not name it": lambda world: proof(intermediate(), f"{world.folder()}/list.der", None),
    "a list that names another": of_another,
    "a list that is not there": lambda _: proof(intermediate(), "crls/none/list.der", None),
    "an object of another folder": lambda _: proof(intermediate(), keys.pins("main"), None),
    "no list": lambda _: proof(intermediate(), keys.REVOKED, None),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_no_list_of_the_issuer_bears_out_takes_no_pin_and_is_alerted(world: SmallRefresh, name: str) -> None:
    before = live(world)
    entry(FORGERIES[name](world), world, leaf())
    world.clock.advance(HOUR)
    world.publish()
    assert (world.pinned, live(world)) == ({leaf().fingerprint}, before)
    (alert,) = [one for one in world.heard() if one.kind == "state-forged"]
    assert keys.REVOKED in alert.what_happened


def test_what_is_proved_loses_its_pin_though_somebody_forged_another_entry(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    written = json.loads(world.store.body(keys.REVOKED))
    written["certificates"]["ab" * 32] = {"subject": "", "list": "", "since": SINCE}
    world.store.seed(keys.REVOKED, json.dumps(written).encode())
    world.publish()
    assert world.pinned == set()


def test_each_list_is_read_once_a_look_however_many_it_names(world: SmallRefresh) -> None:
    other = another()
    world.present((leaf(), (intermediate(),)), (other, (intermediate(),)))
    world.list_leaves(leaf(), other)
    world.refresh()
    world.list_cas(intermediate())
    world.refresh()
    read: list[str] = []
    world.store.before = lambda operation, key: read.append(key) if operation == "get" else None
    assert view(world).unvouched == {leaf().fingerprint, other.fingerprint}
    assert len([key for key in read if key.endswith("list.der")]) == 2


def test_the_proof_is_of_the_list_in_force_whenever_that_is_replaced(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    first = json.loads(world.store.body(keys.REVOKED))["certificates"][leaf().fingerprint]
    world.clock.advance(DAY)
    world.list_leaves(leaf())
    world.refresh()
    second = json.loads(world.store.body(keys.REVOKED))["certificates"][leaf().fingerprint]
    assert second["proof"]["version"] != first["proof"]["version"]
    assert second["since"] == first["since"]
