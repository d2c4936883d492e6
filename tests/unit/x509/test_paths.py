"""Path validation, with ``openssl verify -purpose sslclient -attime`` as the second judge.

The cases, and the whole list of what we refuse and OpenSSL accepts, are in ``tests/support/path_cases.py``. The other
way round there may be nothing: a leaf that we accept and a target refuses is what must not happen.
"""

import re
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.x509 import engine_rules, paths
from rotation_watcher.x509.certificates import Certificate
from rotation_watcher.x509.names import Name, canonical_of
from rotation_watcher.x509.paths import NoPath, Path, find_path, roots
from tests.support import openssl
from tests.support.path_cases import ACCEPTED, REFUSED, ROOT, STRICTER, Case, under
from tests.support.pki import ANY, DAY, NOW, SERVER, ec_key, intermediate, leaf, make, name, root, usage
from tests.support.processor import within


def judge(case: Case, *, client_auth: bool = True) -> Path | NoPath:
    presented, between, anchors = case
    return find_path(presented, intermediates=between, anchors=anchors, at=NOW, client_auth=client_auth)


def openssl_accepts(case: Case) -> bool:
    presented, between, anchors = case
    return openssl.accepts(presented, intermediates=between, anchors=anchors, at=NOW)


def refusal(case: Case) -> str:
    answer = judge(case)
    assert isinstance(answer, NoPath)
    return answer.detail


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_good_chain_is_a_path_from_leaf_to_root_and_openssl_agrees(case: str) -> None:
    made = presented, between, anchors = ACCEPTED[case]()
    path = judge(made)
    assert isinstance(path, Path), path
    expected = [presented, *reversed([one for one in between if one not in anchors]), *anchors]
    assert list(path.chain) == expected
    assert openssl_accepts(made)


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_chain_is_no_path_and_openssl_agrees(case: str) -> None:
    made = REFUSED[case]()
    detail = refusal(made)
    assert 5 < len(detail) <= 250
    assert "\n" not in detail
    assert not openssl_accepts(made)


@pytest.mark.parametrize("case", STRICTER)
def test_where_we_are_stricter_than_openssl_it_is_on_the_list(case: str) -> None:
    made = STRICTER[case]()
    assert refusal(made)
    assert openssl_accepts(made)


# --- what is asked of the parts


def test_a_leaf_that_an_operator_approved_need_not_be_made_for_clients() -> None:
    for_servers = intermediate("Servers", ROOT, eku=SERVER)
    mute = usage(signs_certificates=False)
    for case in (under(ROOT, eku=ANY), under(ROOT, for_servers), under(root("Any", eku=ANY), eku=SERVER)):
        assert isinstance(judge(case), NoPath)
        assert isinstance(judge(case, client_auth=False), Path)
    assert isinstance(judge(under(root("Mute", key_usage=mute)), client_auth=False), NoPath)


def test_only_self_signed_ca_certificates_are_anchors() -> None:
    issuing = intermediate("Issuing", ROOT)
    own_leaf = make("Own", names=["own.example"])
    false_root = make("False", ROOT, ca=True, issuer_name=name("False"))
    all_of_them = [pair.read for pair in (issuing, own_leaf, false_root, leaf(ROOT), ROOT)]
    assert roots(all_of_them) == (ROOT.read,)
    case: Case = leaf(issuing).read, [], [issuing.read]
    assert refusal(case) == "there is no self-signed anchor"
    assert isinstance(judge((leaf(own_leaf).read, [], [own_leaf.read, ROOT.read])), NoPath)


def test_validity_is_judged_at_the_given_moment_and_both_ends_count() -> None:
    presented = leaf(ROOT, start=NOW, end=NOW + DAY).read
    moments = [NOW - DAY / 86400, NOW, NOW + DAY, NOW + DAY + DAY / 86400]
    found = [find_path(presented, intermediates=[], anchors=[ROOT.read], at=moment) for moment in moments]
    assert [isinstance(path, Path) for path in found] == [False, True, True, False]


