"""Other ids, a watch file instead of parameters: what is known of a target and of a region goes on, untold."""

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from local.environment import BUCKET
from rotation_watcher import config, configuration, keys, unwatched
from rotation_watcher.alerts.model import Alert
from rotation_watcher.sources import history
from rotation_watcher.targets.record import decode
from tests.integration.conftest import MakeEnvironment
from tests.support.environments import OverSockets

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)


def wind_up(environment: OverSockets, function: str) -> None:
    """What a function does with its configuration before its use case, as its handler goes."""
    watcher, clock = environment.watcher, environment.clock
    sink = watcher.collect.sink if function == "collect" else watcher.publish.sink
    ports = unwatched.Ports(watcher.store, sink, clock)
    if function == "collect":
        configured = configuration.keep(watcher.watch, watcher.parse, watcher.store, sink, clock, dry_run=False)
        assert unwatched.sources(configured.dropped, configured.watch, ports) == unwatched.Ends()
    else:
        configured = configuration.in_use(watcher.watch, watcher.parse, watcher.store, dry_run=False)
        assert unwatched.targets(configured.dropped, configured.watch, ports) == ()


def run(environment: OverSockets, step: timedelta = QUARTER) -> list[Alert]:
    """Both functions on their schedules; what was told."""
    environment.clock.advance(step)
    wind_up(environment, "collect")
    environment.collect()
    for _ in range(3):
        environment.clock.advance(timedelta(seconds=35))
        wind_up(environment, "publish")
        environment.schedule()
    return [alert for alert in environment.new_alerts() if alert.kind not in {"test", "weekly-digest"}]


@pytest.fixture
def stack(make_environment: MakeEnvironment) -> OverSockets:
    """By the ids that follow from the parameters: a region, a trust store, a domain; the leaf has been rotated once."""
    environment = make_environment()
    east = environment.world.region("us-east-1", days_left=200)
    others = environment.world.region("sa-east-1").root_pem()
    environment.add_source("us-east-1", "us-east-1")
    environment.add_bundle("main", ["us-east-1"])
    environment.add_trust_store("genesys-clients", "main", others)
    environment.add_rest_domain("api-example-com", "main", others)
    environment.configure(retain_days=10)
    run(environment)
    east.schedule_rotation("Genesys", environment.clock() + DAY, root="new")
    environment.put("anchors/us-east-1.pem", east.root_pem() + east.root_pem(ahead=1))
    for _ in range(3):
        run(environment, DAY)
    environment.put("anchors/us-east-1.pem", east.root_pem())  # the old root is in its grace from now on
    run(environment)
    return environment


def renamed(environment: OverSockets) -> None:
    """The operator writes a watch file of his own, and every id of a source or target in it is another one."""
    watch: dict[str, Any] = environment.watch
    names = {"genesys-clients": "clients", "api-example-com": "api"}
    for source in watch["sources"]:
        source["id"] = "use1"
    for bundle in watch["bundles"]:
        bundle["sources"] = ["use1"]
    for target in watch["targets"]:
        target["id"] = names[target["id"]]
    environment.configure(retain_days=10)


def known(environment: OverSockets, source: str) -> dict[str, Any]:
    state = history.decode(environment.read(keys.history(source)))
    return {"authorities": state.authorities, "region": state.region}


@pytest.mark.parametrize("first", ["collect", "publish"])
def test_with_other_ids_everything_goes_on_and_nothing_is_told_anew(stack: OverSockets, first: str) -> None:
    live = {target["arn"]: stack.live_pem(target["id"]) for target in stack.watch["targets"]}
    records = {arn: decode(stack.read(keys.record(keys.target(arn)))) for arn in live}
    before, pins = known(stack, "us-east-1"), pinned(stack, "main")
    renamed(stack)
    if first == "publish":
        wind_up(stack, "publish")
        stack.schedule()
    assert run(stack) == []
    assert run(stack) == []
    assert known(stack, "use1") == before
    for target in stack.watch["targets"]:
        after = decode(stack.read(keys.record(keys.target(target["arn"]))))
        assert stack.live_pem(target["id"]) == live[target["arn"]]
        assert after.ours.keys() == records[target["arn"]].ours.keys()
        assert after.unwanted == records[target["arn"]].unwanted, "the grace goes on"
    assert pinned(stack, "main") == pins


def pinned(environment: OverSockets, bundle: str) -> set[str]:
    return {pin["certificate"]["fingerprint"] for pin in json.loads(environment.read(keys.pins(bundle)))["pins"]}


def test_until_collect_has_run_by_the_new_id_nothing_narrows(stack: OverSockets) -> None:
    before, live = pinned(stack, "main"), stack.live_pem("genesys-clients")
    stack.watch["sources"][0]["id"] = "use1"
    stack.watch["bundles"][0]["sources"] = ["use1"]
    stack.configure(retain_days=10)
    for _ in range(40):
        stack.clock.advance(DAY)
        wind_up(stack, "publish")
        stack.schedule()
    assert pinned(stack, "main") == before
    assert stack.live_pem("genesys-clients") == live


def test_what_the_watcher_added_by_the_old_id_leaves_by_the_new_one(stack: OverSockets) -> None:
    old = stack.world.region("us-east-1").private_roots()[0].root.certificate.fingerprint(SHA256()).hex()
    assert old in stack.live("genesys-clients")
    renamed(stack)
    for _ in range(30):
        run(stack, DAY)
    assert old not in stack.live("clients")
    assert old not in stack.live("api")
    assert len(stack.live("clients")) == len(stack.live("api")) == 2, "the root in use, and what others had there"


