"""What publish makes of lists in force: pins go at once, a revoked CA vouches for nothing, no CA leaves."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from rotation_watcher import formats, keys
from rotation_watcher.bundles.revoked import decode
from rotation_watcher.bundles.view import view_bundle
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.errors import FetchCode, TargetDenied
from rotation_watcher.revocation.fetch import MOST
from rotation_watcher.revocation.kept import DER, INDEX, MANIFEST
from rotation_watcher.x509.certificates import blocks_of
from rotation_watcher.x509.crl import Crl, read
from rotation_watcher.x509.distribution_points import distribution_points
from rotation_watcher.x509.revocation_index import build_index
from tests.support import certs, crls
from tests.support.certs import Issued
from tests.support.pki import Extra, Pair
from tests.support.small_refresh import DAY, HOUR, LEAVES, SmallRefresh, intermediate, leaf, named, renewed_intermediate
from tests.support.small_world import ARNS, NAME, START, certificate, issued
from tests.support.words import word


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


def test_a_leaf_whose_every_ca_certificate_is_revoked_loses_its_pin_at_once(world: SmallRefresh) -> None:
    world.present((leaf(), (intermediate(), renewed_intermediate())))
    world.list_cas(intermediate(), renewed_intermediate())
    world.refresh()
    world.publish()
    assert world.pinned == set()


def test_a_leaf_that_is_revoked_no_longer_is_pinned_again(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    world.list_leaves()
    world.refresh()
    world.publish()
    assert world.pinned == {leaf().fingerprint}


def test_a_dry_run_of_publish_drops_no_pin(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    world.publish(dry_run=True)
    assert world.pinned == {leaf().fingerprint}


def damage(world: SmallRefresh, name: str, how: str, url: str = LEAVES) -> None:
    """Delete an object of the leaves' list, in every version, or write something else over it."""
    key = f"{world.folder(url)}/{name}"
    if how == "deleted":
        del world.store.versions[key]
    else:
        world.store.versions[key] = [replace(world.store.versions[key][-1], body=b"{")]


def forge_manifest(world: SmallRefresh, **parts: str) -> None:
    """Let the manifest name other versions of its parts, with the digests that fit them."""
    key = f"{world.folder()}/{MANIFEST}"
    document = json.loads(world.store.body(key))
    for name, version in parts.items():
        stored = world.store.get(f"{world.folder()}/{FILES[name]}", version=version)
        assert stored
        document[name] = {
            "version": version,
            "sha256": hashlib.sha256(stored.body).hexdigest(),
            "size": len(stored.body),
        }
    world.store.seed(key, json.dumps(document).encode())


FILES = {"der": DER, "index": INDEX}


@pytest.fixture
def struck(world: SmallRefresh) -> SmallRefresh:
    """The leaf is revoked, and its pin is gone."""
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    assert world.pinned == set()
    world.heard()
    return world


def test_without_a_list_nothing_is_revoked() -> None:
    world = SmallRefresh()
    world.publish()
    assert world.pinned == {leaf().fingerprint}
    assert view(world).unvouched == frozenset()
    assert world.heard()[-1].kind == "truststore-updated"


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


def listed_by(*serials: int, by: Issued | None = None, made: datetime = START, extra: Sequence[Extra] = ()) -> Crl:
    """A list of the intermediate, or of another CA."""
    pair = Pair((by or intermediate()).certificate, (by or intermediate()).key)
    found = read(crls.crl_der(pair, serials, number=9, this_update=made, next_update=made + DAY, extra=extra))
    assert isinstance(found, Crl)
    return found


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


def test_a_list_that_ran_out_still_revokes(struck: SmallRefresh) -> None:
    struck.clock.advance(90 * DAY)
    struck.publish()
    assert struck.pinned == set()


def test_a_revoked_leaf_that_comes_back_is_not_pinned_before_the_next_run_of_refresh_crls(struck: SmallRefresh) -> None:
    other = another()
    struck.present((other, (intermediate(),)))
    struck.refresh()
    struck.publish()
    struck.present((leaf(), (intermediate(),)), (other, (intermediate(),)))
    struck.publish()
    assert struck.pinned == {other.fingerprint}


def test_a_new_leaf_that_the_list_in_force_names_already_is_never_pinned(world: SmallRefresh) -> None:
    late = certs.issue(intermediate(), NAME, not_before=START - DAY, extensions=[named(LEAVES)])
    world.list_leaves(late)
    world.refresh()
    world.present((leaf(), (intermediate(),)), (late, (intermediate(),)))
    world.publish()
    assert world.pinned == {leaf().fingerprint}