# --- which of several paths


def test_the_shortest_path_is_taken_then_the_one_that_stays_valid_longest() -> None:
    key = ec_key()
    old_root = root("Old root")
    lasting = intermediate("Issuing", ROOT, key=key, end=NOW + 900 * DAY)
    brief = lasting
    while brief.read.fingerprint >= lasting.read.fingerprint:  # so that only its end can put it behind
        brief = intermediate("Issuing", ROOT, key=key, end=NOW + 90 * DAY)
    gone = intermediate("Issuing", ROOT, key=key, end=NOW - DAY)
    detour = intermediate("Issuing", intermediate("Upper", old_root), key=key, end=NOW + 9000 * DAY)
    presented = leaf(lasting).read
    between = [pair.read for pair in (detour, gone, brief, lasting)]
    path = find_path(presented, intermediates=between, anchors=[old_root.read, ROOT.read], at=NOW)
    assert path == Path((presented, lasting.read, ROOT.read))


def test_a_cross_signed_root_leads_to_whichever_anchor_is_trusted() -> None:
    old, new = root("Old"), root("New")
    crossed = intermediate("New", old, key=new.key)
    issuing = intermediate("Issuing", new)
    presented, between = leaf(issuing).read, [issuing.read, crossed.read, new.read]
    to_new = find_path(presented, intermediates=between, anchors=[new.read], at=NOW)
    to_old = find_path(presented, intermediates=between, anchors=[old.read], at=NOW)
    assert to_new == Path((presented, issuing.read, new.read))
    assert to_old == Path((presented, issuing.read, crossed.read, old.read))


def test_a_detour_is_found_where_the_direct_chain_is_refused() -> None:
    key = ec_key()
    expired = intermediate("Issuing", ROOT, key=key, end=NOW - DAY)
    upper = intermediate("Upper", ROOT)
    longer = intermediate("Issuing", upper, key=key)
    presented = leaf(longer).read
    between = [expired.read, upper.read, longer.read]
    assert find_path(presented, intermediates=between, anchors=[ROOT.read], at=NOW) == Path(
        (presented, longer.read, upper.read, ROOT.read)
    )


KEY = ec_key()
TWINS = [intermediate("Issuing", ROOT, key=KEY).read for _ in range(12)]
STRANGERS = [pair.read for pair in (root("Stranger"), intermediate("Issuing", root("Stranger")), leaf(ROOT))]
UNDER_TWINS = leaf(intermediate("Issuing", ROOT, key=KEY)).read


@settings(max_examples=40, database=None)
@given(order=st.permutations([*TWINS, *TWINS[:3], *STRANGERS, ROOT.read]))
def test_the_order_and_number_of_what_is_presented_never_changes_the_path(order: list[Certificate]) -> None:
    path = find_path(UNDER_TWINS, intermediates=order, anchors=[ROOT.read, STRANGERS[0]], at=NOW)
    best = min(TWINS, key=lambda one: one.fingerprint)
    assert path == Path((UNDER_TWINS, best, ROOT.read))


# --- hostile numbers


def swarm(curve: ec.EllipticCurve) -> tuple[Certificate, list[Certificate], Certificate]:
    """A leaf under two names of one key that certify each other a hundredfold; and the swarm's own expired root."""
    key = ec_key(curve)
    one, two = make(name("One"), key=key, ca=True), make(name("Two"), key=key, ca=True)
    crowd = [make(name("One"), two, key=key, ca=True) for _ in range(50)]
    crowd += [make(name("Two"), one, key=key, ca=True) for _ in range(50)]
    expired = make(name("One"), key=key, ca=True, end=NOW - DAY)
    return leaf(one).read, [pair.read for pair in crowd], expired.read


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP521R1()])
def test_a_hundred_certificates_that_certify_each_other_in_circles_cost_less_than_a_second(
    curve: ec.EllipticCurve,
) -> None:
    presented, crowd, expired = swarm(curve)
    for anchor, said in ((ROOT.read, "no chain"), (expired, "not valid")):
        with within(1):
            path = find_path(presented, intermediates=crowd, anchors=[anchor], at=NOW)
        assert isinstance(path, NoPath)
        assert said in path.detail


