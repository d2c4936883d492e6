"""Listeners: one suite for the fake and for the real adapter; and what the adapter alone has to see to."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest

from local.aws.https_listener import make_https_listener
from local.aws.server import EmbeddedAws
from local.aws.tls_listener import make_tls_listener
from rotation_watcher.adapters.nlb_listener import NEEDED_SDK, NlbListeners
from rotation_watcher.errors import BundleRejected, SdkTooOld, TargetBusy, TargetDenied, TargetError, TargetNotFound
from rotation_watcher.ports import UNKNOWN, Filter, FilterTarget, Listener, MarkedTarget
from tests.support import pki
from tests.support.embedded import Bundles
from tests.support.fake_listeners import FakeListeners

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/net/door/0123456789abcdef/fedcba9876543210"
ONE = Filter("subject-ou", "prefix", 'Partner: "GmbH" & Co.')
TWO = Filter("san-dns", "exact", "client.example.com")
URI = Filter("san-uri", "prefix", "spiffe://Example.org/A")


class Door(NamedTuple):
    """A listener that verifies and has ``ONE``; ``off`` turns its mutual TLS off."""

    adapter: FilterTarget
    arn: str
    off: Callable[[], object]

    def read(self) -> Listener:
        return self.adapter.read(self.arn)

    def put(self, *filters: Filter) -> None:
        self.adapter.update(self.arn, filters, expected=self.read())


def described(one: Filter) -> dict[str, str]:
    return {"Field": one.field, "Action": one.action, "MatchType": one.match, "Value": one.value}


@pytest.fixture(scope="module")
def knobs() -> dict[str, Any]:
    return {"max_trust_stores": 1000}


@pytest.fixture(scope="module")
def store(aws: EmbeddedAws) -> str:
    return Bundles(aws).trust_store(pki.root("A").pem.encode(), "of-doors")


_made: list[str] = []


def listener(aws: EmbeddedAws, store: str, **more: Any) -> str:
    """A new listener's ARN."""
    _made.append("")
    mutual = {"Mode": "verify", "TrustStoreArn": store, **more}
    return make_tls_listener(aws, name=f"door-{len(_made)}", mutual_authentication=mutual)


@pytest.fixture(params=["fake", "real"])
def door(request: pytest.FixtureRequest) -> Door:
    if request.param == "fake":
        fake = FakeListeners()
        fake.add(ARN, ONE)
        return Door(fake, ARN, lambda: fake.turn_off(ARN))
    aws: EmbeddedAws = request.getfixturevalue("aws")
    arn = listener(aws, request.getfixturevalue("store"), ClientCertificateIdentityFilters=[described(ONE)])
    elb = aws.client("elbv2")
    return Door(
        NlbListeners(elb), arn, lambda: elb.modify_listener(ListenerArn=arn, MutualAuthentication={"Mode": "off"})
    )


def test_what_it_holds_is_read_as_it_stands(door: Door) -> None:
    found = door.read()

    assert (found.protocol, found.mode, found.filters) == ("TLS", "verify", (ONE,))
    assert found.trust_store is not None


def test_the_filters_are_replaced_in_order_and_all_else_stays(door: Door) -> None:
    before = door.read()
    door.put(TWO, ONE, URI)

    assert door.read() == msgspec.structs.replace(before, filters=(TWO, ONE, URI))


def test_an_empty_list_is_refused_because_it_admits_everybody(door: Door) -> None:
    with pytest.raises(BundleRejected, match="empty"):
        door.put()
    assert door.read().filters == (ONE,)


@pytest.mark.parametrize(
    "bad",
    [
        [Filter("subject-cn", "exact", f"name {number}") for number in range(101)],
        [Filter("subject-cn", "regex", "x")],
        [Filter("serial", "exact", "x")],
        [Filter("san-dns", "exact", "x", action="deny")],
        [Filter("san-dns", "exact", "b\u00fccher.example.com")],
        [Filter("san-dns", "exact", "a\tb")],
        [Filter("san-uri", "exact", "no-colon")],
        [Filter("san-uri", "prefix", "1http://x")],
    ],
    ids=["too many", "match", "field", "action", "not ASCII", "not printable", "no URI", "no scheme"],
)
def test_one_fault_refuses_the_whole_list_and_it_keeps_what_it_has(door: Door, bad: list[Filter]) -> None:
    with pytest.raises(BundleRejected, match="cannot change"):
        door.put(ONE, *bad)
    assert door.read().filters == (ONE,)


def test_a_hundred_filters_and_the_longest_value_fit(door: Door) -> None:
    most = tuple(Filter("subject-cn", "exact", f"{number:03}".ljust(256, "x")) for number in range(100))
    door.put(*most)

    assert door.read().filters == most


def test_what_was_changed_since_the_read_is_not_overwritten(door: Door) -> None:
    rested_on = door.read()
    door.put(ONE, URI)
    with pytest.raises(TargetBusy, match="changed"):
        door.adapter.update(door.arn, [ONE, TWO], expected=rested_on)

    assert door.read().filters == (ONE, URI)


def test_a_listener_that_is_off_is_read_so_and_takes_no_filter(door: Door) -> None:
    door.off()
    found = door.read()

    assert (found.mode, found.trust_store, found.filters) == ("off", None, ())
    with pytest.raises(BundleRejected, match="does not verify"):
        door.put(ONE)


def test_a_listener_that_does_not_exist_is_not_found(door: Door) -> None:
    with pytest.raises(TargetNotFound, match="listener/net"):
        door.adapter.read(f"{door.arn}0")
    with pytest.raises(TargetNotFound, match="listener/net"):
        door.adapter.update(f"{door.arn}0", [ONE], expected=door.read())


