"""What is found by its tag and removed, of each kind, and what of others stays although it is named alike."""

from datetime import timedelta
from typing import Any

import pytest

from genesys_certs.conformance import running
from genesys_certs.conformance.leftovers import KINDS, find, remove
from genesys_certs.conformance.workshop import Options, Services, Workshop
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.conformance.embedded import options, services
from tests.support.certs import self_signed_ca

ALL = tuple(kind.name for kind in KINDS)


class OfSomebodyElse(Workshop):
    """Makes things that are named as those of a run, with a tag that is not a run's."""

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": "owner", "Value": self.run}]


def one_of_each(workshop: Workshop, chosen: Options) -> None:
    place = workshop.put(workshop.bucket(), "bundle.pem", self_signed_ca().pem)
    store = str(workshop.trust_store(place)["TrustStoreArn"])
    balancer = workshop.load_balancer(chosen)
    group = workshop.target_group(str(balancer["VpcId"]))
    mutual: dict[str, Any] = {"Mode": "verify", "TrustStoreArn": store}
    workshop.listener(str(balancer["LoadBalancerArn"]), 443, chosen.certificate, group, mutual)
    edge = str(workshop.cloudfront_trust_store(place)["TrustStore"]["Id"])
    workshop.distribution(chosen, edge, workshop.name)
    workshop.rest_domain(chosen, place)
    workshop.answering_api(chosen.domain)


def test_one_of_each_kind_is_found_and_removed_in_an_order_that_works(aws: EmbeddedAws, clock: VirtualClock) -> None:
    world = services(aws, clock)
    one_of_each(Workshop(world, "aaaa"), options(aws))
    found = find(world, ALL)
    assert [one.kind for one in found] == [kind.name for kind in KINDS]
    assert {one.run for one in found} == {"aaaa"}
    assert running.clear(world, ALL, "bbbb").removed == []
    gone = running.clear(world, ALL, "aaaa")
    assert (gone.clean, len(gone.removed)) == (True, len(KINDS))
    assert find(world, ALL) == []


def test_what_others_made_stays_although_it_is_named_alike(aws: EmbeddedAws, clock: VirtualClock) -> None:
    world, chosen = services(aws, clock), options(aws)
    theirs = OfSomebodyElse(world, "cccc")
    one_of_each(theirs, chosen._replace(domain="theirs.example.com"))
    one_of_each(Workshop(world, "aaaa"), chosen)
    aws.calls.clear()
    assert running.clear(world, ALL).clean
    deleted = [call.resource for call in aws.calls.snapshot() if call.operation.startswith("Delete")]
    assert len(deleted) >= len(KINDS)
    assert [one for one in deleted if "cccc" in one or "theirs" in one] == []
    assert [one["name"] for one in aws.client("apigateway").get_rest_apis()["items"]] == ["gcw-conformance-cccc"]
    elb = aws.client("elbv2")
    assert len(elb.describe_load_balancers()["LoadBalancers"]) == 1
    assert len(elb.describe_target_groups()["TargetGroups"]) == 1
    assert len(elb.describe_trust_stores()["TrustStores"]) == 1
    assert len(aws.client("cloudfront").list_trust_stores()["TrustStoreList"]) == 1
    (distribution,) = aws.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    assert (distribution["Comment"], distribution["Enabled"]) == ("gcw-conformance-cccc", True)
    assert [one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]] == ["gcw-conformance-cccc"]
    assert [one["domainName"] for one in aws.client("apigateway").get_domain_names()["items"]] == ["theirs.example.com"]


def test_what_waits_for_another_removal_is_tried_again_and_what_is_gone_is_none(
    aws: EmbeddedAws, clock: VirtualClock
) -> None:
    world: Services = services(aws, clock)
    one_of_each(Workshop(world, "aaaa"), options(aws))
    (store,) = find(world, ("trust store",))
    aws.fail_next("elbv2", "DeleteTrustStore", "TrustStoreInUse", 400, 3)
    for one in find(world, ("listener",)):
        remove(world, one)
    before = clock()
    remove(world, store)
    assert (clock() - before).total_seconds() == 15
    remove(world, store)
    assert running.clear(world, ALL).clean


def test_a_distribution_is_disabled_waited_for_and_deleted_and_a_later_removal_goes_on(
    aws: EmbeddedAws, clock: VirtualClock
) -> None:
    aws.knobs.deploy_delay = timedelta(minutes=4)
    world = services(aws, clock)
    one_of_each(Workshop(world, "aaaa"), options(aws))
    (left,) = find(world, ("distribution",))
    with pytest.raises(KeyboardInterrupt):
        remove(world._replace(wait=interrupted), left)
    (shown,) = aws.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    assert not shown["Enabled"]
    before = clock()
    assert running.clear(world, ALL).clean
    assert timedelta(minutes=4) <= clock() - before < timedelta(minutes=5)
    assert [call.operation for call in aws.calls.of("cloudfront")].count("UpdateDistribution") == 1


def interrupted(_seconds: float) -> None:
    raise KeyboardInterrupt
