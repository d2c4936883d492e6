"""What operators get wrong: each mistake is named, in the summary and in an alert; the rest goes on."""

import json
from datetime import timedelta

import pytest

from rotation_watcher.adapters.s3 import MOST
from rotation_watcher.errors import ConfigurationError, RequestRefused
from tests.support.environments import AnyEnvironment
from tests.support.words import word

DAY = timedelta(days=1)


def test_a_wrong_watch_file_lists_every_mistake_with_its_path_before_any_call(environment: AnyEnvironment) -> None:
    wrong = json.loads(environment.read("watch.json"))
    wrong["sources"][0]["credentials"] = "my password"
    wrong["bundles"][0]["sources"] = ["nowhere"]
    wrong["targets"][1]["arn"] = "arn:aws:apigateway:eu-west-3::/domainnames/api.example.com"
    environment.put("watch.json", json.dumps(wrong))
    environment.forget_calls()
    with pytest.raises(ConfigurationError) as caught:
        environment.collect()
    paths = [mistake.split(" (line 1): ")[0] for mistake in caught.value.mistakes]
    assert paths == ["sources[0].credentials", "bundles[0].sources[0]", "targets[1].arn"]
    assert [call.resource for call in environment.calls()] == ["watcher-bucket/watch.json"]
    assert len(environment.simulator.requests) == 0


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [("secret", "credentials-refused"), ("gone", "credentials-missing"), ("permission", "permission-missing")],
)
def test_wrong_credentials_are_named_once_and_the_other_source_goes_on(
    environment: AnyEnvironment, trouble: str, reason: str
) -> None:
    other = environment.simulator
    if trouble == "permission":
        other.add_client("weak", "s3cret-canary", permissions=())
    client = {"client_id": "weak", "client_secret": "s3cret-canary"}
    arn = environment.put_secret("/genesys/other", json.dumps(client))
    if trouble == "gone":
        environment.delete_secret(arn)
    environment.watch["sources"][0]["credentials"] = arn
    environment.configure()
    summaries = [environment.collect() for _ in range(3)]
    for summary in summaries:
        assert summary.sources["use1"].outcome == "failed"
        assert summary.sources["use1"].reason == reason
        assert summary.sources["euc1"].outcome == "read"
    alerts = [alert for alert in environment.new_alerts() if alert.source == "use1"]
    assert [word(alert) for alert in alerts] == ["source-failing"]
    assert alerts[0].severity == "critical"
    assert "s3cret-canary" not in str(alerts) + str(summaries)
    assert json.loads(environment.read("sources/use1/history.json")).get("authorities", {}) == {}


def test_a_source_that_recovers_says_so_and_what_was_known_is_untouched(environment: AnyEnvironment) -> None:
    environment.tick()
    environment.new_alerts()
    before = json.loads(environment.read("sources/use1/history.json"))["authorities"]
    environment.simulator.play("us-east-1", "certificates", status=500, body="trouble", times=12)
    for _ in range(2):
        environment.collect("use1")
    assert json.loads(environment.read("sources/use1/history.json"))["authorities"] == before
    environment.simulator.clear()
    environment.collect("use1")
    assert [word(alert) for alert in environment.new_alerts()] == ["source-failing"]
    environment.collect("use1")
    assert [word(alert) for alert in environment.new_alerts()] == ["over: source-failing"]


def test_a_missing_anchor_is_alerted_once_with_the_command_that_adds_it(environment: AnyEnvironment) -> None:
    pem = environment.read("anchors/eu-central-1.pem").decode()
    environment.delete("anchors/eu-central-1.pem")
    for _ in range(3):
        environment.collect()
    alerts = [alert for alert in environment.new_alerts() if alert.source == "euc1"]
    assert [word(alert) for alert in alerts] == ["anchor-missing"]
    assert "aws s3 cp root.pem s3://watcher-bucket/anchors/eu-central-1.pem" in alerts[0].what_to_do
    environment.put("anchors/eu-central-1.pem", pem)
    summary = environment.collect()
    assert len(summary.sources["euc1"].current["Genesys"]) == 1


def test_an_anchor_lost_later_removes_nothing(environment: AnyEnvironment) -> None:
    environment.tick()
    held = {target: set(environment.live(target)) for target in ("alb", "rest")}
    files = {key: environment.read(key) for key in ("bundles/genesys/pins.json", "bundles/genesys/wanted.pem")}
    environment.put("anchors/eu-central-1.pem", "nothing of use")
    for _ in range(4):
        environment.tick()
    assert {target: set(environment.live(target)) for target in held} == held
    assert {key: environment.read(key) for key in files} == files
    assert "anchor-missing" in {word(alert) for alert in environment.new_alerts()}


def test_an_unknown_region_needs_hosts_by_hand(environment: AnyEnvironment) -> None:
    environment.watch["sources"][1] |= {"region": "moon-north-1"}
    del environment.watch["sources"][1]["api_url"]
    environment.configure()
    words = r"sources\[1\].api_url \(line 1\): missing, and 'moon-north-1' is not in"
    with pytest.raises(ConfigurationError, match=words):
        environment.collect()


def test_a_target_that_is_gone_is_alerted_and_the_others_go_on(environment: AnyEnvironment) -> None:
    environment.tick()
    environment.new_alerts()
    environment.remove_target("alb")
    summary = environment.publish()
    assert summary.targets["alb"].outcome == "target-not-found"
    assert [summary.targets[name].outcome for name in ("rest", "http")] == ["unchanged", "unchanged"]
    environment.publish()
    alerts = environment.new_alerts()
    assert [(word(alert), alert.target) for alert in alerts] == [("truststore-update-failed", "alb")]


