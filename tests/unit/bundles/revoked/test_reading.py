"""How many lists are read and asked for."""

from rotation_watcher.revocation.fetch import MOST
from rotation_watcher.revocation.kept import DER, INDEX, MANIFEST
from rotation_watcher.x509.distribution_points import distribution_points
from tests.support import certs
from tests.support.certs import Issued
from tests.support.revoked_world import damage, view
from tests.support.small_refresh import DAY, LEAVES, SmallRefresh, intermediate, leaf, named
from tests.support.small_world import NAME, START, certificate
from tests.support.words import word


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
