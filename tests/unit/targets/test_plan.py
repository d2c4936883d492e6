"""What may come and what may leave: never short, nothing too soon, nothing of others, over random truststores."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.bundles.wanted import Need, Wanted, compose
from rotation_watcher.config import Policy, Target
from rotation_watcher.sources.history import Leaf, Status
from rotation_watcher.targets import plan
from rotation_watcher.targets.record import Applied, Pending, Record
from rotation_watcher.x509.certificates import Block, Certificate, parse_bundle, parse_text
from rotation_watcher.x509.truststore import of_blocks
from tests.support import certs

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STORE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/main/73e2d6bc24d8a067"
NUMBERS = range(6)
LONG_AGO = NOW - timedelta(days=31)
"""When the grace of what is in these records began: it is over."""


@lru_cache
def issued(number: int) -> certs.Issued:
    return certs.self_signed_ca(
        f"Root {number}", not_before=NOW - timedelta(days=9), not_after=NOW + timedelta(days=900)
    )


@lru_cache
def root(number: int) -> Certificate:
    return parse_text(issued(number).pem.decode()).certificates[0]


@lru_cache
def need(number: int) -> Need:
    leaf = certs.issue(issued(number), "leaf.example.com", not_before=NOW, not_after=NOW + timedelta(days=300))
    read = parse_text(leaf.pem.decode()).certificates[0]
    record = Leaf(facts=read.facts, chain=(), status=Status.CURRENT, since=NOW, first_seen=NOW)
    return Need("use1", "us-east-1", "Genesys", read, record, (), (root(number),), client_auth=True)


def key(number: int) -> str:
    return root(number).fingerprint


def keys(numbers: set[int]) -> set[str]:
    return {key(number) for number in numbers}


def wanted(numbers: set[int]) -> Wanted:
    return compose([need(number) for number in sorted(numbers)], {}, NOW)


def live(numbers: set[int]) -> dict[str, Block]:
    blocks, _ = parse_bundle("".join(root(number).pem for number in numbers).encode())
    return {block.fingerprint: block for block in blocks}


def record(ours: set[int], applied: set[int] | None = None, released: set[int] | None = None) -> Record:
    known = None
    if applied is not None:
        known = Applied(version="v1", sha256="", fingerprints=tuple(sorted(keys(applied))), at=NOW, proof="bytes")
    return Record(
        target="alb",
        arn=STORE,
        applied=known,
        ours=dict.fromkeys(keys(ours), NOW),
        unwanted=dict.fromkeys(keys(ours), LONG_AGO),
        released=tuple(keys(released or set())),
    )


def made(
    held: set[int],
    want: set[int] | Wanted,
    known: Record,
    *,
    on_drift: str = "heal",
    unknown: str = "keep",
    limit: int | None = None,
    may_remove: bool = True,
    moved_to: str | None = None,
) -> plan.Plan:
    target = Target(id="alb", arn=STORE, bundle="main", on_drift=on_drift, unknown=unknown, max_certificates=limit)  # type: ignore[arg-type]  # literals
    return plan.make(
        of_blocks(live(held)),
        wanted(want) if isinstance(want, set) else want,
        known,
        target,
        Policy(),
        ours={*known.ours},
        moved_to=moved_to,
        may_remove=may_remove,
        now=NOW,
    )


def test_what_is_wanted_comes_and_what_is_of_others_stays() -> None:
    result = made({5}, {0, 1}, record(set()))
    assert (set(result.added), result.removed, set(result.desired)) == (keys({0, 1}), (), keys({0, 1, 5}))


def test_only_what_the_watcher_added_may_leave() -> None:
    result = made({0, 1, 5}, {0}, record({1}))
    assert (set(result.removed), set(result.desired)) == (keys({1}), keys({0, 5}))
    assert made({0, 1, 5}, {0}, record(set())).removed == ()


def test_nothing_leaves_while_a_source_is_stale_or_a_leaf_unproven() -> None:
    assert made({0, 1}, {0}, record({1}), may_remove=False).removed == ()


def test_more_than_the_limits_waits_for_a_word_and_a_word_lets_exactly_that_pass() -> None:
    many = made({0, 1, 2, 3, 4, 5}, {0}, record({1, 2, 3}))
    assert (many.removed, set(many.held)) == ((), keys({1, 2, 3}))
    assert "3 of 6 certificates" in many.limit
    share = made({0, 1, 2}, {0}, record({1, 2}))
    assert (share.removed, set(share.held)) == ((), keys({1, 2}))
    assert set(made({0, 1, 2}, {0}, record({1, 2}, released={1, 2})).removed) == keys({1, 2})
    other = made({0, 1, 2, 3, 4, 5}, {0}, record({1, 2, 3, 4}, released={1}))
    assert (set(other.removed), set(other.held)) == (keys({1}), keys({2, 3, 4}))


def test_others_certificates_leave_only_where_the_operator_says_so() -> None:
    assert set(made({0, 1, 2, 5}, {0, 1}, record(set()), unknown="remove").removed) == keys({2, 5})


def test_a_leaf_that_retires_is_refused_by_nobody() -> None:
    retiring = msgspec.structs.replace(need(1).state, status=Status.RETIRING)
    result = made({0}, compose([need(0), msgspec.structs.replace(need(1), state=retiring)], {}, NOW), record(set()))
    assert (result.refused, result.added) == ((), (key(1),))


def test_what_an_approval_wanted_is_remembered_while_the_target_holds_it_and_nothing_else_wants_it() -> None:
    """What is wanted for another reason by now has its grace again, whatever becomes of that reason."""
    approved = dict.fromkeys(keys({0, 1, 2, 3}), ("a" * 64,))
    asked = Pending(version="v2", sha256="", fingerprints=(key(2),), ours=(), at=NOW)
    known = msgspec.structs.replace(record({0, 1, 2, 3}), approved=approved, pending=asked)
    assert {*made({0, 1}, {0}, known).graces.approved} == keys({1, 2})


def test_drift_is_what_differs_from_the_last_proof() -> None:
    result = made({1, 5}, {0, 1}, record({0, 1}, applied={0, 1}))
    assert result.drift is not None
    assert (set(result.drift.added), set(result.drift.removed)) == (keys({5}), keys({0}))
    assert set(result.added) == keys({0})
    assert [one.certificate.fingerprint for one in result.refused] == [need(0).certificate.fingerprint]
    assert made({0, 1}, {0, 1}, record({0, 1}, applied={0, 1})).drift is None


def test_drift_that_is_only_reported_is_left_alone_but_what_is_newly_wanted_comes() -> None:
    reported = made({1}, {0, 1}, record({0, 1}, applied={0, 1}), on_drift="report")
    assert (reported.added, reported.blocked_by, reported.changes) == ((), None, False)
    widened = made({1}, {0, 1, 2}, record({0, 1}, applied={0, 1}), on_drift="report")
    assert set(widened.added) == keys({2})


def test_a_bundle_of_nothing_is_never_planned() -> None:
    assert made({0}, set(), record({0})).blocked_by == "nothing-known"


def test_a_target_that_holds_more_than_it_may_is_an_obstacle_and_nothing_of_others_is_cut() -> None:
    result = made({3, 4, 5}, {0, 1}, record(set()), limit=2)
    assert (result.blocked_by, set(result.desired)) == ("too-many-certificates", keys({3, 4, 5}))
    assert {one.certificate.fingerprint for one in result.left_out} == keys({0, 1})


SETS = st.sets(st.sampled_from(NUMBERS))


@given(held=SETS, want=SETS, ours=SETS, applied=st.none() | SETS, may_remove=st.booleans(), report=st.booleans())
@settings(max_examples=150)
def test_whatever_was_there_nothing_needed_and_nothing_of_others_is_lost(
    held: set[int], want: set[int], ours: set[int], applied: set[int] | None, *, may_remove: bool, report: bool
) -> None:
    result = made(held, want, record(ours, applied), may_remove=may_remove, on_drift="report" if report else "heal")
    desired = set(result.desired)
    assert keys(held - ours) <= desired
    assert keys(held & want) <= desired
    assert set(result.removed) <= keys((held & ours) - want)
    assert desired == (keys(held) | set(result.added)) - set(result.removed)
    assert len(result.removed) <= 2
    if not report:
        assert keys(want) <= desired
        assert result.blocked_by in ({None} if want else {"nothing-known"})
