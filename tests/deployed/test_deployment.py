"""The stack as its operator has it: deployed by the README, woken by its schedules, updated, removed. In this order."""

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509

from local.cloud.cloud import ROOT
from local.edge import ClientIdentity, TlsEdge
from local.genesys.issuing import Identity
from local.patience import seconds
from rotation_watcher import keys
from rotation_watcher.x509.certificates import parse_bundle
from tests.deployed.site import MINUTE, PATIENCE, REGION, STACK, Site
from tests.support.functions import LOGICAL_NAMES, woken_by
from tests.support.verdicts import admits

EVENTS = sorted(path.name for path in (ROOT / "events").iterdir())


def commands(readme: str) -> list[str]:
    """Every line of every ``bash`` block, in its order."""
    blocks = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_the_commands_of_the_readme_deploy_the_stack(site: Site, readme: str) -> None:
    store, build, deploy, _ = commands(readme)
    site.run(store)
    assert not (site.folder / "oauth.json").exists()
    secret = site.cloud.client("ssm").get_parameter(Name="/genesys/oauth")["Parameter"]
    site.tell("the OAuth client is stored")
    site.run(build)
    site.tell(f"built: {build}")
    digicert = site.genesys.digicert_root_pem().encode()
    form = site.fill_in(
        deploy,
        {
            "GenesysRegion": REGION,
            "Authorities": "Genesys,DigiCert",
            "CredentialArns": secret["ARN"],
            "TargetArns": f"{site.trust_store},{site.domain}",
            "AdoptObjectArns": "arn:aws:s3:::platform/mtls/others.pem",
            "AuthorizerBundle": "main",
            "EnvironmentName": "stage",
            "AlertEmail": "operator@example.com",
            "AlertEmail2": "deputy@example.com",
            "SlackSecretArn": site.slack_secret,
        },
    )
    site.tell(f"deployed: {deploy}")
    assert "Successfully created/updated stack" in form
    assert "UploadRootCommand" in form
    assert site.parameters["Mode"] == "observe"
    assert (site.folder / "samconfig.toml").read_bytes() == (ROOT / "samconfig.toml").read_bytes(), "git keeps it"
    assert "parameter_overrides" in (site.folder / "samconfig.local.toml").read_text()
    # Public roots are vendored; the simulator's stand in for them as an operator's own anchor would.
    site.cloud.client("s3").put_object(Bucket=site.bucket, Key="anchors/digicert.pem", Body=digicert)


def test_alerts_have_subscribers(site: Site) -> None:
    site.subscribe()
    site.mailbox.confirm()
    topic = site.outputs["TopicArn"]
    listed = site.cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert {each["Protocol"] for each in listed} == {"email", "sqs", "http"}
    assert {"operator@example.com", "deputy@example.com"} <= {each["Endpoint"] for each in listed}
    assert site.outputs["AlarmTopicArn"] != topic


def answer_of(printed: str) -> dict[str, Any]:
    """Give the function's answer, which ``aws lambda invoke`` prints before what it says itself."""
    answer, end = json.JSONDecoder().raw_decode(printed)
    assert json.loads(printed[end:])["StatusCode"] == 200, printed
    assert isinstance(answer, dict)
    return answer


def test_the_outputs_upload_the_root_and_show_the_first_report(site: Site, readme: str) -> None:
    named = re.findall(r"`(\w+Command)`", readme)
    assert named == ["UploadRootCommand", "CollectNowCommand", "PublishDryRunCommand", "StatusPageCommand"]
    before = site.cloud.aws.live_bundle(site.trust_store)
    site.run(site.outputs["UploadRootCommand"])
    looked = answer_of(site.run(site.outputs["CollectNowCommand"]))
    assert looked["sources"][REGION]["outcome"] == "read", looked
    site.tell(f"the first look: {looked['sources'][REGION]}")
    planned = answer_of(site.run(site.outputs["PublishDryRunCommand"]))
    assert {"genesys-clients", "api-example-com"} == set(planned["targets"])
    assert planned["dry_run"]
    for target in planned["targets"].values():
        assert len(target["added"]) >= 2
        assert not target.get("removed")
    site.tell(f"what would change: {sorted(planned['targets'])}")
    assert site.cloud.aws.live_bundle(site.trust_store) == before, "observe changes nothing"
    page = {"Bucket": site.bucket, "Prefix": "status/index.html"}
    site.wait_for("the status page", lambda: site.cloud.client("s3").list_objects_v2(**page)["KeyCount"])
    site.run(site.outputs["StatusPageCommand"])
    assert "genesys-clients" in (site.folder / "status.html").read_text()


