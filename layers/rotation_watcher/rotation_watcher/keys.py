"""The keys of the objects in the bucket. Functions may not write below anchors/, approvals/ and extra/."""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from rotation_watcher import arns

STATE = ("sources/", "bundles/", "targets/", "alerts/", "crls/", "status/")
"""What functions write: nothing in there decides which roots are trusted."""

DECIDING = ("anchors/", "approvals/", "extra/")
"""Where people say whom to trust: no function writes there."""

DIGICERT_ANCHORS = "anchors/digicert.pem"
"""The operator's own list of DigiCert roots, instead of the vendored one."""

PEM_TYPE = "application/x-pem-file"
JSON_TYPE = "application/json"
PAGE_TYPE = "text/html; charset=utf-8"
CRL_TYPE = "application/pkix-crl"
INDEX_TYPE = "application/octet-stream"


class Place(NamedTuple):
    """An object in S3."""

    bucket: str
    key: str


def place(uri: str) -> Place | None:
    """The bucket and key of ``s3://bucket/key``, or None for anything else.

    An S3 URI is not a URL: everything after the bucket is the key, unchanged, with its ``#``, ``?``, ``%`` and ``//``.
    """
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return Place(bucket, key) if scheme == "s3" and separator and bucket and key else None


def history(source: str) -> str:
    """The history of a source (JSON)."""
    return f"sources/{source}/history.json"


def set_aside(source: str) -> str:
    """What was known of a region by this id when the id began to read another one (a history, JSON)."""
    return f"sources/{source}/former.json"


CONFIGURATION = "sources/configuration.json"
"""The last configurations that collect accepted. No source's folder: an id holds no dot."""
ACCEPTED = "bundles/configuration.json"
"""The digests of those that publish accepted. No bundle's folder."""


def seen(source: str, fingerprint: str) -> str:
    """A certificate that a source has presented (PEM), written once."""
    return f"sources/{source}/seen/{fingerprint}.pem"


APPROVALS = "approvals/"
"""Where the operator's approvals lie."""


def approval(fingerprint: str) -> str:
    """An operator's approval of one quarantined leaf (JSON)."""
    return f"{APPROVALS}{fingerprint}.json"


def approved_chain(fingerprint: str) -> str:
    """The root and intermediates that an approved leaf is presented without."""
    return f"{APPROVALS}{fingerprint}.pem"


def wanted(bundle: str) -> str:
    """The CA certificates that verify the accepted leaves."""
    return f"bundles/{bundle}/wanted.pem"


def pins(bundle: str) -> str:
    """The accepted leaves (JSON), for checks of identity behind the truststore."""
    return f"bundles/{bundle}/pins.json"


def identity(bundle: str) -> str:
    """What a door decides by (JSON): rules, pins, and which revocation lists are followed."""
    return f"bundles/{bundle}/identity.json"


def wake(source: str) -> str:
    """When an authorizer last had collect look at a source (JSON): no more than once a minute, over all containers."""
    return f"wakes/{source}.json"


def manifest(bundle: str) -> str:
    """Why each certificate is in the bundle, since when and until when (JSON)."""
    return f"bundles/{bundle}/manifest.json"


def _of_arn(arn: str) -> str:
    return hashlib.sha256(arn.encode()).hexdigest()[:32]


ADDED = "bundles/.added/"
"""Proofs of what the watcher added: an object for each certificate of each target."""


def added(arn: str, fingerprint: str) -> str:
    """The proof that the watcher added a certificate to the target of that ARN."""
    return f"{ADDED}{_of_arn(arn)}/{fingerprint}.pem"


def shown(arn: str) -> str:
    """What the service showed last at the target of that ARN, byte for byte (PEM)."""
    return f"bundles/.shown/{_of_arn(arn)}.pem"


def loaded(arn: str) -> str:
    """What the target of that ARN was asked to load last, and held before (JSON): its service does not give it back."""
    return f"bundles/.loaded/{_of_arn(arn)}.json"


def adopted(name: str, etag: str) -> str:
    """Where an operator says what a target holds (PEM) whose service does not give it back, at that ETag and no other.

    Below extra/, where no function may write.
    """
    return f"extra/adopted/{name}/{etag}.pem"


def added_filter(arn: str, digest: str) -> str:
    """The proof that the watcher added an identity filter to the listener of that ARN."""
    return f"{ADDED}{_of_arn(arn)}/{digest}.json"


def shown_filters(arn: str) -> str:
    """The identity filters that the listener of that ARN showed last (JSON)."""
    return f"bundles/.shown/{_of_arn(arn)}.json"


def added_lists(arn: str) -> str:
    """Which revocation lists the watcher added to the target of that ARN, apart from its state (JSON)."""
    return f"{ADDED}{_of_arn(arn)}/lists.json"


def alert(digest: str) -> str:
    """The note that an alert which waits is the watcher's own (``alerts.ledger``); the lifecycle removes it."""
    return f"alerts/ledger/{digest}"  # before the log, which report lists together with all that follows


def former_alert(digest: str) -> str:
    """Where former releases wrote that note. Nothing removes it there."""
    return f"alerts/{digest}"


ALERT_LOG = "alerts/log/"
"""Where the alerts that were delivered lie, a folder a day; no note's place, whose name is a digest."""


