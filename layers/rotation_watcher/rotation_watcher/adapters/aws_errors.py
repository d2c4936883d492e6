"""Translate the SDK's errors into the errors of a target.

The codes are those of elbv2 (query protocol, without the word Exception), of API Gateway v1 and v2 (with it), and of
S3, from botocore's service models and the services' lists of common errors.
"""

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from rotation_watcher.errors import RoleRefused, RoleUnanswered, TargetBusy, TargetDenied, TargetError

NO_ANSWER = (NoConnection, HTTPClientError)
"""The service did not answer in time, or cannot be reached: the next call would wait as long."""

type SdkError = ClientError | BotoCoreError

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedException",
    "UnauthorizedOperation",
    "OperationNotPermitted",
}
_BUSY = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
    "TrustStoreNotReady",
    "ConflictException",
}
"""No 5xx: after one the request may have been carried out, and TargetBusy promises that nothing was changed."""


class NoAnswerOfSts(BotoCoreError):
    """STS gave no answer when a role was to be taken on. A BotoCoreError, so that every adapter translates it."""

    fmt = "STS gives no answer about the role {role}: {why}"


def code(error: SdkError) -> str:
    """The service's error code; empty where no answer came."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def words(error: SdkError) -> str:
    """The service's own message; the SDK's where no answer came."""
    return str(error.response.get("Error", {}).get("Message", "")) if isinstance(error, ClientError) else str(error)


def of_key(error: SdkError) -> str:
    """Where to read on if a KMS key is the cause; the error itself names the key. Empty if it is not."""
    if "kms" not in f"{code(error)} {words(error)}".lower():
        return ""
    return ' (docs/runbook.md, "A KMS key is disabled or denies")'


def retried(error: SdkError) -> bool:
    """Whether the SDK has retried, so that this answer may follow an earlier request of ours that succeeded."""
    return isinstance(error, ClientError) and error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0


def translate(what: str, error: SdkError) -> TargetError:
    """The TargetError for an error of the SDK. ``what`` begins the message: the call and the target."""
    message = f"{what}: {error}"
    if isinstance(error, NoAnswerOfSts):
        return RoleUnanswered(message)
    if isinstance(error, ClientError) and error.operation_name == "AssumeRole":
        message = f"{what}: the role of its account cannot be taken on: {error}"
        if code(error) in _DENIED:
            return RoleRefused(message)
    if code(error) in _DENIED:
        return TargetDenied(message)
    if code(error) in _BUSY:
        return TargetBusy(message)
    return TargetError(message)