def test_a_list_of_one_place_says_nothing_of_a_leaf_that_does_not_name_it() -> None:
    first, second = "http://crl.example.com/a.crl", "http://crl.example.com/b.crl"
    one = certs.issue(intermediate(), NAME, not_before=START - 3 * DAY, extensions=[named(first)])
    both = certs.issue(intermediate(), NAME, not_before=START - 2 * DAY, extensions=[named(first, second)])
    world = SmallRefresh()
    world.present((one, (intermediate(),)), (both, (intermediate(),)))
    world.list_leaves(one, url=first)
    world.refresh()
    world.publish()
    assert world.pinned == {both.fingerprint}
    world.points.fail(first, FetchCode.TIMED_OUT)
    of_second = listed_by(made=world.clock(), extra=[crls.issuing_point(second)])
    world.points.publish(second, of_second.der, etag='"b"')
    world.refresh()
    world.publish()
    assert world.pinned == {both.fingerprint}


def test_each_list_is_read_once_a_look_however_many_it_names(world: SmallRefresh) -> None:
    other = another_of_the_list()
    world.present((leaf(), (intermediate(),)), (other, (intermediate(),)))
    world.list_leaves(leaf(), other)
    world.refresh()
    world.publish()
    read_keys: list[str] = []
    world.store.before = lambda operation, key: read_keys.append(key) if operation == "get" else None
    assert view(world).unvouched == {leaf().fingerprint, other.fingerprint}
    assert len([key for key in read_keys if key.endswith(DER)]) == 1


def test_a_quiet_look_reads_no_list(world: SmallRefresh) -> None:
    read_keys: list[str] = []
    world.store.before = lambda operation, key: read_keys.append(key) if operation == "get" else None
    view(world)
    assert [key for key in read_keys if key.endswith(INDEX)]
    assert [key for key in read_keys if key.endswith(DER)] == []


def another_of_the_list() -> Issued:
    """One more leaf under the same CA, on the same list."""
    return certs.issue(intermediate(), NAME, not_before=START - DAY, extensions=[named(LEAVES)])


def many(count: int) -> list[Issued]:
    """Leaves that each name a list of their own, as the lists are asked for: by fingerprint."""
    urls = [f"http://crl.example.com/{n}.crl" for n in range(count)]
    made = [certs.issue(intermediate(), NAME, not_before=START - 2 * DAY, extensions=[named(url)]) for url in urls]
    return sorted(made, key=lambda one: one.fingerprint)


def url_of(one: Issued) -> str:
    return distribution_points(certificate(one)).urls[0]


def test_beyond_the_bound_a_new_list_is_left_out_aloud_and_none_that_is_kept_or_has_decided() -> None:
    found = many(MOST + 2)
    first, last = found[:3], found[3:]
    world = SmallRefresh()
    for one in found:
        world.list_leaves(url=url_of(one))
    world.list_leaves(last[-1], url=url_of(last[-1]))
    world.present(*((one, (intermediate(),)) for one in last))
    world.refresh()
    world.publish()
    wanted = {one.fingerprint for one in last[:-1]}
    assert world.pinned == wanted
    world.heard()
    world.present(*((one, (intermediate(),)) for one in found))
    world.publish()
    assert world.pinned == wanted | {one.fingerprint for one in first}
    damage(world, MANIFEST, "deleted", url_of(last[-1]))
    world.refresh()
    left = [one for one in world.heard() if one.facts.get("reason") == "too-many-lists"]
    assert {one.facts["list"] for one in left} == {url_of(one) for one in first}
    assert {word(one) for one in left} == {"crl-stale"}
    world.publish()
    assert world.pinned == wanted | {one.fingerprint for one in first}
    world.refresh()
    assert world.heard() == []


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


def test_a_pinned_leaf_that_no_list_can_be_held_against_is_alerted(world: SmallRefresh) -> None:
    lose(world, intermediate())
    del world.store.versions[keys.wanted("main")]
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


def test_beyond_the_bound_a_list_that_is_kept_is_asked_for_though_no_bundle_remembers_it() -> None:
    found = many(MOST + 2)
    world = SmallRefresh()
    for one in found:
        world.list_leaves(url=url_of(one))
    world.present((found[-1], (intermediate(),)))
    world.refresh()
    world.list_leaves(found[-1], url=url_of(found[-1]))
    world.present(*((one, (intermediate(),)) for one in found))
    world.refresh()
    assert world.revoked == {found[-1].fingerprint}