def test_many_keys_below_many_twins_cost_less_than_a_second() -> None:
    key = ec_key(ec.SECP521R1())
    upper = make(name("Upper"), key=ec_key(ec.SECP521R1()), ca=True)
    twins = [make(name("Twin"), upper, key=key, ca=True, aki=False).read for _ in range(50)]
    false = [intermediate("Upper", ROOT, key=ec_key(ec.SECP521R1()), aki=False).read for _ in range(50)]
    presented = leaf(make(name("Twin"), key=key, ca=True), aki=False).read
    with within(1):
        assert isinstance(judge((presented, twins + false, [ROOT.read])), NoPath)


def test_the_number_of_half_built_chains_is_bounded() -> None:
    presented, crowd, _ = swarm(ec.SECP256R1())
    offered = {canonical_of(name("One")): crowd[:50], canonical_of(name("Two")): crowd[50:]}
    asked: list[Name] = []

    def find(subject: Name) -> list[Certificate]:
        asked.append(subject)
        return offered.get(subject, [])

    assert list(paths._climb(presented, find, lambda _: [])) == []
    assert 1 < len(asked) <= 500


def test_twins_of_another_time_do_not_hide_the_one_that_is_valid() -> None:
    key = ec_key()
    good = intermediate("Issuing", ROOT, key=key, end=NOW + DAY)
    later = [intermediate("Issuing", ROOT, key=key, start=NOW + DAY).read for _ in range(40)]
    presented = leaf(good).read
    path = find_path(presented, intermediates=[*later, good.read], anchors=[ROOT.read], at=NOW)
    assert path == Path((presented, good.read, ROOT.read))


def test_a_good_path_is_found_among_a_hundred_of_the_same_name() -> None:
    key = ec_key()
    good = intermediate("Issuing", ROOT, key=key, end=NOW + DAY)
    stranger = root("Stranger")
    crowd = [intermediate("Issuing", stranger, key=key).read for _ in range(50)]
    crowd += [intermediate("Issuing", ROOT, aki=False).read for _ in range(49)]
    presented = leaf(good, aki=False).read
    path = find_path(presented, intermediates=[*crowd, good.read], anchors=[ROOT.read], at=NOW)
    assert path == Path((presented, good.read, ROOT.read))


def test_a_chain_of_a_hundred_is_refused_at_once() -> None:
    chain = [ROOT]
    for number in range(100):
        chain.append(intermediate(f"Rung {number}", chain[-1]))
    with within(3):  # with making the leaf and reading the hundred
        assert "at most 3 intermediates" in refusal(under(*chain))


def test_words_for_people_distinguish_a_missing_issuer_from_a_false_one() -> None:
    assert "neither an anchor nor" in refusal(REFUSED["an intermediate that is missing"]())
    assert "its key did not sign it" in refusal(REFUSED["a self-made root of the right name"]())
    assert "without clientAuth" in refusal(REFUSED["anyEKU alone"]())
    said = refusal(STRICTER["a root of Ed25519"]())
    assert re.fullmatch(r"its chain to the anchor .* is refused: Forbidden public key algorithm", said)


def test_the_librarys_words_are_kept_short() -> None:
    assert engine_rules.in_words(ValueError("x\n" * 1000)) == ("x " * 100)
    assert engine_rules.in_words(TypeError()) == "TypeError"


def test_every_certificate_of_a_path_is_one_that_was_given() -> None:
    given_ones: Sequence[Certificate] = [ROOT.read, *TWINS]
    path = find_path(UNDER_TWINS, intermediates=TWINS, anchors=[ROOT.read], at=NOW)
    assert isinstance(path, Path)
    assert {*path.chain[1:]} <= {*given_ones}
