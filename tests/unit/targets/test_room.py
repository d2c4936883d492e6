"""One certificate that cannot be put in never keeps the others out (docs/decisions/0031)."""

import itertools
from collections.abc import Iterable
from datetime import timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher import keys
from rotation_watcher.bundles.wanted import Need, compose
from rotation_watcher.config import Policy, Target
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, History, Leaf, Status
from rotation_watcher.targets import plan, room
from rotation_watcher.targets.record import Record
from rotation_watcher.x509.certificates import parse_bundle
from rotation_watcher.x509.truststore import of_blocks
from tests.support import certs, presenting
from tests.support.small_world import ARNS, NAME, START, SmallWorld, certificate, issued, leaf_of, root
from tests.support.words import word
from tests.unit.targets.test_plan import NOW, STORE, key, live, need
from tests.unit.targets.test_plan import keys as roots

DAY, MINUTES = timedelta(days=1), timedelta(minutes=6)


def nameless(name: str) -> certs.Issued:
    """A root without a key identifier: of two of one name, engines take the first."""
    secret, subject = certs.ec_key(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(secret.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(certs.NOT_BEFORE).not_valid_after(certs.NOT_AFTER)
    signed = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return certs.Issued(signed.sign(secret, SHA256()), secret)


def below(issuer: certs.Issued) -> certs.Issued:
    """A leaf with the region's name, that names no key of its issuer."""
    secret = certs.ec_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.certificate.subject)
    builder = builder.public_key(secret.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(START - 2 * DAY).not_valid_after(certs.NOT_AFTER)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    return certs.Issued(builder.sign(issuer.key, SHA256()), secret)


def shown(world: SmallWorld, pairs: Iterable[tuple[certs.Issued, certs.Issued, Status]]) -> None:
    """The source shows these leaves, each under its root, and the operator trusts the roots."""
    leaves, anchors = {}, ""
    for anchor, leaf, status in pairs:
        above, read = certificate(anchor), certificate(leaf)
        retiring = START + 30 * DAY if status is Status.RETIRING else None
        leaves[read.fingerprint] = Leaf(
            facts=read.facts,
            chain=(above.fingerprint,),
            status=status,
            since=START,
            first_seen=START,
            retire_after=retiring,
        )
        for one in (above, read):
            world.store.seed(keys.seen("use1", one.fingerprint), one.pem.encode())
        anchors += above.pem
    world.store.seed("anchors/us-east-1.pem", anchors.encode())
    state = History(
        source="use1",
        region="us-east-1",
        fresh_at=world.clock(),
        authorities={"Genesys": AuthorityHistory(leaves=leaves)},
    )
    world.store.seed(keys.history("use1"), history.encode(state))


def holds(world: SmallWorld, *pems: bytes) -> None:
    """Others hold these in the trust store, in this order."""
    world.adapter("alb").held[ARNS["alb"]].bundle = b"".join(pems)


def run(world: SmallWorld, times: int = 1) -> str:
    """Runs at the trust store; the last outcome."""
    outcome = ""
    for _ in range(times):
        world.clock.advance(MINUTES)
        outcome = world.publish(targets=["alb"]).targets["alb"].outcome
    return outcome


def told(world: SmallWorld) -> list[tuple[str, str]]:
    return [(word(one), one.severity.value) for one in world.sink.delivered]


def others(number: int) -> list[bytes]:
    return [issued(f"Other {one}").pem for one in range(number)]


def test_a_leaf_that_a_ca_of_others_shadows_keeps_no_other_leaf_out_and_is_critical_once() -> None:
    world = SmallWorld()
    one, other, shadow = nameless("Region A"), nameless("Region B"), nameless("Region A")
    holds(world, shadow.pem)
    shown(world, [(one, below(one), Status.CURRENT), (other, below(other), Status.CURRENT)])
    assert run(world) == "updated"
    assert other.fingerprint in world.live("alb")
    assert run(world, 3) == "unchanged"
    assert told(world) == [("truststore-update-failed", "critical"), ("truststore-updated", "info")]
    assert "is refused all the same" in world.sink.delivered[0].what_happened
    assert world.publish(targets=["alb"], dry_run=True).targets["alb"].refused


def test_as_soon_as_the_shadow_is_gone_the_leaf_is_let_in_with_nothing_to_do() -> None:
    world = SmallWorld()
    one, shadow = nameless("Region A"), nameless("Region A")
    holds(world, shadow.pem)
    shown(world, [(one, below(one), Status.CURRENT)])
    run(world)
    held = world.adapter("alb").held[ARNS["alb"]]
    held.bundle = (held.bundle or b"").replace(shadow.pem, b"")
    run(world)
    assert world.publish(targets=["alb"], dry_run=True).targets["alb"].refused == []


@pytest.mark.parametrize("presented", [0, 1])
def test_of_two_roots_that_exclude_each_other_the_presented_leaf_gets_in(presented: int) -> None:
    world = SmallWorld()
    anchors = [nameless("Region"), nameless("Region")]
    leaves = [below(anchor) for anchor in anchors]
    statuses = [Status.UPCOMING, Status.UPCOMING]
    statuses[presented] = Status.CURRENT
    shown(world, zip(anchors, leaves, statuses, strict=True))
    assert run(world) == "updated"
    refused = world.publish(targets=["alb"], dry_run=True).targets["alb"].refused
    assert refused == [leaves[1 - presented].fingerprint[:16]]


def test_extras_that_do_not_fit_keep_no_needed_root_out() -> None:
    world = SmallWorld()
    holds(world, *others(20))
    for number in range(6):
        world.widen(f"Extra {number}")
    assert run(world) == "updated"
    assert root("Root 0") in world.live("alb")
    assert len(world.live("alb")) == 25
    assert {issued(f"Other {one}").fingerprint for one in range(20)} <= world.live("alb")
    assert ("left-out", "warning") in told(world)
    assert run(world, 3) == "unchanged"
    assert [kind for kind, _ in told(world)].count("left-out") == 1


def test_what_is_left_out_though_a_leaf_needs_it_is_critical_and_nothing_of_others_is_removed() -> None:
    world = SmallWorld()
    holds(world, *others(25))
    assert run(world, 3) == "unchanged"
    assert ("left-out", "critical") in told(world)
    (alert,) = [one for one in world.sink.delivered if word(one) == "left-out"]
    assert "quota" in alert.what_to_do
    assert world.live("alb") == {issued(f"Other {one}").fingerprint for one in range(25)}


@pytest.mark.parametrize("free", [1, 2, 3, 4])
@pytest.mark.parametrize("names", [*itertools.permutations("CUR")])
def test_presented_leaves_come_first_then_announced_ones_then_those_in_their_grace_then_files(
    names: tuple[str, ...], free: int
) -> None:
    world = SmallWorld()
    holds(world, *others(25 - free))
    statuses = (Status.CURRENT, Status.UPCOMING, Status.RETIRING)
    pairs = [(issued(name), leaf_of(name), status) for name, status in zip(names, statuses, strict=True)]
    shown(world, sorted(pairs, key=lambda pair: pair[1].fingerprint))
    world.widen("E")
    assert run(world) == "updated"
    assert [name for name in (*names, "E") if root(name) in world.live("alb")] == [*names, "E"][:free]


def test_a_leaf_that_needs_more_than_there_is_room_for_takes_no_other_leafs_place() -> None:
    for _ in range(4):  # whichever comes first by its fingerprint
        anchor, plain_anchor = presenting.root("Deep"), presenting.root("Plain")
        between = presenting.intermediate("Between", anchor)
        deep, plain = presenting.leaf(between).read, presenting.leaf(plain_anchor).read
        record = Leaf(facts=deep.facts, chain=(), status=Status.CURRENT, since=START, first_seen=START)
        one = Need("use1", "us-east-1", "Genesys", deep, record, (between.read,), (anchor.read,), client_auth=True)
        state = msgspec.structs.replace(record, facts=plain.facts)
        other = msgspec.structs.replace(one, certificate=plain, state=state, chain=(), anchors=(plain_anchor.read,))
        wanted = compose([one, other], {}, START)
        assert {*room.fitting({}, wanted.certificates, wanted, 1, START)} == {plain_anchor.read.fingerprint}
        assert len(room.fitting({}, wanted.certificates, wanted, 2, START)) == 2


NUMBERS = st.sets(st.sampled_from(range(6)))


@given(
    held=NUMBERS, current=NUMBERS, files=NUMBERS, ours=NUMBERS, over=NUMBERS, proved=NUMBERS, limit=st.integers(1, 7)
)
@settings(max_examples=150)
def test_however_little_room_there_is_nobody_is_shut_out_and_as_many_leaves_as_fit_get_in(
    held: set[int], current: set[int], files: set[int], ours: set[int], over: set[int], proved: set[int], limit: int
) -> None:
    needed = [need(number) for number in sorted(current)]
    extra = {"extra/files.pem": [blocks.certificate for blocks in live(files).values() if blocks.certificate]}
    known = Record(
        target="alb",
        arn=STORE,
        ours=dict.fromkeys(roots(ours), NOW),
        unwanted=dict.fromkeys(roots(over), NOW - 31 * DAY),
    )
    made = plan.make(
        of_blocks(live(held)),
        compose(needed, extra, NOW),
        known,
        Target(id="alb", arn=STORE, bundle="main", max_certificates=limit),
        Policy(),
        ours=roots(ours & proved),
        moved_to=None,
        may_remove=True,
        now=NOW,
    )
    desired = {*made.desired}
    assert {block.fingerprint for block in parse_bundle(made.body)[0]} == desired
    assert roots(held - (ours & proved)) | roots(held & current) | roots(held - over) <= desired
    assert len(desired) <= max(limit, len(held))
    out = {one.certificate.fingerprint for one in made.left_out}
    assert out == roots(current | files) - desired
    lacking = roots(current) - desired
    assert not lacking or len(desired) >= limit
    assert not lacking or not set(made.added) - roots(current), "a file's certificate took a leaf's place"
    assert {need_.certificate.fingerprint for one in made.left_out for need_ in one.needing} == {
        need(number).certificate.fingerprint for number in current if key(number) in lacking
    }
    if needed and made.blocked_by is None:
        assert made.changes == bool(made.added or made.removed)