def test_the_mail_and_slack_say_what_would_change(site: Site) -> None:
    site.wait_for("change-planned", lambda: site.kinds().count("change-planned") >= 2)
    site.wait_for("a mail", lambda: any("planned" in mail.text or "would" in mail.text for mail in site.mailbox.mails))
    site.wait_for("Slack", lambda: site.slack.payloads)
    assert all("][stage] " in mail.subject for mail in site.mailbox.mails)
    for alert in site.alerts:
        assert alert.origin is not None
        assert (alert.origin.stack, alert.origin.region) == (STACK, REGION)
        assert alert.origin.environment == "stage"


def test_applied_the_stack_brings_both_targets_up_to_date_unaided(site: Site, readme: str) -> None:
    before = {arn: site.cloud.aws.live_bundle(arn) for arn in (site.trust_store, site.domain)}
    assert not site.admits_presented(site.trust_store, "Genesys")
    site.fill_in(commands(readme)[-1], {"Mode": "apply"})
    assert (site.parameters["Mode"], site.parameters["GenesysRegion"]) == ("apply", REGION), "other answers are kept"
    for arn in (site.trust_store, site.domain):
        took = site.wait_for(arn, partial(site.admits_presented, arn, "Genesys", "DigiCert"), 100)
        held = {block.fingerprint for block in parse_bundle(site.cloud.aws.live_bundle(arn) or b"")[0]}
        assert {block.fingerprint for block in parse_bundle(before[arn] or b"")[0]} <= held, "others' stay"
        site.tell(f"{arn.rpartition(':')[2]} admits what Genesys presents, {took:.1f} s later")
    site.wait_for("truststore-updated", lambda: site.kinds().count("truststore-updated") >= 2)


def test_what_the_api_announces_reaches_the_targets_unaided(site: Site) -> None:
    """The API announces a leaf under a new intermediate, to be presented in 48 seconds of a quiet machine.

    The domain was updated a moment ago: API Gateway takes the next update 30 seconds later.
    """
    updated = site.kinds().count("truststore-updated")
    site.rotates_at = datetime.now(UTC) + timedelta(seconds=seconds(48))
    site.genesys.schedule_rotation("DigiCert", site.rotates_at, intermediate="new")
    site.tell("Genesys' API announces a certificate under a new intermediate CA")
    took = site.wait_for("the upcoming issuer", lambda: site.kinds().count("truststore-updated") >= updated + 2)
    site.tell(f"FROM THE API'S CHANGE TO THE PROVED TARGETS: {took:.1f} s (a minute of the schedule lasts {MINUTE} s)")
    upcoming = site.genesys.upcoming("DigiCert")
    assert upcoming is not None, "in time"
    for arn in (site.trust_store, site.domain):
        assert admits(site.cloud.aws.live_bundle(arn) or b"", upcoming, datetime.now(UTC))
    site.wait_for("upcoming-published", lambda: "upcoming-published" in site.kinds())  # at the second run


