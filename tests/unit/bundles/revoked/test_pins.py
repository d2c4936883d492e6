"""What publish makes of lists in force: pins go at once, a revoked CA vouches for nothing, no CA leaves."""

from rotation_watcher.errors import FetchCode, TargetDenied
from rotation_watcher.x509.certificates import blocks_of
from tests.support import certs, crls
from tests.support.revoked_world import another, listed_by, live, view
from tests.support.small_refresh import DAY, LEAVES, SmallRefresh, intermediate, leaf, named, renewed_intermediate
from tests.support.small_world import NAME, START


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


def test_without_a_list_nothing_is_revoked() -> None:
    world = SmallRefresh()
    world.publish()
    assert world.pinned == {leaf().fingerprint}
    assert view(world).unvouched == frozenset()
    assert world.heard()[-1].kind == "truststore-updated"


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
