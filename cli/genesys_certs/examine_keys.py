"""What ``doctor`` looks at of the KMS keys that the stack's parameters name."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from genesys_certs import aws, key_policy
from genesys_certs.examine import SCHEDULED, Finding, Level
from genesys_certs.problems import explain
from genesys_certs.stack import Stack
from rotation_watcher.alerts.builders.wording import count, plain

PARAMETERS = (
    *("StackKmsKeyArn", "BucketKmsKeyArn", "TopicKmsKeyArn", "QueueKmsKeyArn", "LogKmsKeyArn"),
    *("FormerKmsKeyArns", "ReadKmsKeyArns", "FileBucketKmsKeyArns", "KmsKeyArn"),
)
_NONE = "none"
_RUNBOOK = 'docs/runbook.md, "A KMS key is disabled or denies".'
_CURES = {
    "Disabled": "aws kms enable-key --key-id {key} --region {region}",
    "PendingDeletion": (
        "aws kms cancel-key-deletion --key-id {key} --region {region}, then"
        " aws kms enable-key --key-id {key} --region {region}"
    ),
}


_PAGE = 'docs/keys.md, "What each service needs of the key\'s policy"'
KEPT = ("anchors/", "approvals/", "extra/", "sources/", "bundles/", "targets/", "crls/", "status/")
"""Where the newest version of an object is read for as long as the stack lives. What lies elsewhere expires."""
MOST = 400
"""How many objects are looked at for their key: a question each."""


def of_keys(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether each key exists and is enabled, and whom its policy lets in; and what lies under one of before."""
    del now
    named: dict[str, list[str]] = {}
    for parameter in PARAMETERS:
        for key in stack.listed(parameter):
            if key != _NONE:
                named.setdefault(key, []).append(parameter)
    for key, parameters in named.items():
        yield from _of_key(stack, key, f"key {', '.join(parameters)}")
    if former := [one for one in stack.listed("FormerKmsKeyArns") if one != _NONE]:
        yield _under(stack, former)


def _of_key(stack: Stack, key: str, where: str) -> Iterator[Finding]:
    # The key may be of another account, or of another region: only its ARN says so.
    short, region = plain(key, 200), key.split(":")[3]
    try:
        facts = aws.client("kms", region).describe_key(KeyId=key)["KeyMetadata"]
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "NotFoundException":
            yield Finding(level=Level.CRITICAL, of=where, what=f"{short} does not exist", cure=_RUNBOOK)
        else:
            cure = "Whoever may call kms:DescribeKey sees whether it is enabled."
            yield Finding(level=Level.UNKNOWN, of=where, what=f"{short} may not be seen ({plain(code, 60)})", cure=cure)
        return
    except BotoCoreError as error:  # such as no way to that region
        problem = explain(error)
        yield Finding(level=Level.UNKNOWN, of=where, what=problem.message, cure=problem.remedy)
        return
    state = str(facts["KeyState"])
    if state != "Enabled":
        command = _CURES.get(state, "").format(key=short, region=plain(region, 40))
        cure = f"`{command}`; {_RUNBOOK}" if command else _RUNBOOK
        yield Finding(level=Level.CRITICAL, of=where, what=f"{short} is {state}", cure=cure)
        return
    uses = [kind for kind in ("Bucket", "Topic", "Queue", "Log") if _key_of(stack, kind) == key]
    if uses and key.split(":")[4] != stack.account:
        yield Finding(level=Level.OK, of=where, what=f"{short} is enabled; its account alone can read its policy")
        return
    yield Finding(level=Level.OK, of=where, what=f"{short} is enabled")
    if uses:
        yield from _of_policy(stack, key, uses, f"{where}, policy")


def _key_of(stack: Stack, kind: str) -> str:
    """The key of one kind of data; empty: none of the operator's own."""
    own = stack.parameters.get(f"{kind}KmsKeyArn", "")
    return "" if own == "none" else own or stack.parameters.get("StackKmsKeyArn", "")


def _of_policy(stack: Stack, key: str, uses: list[str], where: str) -> Iterator[Finding]:
    """Whom the policy names. What its conditions hold back, grants and the organisation's policies are not judged."""
    try:
        policy = aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        cure = f"Whoever may call kms:GetKeyPolicy holds it to {_PAGE}."
        yield Finding(level=Level.UNKNOWN, of=where, what=f"it cannot be read ({plain(code, 60)})", cure=cure)
        return
    said, missing = list[str](), False
    partition = key.split(":")[1]
    for one in (one for one in key_policy.SERVICES if one.kind in uses):
        suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        service = one.name.format(region=stack.region, suffix=suffix)
        answer = key_policy.of_service(policy, service)
        if not answer.admitted:
            missing = True
            what = f"no statement lets {service} use it: {one.lost}"
            level = Level.CRITICAL if one.critical else Level.WARNING
            yield Finding(level=level, of=where, what=what, cure=f"Add the statement {one.sid} of {_PAGE}.")
        elif answer.conditions:
            said.append(f"{service} (conditions on {', '.join(plain(each, 60) for each in answer.conditions)})")
        else:
            said.append(service)
    left_out = _roles_left_out(stack, policy, f"arn:{partition}:iam::{stack.account}")
    if left_out:
        what = f"it denies, or lets in neither by name nor by the account's IAM, {', '.join(left_out)}"
        cure = f"TheAccountDecides of {_PAGE}, or name the roles; leave them out of what denies."
        yield Finding(level=Level.CRITICAL, of=where, what=what, cure=cure)
    elif not missing:
        what = f"it names {', '.join(said) or 'the account'}; what conditions hold back is not judged here"
        yield Finding(level=Level.OK, of=where, what=what)


def _roles_left_out(stack: Stack, policy: str, iam: str) -> list[str]:
    """The functions' roles that the policy denies, or lets in neither by name nor by the account's IAM."""
    account = (f"{iam}:root", stack.account)
    functions = [stack.resource(f"{name}Function") for name in SCHEDULED]
    roles = [aws.client("lambda").get_function_configuration(FunctionName=one)["Role"] for one in functions]
    return [plain(role, 200) for role in dict.fromkeys(roles) if not key_policy.of_role(policy, role, account).admitted]


def _under(stack: Stack, former: list[str]) -> Finding:
    """How many newest versions lie under a key of before, of the first ones of each folder."""
    s3, found, looked, whole = aws.client("s3"), Counter[str](), 0, True
    for folder in KEPT:
        keys = stack.store.list(folder)
        room = MOST // len(KEPT)
        whole = whole and len(keys) <= room
        for key in keys[:room]:
            looked += 1
            lies = s3.head_object(Bucket=stack.bucket, Key=key).get("SSEKMSKeyId", "")
            found[str(lies)] += 1
    under = sum(found[key] for key in former)
    of = f"{count(looked, 'object')}{'' if whole else ' (the first of each folder)'}"
    if not under:
        what = (
            f"of {of} none has its newest version under a key of FormerKmsKeyArns; earlier versions were not looked at"
        )
        return Finding(level=Level.OK, of="former keys", what=what)
    what = f"of {of} {under} have their newest version under a key of FormerKmsKeyArns: the functions need it"
    return Finding(
        level=Level.WARNING,
        of="former keys",
        what=what,
        cure='Leave it enabled, or docs/keys.md, "Retiring a key".',
    )
