"""One model for every alert, whoever reads it in whatever form.

An alert's ``id`` is its identity: the same thing alerted twice carries the same id, a second incident does not. It is
built from the kind, the subject, and a fingerprint or the start of the condition (``alert_id``). Texts are plain
sentences; ``mail`` and ``slack_message`` format them and neutralise what hostile certificates may have put
into names.

A condition that lasts has one ``id`` from its opening to its end; its messages differ by ``status`` and by ``key``, by
which outboxes know what was delivered (decision record 0037).
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from rotation_watcher.clocks import Instant

LONGEST_ID = 180
"""PagerDuty takes 255 characters as a key; what a rim puts before the id (the stack) has room beside it."""


class SourceName(msgspec.Struct, frozen=True):
    """A source as alerts name it."""

    id: str
    region: str


class TargetName(msgspec.Struct, frozen=True):
    """A target as alerts name it. ``label`` says what it is, in words: ``ALB trust store main``.

    ``account`` is that of the role in whose name it is reached (None: it is the stack's).
    """

    id: str
    arn: str
    label: str
    account: str | None = None


class Severity(StrEnum):
    """How soon somebody should act."""

    INFO = "info"
    """Nothing to do; worth knowing."""
    WARNING = "warning"
    """Read it within one working day."""
    CRITICAL = "critical"
    """Data actions fail, or will, or somebody may get in who should not: act now."""

    @property
    def order(self) -> int:
        """What is more severe comes first: 0 is the most severe."""
        return _MOST_SEVERE_FIRST.index(self)


_MOST_SEVERE_FIRST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


class Kind(StrEnum):
    """What an alert is about. Stable: SNS filter policies and runbooks use these words.

    Open: in persisted state a kind is text. One that this release does not know (a newer one wrote it) is kept and
    delivered as it stands.
    """

    CONFIGURATION_REFUSED = "configuration-refused"
    NO_LONGER_WATCHED = "no-longer-watched"
    UPCOMING_PUBLISHED = "upcoming-published"
    ROTATED = "rotated"
    ISSUER_CHANGED = "issuer-changed"
    WENT_BACK = "went-back"
    NAME_LEARNED = "name-learned"
    NAMES_UNCERTAIN = "names-uncertain"
    QUARANTINED = "quarantined"
    FLOOD = "flood"
    APPROVED = "approved"
    ANCHOR_MISSING = "anchor-missing"
    SOURCES_DISAGREE = "sources-disagree"
    EXPIRED = "expired"
    EXPIRING = "expiring"
    SOURCE_FAILING = "source-failing"
    CLOCK_AHEAD = "clock-ahead"
    CHANGE_PLANNED = "change-planned"
    TRUSTSTORE_UPDATED = "truststore-updated"
    TRUSTSTORE_UPDATE_FAILED = "truststore-update-failed"
    SHARED_AUTHORITY_DEPLOYED = "shared-authority-deployed"
    ROLLED_BACK = "rolled-back"
    DRIFT_FOUND = "drift-found"
    CONTENDED = "contended"
    MTLS_OFF = "mtls-off"
    REMOVAL_PLANNED = "removal-planned"
    REMOVAL_HELD = "removal-held"
    QUOTA_NEAR = "quota-near"
    FILE_DAMAGED = "file-damaged"
    OPERATOR_FILE_CHANGED = "operator-file-changed"
    UNUSUAL_CERTIFICATE = "unusual-certificate"
    LEFT_OUT = "left-out"
    TARGET_LOCKED = "target-locked"
    FILTERED_OUT = "filtered-out"
    FILTERS_UPDATED = "filters-updated"
    FILTERS_EMPTY = "filters-empty"
    TWO_STACKS = "two-stacks"
    STATE_FORGED = "state-forged"
    REVOKED = "revoked"
    CRL_STALE = "crl-stale"
    REVOCATIONS_BEHIND = "revocations-behind"
    TEST = "test"
    DIGEST = "digest"
    WEEKLY_DIGEST = "weekly-digest"

    @classmethod
    def _missing_(cls, value: object) -> "Kind | None":
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The stack that sends an alert: its name, the account's id, the operator's name for the environment, its region.

    ``version`` is the watcher's. ``account``, ``environment`` and ``version`` are empty where they are not known.
    """

    stack: str
    account: str = ""
    environment: str = ""
    region: str
    version: str = ""

    @property
    def short(self) -> str:
        """What distinguishes it at a glance: the environment's name, else the account, else the stack."""
        return self.environment or self.account or self.stack

    @property
    def prefix(self) -> str:
        """What the ids of its alerts open with: two stacks of one name differ by account and region."""
        return "/".join(part for part in (self.stack, self.account, self.region) if part)


class Status(StrEnum):
    """Where in the life of its condition a message stands. Stable: filter policies and consumers use these words."""

    EVENT = "event"
    """It happened; there is nothing that ends."""
    OPEN = "open"
    """A condition began, or got worse: the same id again is an update."""
    REMINDER = "reminder"
    """It still lasts, and this is how it stands now."""
    RESOLVED = "resolved"
    """It is over."""


OPENINGS = {Status.RESOLVED: "Over: ", Status.REMINDER: "Still: "}
"""What titles of alerts begin with that are no opening, by status."""


def shortened(about: str, room: int) -> str:
    """What a title is about, in ``room`` characters: a target's name without its kind if that fits, else cut."""
    name = about.rpartition(" ")[2]
    if len(about) <= room:
        return about
    if len(name) <= room and not name.endswith((")", "...")):
        return name
    return f"{about.removesuffix('...')[: max(0, room - len('...'))]}..."


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message to people. Exactly one of ``source`` and ``target`` names the subject, except for the stack itself.

    ``at`` is aware UTC. ``facts`` holds short labelled values (fingerprints, dates, names), in reading order.

    ``told_as`` is, of an end, the worst that people were told of the condition.

    ``origin`` and ``links`` (URLs and paths by what they lead to) are stamped at delivery, and the id gets the stack
    before it (``stamping``); what builders make, and what waits in state, has none. ``status`` is given by
    ``alerts.conditions``; builders leave it.
    """

    id: str
    kind: Kind
    severity: Severity
    status: Status = Status.EVENT
    at: Instant
    source: str | None = None
    target: str | None = None
    region: str | None = None
    authority: str | None = None
    title: str
    what_happened: str
    what_it_means: str
    what_to_do: str
    facts: Mapping[str, str] = {}
    told_as: Severity | None = None
    origin: Origin | None = None
    links: Mapping[str, str] = {}

    @property
    def alone(self) -> bool:
        """Whether it is never told together with others: it speaks of several things already, or was asked for."""
        return self.kind in _SENT_BY_ITSELF or ":more:" in self.id

    @property
    def routine(self) -> bool:
        """Whether it may wait for others and be told together with them (``digests``): there is nothing to do.

        The end of what was told as more than information is none: who was called is to hear that it is over.
        """
        if self.severity is not Severity.INFO or self.alone:
            return False
        if self.status is Status.RESOLVED:
            return self.told_as is Severity.INFO
        return self.status is not Status.REMINDER

    @property
    def key(self) -> str:
        """What one message is known by, however often it comes: id, status and when; of a reminder its day."""
        match self.status:
            case Status.EVENT:
                return self.id
            case Status.REMINDER:
                return f"{self.id}#{self.status}:{self.at:%Y-%m-%d}"
            case _:
                return f"{self.id}#{self.status}:{self.at:%Y%m%dT%H%M%SZ}"


_SENT_BY_ITSELF = (Kind.TEST, Kind.DIGEST, Kind.WEEKLY_DIGEST)


def alert_id(kind: Kind, subject: str, distinction: str) -> str:
    """The identity of an alert: ``<kind>:<subject>:<distinction>``.

    ``subject`` is a source or target id; ``distinction`` a fingerprint, or the start of the condition in ISO 8601, so
    that a repetition of the same thing has the same id and a second incident a new one. No white space, and at most
    ``LONGEST_ID`` characters: incident systems take ids as keys. A longer one ends in digits of its own digest.
    """
    known = "-".join(f"{kind}:{subject}:{distinction}".split())
    if len(known) <= LONGEST_ID:
        return known
    return f"{known[: LONGEST_ID - 17]}:{hashlib.sha256(known.encode()).hexdigest()[:16]}"
