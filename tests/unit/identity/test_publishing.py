"""``identity.json`` follows the pins, holds what a door needs, and trusts no file that lies in the bucket."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from rotation_watcher import config, formats, keys
from rotation_watcher.bundles import pins
from rotation_watcher.errors import TargetDenied
from rotation_watcher.identity import publishing
from rotation_watcher.identity.decision import decide
from rotation_watcher.identity.policy import Policy, read_policy
from rotation_watcher.identity.publishing import Identity
from rotation_watcher.sources import history
from rotation_watcher.sources.history import Status
from rotation_watcher.x509.certificates import blocks_of
from tests.support import certs, presenting
from tests.support.certs import Issued
from tests.support.small_refresh import DAY, LEAVES, SmallRefresh, intermediate, leaf, named
from tests.support.small_world import NAME, START, issued
from tests.unit.test_withdrawn import Approving

replace = msgspec.structs.replace


@pytest.fixture
def world() -> SmallRefresh:
    world = SmallRefresh()
    world.refresh()
    world.publish()
    return world


def written(world: SmallRefresh) -> Identity:
    return publishing.decode(world.store.body(keys.identity("main")))


def policy(world: SmallRefresh) -> Policy:
    return read_policy(world.store.body(keys.identity("main")))


def another() -> Issued:
    return certs.issue(intermediate(), NAME, not_before=START - DAY, extensions=[named(LEAVES)])


def reason(world: SmallRefresh, one: Issued) -> str:
    return decide(one.pem.decode(), policy(world), world.clock()).reason


def test_a_door_reads_what_publish_writes(world: SmallRefresh) -> None:
    assert reason(world, leaf()) == "pinned"
    assert reason(world, another()) == "issued"
    assert reason(world, certs.issue(intermediate(), "other.example.com")) == "wrong-name"
    assert reason(world, certs.issue(certs.self_signed_ca("Root 0"), NAME)) == "wrong-issuer"


def test_the_rule_names_the_operators_root_and_the_ca_above_the_leaf(world: SmallRefresh) -> None:
    (rule,) = written(world).rules
    assert (rule.mode, rule.unknown, rule.names) == ("issued", "strict", (NAME,))
    assert {one.sha256 for one in rule.issuers} == {issued("Root 0").fingerprint, intermediate().fingerprint}


@pytest.mark.parametrize("constrained", ["root", "upper", "lower", None])
def test_a_leaf_must_keep_to_the_name_constraints_of_every_ca_above_it(constrained: str | None) -> None:
    fence = x509.NameConstraints([x509.DNSName("mypurecloud.com")], None), True

    def fenced(which: str) -> list[tuple[x509.ExtensionType, bool]]:
        return [fence] if which == constrained else []

    root = certs.self_signed_ca("Root 0", extensions=fenced("root"))
    upper = certs.issue(root, "Upper", ca=True, extensions=fenced("upper"))
    lower = certs.issue(upper, "Lower", ca=True, extensions=fenced("lower"))
    world = SmallRefresh()
    world.store.seed("anchors/us-east-1.pem", root.pem)
    world.present((certs.issue(lower, NAME, not_before=START - DAY), (lower, upper, root)))
    world.publish()
    (rule,) = written(world).rules
    assert {one.sha256 for one in rule.issuers} == {lower.fingerprint, root.fingerprint}
    assert {one.sha256 for one in rule.above} == ({upper.fingerprint} if constrained in {"root", "upper"} else set())
    assert reason(world, certs.issue(lower, NAME)) == "issued"
    names = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.DNSName("bank.example.com")])
    eku = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    beyond = certs.issue(lower, NAME, eku=None, extensions=[(names, False), (eku, False)])
    assert reason(world, beyond) == ("chain-untrusted" if constrained else "issued")
    assert reason(world, certs.issue(upper, NAME)) == "wrong-issuer", "who stands higher vouches for no leaf by itself"


def test_the_lists_are_those_that_refresh_crls_keeps(world: SmallRefresh) -> None:
    folders = {one.folder for one in written(world).lists}
    assert folders == {world.folder(LEAVES)}
    assert all(f"{folder}/manifest.json" in world.store.list("crls/") for folder in folders)


def test_it_holds_the_pins_and_nothing_private(world: SmallRefresh) -> None:
    assert {pin.sha256 for pin in written(world).pins} == world.pinned == {leaf().fingerprint}
    assert b"PRIVATE" not in world.store.body(keys.identity("main"))
    assert {*blocks_of(world.store.body(keys.identity("main")))} == set()  # PEM within JSON: no block of a file


def test_a_quiet_run_writes_nothing(world: SmallRefresh) -> None:
    before = len(world.store.writes)
    world.publish()
    assert keys.identity("main") not in world.store.writes[before:]


def test_it_widens_before_the_target_changes(world: SmallRefresh) -> None:
    new = certs.issue(issued("Root 0"), NAME, not_before=START - DAY)
    world.store.seed("anchors/us-east-1.pem", issued("Root 0").pem + issued("Root 1").pem)
    world.present((leaf(), (intermediate(),)), (new, ()))
    seen: list[str] = []
    inner = world.target.before

    def look(operation: str, arn: str) -> None:
        if operation == "update":
            seen.append(reason(world, new))
        inner(operation, arn)

    world.target.before = look
    assert world.publish() == "updated"
    assert seen == ["pinned"]


def test_a_revoked_leaf_leaves_it_at_once_although_the_target_cannot_be_read(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()

    def refuse(_operation: str, _arn: str) -> None:
        raise TargetDenied("no")

    world.target.before = refuse
    world.publish()
    assert written(world).pins == ()
    assert written(world).revoked == (leaf().fingerprint,)
    assert reason(world, leaf()) == "revoked", "no list is asked"


def test_a_death_between_pins_and_identity_heals_in_the_next_run(world: SmallRefresh) -> None:
    held = written(world)
    world.store.seed(keys.identity("main"), formats.encode(replace(held, pins=())))
    world.publish()
    assert written(world) == held


@pytest.mark.parametrize(
    "forge",
    [
        lambda held: replace(held, rules=(replace(held.rules[0], names=("evil.example.com",)),)),
        lambda held: replace(held, rules=(*held.rules, replace(held.rules[0], source="evil"))),
        lambda held: replace(held, pins=(*held.pins, replace(held.pins[0], sha256="ab" * 32))),
        lambda held: replace(held, lists=()),
    ],
    ids=["names", "rules", "pins", "lists"],
)
def test_what_somebody_else_wrote_there_is_written_over(
    world: SmallRefresh, forge: Callable[[Identity], Identity]
) -> None:
    held = written(world)
    world.store.seed(keys.identity("main"), formats.encode(forge(held)))
    world.publish()
    assert written(world) == held


def test_a_pin_that_no_certificate_bears_out_lets_nobody_in(world: SmallRefresh) -> None:
    held = pins.decode(world.store.body(keys.pins("main")))
    forged = replace(held.pins[0], certificate=replace(held.pins[0].certificate, fingerprint="ab" * 32))
    world.store.seed(keys.pins("main"), formats.encode(replace(held, pins=(*held.pins, forged))))

    def refuse(_operation: str, _arn: str) -> None:
        raise TargetDenied("no")

    world.target.before = refuse  # publish gets no further than to the bundle's files
    world.publish()
    assert {pin.sha256 for pin in written(world).pins} == {leaf().fingerprint}


def test_while_no_leaf_is_proved_the_rule_stays_but_for_a_revoked_ca(world: SmallRefresh) -> None:
    before = written(world).rules
    world.store.seed("anchors/us-east-1.pem", issued("Root 1").pem)  # overwritten by mistake
    world.publish()
    (rule,) = written(world).rules
    here = {intermediate().fingerprint, issued("Root 1").fingerprint}
    assert {one.sha256 for one in rule.issuers} == here, "the roots are those that the operator has now"
    assert replace(rule, issuers=before[0].issuers) == before[0]
    world.store.seed("anchors/us-east-1.pem", b"")
    world.publish()
    assert written(world).rules == (rule,), "a file without a root says nothing of any"
    world.store.seed("anchors/us-east-1.pem", issued("Root 0").pem)
    world.list_cas(intermediate())
    world.refresh()
    world.publish()
    assert {one.sha256 for one in written(world).rules[0].issuers} == {issued("Root 0").fingerprint}


def test_an_approved_leaf_is_pinned_and_its_root_vouches_for_no_other() -> None:
    world = Approving(genuine_before=True)
    world.look(1)
    world.publish()
    held = read_policy(world.store.body(keys.identity("main")))
    again = presenting.leaf(world.rogue)
    answers = [decide(one.pem, held, world.clock()).reason for one in (world.approved, again)]
    assert answers == ["pinned", "wrong-issuer"]


def test_the_watch_file_can_ask_for_pins_and_for_names() -> None:
    bundle = config.Bundle(id="main", sources=("use1",), identity="pinned", unknown_leaf="name")
    world = SmallRefresh()
    watch = replace(world.watch, bundles=(bundle,))
    world.__class__ = type("Asked", (SmallRefresh,), {"watch": property(lambda _: watch)})
    world.publish()
    found = decide(another().pem.decode(), policy(world), world.clock())
    assert (found.allowed, found.reason, found.wake) == (True, "unknown-leaf", "use1")


def test_a_retiring_leaf_is_let_in_until_its_grace_is_over(world: SmallRefresh) -> None:
    world.present((leaf(), (intermediate(),)), (another(), (intermediate(),)))
    state = history.decode(world.store.body(keys.history("use1")))
    known = dict(state.authorities["Genesys"].leaves)
    end = world.clock() + 20 * DAY
    known[leaf().fingerprint] = replace(known[leaf().fingerprint], status=Status.RETIRING, retire_after=end)
    authorities = {"Genesys": replace(state.authorities["Genesys"], leaves=known)}
    world.store.seed(keys.history("use1"), history.encode(replace(state, authorities=authorities)))
    world.publish()
    until = next(pin.until for pin in written(world).pins if pin.sha256 == leaf().fingerprint)
    assert until is not None
    pinned_only = policy(world)._replace(rules=())
    assert decide(leaf().pem.decode(), pinned_only, until - timedelta(seconds=1)).reason == "pinned"
    assert decide(leaf().pem.decode(), pinned_only, until).reason == "expired-pin"


def test_a_list_of_a_leaf_that_nothing_shows_any_more_is_still_asked(world: SmallRefresh) -> None:
    new = certs.issue(intermediate(), NAME, not_before=START - DAY, extensions=[named("http://crl.example.com/2.crl")])
    former = {one.folder for one in written(world).lists}
    world.list_leaves(leaf())
    world.refresh()
    world.present((new, (intermediate(),)))
    for _ in range(2):
        world.refresh()
        world.publish()
    assert former < {one.folder for one in written(world).lists}
    held = policy(world)
    listed = {folder for folders in held.lists.values() for folder in folders}
    assert former < listed


def test_what_the_watch_file_says_counts_for_former_rules_too(world: SmallRefresh) -> None:
    world.store.seed("anchors/us-east-1.pem", issued("Root 1").pem)
    bundle = config.Bundle(id="main", sources=("use1",), identity="pinned", unknown_leaf="name")
    watch = replace(world.watch, bundles=(bundle,))
    world.__class__ = type("Asked", (SmallRefresh,), {"watch": property(lambda _: watch)})
    world.publish()
    (rule,) = written(world).rules
    assert (rule.mode, rule.unknown) == ("pinned", "name")
