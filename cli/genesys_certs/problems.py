"""Whatever goes wrong, as a code, a sentence and a remedy: what people read instead of a traceback.

No text here holds a secret, a token or a pre-signed URL: errors of the watcher and of the SDK name none, and of an
exception that nobody thought of only its type and place are told.
"""

import errno
import re
from typing import Any

from genesys_certs import PROGRAM
from rotation_watcher.errors import (
    ConfigurationError,
    NewerFormat,
    RequestRefused,
    SourceError,
    SourceReason,
    StoreError,
    WatcherError,
)

_SIGNED = re.compile(r"https?://\S*[?&](?:X-Amz-|AWSAccessKeyId|Signature=)\S*", re.IGNORECASE)
_CREDENTIALS = "Log in as you do for the AWS CLI: `aws sso login{profile}`, `aws configure`, or AWS_PROFILE."
_LOGIN = ("SSOError", "TokenRetrievalError", "NoAuthTokenError", "UnknownTokenProviderError", "LoginError")
_MISSING = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "UnknownCredentialError")
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "UnauthorizedOperation",
    "UnauthorizedException",
    "403",
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_INVALID = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "InvalidSignatureException",
}
_AT_GENESYS = {
    SourceReason.CREDENTIALS_REFUSED: (
        "Check client id, secret, region and allowed IP addresses in Genesys Cloud Admin, Integrations, OAuth."
    ),
    SourceReason.PERMISSION_MISSING: (
        "Give a role of that OAuth client the permission integrations:actionCertificate:view in Genesys Cloud Admin;"
        " if it has it, see that its allowed IP addresses, and your organisation's, hold this machine's."
    ),
    SourceReason.UNREACHABLE: "Check the network, a proxy, and the region.",
    SourceReason.TLS_FAILED: "If your network inspects TLS, name its root with --ca-file.",
}


class Problem(Exception):  # what people are shown
    """``code`` is stable, ``message`` says what happened, ``remedy`` what to do (empty: nothing helps)."""

    def __init__(self, code: str, message: str, remedy: str = "", *, exit_code: int | None = None) -> None:
        self.code = code
        self.message = message
        self.remedy = remedy
        self.exit_code = exit_code
        super().__init__(message)

    def document(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {"error": {"code": self.code, "message": self.message, "remedy": self.remedy}}


def explain(error: BaseException, *, profile: str | None = None) -> Problem:
    """The problem behind an exception of ours, of the SDK, of the system, or of nobody's thought."""
    if isinstance(error, Problem):
        return error
    found = _of_watcher(error) if isinstance(error, WatcherError) else None
    found = found or _of_sdk(error, profile) or _of_system(error) or _defect(error)
    return Problem(found.code, _SIGNED.sub("(a signed URL)", found.message), found.remedy, exit_code=found.exit_code)


def _of_watcher(error: WatcherError) -> Problem:
    cause = error.__cause__
    if isinstance(error, StoreError) and cause is not None and (found := _of_sdk(cause, None)):
        return Problem(found.code, str(error), found.remedy)
    if isinstance(error, ConfigurationError):
        return Problem("configuration", "\n".join(error.mistakes))
    if isinstance(error, SourceError):
        return Problem(error.reason.value, str(error), _AT_GENESYS.get(error.reason, ""))
    for kind, code, remedy in _OTHERS:
        if isinstance(error, kind):
            return Problem(code, str(error), remedy)
    return Problem(str(getattr(error, "reason", "failed")), str(error))


_OTHERS: tuple[tuple[type[WatcherError], str, str], ...] = (
    (NewerFormat, "newer-format", "Install the newest release of this command."),
    (RequestRefused, "refused", ""),
    (StoreError, "store", ""),
)


def _of_sdk(error: BaseException, profile: str | None) -> Problem | None:
    """What botocore raises. It is loaded only where it has raised something."""
    if isinstance(error, ValueError) and str(error).startswith("Invalid endpoint: "):  # the SDK has no class of it
        remedy = "Look at AWS_ENDPOINT_URL, or endpoint_url of the profile: it takes http://… or https://…"
        return Problem("bad-endpoint", f"The address of AWS is none: {error}", remedy)
    if not type(error).__module__.startswith(("botocore", "boto3")):
        return None
    from botocore import exceptions as sdk  # noqa: PLC0415

    login = _CREDENTIALS.format(profile=f" --profile {profile}" if profile else "")
    if isinstance(error, sdk.NoRegionError):
        return no_region()
    if isinstance(error, sdk.ClientError):
        return _of_answer(error, login)
    network = "Check the network, a proxy, and the region."
    table: tuple[tuple[Any, str, str, str], ...] = (
        (sdk.ProfileNotFound, "unknown-profile", "", "`aws configure list-profiles` lists those that there are."),
        (_kinds(sdk, _LOGIN), "login-expired", "The login has expired or is missing: ", login),
        (_kinds(sdk, _MISSING), "no-credentials", "There are no AWS credentials: ", login),
        ((sdk.ConnectionError, sdk.HTTPClientError), "unreachable", "AWS does not answer: ", network),
    )
    for kinds, code, words, remedy in table:
        if isinstance(error, kinds):
            return Problem(code, f"{words}{error}", remedy)
    return Problem("aws", str(error))


def _kinds(sdk: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    """The exceptions of these names that this SDK has."""
    return tuple(getattr(sdk, name) for name in names if hasattr(sdk, name))


def _of_answer(error: Any, login: str) -> Problem:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in _EXPIRED:
        return Problem("login-expired", f"The AWS session has expired: {error}", login)
    if code in _INVALID:
        return Problem("no-credentials", f"AWS does not take these credentials: {error}", login)
    if code in _DENIED:
        remedy = f"Allow {_action(error)}, or use a --profile that may do it."
        return Problem("access-denied", str(error), remedy)
    return Problem("aws", str(error), "")


_SERVICE = {
    "DescribeStacks": "cloudformation",
    "ListStackResources": "cloudformation",
    "Invoke": "lambda",
    "GetObject": "s3",
    "PutObject": "s3",
}


def _action(error: Any) -> str:
    operation = str(error.operation_name)
    action = {"Invoke": "InvokeFunction"}.get(operation, operation)
    return f"{_SERVICE[operation]}:{action}" if operation in _SERVICE else operation


def no_region() -> Problem:
    """No AWS region is known."""
    return Problem(
        "no-region",
        "No AWS region is known.",
        "Give --region, set AWS_REGION, or `aws configure set region <region>`.",
    )


def _of_system(error: BaseException) -> Problem | None:
    if not isinstance(error, OSError):
        return None
    where = f"{error.filename}: " if isinstance(error.filename, str) else ""
    code = {errno.ENOENT: "not-found", errno.EACCES: "not-allowed"}.get(error.errno or 0, "system")
    return Problem(code, f"{where}{error.strerror or error}", "")


def _defect(error: BaseException) -> Problem:
    """An exception that nobody thought of: its type and place, and no text of it, which could hold anything."""
    from rotation_watcher import defects  # noqa: PLC0415

    trace = "; ".join(defects.trace(error)) if isinstance(error, Exception) else ""
    message = f"{PROGRAM} itself failed: {type(error).__name__} ({trace})"
    return Problem("internal-error", message, "Install the newest release; if it is the newest, open an issue.")