def test_every_event_file_is_a_way_in(site: Site) -> None:
    """As an operator calls them: ``sam remote invoke <Function> --event-file events/<file>``."""

    def invoke(name: str) -> dict[str, Any]:
        function = f"{LOGICAL_NAMES[woken_by(name)]}Function"
        said = site.run(
            f"sam remote invoke {function} --stack-name {STACK} --region {REGION} --event-file events/{name}"
        )
        answer: dict[str, Any] = json.loads(said.splitlines()[-1])
        return answer

    order = ["publish-rollback.json", "publish-release.json"]
    assert set(order) < set(EVENTS)
    rolled_back, released = map(invoke, order)  # these two one after the other: a rollback holds until it is released
    with ThreadPoolExecutor(3) as pool:
        rest = [name for name in EVENTS if name not in order]
        answers = dict(zip(rest, pool.map(invoke, rest), strict=True))
    assert "targets" in rolled_back, rolled_back
    assert rolled_back["targets"]["genesys-clients"]["outcome"] == "rolled-back"
    assert released["targets"]["genesys-clients"]["outcome"] == "updated"
    for name, answer in answers.items():
        if name.startswith(("slack", "publish-queue")):
            assert answer == {"batchItemFailures": []}
        elif name.startswith("collect"):
            assert answer["sources"][REGION]["outcome"] == "read", name
        elif name.startswith("refresh-crls"):
            assert {one["outcome"] for one in answer["lists"]} == {"failed"}, "the simulator's lists lie nowhere"
        elif name.startswith("report"):
            assert answer["verdict"], name
        else:
            assert answer["mode"] == "apply", name
            assert answer.get("targets") or answer.get("woken"), name
    site.tell(f"sam remote invoke with each of {len(EVENTS)} files of events/")


def test_when_the_rotation_comes_every_target_is_ready(site: Site) -> None:
    left = max(0.0, (site.rotates_at - datetime.now(UTC)).total_seconds())  # much where the machine was busy then
    site.wait_for("the rotation", lambda: site.genesys.upcoming("DigiCert") is None, left + PATIENCE)
    for arn in (site.trust_store, site.domain):
        assert site.admits_presented(arn, "Genesys", "DigiCert")
    site.wait_for("rotated", lambda: "rotated" in site.kinds())
    site.tell("Genesys presents it, every target admits it, and the alert has arrived")


def test_the_authorizer_lets_in_accepted_leaves_alone(site: Site) -> None:
    stranger, now = site.genesys.stranger("other-customer", "DigiCert"), datetime.now(UTC)
    for arn in (site.trust_store, site.domain):
        assert admits(site.cloud.aws.live_bundle(arn) or b"", stranger, now), "the bundle alone admits them"
    assert site.decide(stranger.pem()) == (False, "not-pinned")
    for authority in ("Genesys", "DigiCert"):
        assert site.decide(site.genesys.presented(authority).pem()) == (True, "pinned")
    record = {"Bucket": site.bucket, "Key": keys.record(keys.target(site.domain))}

    def absent() -> bool:
        held = json.loads(site.cloud.client("s3").get_object(**record)["Body"].read())["conditions"]
        return all(one.get("clear") for one in held.values() if one["kind"] == "shared-authority-deployed")

    assert not absent(), "the domain holds DigiCert's root, and its API asks nobody"
    site.attach_authorizer()
    took = site.wait_for("the warning of the shared CA is absent", absent)
    site.tell(f"another customer of DigiCert is refused; the watcher sees the authorizer {took:.1f} s later")