class Waits(StrEnum):
    """How an alert of the log is told to people; part of its key, so that a listing shows it."""

    NOT = ""
    """It was told by itself."""
    ROUTINE = ".routine"
    """Together with others, when all has settled."""
    MORE = ".more"
    """Together with others of its kind, since several of them were told just before."""


def told(at: datetime, message: str, group: str = "other", waits: Waits = Waits.NOT) -> str:
    """An alert that was delivered (JSON): by the moment (UTC), so that keys sort by it, and what names the message.

    ``group`` is equal for alerts of which too many are told as one, without a slash.
    """
    digest = hashlib.sha256(message.encode()).hexdigest()[:16]
    return f"{ALERT_LOG}{at:%Y-%m-%d}/{at:%H%M%S%f}-{digest}.{group}{waits.value}.json"


def told_of(key: str) -> tuple[str, Waits]:
    """The group of a key of the log, and how its alert is told."""
    name = key.rpartition("/")[2].removesuffix(".json")
    for waits in (Waits.ROUTINE, Waits.MORE):
        if name.endswith(waits.value):
            return name.removesuffix(waits.value).partition(".")[2], waits
    return name.partition(".")[2], Waits.NOT


def told_since(at: datetime) -> str:
    """Behind which the keys of the log are that were delivered then or later."""
    return f"{told_on(at)}{at:%H%M%S%f}"


def told_on(day: datetime) -> str:
    """The folder of the log of that day."""
    return f"{ALERT_LOG}{day:%Y-%m-%d}/"


def told_at(key: str) -> datetime | None:
    """When the alert of that key of the log was delivered; None where the key is none of the log's."""
    day, _, name = key.removeprefix(ALERT_LOG).partition("/")
    try:
        return datetime.strptime(f"{day} {name.partition('-')[0]}", "%Y-%m-%d %H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None


DIGESTS = "alerts/digests.json"
"""Which of them were told, and the week of the last weekly digest (JSON); no note's place."""


STATUS = "status/status.json"
"""What there is to see, for machines; ``docs/status.md`` describes it."""
EXPIRY = "status/expiry.json"
"""What report has told of ends: thresholds, open conditions, the outbox."""
OPERATOR_FILES = "status/files.json"
"""What report has seen of the files by which people say whom to trust, and the outbox (JSON)."""
STATUS_PAGE = "status/index.html"
"""The same for people: one file that needs no other."""


def pinned(fingerprint: str) -> str:
    """A leaf that publish has pinned (PEM), apart from the pins. No target's folder: an id holds no dot."""
    return f"targets/.pinned/{fingerprint}.pem"


def target(arn: str) -> str:
    """The folder of the target of that ARN, with the slash: its state is the ARN's, by whatever id it is watched."""
    return f"targets/{arns.unmistakable_id(arn)}/"


def former_target(name: str) -> str:
    """The folder, with the slash, in which former releases kept the target that was watched by this id."""
    return f"targets/{name}/"


def deployed(folder: str) -> str:
    """Exactly what the target of that folder loads (PEM); each version was deployed once."""
    return f"{folder}bundle.pem"


FILTERS = "filters.json"


def deployed_filters(folder: str) -> str:
    """Exactly the identity filters that a listener was given (JSON); each version was deployed once."""
    return f"{folder}{FILTERS}"


def pace(kind: str, where: str = "") -> str:
    """Which targets of a kind may be updated when. No target's folder: an id holds no dot.

    ``where``: account and region, if they are not the stack's (``Reach.name``).
    """
    return f"targets/pace-{kind}{where and '-'}{where}.json"


SWEEP = "targets/sweep.json"
"""Where the last sweep stands (JSON). No target's folder: it holds one object."""


def target_revocations(folder: str) -> str:
    """Which revocation lists the watcher added to a target (JSON)."""
    return f"{folder}revocations.json"


def record(folder: str) -> str:
    """The record of a target (JSON): what was deployed, the claim, the outbox."""
    return f"{folder}record.json"


OLD_VERSIONS_EXPIRE = {"old-versions": "expire"}
"""The tag of what the bucket's lifecycle may remove once it has been replaced (template.yaml, ``old-records``)."""
_RECORDS = ("record.json", "revocations.json")
"""What no target loads of all that lies in a target's folder."""


def tags(key: str) -> dict[str, str]:
    """The tags with which an object is written.

    Below ``targets/`` a version that some target loads must stay for ever, and a rule of S3's knows a prefix and no
    suffix: so what no target loads says so itself.
    """
    folder, _, name = key.rpartition("/")
    if folder == "targets":
        return OLD_VERSIONS_EXPIRE if key == SWEEP or name.startswith("pace-") else {}
    return OLD_VERSIONS_EXPIRE if key.startswith("targets/") and name in _RECORDS else {}


CRL_STATE = "crls/state.json"
"""What refresh_crls keeps for its alerts: open conditions, and the outbox."""


def crl(issuer_key: str, issuer: str, ways: Mapping[str, Collection[str]], *, ca: bool) -> str:
    """The folder of one revocation list.

    It is that of the certificates of one issuer (SHA-256 of its key, and its name) which name the same URLs in this
    order, each with the same names of its distribution point (``ways``), and which are CAs or are none: what a list may
    say is judged by all of this.
    """
    asked = [issuer_key, issuer, ca, *([url, *sorted(names)] for url, names in ways.items())]
    return f"crls/{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]}"


def revocations(bundle: str) -> str:
    """Which revocation lists took something from a bundle (JSON)."""
    return f"bundles/{bundle}/revocations.json"
