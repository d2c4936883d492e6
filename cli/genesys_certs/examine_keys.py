"""What ``doctor`` looks at of the KMS keys that the stack's parameters name."""

from collections.abc import Iterator
from datetime import datetime

from botocore.exceptions import ClientError

from genesys_certs import aws
from genesys_certs.examine import Finding, Level
from genesys_certs.stack import Stack
from rotation_watcher.alerts.builders.wording import plain

PARAMETERS = (
    *("StackKmsKeyArn", "BucketKmsKeyArn", "TopicKmsKeyArn", "QueueKmsKeyArn", "LogKmsKeyArn"),
    *("FormerKmsKeyArns", "KmsKeyArn"),
)
_NONE = {"", "none"}
_RUNBOOK = 'docs/runbook.md, "A KMS key is disabled or denies".'
_CURES = {
    "Disabled": "aws kms enable-key --key-id {key}",
    "PendingDeletion": "aws kms cancel-key-deletion --key-id {key}, then aws kms enable-key --key-id {key}",
}


def of_keys(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Whether each key exists and is enabled. That its policy lets the functions in is shown by what they do."""
    del now
    named: dict[str, list[str]] = {}
    for parameter in PARAMETERS:
        for key in stack.parameters.get(parameter, "").split(","):
            if key not in _NONE:
                named.setdefault(key, []).append(parameter)
    for key, parameters in named.items():
        # The key may be of another account: only its ARN names it there.
        where, short = f"key {', '.join(parameters)}", plain(key, 200)
        try:
            facts = aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NotFoundException":
                raise
            yield Finding(level=Level.CRITICAL, of=where, what=f"{short} does not exist", cure=_RUNBOOK)
            continue
        state = str(facts["KeyState"])
        if state == "Enabled":
            yield Finding(level=Level.OK, of=where, what=f"{short} is enabled")
        else:
            command = _CURES.get(state, "").format(key=short)
            cure = f"`{command}`; {_RUNBOOK}" if command else _RUNBOOK
            yield Finding(level=Level.CRITICAL, of=where, what=f"{short} is {state}", cure=cure)
