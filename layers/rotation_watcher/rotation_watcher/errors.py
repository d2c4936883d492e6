"""Every error that the watcher raises itself, as one tree; those that alerts name have a stable reason code.

::

    WatcherError
    ├── ConfigurationError          the watch file or the environment is wrong; lists every mistake
    ├── SourceError                 a Genesys Cloud organisation could not be read
    │   (reason: one of SourceReason)
    ├── FetchError                  a file that a certificate names could not be fetched
    │   (code: one of FetchCode)
    ├── StoreError                  S3 could not be read or written
    │   ├── Conflict                another writer was first: read again
    │   └── NewerFormat             a newer release wrote the object: it is neither used nor written
    ├── TargetError                 a trust store or domain could not be read or changed
    │   ├── TargetNotFound          it does not exist
    │   ├── TargetDenied            the role may not do this
    │   ├── TargetBusy              throttled, or still updating: try again later
    │   ├── TargetDefect            the watcher itself failed at it, in a way that nobody thought of
    │   ├── RoleRefused             STS does not let the watcher take on the role of its account
    │   ├── RoleUnanswered          STS says nothing of it
    │   ├── BucketUnusable          the bucket of its region, from which it loads, is gone, refuses, or is elsewhere
    │   ├── BundleRejected          the service refuses this content; a retry would fail too
    │   ├── RevocationRejected      the same of a revocation list
    │   └── RevocationsFull         the trust store takes no further revocation list
    ├── ClaimedByAnother            another run has claimed the target; nothing was written
    ├── ToBeDone                    a sweep, which changes no target, has found something to do at one
    ├── DeliveryError               an alert could not be handed to its sink
    │   └── DeliveryTimedOut        the sink did not answer: the next alert would wait as long
    └── RequestRefused              a call by hand asks for something that is not allowed; nothing was changed

Parsing and assessing raise none of these: they return what is valid together with the defects.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for anything but JSON of the expected shape; the last two: bad UTF-8, deep nesting."""


class SourceReason(StrEnum):
    """Why a source could not be read. Stable: alerts and the runbook use these codes."""

    CREDENTIALS_MISSING = "credentials-missing"
    CREDENTIALS_REFUSED = "credentials-refused"
    PERMISSION_MISSING = "permission-missing"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls-failed"
    REDIRECTED = "redirected"
    ANSWER_TOO_LARGE = "answer-too-large"
    ANSWER_INVALID = "answer-invalid"
    AUTHORITY_ABSENT = "authority-absent"
    ENDPOINT_MISSING = "endpoint-missing"
    INTERNAL_ERROR = "internal-error"

    @property
    def lasting(self) -> bool:
        """Whether a retry cannot help, so that the alert is sent at the first observation."""
        return self in {
            SourceReason.CREDENTIALS_MISSING,
            SourceReason.CREDENTIALS_REFUSED,
            SourceReason.PERMISSION_MISSING,
            SourceReason.ENDPOINT_MISSING,
            SourceReason.INTERNAL_ERROR,
        }


class FetchCode(StrEnum):
    """Why a file that a certificate names could not be fetched. Stable: alerts and the runbook use these codes."""

    URL_REFUSED = "url-refused"
    ADDRESS_REFUSED = "address-refused"
    UNRESOLVABLE = "unresolvable"
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls-failed"
    TIMED_OUT = "timed-out"
    REDIRECT_REFUSED = "redirect-refused"
    STATUS_UNEXPECTED = "status-unexpected"
    ANSWER_TOO_LARGE = "answer-too-large"
    ANSWER_INVALID = "answer-invalid"


TOO_MANY_LISTS = "too-many-lists"
"""Why a revocation list is not asked for at all. Stable, as those are."""


class WatcherError(Exception):
    """The base of every error that the watcher raises itself."""