def test_a_rotation_off_cycle_gets_in_within_half_a_minute_and_what_is_revoked_within_one_cycle(site: Site) -> None:
    old, rotated = site.genesys.presented("DigiCert"), site.kinds().count("rotated")
    site.genesys.schedule_emergency("DigiCert")
    new, stranger = site.genesys.presented("DigiCert"), site.genesys.stranger("other-customer", "DigiCert")
    first = site.decide(new.pem())
    took = site.wait_for("the new leaf", lambda: site.decide(new.pem()) == (True, "pinned"), 30)
    assert site.decide(stranger.pem()) == (False, "not-pinned")
    site.tell(f"a leaf that nobody announced is admitted {took:.1f} s after it first knocked ({first[1]})")
    site.wait_for("rotated", lambda: site.kinds().count("rotated") > rotated)
    site.cloud.world.lists.revoke(old)
    site.refresh_crls()
    took = site.wait_for("the revocation", lambda: site.decide(old.pem()) == (False, "revoked"), 100)
    loaded = partial(site.cloud.aws.live_lists, site.trust_store)
    site.wait_for("the list in the trust store", lambda: any(_names(one, old) for one in loaded()))
    bundle = site.cloud.aws.live_bundle(site.trust_store) or b""
    with TlsEdge(site.folder / "edge") as edge:
        edge.load({"alb": bundle}, {"alb": site.cloud.world.lists.beside(bundle, loaded())})
        guests = [ClientIdentity(one.name, one.handshake_pem().encode(), one.key_pem().encode()) for one in (old, new)]
        assert [result.admitted for result in edge.handshakes("alb", guests)] == [False, True]
    assert site.decide(new.pem()) == (True, "pinned")
    site.tell(f"the leaf that it replaced is revoked: refused by the authorizer {took:.1f} s later, and by nginx")


def _names(crl: bytes, identity: Identity) -> bool:
    serial = identity.certificate.serial_number
    return x509.load_pem_x509_crl(crl).get_revoked_certificate_by_serial_number(serial) is not None


def test_an_update_keeps_the_state_and_another_tools_bundle_is_found_and_healed(site: Site, readme: str) -> None:
    """What the README says of ``git pull``, and of Terraform or CloudFormation that manage the same trust store."""
    update = re.search(r"\*\*Update\*\*: `git pull`, `([^`]+)`, `([^`]+)`", readme)
    assert update is not None
    s3, functions = site.cloud.client("s3"), site.cloud.client("lambda")
    history = {"Bucket": site.bucket, "Key": f"sources/{REGION}/history.json"}
    first_seen = json.loads(s3.get_object(**history)["Body"].read())
    code = _deployed(functions)
    site.cloud.client("elbv2").modify_trust_store(
        TrustStoreArn=site.trust_store,
        CaCertificatesBundleS3Bucket="platform",
        CaCertificatesBundleS3Key="mtls/others.pem",
    )
    assert not site.admits_presented(site.trust_store, "Genesys")
    site.tell("another tool deploys its own bundle over ours")
    app = site.folder / "functions/collect/app.py"
    app.write_text(app.read_text() + "# a newer version\n")
    for command in update.groups():
        site.run(command)
    site.tell("updated: a new version of the collect function is deployed")
    assert _deployed(functions) != code
    assert site.parameters["Mode"] == "apply", "an update must not fall back to observing"
    took = site.wait_for("healing", lambda: site.admits_presented(site.trust_store, "Genesys", "DigiCert"), 100)
    site.wait_for("drift-found", lambda: "drift-found" in site.kinds())
    site.tell(f"the other tool's bundle was found and healed ({took:.1f} s after the update)")
    now = json.loads(s3.get_object(**history)["Body"].read())
    assert now.keys() == first_seen.keys()
    looked = answer_of(site.run(site.outputs["CollectNowCommand"]))
    assert looked["sources"][REGION]["outcome"] == "read"