def test_what_lasts_is_over_by_the_old_id_and_told_by_the_new_one(stack: OverSockets) -> None:
    stack.pass_through("genesys-clients")
    told = run(stack)
    assert [(alert.kind, alert.target) for alert in told if alert.severity == "critical"] == [
        ("mtls-off", "genesys-clients")
    ]
    renamed(stack)
    told = [alert for _ in range(3) for alert in run(stack)]
    assert [(alert.kind, alert.status, alert.target) for alert in told] == [
        ("mtls-off", "resolved", "genesys-clients"),
        ("mtls-off", "open", "clients"),
    ]
    assert told[0].id.startswith("watcher") or "genesys-clients" in told[0].id


def test_two_regions_may_change_their_ids_with_each_other(make_environment: MakeEnvironment) -> None:
    environment = make_environment()
    for name, region in (("a", "us-east-1"), ("b", "eu-central-1")):
        environment.world.region(region, days_left=200)
        environment.add_source(name, region)
    environment.add_bundle("main", ["a", "b"])
    environment.add_trust_store("alb", "main", environment.world.region("sa-east-1").root_pem())
    environment.configure()
    run(environment)
    before = {name: known(environment, name) for name in "ab"}
    live = environment.live_pem("alb")
    first, second = environment.watch["sources"]
    first["id"], second["id"] = second["id"], first["id"]
    environment.configure()
    assert run(environment) == []
    assert known(environment, "a") == before["b"]
    assert known(environment, "b") == before["a"]
    assert environment.live_pem("alb") == live


def test_the_parameters_and_a_watch_file_of_ones_own_share_the_state(stack: OverSockets) -> None:
    """The ids of the parameters follow from the ARNs; a watch file names others for the same."""
    arns = [target["arn"] for target in stack.watch["targets"]]
    simple = config.simple(
        mode="apply",
        region="us-east-1",
        authorities=["Genesys"],
        credentials=[stack.secret_arn],
        targets=arns,
        stack_region="us-east-1",
    )
    assert {keys.target(target.arn) for target in simple.targets} == {stack.folder(one) for one in named(stack)}
    renamed(stack)
    assert {keys.target(target.arn) for target in simple.targets} == {stack.folder(one) for one in named(stack)}


def named(stack: OverSockets) -> list[str]:
    return [target["id"] for target in stack.watch["targets"]]


def test_a_trust_store_bears_the_mark_of_the_stack_that_changed_it_first_and_the_next_one_is_told(
    stack: OverSockets,
) -> None:
    arn, elbv2 = stack.arn("genesys-clients"), stack.aws.client("elbv2")

    def mark() -> dict[str, str]:
        (described,) = elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        return {tag["Key"]: tag["Value"] for tag in described["Tags"]}

    assert mark() == {"genesys-certificate-watcher:bucket": BUCKET}
    elbv2.add_tags(ResourceArns=[arn], Tags=[{"Key": "genesys-certificate-watcher:bucket", "Value": "theirs-1x2y"}])
    told = [alert for _ in range(3) for alert in run(stack)]
    assert [(alert.kind, alert.severity) for alert in told] == [("two-stacks", "warning")]
    assert told[0].facts["bucket of the other"] == "theirs-1x2y"
    assert f"--resource-arns {arn} --tag-keys genesys-certificate-watcher:bucket" in told[0].what_to_do
    elbv2.remove_tags(ResourceArns=[arn], TagKeys=["genesys-certificate-watcher:bucket"])
    told = [alert for _ in range(3) for alert in run(stack)]
    assert [(alert.kind, alert.status) for alert in told] == [("two-stacks", "resolved")]


def test_a_domain_that_loads_from_another_stacks_bucket_says_so_on_day_one(make_environment: MakeEnvironment) -> None:
    environment = make_environment()
    environment.world.region("us-east-1", days_left=200)
    others = environment.world.region("sa-east-1").root_pem()
    environment.add_source("us-east-1", "us-east-1")
    environment.add_bundle("main", ["us-east-1"])
    environment.add_rest_domain("rest", "main", others)
    environment.watch["mode"] = "observe"
    environment.configure()
    s3 = environment.aws.client("s3")
    s3.create_bucket(Bucket="watcher-before-0x1y")
    s3.put_bucket_versioning(Bucket="watcher-before-0x1y", VersioningConfiguration={"Status": "Enabled"})
    key = keys.deployed(environment.folder("rest"))
    version = s3.put_object(Bucket="watcher-before-0x1y", Key=key, Body=others.encode())["VersionId"]
    environment.aws.client("apigateway").update_domain_name(
        domainName=environment.arn("rest").rpartition("/")[2],
        patchOperations=[
            {"op": "replace", "path": path, "value": value}
            for path, value in (
                ("/mutualTlsAuthentication/truststoreUri", f"s3://watcher-before-0x1y/{key}"),
                ("/mutualTlsAuthentication/truststoreVersion", version),
            )
        ],
    )
    told = [alert for _ in range(3) for alert in run(environment)]
    (alert,) = [alert for alert in told if alert.kind == "two-stacks"]
    assert "ExistingBucketName = watcher-before-0x1y" in alert.what_to_do
