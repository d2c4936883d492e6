"""The mark of a trust store: whose bucket it names is the bucket of the stack that changed it first."""

from collections.abc import Iterator

import httpx
import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.trust_store import AlbTrustStores
from rotation_watcher.errors import TargetNotFound
from rotation_watcher.kinds import ALB_TRUST_STORE, MARK
from rotation_watcher.ports import UNKNOWN, MarkedTarget
from tests.support import contract_targets, pki
from tests.support.contract_targets import ContractTarget
from tests.support.fakes import ManualClock

ONE = pki.root("A").pem.encode()


@pytest.fixture(params=["fake", "real"])
def store(request: pytest.FixtureRequest, clock: ManualClock, http: httpx.Client) -> Iterator[ContractTarget]:
    if request.param == "fake":
        yield contract_targets.fake(ALB_TRUST_STORE, ONE, clock)
    else:
        yield contract_targets.trust_store(request.getfixturevalue("aws"), ONE, clock, http)


def test_it_is_none_until_it_is_set_and_is_read_with_the_rest(store: ContractTarget) -> None:
    assert isinstance(store.adapter, MarkedTarget)
    assert store.read().mark is None
    store.adapter.mark(store.arn, "our-bucket")
    assert store.read().mark == "our-bucket"
    store.update(store.put(ONE + pki.root("B").pem.encode()))
    assert store.read().mark == "our-bucket"


def test_of_a_trust_store_that_is_gone_it_is_said_so(store: ContractTarget) -> None:
    assert isinstance(store.adapter, MarkedTarget)
    with pytest.raises(TargetNotFound):
        store.adapter.mark(store.arn[:-4] + "0000", "our-bucket")


def test_several_are_asked_for_at_once(aws: EmbeddedAws, clock: ManualClock, http: httpx.Client) -> None:
    stores = [contract_targets.trust_store(aws, ONE, clock, http) for _ in range(3)]
    adapter = AlbTrustStores(aws.client("elbv2"), http)
    adapter.mark(stores[1].arn, "our-bucket")
    adapter.expect([one.arn for one in stores])
    aws.calls.clear()
    assert [adapter.read(one.arn).mark for one in stores] == [None, "our-bucket", None]
    assert [call.operation for call in aws.calls].count("DescribeTags") == 1


def test_one_that_may_not_be_read_keeps_nothing_else_from_being_read(
    aws: EmbeddedAws, clock: ManualClock, http: httpx.Client
) -> None:
    store = contract_targets.trust_store(aws, ONE, clock, http)
    aws.fail_next("elbv2", "DescribeTags", "AccessDenied")
    live = store.read()
    assert (live.bundle, live.mark) == (ONE, UNKNOWN)


def test_it_is_a_tag_like_any_other(aws: EmbeddedAws, clock: ManualClock, http: httpx.Client) -> None:
    store = contract_targets.trust_store(aws, ONE, clock, http)
    elbv2 = aws.client("elbv2")
    elbv2.add_tags(ResourceArns=[store.arn], Tags=[{"Key": "owner", "Value": "edge"}, {"Key": MARK, "Value": "theirs"}])
    assert store.read().mark == "theirs"
    elbv2.remove_tags(ResourceArns=[store.arn], TagKeys=[MARK])
    assert store.read().mark is None
    (described,) = elbv2.describe_tags(ResourceArns=[store.arn])["TagDescriptions"]
    assert described["Tags"] == [{"Key": "owner", "Value": "edge"}]