def test_the_other_settings_are_sent_along(aws: EmbeddedAws, store: str) -> None:
    more = {"IgnoreClientCertificateExpiry": True, "AdvertiseTrustStoreCaNames": "on"}
    arn = listener(aws, store, **more)
    adapter = NlbListeners(aws.client("elbv2"))
    adapter.update(arn, [TWO], expected=adapter.read(arn))

    mutual = aws.client("elbv2").describe_listeners(ListenerArns=[arn])["Listeners"][0]["MutualAuthentication"]
    assert mutual == {
        "Mode": "verify",
        "TrustStoreArn": store,
        **more,
        "ClientCertificateIdentityFilters": [described(TWO)],
    }


class Client:
    """An elbv2 client whose answers hold what is given, under a model that may not know the filters."""

    def __init__(self, real: Any, *, knows: bool = True, **mutual: Any) -> None:
        self._real = real
        self._mutual = mutual
        members = {*real.meta.service_model.shape_for("MutualAuthenticationAttributes").members}
        members -= set() if knows else {"ClientCertificateIdentityFilters"}
        shapes = {"MutualAuthenticationAttributes": SimpleNamespace(members=members)}
        self.meta = SimpleNamespace(service_model=SimpleNamespace(shape_for=shapes.__getitem__))

    def describe_listeners(self, **which: Any) -> Any:
        answer = self._real.describe_listeners(**which)
        answer["Listeners"][0]["MutualAuthentication"] |= self._mutual
        return answer

    def describe_tags(self, **which: Any) -> Any:
        return self._real.describe_tags(**which)

    def modify_listener(self, **_: Any) -> None:
        raise AssertionError("the listener was changed")


def test_an_sdk_that_drops_the_filters_reads_and_changes_nothing(aws: EmbeddedAws, store: str) -> None:
    arn = listener(aws, store, ClientCertificateIdentityFilters=[described(ONE)])
    known = NlbListeners(aws.client("elbv2")).read(arn)
    old: Any = Client(aws.client("elbv2"), knows=False)

    with pytest.raises(SdkTooOld, match=NEEDED_SDK):
        NlbListeners(old).read(arn)
    with pytest.raises(SdkTooOld, match="knows nothing of"):
        NlbListeners(old).update(arn, [TWO], expected=known)


def test_a_setting_that_this_release_does_not_know_stops_every_change(aws: EmbeddedAws, store: str) -> None:
    arn = listener(aws, store)
    newer: Any = Client(aws.client("elbv2"), SessionBinding="on")

    with pytest.raises(TargetError, match="SessionBinding"):
        NlbListeners(newer).read(arn)


def test_a_trust_store_that_is_no_longer_shared_is_read_so(aws: EmbeddedAws, store: str) -> None:
    arn = listener(aws, store)
    client: Any = Client(aws.client("elbv2"), TrustStoreAssociationStatus="removed")

    assert NlbListeners(client).read(arn).shared == "removed"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDenied", TargetDenied),
        ("Throttling", TargetBusy),
        ("InternalFailure", TargetError),
        # Of the trust store behind the listener, and not of the filters: the same ones are asked for again.
        ("TrustStoreNotReady", TargetBusy),
        ("TrustStoreNotFound", TargetError),
        ("InvalidConfigurationRequest", BundleRejected),
        ("ValidationError", BundleRejected),
    ],
)
def test_the_services_errors_keep_their_meaning(
    code: str, error: type[TargetError], aws: EmbeddedAws, store: str
) -> None:
    arn = listener(aws, store, ClientCertificateIdentityFilters=[described(ONE)])
    adapter = NlbListeners(aws.client("elbv2"))
    rested_on = adapter.read(arn)
    aws.fail_next("elbv2", "ModifyListener", code)
    with pytest.raises(error) as caught:
        adapter.update(arn, [TWO], expected=rested_on)

    assert type(caught.value) is error
    assert arn in str(caught.value)
    assert adapter.read(arn) == rested_on


def test_an_alb_has_no_identity_filters_in_the_embedded_aws(aws: EmbeddedAws, store: str) -> None:

    arn = make_https_listener(aws, name="no-door").listener_arn
    mutual = {"Mode": "verify", "TrustStoreArn": store, "ClientCertificateIdentityFilters": [described(ONE)]}
    elb = aws.client("elbv2")
    with pytest.raises(elb.exceptions.ClientError, match="only supported for TLS"):
        elb.modify_listener(ListenerArn=arn, MutualAuthentication=mutual)


def test_its_mark_is_none_until_it_is_set_and_a_change_leaves_it(door: Door) -> None:
    assert isinstance(door.adapter, MarkedTarget)
    before = door.read()
    assert before.mark is None
    door.adapter.mark(door.arn, "our-bucket")
    assert door.read().mark == "our-bucket"
    door.adapter.update(door.arn, [ONE, TWO], expected=before)  # a mark is no change of the filters
    assert (door.read().mark, door.read().filters) == ("our-bucket", (ONE, TWO))


def test_of_a_listener_that_is_gone_the_mark_says_so(door: Door) -> None:
    assert isinstance(door.adapter, MarkedTarget)
    with pytest.raises(TargetNotFound):
        door.adapter.mark(door.arn[:-4] + "0000", "our-bucket")


def test_a_mark_that_may_not_be_read_keeps_nothing_else_from_being_read(aws: EmbeddedAws, store: str) -> None:
    arn = listener(aws, store, ClientCertificateIdentityFilters=[described(ONE)])
    aws.fail_next("elbv2", "DescribeTags", "AccessDenied")
    found = NlbListeners(aws.client("elbv2")).read(arn)
    assert (found.filters, found.mark) == ((ONE,), UNKNOWN)
