"""What ``check`` and ``plan`` share: one observation of the sources that leaves no trace, and what it found.

It is the watcher's own ``collect`` over an ``OverlayStore``: the same reading, assessment and update of the history as
in the stack, with nothing written, sent or delivered.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import msgspec

from genesys_certs.exits import Exit
from genesys_certs.places import Place, What
from rotation_watcher import collect, keys
from rotation_watcher.adapters.genesys import Genesys, make_client
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.model import Alert
from rotation_watcher.config import Source
from rotation_watcher.ports import Credentials, GenesysApi, PublishRequest
from rotation_watcher.sources import history, observation
from rotation_watcher.trust.findings import Reason
from rotation_watcher.trust.identity import Expected
from rotation_watcher.trust.operator_files import load_anchors
from rotation_watcher.x509.facts import CertificateFacts

UNJUDGED = "not judged"
"""The verdict on a leaf for which no root was given."""
WHERE_ROOTS_ARE = (
    "download the zip of your region from the Genesys help article 'mTLS support for data actions'"
    " (help.genesys.cloud), save the root in it as root.pem"
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate that was seen, for people and for ``--json``."""

    source: str
    region: str
    authority: str
    status: str
    verdict: str
    days_left: int | None
    certificate: CertificateFacts | None
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class Observed(NamedTuple):
    """What one observation of each source gave. ``failures`` maps sources that could not be read to why."""

    rows: tuple[Row, ...]
    failures: Mapping[str, str]
    code: Exit
    why: tuple[str, ...]


class Nowhere:
    """A sink, a queue and metrics that lead nowhere."""

    def deliver(self, alert: Alert) -> None:
        """Take it and do nothing."""

    def send(self, request: PublishRequest) -> None:
        """Take it and do nothing."""

    def count(self, name: str, value: float = 1) -> None:
        """Take it and do nothing."""


class _Hearing:
    """``ports.GenesysApi`` that keeps what it was answered, by API URL."""

    def __init__(self, behind: GenesysApi) -> None:
        self._behind = behind
        self.answers: dict[str, Sequence[bytes]] = {}

    def certificates(self, *, api_url: str, login_url: str, credentials: Credentials) -> Sequence[bytes]:
        """See ``ports.GenesysApi``."""
        self.answers[api_url] = self._behind.certificates(api_url=api_url, login_url=login_url, credentials=credentials)
        return self.answers[api_url]


def observe(place: Place, what: What, now: datetime) -> Observed:
    """Observe every source once, leaving no trace."""
    nowhere = Nowhere()
    heard = _Hearing(Genesys(lambda: now, partial(make_client, place.ca_file)))
    ports = collect.Ports(
        store=place.store,
        secrets=place.secrets,
        genesys=heard,
        sink=nowhere,
        queue=nowhere,
        metrics=nowhere,
        clock=lambda: now,
    )
    summary = collect.collect(place.watch, collect.Request(), ports)
    failures = {name: one.message or one.outcome for name, one in summary.sources.items() if one.outcome != "read"}
    rows: list[Row] = []
    for source in place.watch.sources:
        if source.id not in failures:
            rows += _rows(place, source.id, now)
            rows += _without_root(place, source, heard.answers.get(source.resolved_api_url, ()), now)
    judged = [*_judge(rows, place, failures, what)]
    code = max((code for code, _ in judged), default=Exit.OK)
    return Observed(tuple(rows), failures, code, tuple(words for _, words in judged))