def test_the_rule_for_what_cloudtrail_tells_takes_others_changes_and_hands_them_to_publish(site: Site) -> None:
    """No one but AWS may send such an event: so the deployed rule is asked, and the event is a way in above."""
    events, rule = site.cloud.client("events"), site.resource("TargetChangedRule").rpartition("/")[2]
    pattern = events.describe_rule(Name=rule)["EventPattern"]
    (target,) = events.list_targets_by_rule(Rule=rule)["Targets"]
    assert target["Arn"].endswith(f":function:{site.resource('PublishFunction')}")
    event = json.loads((ROOT / "events/publish-changed.json").read_text())
    role = site.cloud.client("iam").get_role(RoleName=site.resource("PublishRole"))["Role"]["Arn"]
    ours = event | {"detail": event["detail"] | {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": role}}}}}
    for one, wakes in ((event, True), (ours, False)):
        assert events.test_event_pattern(EventPattern=pattern, Event=json.dumps(one))["Result"] is wakes


def test_nothing_failed_and_nothing_left_this_machine(site: Site) -> None:
    queue = site.cloud.client("sqs")
    dead = [url for url in queue.list_queues()["QueueUrls"] if "DeadLetters" in url or "FailedRuns" in url]
    assert len(dead) == 3
    for url in dead:
        waiting = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        assert waiting["Attributes"]["ApproximateNumberOfMessages"] == "0", url
    assert set(site.cloud.proxy.asked) == {"api.mypurecloud.com", "login.mypurecloud.com"}
    # Runs that overlap may alert a thing twice, under one id: promised is "at least once".
    told = Counter(str(kind) for _, kind in {(alert.id, alert.kind) for alert in site.alerts})
    assert (told["upcoming-published"], told["rotated"], told["drift-found"], told["revoked"]) == (1, 2, 1, 1)
    failed = [alert.id for alert in site.alerts if "fail" in alert.kind]
    assert not [each for each in failed if ":held:" not in each], "only the rollback kept something back"
    secret = site.cloud.simulator.client_secret
    texts = [mail.text for mail in site.mailbox.mails] + [json.dumps(each) for each in site.slack.payloads]
    assert texts
    assert not [text for text in [*texts, site.cloud.log.read_text()] if secret in text or site.slack.url in text]


def test_removed_the_stack_leaves_the_bucket_and_what_the_targets_hold(site: Site, readme: str) -> None:
    remove = re.search(r"\*\*Remove\*\*: `([^`]+)`", readme)
    assert remove is not None
    bucket, held = site.bucket, site.cloud.aws.live_bundle(site.trust_store)
    site.former_bucket = bucket
    site.run(f"{remove[1]} --no-prompts --region {REGION}")  # a person answers two questions instead
    with pytest.raises(ClientError, match="does not exist"):
        site.cloud.client("cloudformation").describe_stacks(StackName=STACK)
    kept = site.cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert {each["Key"].partition("/")[0] for each in kept} >= {"anchors", "sources", "targets", "bundles"}
    assert site.cloud.aws.live_bundle(site.trust_store) == held
    assert not site.cloud.client("lambda").list_functions()["Functions"]
    site.tell("removed: the functions are gone, the bucket and the truststores stay")


def test_a_new_stack_over_the_bucket_that_stayed_goes_on_with_what_was_known(site: Site) -> None:
    """What docs/deploy.md says, with the answer that the form asks for."""
    how = (ROOT / "docs/deploy.md").read_text().partition("## A new stack over the bucket of a former one")[2]
    delete, deploy = (line.partition("#")[0].strip() for line in how.split("```")[1].splitlines()[1:3])
    bucket, held = site.former_bucket, site.cloud.aws.live_bundle(site.trust_store)
    records = {arn: site.record(arn, bucket) for arn in (site.trust_store, site.domain)}
    site.run(f"{delete.replace('BUCKET', bucket)} --region {REGION}")
    site.fill_in(deploy, {"ExistingBucketName": bucket})
    assert site.bucket == bucket
    looked = answer_of(site.run(site.outputs["CollectNowCommand"]))
    assert looked["sources"][REGION]["outcome"] == "read", looked
    planned = answer_of(site.run(site.outputs["PublishDryRunCommand"]))
    for name, target in planned["targets"].items():
        assert not target.get("added"), (name, target)
        assert not target.get("removed"), (name, target)
    assert {arn: site.record(arn, bucket)["ours"] for arn in records} == {
        arn: one["ours"] for arn, one in records.items()
    }
    assert site.cloud.aws.live_bundle(site.trust_store) == held
    site.tell("a new stack over the bucket that stayed: it knows what the former one had added")


def _deployed(functions: Any) -> str:
    """The digest of the collect function's deployed code."""
    listed = functions.list_functions()["Functions"]
    return next(str(each["CodeSha256"]) for each in listed if "CollectFunction" in each["FunctionName"])
