"""What AWS's error codes mean for a target."""

from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.errors import TargetBusy, TargetDenied, TargetError

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "403"}
_BUSY = {
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ConflictException",
    "PriorRequestNotComplete",
}


def code(error: ClientError) -> str:
    """The service's error code."""
    return str(error.response.get("Error", {}).get("Code", ""))


def translate(what: str, error: ClientError | BotoCoreError) -> TargetError:
    """The TargetError for an error of the SDK. ``what`` opens the message: what was tried, on which target."""
    message = f"{what}: {error}"
    if isinstance(error, ClientError):
        if code(error) in _DENIED:
            return TargetDenied(message)
        if code(error) in _BUSY:
            return TargetBusy(message)
    return TargetError(message)
