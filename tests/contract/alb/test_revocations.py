"""The revocation lists of a trust store: one suite for the fake and for the real adapter."""

from collections.abc import Callable
from datetime import timedelta
from typing import cast

import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.errors import RevocationRejected, RevocationsFull, TargetDenied, TargetError, TargetNotFound
from rotation_watcher.kinds import ALB_TRUST_STORE
from rotation_watcher.ports import BundleObject, RevocationTarget
from tests.support import certs, contract_targets, pki
from tests.support.contract_targets import ContractTarget
from tests.support.fake_targets import FakeTrustTarget
from tests.support.fakes import ManualClock

ROOT = certs.self_signed_ca("Revoking Root")
ONE = pki.root("Root A").pem.encode()


@pytest.fixture(params=["fake", "real"])
def target(request: pytest.FixtureRequest, clock: ManualClock) -> ContractTarget:
    clock.advance(timedelta(hours=1))
    if request.param == "fake":
        return contract_targets.fake(ALB_TRUST_STORE, ONE, clock)
    return contract_targets.trust_store(request.getfixturevalue("aws"), ONE, clock, request.getfixturevalue("http"))


@pytest.fixture
def lists(target: ContractTarget) -> RevocationTarget:
    assert isinstance(target.adapter, RevocationTarget)
    return target.adapter


def place(target: ContractTarget, *serials: int) -> BundleObject:
    return target.object(target.put(certs.crl(ROOT, list(serials))))


def test_lists_are_added_counted_given_back_and_removed(target: ContractTarget, lists: RevocationTarget) -> None:
    assert lists.revocations(target.arn) == []
    first = lists.add_revocation(target.arn, place(target, 1, 2, 3))
    second = lists.add_revocation(target.arn, place(target))
    assert (first.entries, second.entries) == (3, 0)
    assert lists.revocations(target.arn) == [first, second]
    assert b"X509 CRL" in lists.revocation_content(target.arn, first.id)
    lists.remove_revocation(target.arn, first.id)
    assert lists.revocations(target.arn) == [second]


def test_the_exact_version_is_loaded(target: ContractTarget, lists: RevocationTarget) -> None:
    meant = place(target, 1)
    place(target, 1, 2)
    assert lists.add_revocation(target.arn, meant).entries == 1


def test_one_that_is_not_there_has_no_content_and_is_removed_without_an_error(
    target: ContractTarget, lists: RevocationTarget
) -> None:
    assert lists.revocation_content(target.arn, 4711) == b""
    lists.remove_revocation(target.arn, 4711)


def test_what_is_no_list_is_rejected_and_nothing_is_added(target: ContractTarget, lists: RevocationTarget) -> None:
    with pytest.raises(RevocationRejected):
        lists.add_revocation(target.arn, target.object(target.put(ONE)))
    assert lists.revocations(target.arn) == []


def test_an_object_that_is_not_there_is_an_error(target: ContractTarget, lists: RevocationTarget) -> None:
    with pytest.raises(TargetError):
        lists.add_revocation(target.arn, target.object("none"))


def test_a_full_fake_says_so_like_the_service_below(clock: ManualClock) -> None:
    target = contract_targets.fake(ALB_TRUST_STORE, ONE, clock)
    assert isinstance(target.adapter, FakeTrustTarget)
    target.adapter.max_lists = (1, 2)
    target.adapter.add_revocation(target.arn, place(target, 1))
    for serials in ((), (5, 6)):
        with pytest.raises(RevocationsFull):
            target.adapter.add_revocation(target.arn, place(target, *serials))
    assert len(target.adapter.revocations(target.arn)) == 1


def test_a_trust_store_that_does_not_exist(target: ContractTarget, lists: RevocationTarget) -> None:
    gone = target.arn[:-1] + ("0" if target.arn[-1] != "0" else "1")
    for call in (
        lambda: lists.revocations(gone),
        lambda: lists.add_revocation(gone, place(target, 1)),
        lambda: lists.remove_revocation(gone, 1),
        lambda: lists.revocation_content(gone, 1),
    ):
        with pytest.raises(TargetNotFound):
            call()


@pytest.fixture
def real(aws: EmbeddedAws, clock: ManualClock, request: pytest.FixtureRequest) -> ContractTarget:
    return contract_targets.trust_store(aws, ONE, clock, request.getfixturevalue("http"))


def test_the_service_s_limits_are_told(real: ContractTarget, aws: EmbeddedAws) -> None:
    adapter = cast("RevocationTarget", real.adapter)
    before = aws.knobs.max_revocation_files, aws.knobs.max_revoked_entries
    try:
        aws.knobs.max_revocation_files, aws.knobs.max_revoked_entries = 1, 2
        with pytest.raises(RevocationsFull):
            adapter.add_revocation(real.arn, place(real, 1, 2, 3))
        adapter.add_revocation(real.arn, place(real, 1))
        with pytest.raises(RevocationsFull):
            adapter.add_revocation(real.arn, place(real))
    finally:
        aws.knobs.max_revocation_files, aws.knobs.max_revoked_entries = before


def test_many_files_are_listed_page_by_page(real: ContractTarget) -> None:
    adapter = cast("RevocationTarget", real.adapter)
    added = [adapter.add_revocation(real.arn, place(real, number)) for number in range(1, 6)]
    assert adapter.revocations(real.arn) == added


@pytest.mark.parametrize(
    "operation", ["AddTrustStoreRevocations", "DescribeTrustStoreRevocations", "RemoveTrustStoreRevocations"]
)
def test_what_the_role_may_not_do_is_denied(real: ContractTarget, aws: EmbeddedAws, operation: str) -> None:
    adapter = cast("RevocationTarget", real.adapter)
    there = place(real, 1)
    aws.fail_next("elbv2", operation, "AccessDenied")
    calls: dict[str, Callable[[], object]] = {
        "AddTrustStoreRevocations": lambda: adapter.add_revocation(real.arn, there),
        "RemoveTrustStoreRevocations": lambda: adapter.remove_revocation(real.arn, 1),
        "DescribeTrustStoreRevocations": lambda: adapter.revocations(real.arn),
    }
    with pytest.raises(TargetDenied):
        calls[operation]()


def test_no_pre_signed_url_is_told_when_a_download_fails(real: ContractTarget, aws: EmbeddedAws) -> None:
    adapter = cast("RevocationTarget", real.adapter)
    added = adapter.add_revocation(real.arn, place(real, 1))
    aws.fail_next("elbv2", "GetTrustStoreRevocationContent", "Throttling")
    with pytest.raises(TargetError) as error:
        adapter.revocation_content(real.arn, added.id)
    assert "X-Amz" not in str(error.value)