def _rows(place: Place, source: str, now: datetime) -> Iterator[Row]:
    stored = place.store.get(keys.history(source))
    if stored is None:
        return
    state = history.decode(stored.body)
    for name, authority in sorted(state.authorities.items()):
        for leaf in sorted(authority.leaves.values(), key=lambda one: (one.status, one.facts.not_after)):
            yield Row(
                source=source,
                region=state.region,
                authority=name,
                status=leaf.status.value,
                verdict="expired" if leaf.expired(now) else "accepted",
                days_left=(leaf.facts.not_after - now).days,
                certificate=leaf.facts,
                reasons=tuple(f"approved: {finding.code}" for finding in leaf.lifted),
                remarks=tuple(finding.code for finding in leaf.remarks),
            )
        for held in authority.quarantine.values():
            if held.gone_since is None:
                yield Row(
                    source=source,
                    region=state.region,
                    authority=name,
                    status=held.presence.value,
                    verdict="quarantined",
                    days_left=(held.facts.not_after - now).days if held.facts else None,
                    certificate=held.facts,
                    reasons=tuple(f"{finding.code}: {plain(finding.detail)}" for finding in held.reasons),
                )


def _without_root(place: Place, source: Source, raw: Sequence[bytes], now: datetime) -> Iterator[Row]:
    """What is presented under an authority for which there is no root: nobody can say whether it is to be trusted.

    A history keeps nothing of it, so the answer is judged once more for all that can be said without a root.
    """
    known = load_anchors(place.store, source).certificates
    rootless = [authority for authority in source.authorities if not known.get(authority)]
    names = {one: Expected(source.enforced_names(one), source.believed_name) for one in rootless}
    seen = observation.observe(raw, authorities=rootless, anchors={}, names=names, approvals={}, now=now)
    for entity in seen.entities:
        if entity.authority in rootless:
            facts = entity.leaf.facts if entity.leaf else None
            others = [one for one in entity.verdict.reasons if one.code != Reason.ANCHOR_MISSING]
            yield Row(
                source=source.id,
                region=source.region,
                authority=entity.authority,
                status=entity.presence.value,
                verdict=UNJUDGED,
                days_left=(facts.not_after - now).days if facts else None,
                certificate=facts,
                reasons=("no root", *(f"{one.code}: {plain(one.detail)}" for one in others)),
                remarks=tuple(one.code for one in entity.verdict.remarks),
            )


def _judge(rows: list[Row], place: Place, failures: Mapping[str, str], what: What) -> Iterator[tuple[Exit, str]]:
    """What is worth a code other than 0, and why."""
    for name, message in failures.items():
        yield Exit.UNKNOWN, f"{name}: {plain(message, 400)}"
    for source in place.watch.sources:
        for authority in () if source.id in failures else source.authorities:
            own = [row for row in rows if row.source == source.id and row.authority == authority]
            upload = f"run the command {place.stack.upload_root(source, authority)}" if place.stack else "upload it"
            yield from _judge_leaves(f"{source.id} {authority}", own, what, upload=None if place.rootless else upload)
    for row in rows:
        if row.verdict == "quarantined":
            code = Exit.CRITICAL if row.status == "current" else Exit.WARNING
            yield code, f"{row.source} {plain(row.authority)}: a {row.status} certificate is quarantined"


def _judge_leaves(where: str, rows: list[Row], what: What, *, upload: str | None) -> Iterator[tuple[Exit, str]]:
    """The leaves of one authority at one source. ``upload``: what to do with a root; None: no place is read for it."""
    if any(row.verdict == UNJUDGED for row in rows):
        if upload is None:
            yield (
                Exit.UNKNOWN,
                f"{where}: no root was given, so nothing is judged: {WHERE_ROOTS_ARE}, and give --root root.pem",
            )
            return
        yield Exit.CRITICAL, f"{where}: there is no root to trust: {WHERE_ROOTS_ARE}; {upload}"
        return
    current = [row for row in rows if row.status == "current" and row.verdict == "accepted"]
    upcoming = [row for row in rows if row.status == "upcoming" and row.verdict == "accepted"]
    if not current:
        yield Exit.CRITICAL, f"{where}: no accepted current certificate"
    left = max((row.days_left or 0 for row in current), default=None)
    if left is None or upcoming or left >= what.warning_days:
        return
    code = Exit.CRITICAL if left < what.critical_days else Exit.WARNING
    yield code, f"{where}: {left} days left and no accepted upcoming certificate"