def test_a_call_for_what_is_not_in_the_watch_file_is_refused_by_name(environment: AnyEnvironment) -> None:
    with pytest.raises(RequestRefused, match="no source usw9; the watch file has euc1, use1"):
        environment.collect("usw9")
    with pytest.raises(RequestRefused, match="no target nlb; the watch file has alb, http, rest"):
        environment.publish("nlb")


def test_a_private_key_in_an_answer_is_quarantined_and_never_written_anywhere(environment: AnyEnvironment) -> None:
    region = environment.world.region("us-east-1")
    canary = region.presented("Genesys").key_pem()
    entity = region.entity(region.presented("Genesys"), "Genesys")
    leaking = {"entities": [entity | {"certificate": entity["certificate"] + canary}]}
    environment.simulator.play("us-east-1", "certificates", body=json.dumps(leaking), times=4)
    for _ in range(2):
        environment.collect("use1")
    kinds = {word(alert) for alert in environment.new_alerts()}
    body = canary.splitlines()[5]
    stored = b"".join(environment.read(key) for key in environment.objects())
    assert body.encode() not in stored
    assert body not in str(environment.alerts)
    assert "quarantined" in kinds


def test_the_secret_is_where_the_operator_put_it_and_nowhere_else(environment: AnyEnvironment) -> None:
    environment.tick()
    environment.new_alerts()
    secret = environment.simulator.client_secret
    stored = b"".join(environment.read(key) for key in environment.objects())
    assert secret.encode() not in stored
    assert secret not in str(environment.alerts)
    assert secret in (environment.secret(environment.secret_arn) or "")


def quarantine_something(environment: AnyEnvironment) -> str:
    """A leaf of the right root that bears another name; its fingerprint."""
    region = environment.world.region("eu-central-1")
    key = environment.world.keys.rsa("somebody")
    start = environment.clock()
    other = region.issuer("Genesys").leaf("somebody.example.com", key, start - DAY, start + 300 * DAY)
    region.extra_entities.append(region.entity(other, "Genesys", "Upcoming"))
    return other.fingerprint


def test_a_quarantined_leaf_reaches_no_pin_until_it_is_approved_and_leaves_when_that_is_withdrawn(
    environment: AnyEnvironment,
) -> None:
    fingerprint = quarantine_something(environment)
    for _ in range(3):
        environment.tick()
    assert fingerprint.encode() not in environment.read("bundles/genesys/pins.json")
    alerts = [alert for alert in environment.new_alerts() if word(alert) == "quarantined"]
    assert len(alerts) == 1
    assert f"s3://watcher-bucket/approvals/{fingerprint}.json" in alerts[0].what_to_do

    environment.put(f"approvals/{fingerprint}.json", '{"by": "Ada", "why": "case 4711", "reasons": ["name-mismatch"]}')
    environment.tick()
    environment.tick()
    assert fingerprint.encode() in environment.read("bundles/genesys/pins.json")
    assert [word(alert) for alert in environment.new_alerts()].count("approved") == 1

    environment.delete(f"approvals/{fingerprint}.json")
    for _ in range(3):
        environment.tick()
    assert fingerprint.encode() not in environment.read("bundles/genesys/pins.json")
    assert [word(alert) for alert in environment.new_alerts()].count("quarantined") == 1


def test_an_approval_that_cannot_be_read_is_reported_to_whoever_wrote_it(environment: AnyEnvironment) -> None:
    fingerprint = quarantine_something(environment)
    for _ in range(2):
        environment.collect()
    environment.new_alerts()
    environment.put(f"approvals/{fingerprint}.json", '{"by": "Ada"}')
    for _ in range(3):
        environment.collect()
    alerts = [alert for alert in environment.new_alerts() if word(alert) == "quarantined"]
    assert len(alerts) == 1
    assert "approval" in " ".join([alerts[0].what_happened, *alerts[0].facts, *alerts[0].facts.values()])


def test_an_error_nobody_thought_of_in_one_source_leaves_the_others_alone(environment: AnyEnvironment) -> None:
    environment.watch["sources"][0]["api_url"] = (
        f"https://{'label' * 13}.example"  # too long for a name: no resolver is asked
    )
    environment.configure()
    summary = environment.collect()
    assert summary.sources["use1"].outcome == "failed"
    assert summary.sources["euc1"].outcome == "read"


@pytest.mark.parametrize("folder", ["anchors", "approvals"])
def test_a_file_that_would_fill_the_memory_stops_nothing_else(environment: AnyEnvironment, folder: str) -> None:
    """Whoever may write one file must not end every run that reads it: nothing would reach a truststore any more."""
    region = environment.world.region("us-east-1")
    region.extra_entities.append(region.entity(region.stranger("other-customer"), "Genesys", "Upcoming"))
    environment.tick()
    environment.new_alerts()
    held = environment.live_pem("alb")
    state = json.loads(environment.read("sources/use1/history.json"))
    (leaf,) = state["authorities"]["Genesys"]["quarantine"]
    environment.put("anchors/us-east-1.pem" if folder == "anchors" else f"approvals/{leaf}.json", " " * (MOST + 1))
    environment.clock.advance(timedelta(minutes=15))
    summary, published = environment.collect(), environment.publish()
    assert {name: one.outcome for name, one in summary.sources.items()} == {"use1": "read", "euc1": "read"}
    assert {one.outcome for one in published.targets.values()} == {"unchanged"}
    assert environment.live_pem("alb") == held
    environment.clock.advance(timedelta(hours=1))
    environment.tick()
    told = [(word(alert), f"at most {MOST} are read" in str(alert)) for alert in environment.new_alerts()]
    assert (("anchor-missing", True) in told or ("file-damaged", True) in told) is (folder == "anchors"), told
