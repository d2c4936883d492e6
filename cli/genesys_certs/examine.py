"""What ``doctor`` looks at. Each function gives its findings, and may raise what AWS answers: that is one, too."""

import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from genesys_certs import aws
from genesys_certs.plan import planned_by
from genesys_certs.problems import explain
from genesys_certs.stack import Stack
from genesys_certs.status import OLD, ago, read
from rotation_watcher import keys
from rotation_watcher.alerts.builders import APPLY
from rotation_watcher.alerts.builders.wording import common_name, count, plain
from rotation_watcher.config import Authority, Mode, Target
from rotation_watcher.errors import SourceReason
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.named_plan import NamedPlan
from rotation_watcher.trust.operator_files import load_anchors
from rotation_watcher.watch_text import YAML_NAMES

SCHEDULED = ("Collect", "Publish", "RefreshCrls", "Report")
"""The functions with a schedule, by the first part of their logical names."""
PUBLIC_ACCESS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
"""What a public access block may hold: all of it in a bucket that the template makes."""
_PENDING = "PendingConfirmation"
_SOON = timedelta(days=90)
_NEAR = 0.9
"""Of a quota: what is fuller is worth a word."""
_HEALTHY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
"""What went through. An update that was taken back (UPDATE_ROLLBACK_COMPLETE) did not: the release before runs."""
_WHENCE = {
    Authority.GENESYS: "Take the root from the zip of the region in the Genesys help article on mTLS for data actions",
    Authority.DIGICERT: "Take the roots from DigiCert's own page of roots, and compare their fingerprints",
}
"""Where the roots of an authority come from."""
_PERMISSION = (
    "Give a role of the OAuth client the permission integrations:actionCertificate:view in Genesys Cloud Admin. If it"
    " has it, see that its allowed IP addresses, and your organisation's, hold that of the function (docs/deploy.md)."
)
_CURES = {
    SourceReason.CREDENTIALS_MISSING: (
        'Store {{"client_id": …, "client_secret": …}} in the secret that CredentialArns names; with a key of your own,'
        " name it in KmsKeyArn."
    ),
    SourceReason.CREDENTIALS_REFUSED: (
        "Check client id and secret, that the client belongs to that region, and that its allowed IP addresses, and"
        " your organisation's, hold that of the function (docs/deploy.md)."
    ),
    SourceReason.PERMISSION_MISSING: _PERMISSION,
    SourceReason.UNREACHABLE: "With SubnetIds: the subnets need a way out by a NAT gateway, and port 443.",
}


class Level(StrEnum):
    """How a finding counts."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at (``of``), what was found, and the cure (empty: none is needed, or known)."""

    level: Level
    of: str
    what: str
    cure: str = ""


def _ok(of: str, what: str) -> Finding:
    return Finding(level=Level.OK, of=of, what=what)


def _warning(of: str, what: str, cure: str) -> Finding:
    return Finding(level=Level.WARNING, of=of, what=what, cure=cure)


def _critical(of: str, what: str, cure: str) -> Finding:
    return Finding(level=Level.CRITICAL, of=of, what=what, cure=cure)


def of_stack(stack: Stack, now: datetime) -> Iterator[Finding]:
    """The stack itself: whether its last deployment went through, and its configuration."""
    del now
    if stack.status in _HEALTHY:
        yield _ok("stack", f"{stack.name} in {stack.region}, {stack.status}")
    else:
        cure = 'Read the stack\'s events, then docs/deploy.md, "A deployment that fails".'
        yield _warning("stack", f"{stack.name} is {stack.status}", cure)
    watch = stack.watch()
    targets = count(len(watch.targets), "target")
    if watch.mode is Mode.OBSERVE and watch.targets:
        cure = f"Read the plan (`genesys-certs plan`). If it is right, {APPLY}."
        yield _warning("mode", f"observe: {targets} are watched and not changed", cure)
    elif not watch.targets:
        yield _warning(
            "mode", "no target is named", "Name trust stores and domains in TargetArns (`genesys-certs init`)."
        )
    else:
        yield _ok("mode", f"apply, {targets}")


