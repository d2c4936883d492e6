"""What operators get wrong: each mistake is named, in the summary and in an alert; the rest goes on."""

import json
from datetime import timedelta

import pytest

from local.stage import SECRET_NAME, Stage
from rotation_watcher.errors import ConfigurationError, RequestRefused

DAY = timedelta(days=1)


def test_a_wrong_watch_file_lists_every_mistake_with_its_path_before_any_call(stage: Stage) -> None:
    wrong = json.loads(stage.read("watch.json"))
    wrong["sources"][0]["credentials"] = "my password"
    wrong["bundles"][0]["sources"] = ["nowhere"]
    wrong["targets"][1]["arn"] = "arn:aws:apigateway:eu-west-3::/domainnames/api.example.com"
    stage.put("watch.json", json.dumps(wrong))
    stage.aws.calls.clear()
    with pytest.raises(ConfigurationError) as caught:
        stage.collect()
    paths = [mistake.split(":")[0] for mistake in caught.value.mistakes]
    assert paths == ["sources[0].credentials", "bundles[0].sources[0]", "targets[1].arn"]
    assert [call.resource for call in stage.aws.calls] == ["watcher-bucket/watch.json"]
    assert len(stage.simulator.requests) == 0


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [("secret", "credentials-refused"), ("gone", "credentials-missing"), ("permission", "permission-missing")],
)
def test_wrong_credentials_are_named_once_and_the_other_source_goes_on(stage: Stage, trouble: str, reason: str) -> None:
    other = stage.simulator
    ssm = stage.aws.client("ssm")
    if trouble == "permission":
        other.add_client("weak", "s3cret-canary", permissions=())
    client = {"client_id": "weak", "client_secret": "s3cret-canary"}
    ssm.put_parameter(Name="/genesys/other", Type="SecureString", Value=json.dumps(client))
    arn = ssm.get_parameter(Name="/genesys/other")["Parameter"]["ARN"]
    if trouble == "gone":
        ssm.delete_parameter(Name="/genesys/other")
    stage.watch["sources"][0]["credentials"] = arn
    stage.configure()
    summaries = [stage.collect() for _ in range(3)]
    for summary in summaries:
        assert summary.sources["use1"].outcome == "failed"
        assert summary.sources["use1"].reason == reason
        assert summary.sources["euc1"].outcome == "read"
    alerts = [alert for alert in stage.news() if alert.source == "use1"]
    assert [alert.kind for alert in alerts] == ["source-failing"]
    assert alerts[0].severity == "critical"
    assert "s3cret-canary" not in str(alerts) + str(summaries)
    assert json.loads(stage.read("sources/use1/history.json")).get("authorities", {}) == {}


def test_a_source_that_recovers_says_so_and_what_was_known_is_untouched(stage: Stage) -> None:
    stage.tick()
    stage.news()
    before = json.loads(stage.read("sources/use1/history.json"))["authorities"]
    stage.simulator.play("us-east-1", "certificates", status=500, body="trouble", times=12)
    for _ in range(2):
        stage.collect("use1")
    assert json.loads(stage.read("sources/use1/history.json"))["authorities"] == before
    stage.simulator.clear()
    stage.collect("use1")
    assert [alert.kind for alert in stage.news()] == ["source-failing"]
    stage.collect("use1")
    assert [alert.kind for alert in stage.news()] == ["source-recovered"]


def test_a_missing_anchor_is_told_once_with_the_command_that_mends_it(stage: Stage) -> None:
    pem = stage.read("anchors/eu-central-1.pem").decode()
    stage.s3.delete_object(Bucket="watcher-bucket", Key="anchors/eu-central-1.pem")
    for _ in range(3):
        stage.collect()
    alerts = [alert for alert in stage.news() if alert.source == "euc1"]
    assert [alert.kind for alert in alerts] == ["anchor-missing"]
    assert "aws s3 cp root.pem s3://watcher-bucket/anchors/eu-central-1.pem" in alerts[0].what_to_do
    stage.put("anchors/eu-central-1.pem", pem)
    summary = stage.collect()
    assert len(summary.sources["euc1"].current["Genesys"]) == 1


def test_an_anchor_lost_later_removes_nothing(stage: Stage) -> None:
    stage.tick()
    held = {target: set(stage.live(target)) for target in ("alb", "rest")}
    files = {key: stage.read(key) for key in ("bundles/genesys/pins.json", "bundles/genesys/wanted.pem")}
    stage.put("anchors/eu-central-1.pem", "nothing of use")
    for _ in range(4):
        stage.tick()
    assert {target: set(stage.live(target)) for target in held} == held
    assert {key: stage.read(key) for key in files} == files
    assert "anchor-missing" in {alert.kind for alert in stage.news()}


def test_an_unknown_region_needs_hosts_by_hand(stage: Stage) -> None:
    stage.watch["sources"][1] |= {"region": "moon-north-1"}
    del stage.watch["sources"][1]["api_url"]
    stage.configure()
    with pytest.raises(ConfigurationError, match=r"sources\[1\].api_url: missing, and 'moon-north-1' is not in"):
        stage.collect()