class ConfigurationError(WatcherError):
    """The configuration is wrong. ``mistakes`` holds one line per mistake, each beginning with its path."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(self.mistakes))


class SourceError(WatcherError):
    """A source could not be read.

    ``reason`` is a stable code, the message is for people; neither holds a token or a secret.
    """

    def __init__(self, reason: SourceReason, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class FetchError(WatcherError):
    """A file that a certificate names could not be fetched.

    ``code`` is stable; the message is for people and names the host at most: a path or query may hold a secret.
    ``status`` is the HTTP status of an answer with another one than was asked for, None for every other code.
    """

    def __init__(self, code: FetchCode, message: str, *, status: int | None = None) -> None:
        self.code = code
        self.status = status
        super().__init__(message)


class StoreError(WatcherError):
    """An object in S3 could not be read or written."""


class ObjectTooLarge(StoreError):
    """An object holds more than anything of the watcher's or its operator's: it is not read, now or later."""


class Conflict(StoreError):
    """A conditional write failed: another writer changed the object since it was read."""


class NewerFormat(StoreError):
    """An object was written by a newer release: this one neither uses nor writes it."""


class TargetError(WatcherError):
    """A target could not be read or changed.

    ``seen``: where what it holds alone could not be read, all else that its service says (``ports.Live``); else None.
    """

    reason = "target-failed"
    seen: object = None


class TargetNotFound(TargetError):
    """The trust store or domain does not exist."""

    reason = "target-not-found"


class TargetDenied(TargetError):
    """The function's role may not read or change the target, or what it points at."""

    reason = "target-denied"


class RoleRefused(TargetDenied):
    """STS does not let the function's role take on the one in whose name the target is reached."""

    reason = "role-refused"


class RoleUnanswered(TargetError):
    """STS gave no answer about the role in whose name the target is reached: every call for it would wait as long."""

    reason = "role-unanswered"


class BucketUnusable(TargetError):
    """The bucket in the target's region, from which it loads, is gone, refuses the function's role, or is elsewhere.

    ``denied``: it refuses whoever asked.
    """

    reason = "bucket-unusable"

    def __init__(self, message: str, *, denied: bool = False) -> None:
        self.denied = denied
        super().__init__(message)


class TargetBusy(TargetError):
    """The service asks to try again later: throttled, or an update is in progress. Nothing was changed."""

    reason = "target-busy"


class TargetDefect(TargetError):
    """The watcher itself failed at the target, in a way that nobody thought of (``defects``)."""

    reason = "internal-error"


class BundleRejected(TargetError):
    """The service refuses the bundle's content: a retry with the same content would fail too."""

    reason = "bundle-rejected"


class RevocationRejected(TargetError):
    """The service refuses a revocation list: a retry with the same one would fail too."""

    reason = "revocation-rejected"


class RevocationsFull(TargetError):
    """The trust store holds as many revocation files or entries as it takes."""

    reason = "full"


class SdkTooOld(TargetError):
    """The SDK does not know a member of the service's answers, and would drop it silently."""

    reason = "sdk-too-old"


class ContentUnknown(TargetError):
    """The service does not give back what the target holds, and nobody has said it: it must not be replaced.

    ``adopt`` is the key of the object by which an operator says what it holds (empty: there is none).
    """

    reason = "content-unknown"

    def __init__(self, message: str, adopt: str = "") -> None:
        self.adopt = adopt
        super().__init__(message)


class TargetUnproven(TargetError):
    """The service took a change, and does not show it."""

    reason = "unproven"


class ToBeDone(WatcherError):
    """A sweep has found something to do at a target: whoever is asked by the queue does it."""


class ClaimedByAnother(WatcherError):
    """Another run has claimed the target: this one may neither change it nor write its record.

    ``owner`` is that run's id, ``until`` (aware UTC) when its claim ends at the latest.
    """

    def __init__(self, owner: str, until: datetime) -> None:
        self.owner = owner
        self.until = until
        super().__init__(f"run {owner} is at work at it, until {until:%Y-%m-%d %H:%M:%S} UTC at the latest")


class DeliveryError(WatcherError):
    """A sink did not accept an alert: it stays in its outbox."""


class NobodyListens(DeliveryError):
    """Nobody could hear an alert yet: it waits in its outbox, and that is no failure of the run."""


class DeliveryTimedOut(DeliveryError):
    """A sink did not answer, so that nothing more is handed to it in this run."""


class RequestRefused(WatcherError):
    """A call by hand asks for something that is not allowed. Nothing was changed."""


_FIRST, _LONGEST = 20, 1000


def together(failures: Sequence[str]) -> str:
    """Why a run failed, as the words of one error: the first reasons, each cut, and how many there are.

    A run that fails is kept with these words in a message of SQS (OnFailure), which has an end, and is shown in a
    terminal. A fleet fails as one: its thousand reasons are alike.
    """
    told = [one if len(one) <= _LONGEST else f"{one[:_LONGEST]}…" for one in failures[:_FIRST]]
    more = len(failures) - len(told)
    return "; ".join([*told, *([f"and {more} more"] if more else [])])