def of_watch_file(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether the named operators alone may write the watch file. Nothing without them, or in another bucket."""
    del now
    place = keys.place(stack.parameters.get("WatchFileUri", ""))
    if not stack.listed("OperatorArns") or place is None or place.bucket != stack.bucket:
        return
    if not place.key.startswith("watch."):
        what = f"whoever IAM lets write {plain(place.key, 240)} may: OperatorArns is about watch.* in this bucket"
        form = "yaml" if place.key.lower().endswith(YAML_NAMES) else "json"
        cure = f"Copy it to s3://{stack.bucket}/watch.{form}, name that in WatchFileUri, and deploy."
        yield _warning("watch file", what, cure)


def of_bucket(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether the bucket blocks public access: the stack sets nothing of a bucket that it did not make."""
    del now
    bucket = {"Bucket": stack.bucket, "ExpectedBucketOwner": stack.account}
    try:
        held = aws.client("s3").get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "NoSuchPublicAccessBlockConfiguration":
            raise
        held = {}
    lacking = [one for one in PUBLIC_ACCESS if not held.get(one)]
    if not lacking:
        yield _ok("bucket", f"{stack.bucket}: public access is blocked")
        return
    what = (
        f"{stack.bucket} is without {', '.join(lacking)} of its public access block: unless the account has one, an"
        " access control list or a policy can let everybody in, who could then write anchors/"
    )
    cure = (
        f"`aws s3api put-public-access-block --bucket {stack.bucket} --region {stack.region} --expected-bucket-owner"
        f" {stack.account} --public-access-block-configuration {','.join(f'{one}=true' for one in PUBLIC_ACCESS)}`"
    )
    yield _warning("bucket", what, cure)


def of_subscriptions(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether somebody hears the alerts."""
    del now
    topic = stack.output("TopicArn")
    pages = aws.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [one for page in pages for one in page["Subscriptions"]]
    waiting = [one for one in found if one["SubscriptionArn"] == _PENDING]
    heard = [one for one in found if one["SubscriptionArn"] != _PENDING]
    parameters = ("AlertEmail", "AlertEmail2", "AlertEmail3")
    addresses = [("email", stack.parameters.get(one, "")) for one in parameters]
    pending = sorted(((str(one["Protocol"]), str(one.get("Endpoint", ""))) for one in waiting), key=_mail_first)
    if not heard:
        known = [one for one in (*addresses, *pending) if one[1]]
        cure = _ask_again(stack, *known[0]) if known else "Name an address in AlertEmail, and deploy."
        yield _critical("alerts", f"nobody hears them: no subscription of {topic} is confirmed", cure)
    else:
        kinds = ", ".join(sorted({plain(str(one["Protocol"]), 20) for one in heard}))
        yield _ok("alerts", f"{count(len(heard), 'subscription')} confirmed ({kinds})")
    for protocol, endpoint in pending:
        yield _warning("alerts", f"{plain(endpoint, 80)} has not confirmed", _ask_again(stack, protocol, endpoint))
    subscribed = {str(one.get("Endpoint", "")).casefold() for one in found if one["Protocol"] == "email"}
    for parameter, (protocol, address) in zip(parameters, addresses, strict=True):
        if address and address.casefold() not in subscribed:
            what = f"{plain(address, 80)} is not subscribed: it left, never confirmed, or moved from another field"
            yield _warning(f"alerts, {parameter}", what, _ask_again(stack, protocol, address))


def _mail_first(asked: tuple[str, str]) -> bool:
    return asked[0] != "email"


def _ask_again(stack: Stack, protocol: str, endpoint: str) -> str:
    """How a subscription is asked for once more, as it is typed."""
    typed = shlex.join(["--protocol", plain(protocol, 20), "--notification-endpoint", plain(endpoint, 320)])
    again = f"aws sns subscribe --topic-arn {stack.output('TopicArn')} {typed} --region {stack.region}"
    then = "follow the link in that mail" if protocol == "email" else "confirm it there"
    return f"AWS asks once, for 48 hours. To be asked again: `{again}`, and {then}."


def of_event_bus(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether the bus that gets each alert as an event is there, and hands any on. Nothing where none is configured."""
    del now
    name = stack.parameters.get("AlertEventBus", "")
    if not name:
        return
    events = aws.client("events")
    try:
        events.describe_event_bus(Name=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        cure = "Create it, or name the right one in AlertEventBus and deploy. Mails and chats go on meanwhile."
        yield _critical("event bus", f"there is no bus {name}: EventBridge takes each event and drops it", cure)
        return
    pages = events.get_paginator("list_rules").paginate(EventBusName=name)
    rules = [one for page in pages for one in page["Rules"] if one.get("State") != "DISABLED"]
    if rules:
        yield _ok("event bus", f"{name}, {count(len(rules), 'rule')} enabled")
    else:
        cure = "Make a rule whose pattern takes alerts, as docs/alerts-as-data.md shows."
        yield _warning("event bus", f"{name} has no enabled rule: nobody gets alerts as events", cure)


def of_functions(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether each function is there, ready, and of one release with the others."""
    del now
    versions: dict[str, set[str]] = {}
    for name in SCHEDULED:
        facts = aws.client("lambda").get_function_configuration(FunctionName=stack.resource(f"{name}Function"))
        state, last = facts.get("State", "Active"), facts.get("LastUpdateStatus", "Successful")
        versions.setdefault(",".join(sorted(one["Arn"] for one in facts.get("Layers", []))), set()).add(name)
        where = f"function {name}"
        if state in {"Active", "Inactive"} and last == "Successful":
            yield _ok(where, f"{facts.get('Runtime', '')}, deployed {str(facts.get('LastModified', ''))[:16]}")
        else:
            why = facts.get("LastUpdateStatusReason") or facts.get("StateReason") or "no reason given"
            yield _critical(where, f"{state}, last update {last}: {plain(str(why), 300)}", "Deploy again.")
    if len(versions) > 1:
        yield _warning("functions", "they have different layers, so different releases", "Deploy again.")


def of_schedules(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether each scheduled function has a schedule that is on."""
    del now
    scheduler = aws.client("scheduler")
    for name in SCHEDULED:
        cure = "Switch it on in the EventBridge console, or deploy again."
        try:
            facts = scheduler.get_schedule(Name=_schedule(scheduler, stack, name))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
                raise
            yield _critical(f"schedule {name}", "it does not exist", "Deploy again.")
            continue
        if facts["State"] == "ENABLED":
            yield _ok(f"schedule {name}", str(facts["ScheduleExpression"]))
        else:
            yield _critical(f"schedule {name}", f"it is {str(facts['State']).lower()}", cure)


def _schedule(scheduler: Any, stack: Stack, name: str) -> str:
    """The schedule's name; looked for where CloudFormation does not say."""
    logical = f"{name}ScheduleRule"
    if known := stack.resources.get(logical):
        return known
    found = scheduler.list_schedules(NamePrefix=f"{stack.name}-{logical}")["Schedules"]
    return str(found[0]["Name"]) if found else f"{stack.name}-{logical}"


def of_network(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether the subnets let functions through to the services of AWS: collect says. Nothing without a VPC."""
    del now
    if not stack.parameters.get("SubnetIds", ""):
        if stack.parameters.get("FunctionsInVpc") == "all" or stack.parameters.get("SecurityGroupIds", ""):
            what = "no function is in a VPC: FunctionsInVpc and SecurityGroupIds do nothing without SubnetIds"
            yield _warning("network", what, "Name the subnets in SubnetIds and deploy, or leave the others empty.")
        return
    for service, why in stack.invoke("CollectFunction", {"reach": True})["reach"].items():
        where = f"network {plain(str(service), 40)}"
        if why:
            cure = (
                f"Give the VPC an endpoint for {plain(str(service), 40)} with private DNS, whose security group takes"
                " 443 from that of the functions, or the subnets a NAT gateway (docs/vpc.md)."
            )
            yield _critical(where, f"not reached: {plain(str(why), 200)}", cure)
        else:
            yield _ok(where, "reached from the subnets of the functions")


def of_sources(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether collect can read each secret and each region: it is asked for a dry run, with its own role."""
    del now
    answer = stack.invoke("CollectFunction", {"dry_run": True})
    for name, one in answer.get("sources", {}).items():
        where = f"source {plain(str(name), 63)}"
        if one.get("outcome") == "read":
            yield _ok(where, "the secret can be read, and Genesys Cloud answers")
            yield from _quarantined(where, one.get("quarantined", {}))
        else:
            reason = str(one.get("reason", one.get("outcome")))
            words = plain(str(one.get("message", "")), 400)
            yield _critical(where, f"{reason}: {words}", _cure(reason))


def _cure(reason: str) -> str:
    known = {each.value: words for each, words in _CURES.items()}
    return (
        known.get(reason, f"docs/runbook.md, source-failing, {plain(reason, 40)}.")
        .replace("{{", "{")
        .replace("}}", "}")
    )


def _quarantined(where: str, found: Any) -> Iterator[Finding]:
    for authority, entities in found.items():
        for key, reasons in entities.items():
            words = f"{authority} {key[:16]} is in quarantine: {', '.join(map(str, reasons))}"
            cure = f"`genesys-certs approve {key[:16]}` shows it, and what it lacks."
            yield _critical(where, plain(words, 300), cure)


def of_roots(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether the operator's roots are there, and how long they last."""
    for source in stack.watch().sources:
        found = load_anchors(stack.store, source)
        cures = {
            authority: f"{_WHENCE[authority]}: `{stack.upload_root(source, authority)}`."
            for authority in source.authorities
        }
        for authority, problem in found.problems.items():
            yield _critical(f"root of {source.region}", plain(problem, 300), cures[Authority(authority)])
        for authority, certificates in found.certificates.items():
            if authority not in found.files:
                continue
            cure = cures[authority]
            for one in certificates:
                left = one.facts.not_after - now
                words = f"{common_name(one.facts.subject)}, until {one.facts.not_after:%Y-%m-%d}"
                where = f"root of {source.region}, {authority}"
                if left < timedelta(0):
                    yield _critical(where, f"it has ended: {words}", cure)
                elif left < _SOON:
                    yield _warning(where, f"it ends soon: {words}", cure)
                else:
                    yield _ok(where, words)


def of_targets(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether each target can be read, verifies everybody, has room, and is in step: publish is asked for a dry run."""
    del now
    watch = stack.watch()
    if not watch.targets:
        return
    planned = planned_by(stack)
    by_id = {target.id: target for target in watch.targets}
    for name, words in planned.failures.items():
        yield _critical(f"target {name}", words, _cure_of_target(by_id.get(name), words))
    for plan in planned.targets:
        yield from _target(plan, by_id.get(plan.target), watch.mode)


def _cure_of_target(target: Target | None, words: str) -> str:
    """What to do about a target that cannot be read; ``words`` begins with the reason."""
    reason = words.partition(":")[0]
    if reason in {Outcome.ROLE_REFUSED, Outcome.BUCKET_UNUSABLE}:
        return f"docs/runbook.md, truststore-update-failed, says what to check for {reason}."
    if reason in {Outcome.TARGET_NOT_FOUND, Outcome.TARGET_DENIED} and target is not None and target.role_arn:
        return (
            f"Does it exist in the account of {target.role_arn}, and does TargetArns of that role's stack"
            " (accounts/target-role.yaml) name it? Then deploy that stack again."
        )
    if reason in {Outcome.TARGET_NOT_FOUND, Outcome.TARGET_DENIED}:
        return "Does it exist, in this account and region, and does TargetArns name it? Then deploy again."
    return f"docs/runbook.md, truststore-update-failed, says what {reason} means."


def _target(plan: NamedPlan, target: Target | None, mode: Mode) -> Iterable[Finding]:
    where = f"target {plan.target}"
    for door in plan.open_doors:
        cure = (
            "Turn verification on at the listener, and disable the default execute-api endpoint of the API"
            " (docs/runbook.md, mtls-off)."
        )
        yield _critical(where, f"a way in verifies nobody: {door}", cure)
    held = plan.kept + len(plan.add)
    if target is not None and held > _NEAR * target.limit:
        yield _warning(
            where, f"{held} of {target.limit} places are taken", "Remove what is not needed, or raise the quota."
        )
    if plan.outcome == Outcome.BUCKET_UNUSABLE:
        yield _critical(where, plan.message, _cure_of_target(target, plan.outcome))
    elif plan.waiting:
        why = plan.message or plan.outcome
        yield _warning(where, f"{plan.outcome}: {why}", f"`genesys-certs plan --target {plan.target}` says what waits.")
    elif plan.changes and mode is Mode.APPLY:
        words = f"not in step yet: {len(plan.add)} to add, {len(plan.remove)} to remove"
        yield _warning(where, words, "The next run brings it in step; if not, read its log.")
    else:
        yield _ok(where, f"{plan.label}: {plan.outcome}, {held} of {target.limit if target else '?'} places taken")


def of_last_success(stack: Stack, now: datetime) -> Iterator[Finding]:
    """When the functions succeeded last, by what they have written."""
    try:
        status = read(stack)
    except Exception as error:  # noqa: BLE001  # said in a line
        problem = explain(error)
        yield _warning("status", problem.message, "Wait five minutes after a deployment; then read the log of report.")
        return
    age = now - status.at
    if age > OLD:
        yield _critical(
            "status", f"written {ago(age)} ago: report does not run", "Read the log of the function report."
        )
    else:
        yield _ok("status", f"written {ago(age)} ago: {status.verdict.text}")
    for source in status.sources:
        where = f"source {source.id}"
        if source.stale:
            since = f"{ago(now - source.read)} ago" if source.read else "never"
            yield _critical(where, f"read successfully {since}", "Read the log of the function collect.")
        elif source.read:
            yield _ok(where, f"read successfully {ago(now - source.read)} ago")


def of_alarms(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Which of the stack's alarms are raised."""
    del now
    pages = aws.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack.name}-")
    found = [one for page in pages for one in page["MetricAlarms"]]
    raised = [one for one in found if one["StateValue"] == "ALARM"]
    for one in raised:
        yield _warning(
            f"alarm {plain(one['AlarmName'], 100)}", "it is raised", plain(one.get("AlarmDescription", ""), 400)
        )
    if not found:
        yield _warning("alarms", "there is none, so nobody is told when nothing runs", "Deploy again.")
    elif not raised:
        yield _ok("alarms", f"{count(len(found), 'alarm')}, none raised")


def of_queues(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether something lies in a queue of last resort."""
    del now
    sqs = aws.client("sqs")
    for name, url in stack.resources.items():
        if not url or not (name.endswith("DeadLetters") or name == "FailedRunsQueue"):
            continue
        facts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        lying = int(facts["Attributes"]["ApproximateNumberOfMessages"])
        if lying:
            cure = "docs/runbook.md, Alarms: read them, mend the cause, then purge the queue."
            yield _warning(f"queue {name}", f"{count(lying, 'message')} lie there", cure)
        else:
            yield _ok(f"queue {name}", "empty")
