"""What is in quarantine, with what to do about it: the words and commands that its alert has."""

from collections.abc import Mapping
from datetime import datetime

from rotation_watcher import keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.fills import Fill, filled
from rotation_watcher.alerts.model import SourceName
from rotation_watcher.config import Authority, Source
from rotation_watcher.sources.history import Quarantined
from rotation_watcher.sources.observation import Presence
from rotation_watcher.status import parts
from rotation_watcher.status.model import QuarantineEntry
from rotation_watcher.status.reading import Reader
from rotation_watcher.status.told import lines
from rotation_watcher.trust.approvals import ABOUT_APPROVALS, APPROVABLE
from rotation_watcher.trust.findings import CHAIN_REASONS
from rotation_watcher.x509.facts import CertificateFacts


def quarantine(
    source: Source,
    authority: str,
    key: str,
    held: Quarantined,
    reader: Reader,
    now: datetime,
    *,
    accepted_before: bool,
    fills: Mapping[Fill, str],
) -> QuarantineEntry:
    """One entry. ``accepted_before``: whether a leaf of this authority ever was; ``fills`` is for its commands.

    They are those of the alert ``quarantined``, which a person compares with the message.
    """
    codes = {one.code for one in held.reasons} - ABOUT_APPROVALS
    anchors = source.anchors_key if authority == Authority.GENESYS else keys.DIGICERT_ANCHORS
    alert = builders.quarantined(
        source=SourceName(source.id, source.region),
        authority=authority,
        status=held.presence.value,
        entity=key,
        leaf=held.facts,
        root=_root(source, held, codes, reader),
        reasons=held.reasons,
        approvable=bool(codes) and codes <= APPROVABLE,
        anchors=keys.Place(reader.bucket, anchors),
        accepted_before=accepted_before,
        since=held.first_seen,
        now=now.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    said, *commands = lines(filled(alert.what_to_do, fills)).split("\n")
    facts = held.facts
    return QuarantineEntry(
        source=source.id,
        region=source.region,
        authority=plain(authority, 40),
        id=plain(key, 80),
        presence=Presence(held.presence).value,
        subject=(plain(facts.subject) or "(empty)") if facts else None,
        issuer=(plain(facts.issuer) or "(empty)") if facts else None,
        names=parts.names(facts) if facts else (),
        not_before=facts.not_before if facts else None,
        not_after=facts.not_after if facts else None,
        reasons=tuple(parts.finding(one) for one in held.reasons),
        first_seen=held.first_seen,
        shown=held.gone_since is None,
        to_do=said,
        commands=tuple(commands),
    )


def _root(source: Source, held: Quarantined, codes: set[str], reader: Reader) -> CertificateFacts | None:
    """The root, no anchor, to which what was presented leads, if it is kept: its file was written when it was seen."""
    if codes.isdisjoint(CHAIN_REASONS) or not held.chain:
        return None
    last = reader.seen(source.id, held.chain[-1])
    return last.facts if last is not None and last.self_signed else None
