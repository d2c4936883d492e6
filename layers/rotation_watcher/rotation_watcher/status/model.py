"""The state of everything as one value: ``status/status.json`` is this model, and ``docs/status.md`` describes it.

Plain data for people and machines. All foreign text in it (names of certificates, URLs, messages) has passed
``wording.plain``: one line, bounded, without control or format characters. Every field is always there, so that a
consumer finds null or an empty list instead of nothing. Times are aware UTC.
"""

from enum import StrEnum

import msgspec

from rotation_watcher import formats
from rotation_watcher.alerts.model import Severity
from rotation_watcher.clocks import Instant

FORMAT = 1
"""Raised when a field is removed or changes its meaning. A new field raises it not: consumers pass over what is new."""


class Level(StrEnum):
    """Whether to worry, the worst last."""

    GOOD = "good"
    LOOK = "look"
    ACT = "act"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The headline. ``act`` and ``look`` count the reasons of either level, which ``reasons`` lists, the worst first.

    ``reasons`` holds 20 at the most. ``text`` is one sentence for people.
    """

    level: Level
    text: str
    act: int = 0
    look: int = 0
    reasons: tuple[str, ...] = ()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Whose status this is; empty where it is not known."""

    stack: str = ""
    account: str = ""
    region: str = ""
    bucket: str = ""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy says: days before an expiry that count, the grace of what retires, when a source is stale."""

    expiry_days: tuple[int, ...]
    retain_days: int
    stale_after_hours: int


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate.

    ``role``: ``leaf``, ``anchor`` (a root that the operator trusts), ``ca`` (in a bundle), or ``extra`` (a CA in a
    bundle that the operator's ``extra`` files alone want). ``state`` of a leaf: ``current``, ``upcoming`` or
    ``retiring``; of a CA ``needed`` or ``retiring``; of an anchor ``trusted``. ``until``: when it is removed (null: not
    planned). ``why``: what wants a CA. ``approved``: what an operator's approval lifted.
    ``fingerprint`` is the SHA-256 of the DER in lower-case hex, ``serial`` upper-case hex.
    """

    fingerprint: str
    role: str
    state: str
    authority: str | None = None
    subject: str
    issuer: str
    names: tuple[str, ...] = ()
    serial: str
    not_before: Instant
    not_after: Instant
    since: Instant | None = None
    until: Instant | None = None
    why: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    approved: tuple[str, ...] = ()
    revoked: bool = False


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One Genesys Cloud region. ``problem``: why nothing is known of it, in words.

    ``read``: the last successful observation, to a third of ``stale_after_hours``. ``stale``: it is too long ago, or
    there was none. ``certificates``: leaves, the current ones first. ``anchors``: the roots that are trusted here;
    the built-in ones of DigiCert are not listed.
    """

    id: str
    region: str
    level: Level
    authorities: tuple[str, ...]
    read: Instant | None = None
    stale: bool = True
    certificates: tuple[Certificate, ...] = ()
    anchors: tuple[Certificate, ...] = ()
    problem: str | None = None


class BundleStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One set of CA certificates, as its manifest says. ``problem``: why it cannot be read, in words."""

    id: str
    sources: tuple[str, ...]
    authorities: tuple[str, ...]
    certificates: tuple[Certificate, ...] = ()
    problem: str | None = None


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """What a target was proved to hold.

    ``since``: when it was read back. ``proof``: ``bytes`` (the content was read back), ``version`` (the service reports
    this version), ``etag`` (the service shows the ETag of this update, and its number of certificates), or
    ``as-found`` (what was there before). ``version`` is that of the object in the bucket, empty for
    ``as-found``. ``certificates`` counts them all (of a listener: filters), ``ours`` those that the watcher added.
    """

    since: Instant
    proof: str
    version: str
    certificates: int
    ours: int


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is deployed for now. ``command`` ends it."""

    reason: str
    since: Instant
    command: str


class TargetState(StrEnum):
    """Where a target stands."""

    IN_STEP = "in-step"
    """It was proved to hold all that its bundle wants."""
    UPDATING = "updating"
    """An update was asked for and is not proved yet."""
    BEHIND = "behind"
    """It lacks something that its bundle wants."""
    HELD = "held"
    """Nothing is deployed until a person releases it, or the content changes."""
    WATCHED = "watched"
    """Mode observe: it is read and compared, and not changed."""
    NEW = "new"
    """Nothing was deployed to it yet."""
    UNKNOWN = "unknown"
    """What is kept of it cannot be read."""


class TargetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One trust store, domain or listener.

    ``missing``: subjects of what its bundle wants and it lacks. ``drift``: since when others' changes stand there.
    ``open_doors``: ways in that verify no client. ``updating``: since when an update is not proved. ``lists``: how
    many revocation lists the watcher has loaded there (null: the kind takes none). ``alerts``: how many conditions are
    open. ``problem``: why what is kept of it cannot be read, in words. ``out_of_step``: since when it has not been in
    step, or has held others' changes (null: it is in step, or only watched).
    """

    id: str
    arn: str
    kind: str
    label: str
    bundle: str
    level: Level
    state: TargetState
    on_drift: str
    deployed: Deployed | None = None
    updating: Instant | None = None
    missing: tuple[str, ...] = ()
    drift: Instant | None = None
    open_doors: tuple[str, ...] = ()
    hold: Hold | None = None
    lists: int | None = None
    alerts: int = 0
    problem: str | None = None
    out_of_step: Instant | None = None


class ListStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A revocation list in force. ``overdue``: its ``next_update`` has passed, so that a later one should be there."""

    url: str
    issuer: str
    made: Instant
    next_update: Instant | None
    since: Instant
    entries: int
    overdue: bool


class OpenCondition(msgspec.Struct, frozen=True, kw_only=True):
    """Something that lasts and was told. ``about`` is the id of ``of``: ``source``, ``target`` or ``stack``.

    ``to_do`` is what its alert says: a sentence, and commands on lines of their own; where that is not at hand, which
    chapter of the runbook says it.
    """

    kind: str
    severity: Severity
    of: str
    about: str
    since: Instant
    title: str
    to_do: str = ""
    alert: str | None = None


class QuarantineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that nothing vouches for. ``shown``: whether the API still shows it.

    ``id`` is the SHA-256 of the leaf, or ``text-<sha256>`` where none could be read. ``to_do`` is a sentence;
    ``commands`` are lines to copy, the last of which approves it (none: no approval can lift the reasons).
    """

    source: str
    region: str
    authority: str
    id: str
    presence: str
    subject: str | None
    issuer: str | None
    names: tuple[str, ...]
    not_before: Instant | None
    not_after: Instant | None
    reasons: tuple[str, ...]
    first_seen: Instant
    shown: bool
    to_do: str
    commands: tuple[str, ...]


class ToldAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that was delivered, and when. ``status``: ``event``, ``open``, ``reminder`` or ``resolved``."""

    at: Instant
    id: str
    kind: str
    severity: Severity
    status: str
    source: str | None
    target: str | None
    title: str
    happened: str
    to_do: str


class NextExpiry(msgspec.Struct, frozen=True, kw_only=True):
    """Something in use that ends. ``successor``: whether what replaces it is there already.

    ``begins``: when it becomes valid (null: a release before did not say).
    """

    role: str
    of: str
    subject: str
    fingerprint: str
    begins: Instant | None = None
    at: Instant
    successor: bool


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """An object that could not be read: its ``s3://`` place, and why. ``newer``: a later release wrote it."""

    place: str
    why: str
    newer: bool = False


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything. ``at``: when it was gathered. ``stale``: what is out of date, in words.

    ``next_expiry``: what ends next of all that is in use; ``unreplaced``: the next end that nothing replaces yet.
    """

    format: int = FORMAT
    at: Instant
    place: Place
    mode: str
    rules: Rules
    verdict: Verdict
    next_expiry: NextExpiry | None = None
    unreplaced: NextExpiry | None = None
    stale: tuple[str, ...] = ()
    conditions: tuple[OpenCondition, ...] = ()
    quarantine: tuple[QuarantineEntry, ...] = ()
    sources: tuple[SourceStatus, ...] = ()
    bundles: tuple[BundleStatus, ...] = ()
    targets: tuple[TargetStatus, ...] = ()
    lists: tuple[ListStatus, ...] = ()
    alerts: tuple[ToldAlert, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


def encode(status: Status) -> bytes:
    """The JSON of ``status/status.json``: deterministic, indented for people."""
    return msgspec.json.format(msgspec.json.encode(status), indent=1)


def decode(data: bytes) -> Status:
    """The status in ``data``.

    Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none.
    """
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=Status)


def same(one: Status, other: Status) -> bool:
    """Whether two say the same of the world: all but the time at which they were gathered."""
    return msgspec.structs.replace(one, at=other.at) == other