def test_a_target_that_is_gone_is_told_and_the_others_go_on(stage: Stage) -> None:
    stage.tick()
    stage.news()
    elb = stage.aws.client("elbv2")
    elb.delete_listener(ListenerArn=stage.listener.listener_arn)
    elb.delete_trust_store(TrustStoreArn=stage.arn("alb"))
    summary = stage.publish()
    assert summary.targets["alb"].outcome == "target-not-found"
    assert [summary.targets[name].outcome for name in ("rest", "http")] == ["unchanged", "unchanged"]
    stage.publish()
    alerts = stage.news()
    assert [(alert.kind, alert.target) for alert in alerts] == [("truststore-update-failed", "alb")]


def test_a_call_for_what_is_not_in_the_watch_file_is_refused_by_name(stage: Stage) -> None:
    with pytest.raises(RequestRefused, match="no source usw9; the watch file has euc1, use1"):
        stage.collect("usw9")
    with pytest.raises(RequestRefused, match="no target nlb; the watch file has alb, http, rest"):
        stage.publish("nlb")


def test_a_private_key_in_an_answer_is_quarantined_and_never_written_anywhere(stage: Stage) -> None:
    region = stage.world.region("us-east-1")
    canary = region.presented("Genesys").key_pem()
    entity = region.entity(region.presented("Genesys"), "Genesys")
    leaking = {"entities": [entity | {"certificate": entity["certificate"] + canary}]}
    stage.simulator.play("us-east-1", "certificates", body=json.dumps(leaking), times=4)
    for _ in range(2):
        stage.collect("use1")
    kinds = {alert.kind for alert in stage.news()}
    body = canary.splitlines()[5]
    stored = b"".join(stage.read(item["Key"]) for item in stage.s3.list_objects_v2(Bucket="watcher-bucket")["Contents"])
    assert body.encode() not in stored
    assert body not in str(stage.alerts)
    assert "quarantined" in kinds


def test_the_secret_is_where_the_operator_put_it_and_nowhere_else(stage: Stage) -> None:
    stage.tick()
    stage.news()
    secret = stage.simulator.client_secret
    stored = b"".join(stage.read(item["Key"]) for item in stage.s3.list_objects_v2(Bucket="watcher-bucket")["Contents"])
    assert secret.encode() not in stored
    assert secret not in str(stage.alerts)
    assert secret in stage.aws.client("ssm").get_parameter(Name=SECRET_NAME, WithDecryption=True)["Parameter"]["Value"]


def quarantine_something(stage: Stage) -> str:
    """A leaf of the right root that bears another name; its fingerprint."""
    region = stage.world.region("eu-central-1")
    key = stage.world.keys.rsa("somebody")
    start = stage.clock()
    other = region.issuer("Genesys").leaf("somebody.example.com", key, start - DAY, start + 300 * DAY)
    region.extra_entities.append(region.entity(other, "Genesys", "Upcoming"))
    return other.fingerprint


def test_a_quarantined_leaf_reaches_no_pin_until_it_is_approved_and_leaves_when_that_is_withdrawn(stage: Stage) -> None:
    fingerprint = quarantine_something(stage)
    for _ in range(3):
        stage.tick()
    assert fingerprint.encode() not in stage.read("bundles/genesys/pins.json")
    alerts = [alert for alert in stage.news() if alert.kind == "quarantined"]
    assert len(alerts) == 1
    assert f"s3://watcher-bucket/approvals/{fingerprint}.json" in alerts[0].what_to_do

    stage.put(f"approvals/{fingerprint}.json", '{"by": "Ada", "why": "case 4711", "reasons": ["name-mismatch"]}')
    stage.tick()
    stage.tick()
    assert fingerprint.encode() in stage.read("bundles/genesys/pins.json")
    assert [alert.kind.value for alert in stage.news()].count("approved") == 1

    stage.s3.delete_object(Bucket="watcher-bucket", Key=f"approvals/{fingerprint}.json")
    for _ in range(3):
        stage.tick()
    assert fingerprint.encode() not in stage.read("bundles/genesys/pins.json")
    assert [alert.kind.value for alert in stage.news()].count("quarantined") == 1


def test_an_approval_that_cannot_be_read_is_told_to_whoever_wrote_it(stage: Stage) -> None:
    fingerprint = quarantine_something(stage)
    for _ in range(2):
        stage.collect()
    stage.news()
    stage.put(f"approvals/{fingerprint}.json", '{"by": "Ada"}')
    for _ in range(3):
        stage.collect()
    alerts = [alert for alert in stage.news() if alert.kind == "quarantined"]
    assert len(alerts) == 1
    assert "approval" in " ".join([alerts[0].what_happened, *alerts[0].facts, *alerts[0].facts.values()])


def test_an_error_nobody_thought_of_in_one_source_leaves_the_others_alone(stage: Stage) -> None:
    stage.watch["sources"][0]["api_url"] = (
        f"https://{'label' * 13}.example"  # too long for a name: no resolver is asked
    )
    stage.configure()
    summary = stage.collect()
    assert summary.sources["use1"].outcome == "failed"
    assert summary.sources["euc1"].outcome == "read"
