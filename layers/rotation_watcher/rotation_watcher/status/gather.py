"""Gather everything that is kept into one ``Status``: histories, records, manifests, lists, anchors, delivered alerts.

Contract of ``gather``: it reads, and writes nothing. One object that cannot be read is said in its place and among
``unreadable``, and costs nothing else: neither what lies beside it nor the rest of the status. It raises nothing that
an object can cause. What only a newer release can read is named as such.

What is shown is what the state says. Nothing here is a proof: whoever could write the state (decision 0027) could make
it look well. The alerts are the watcher's word.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.clocks import is_future
from rotation_watcher.config import Authority, Source, Target, Watch
from rotation_watcher.kinds import Payload
from rotation_watcher.ports import ObjectStore
from rotation_watcher.revocation import state as crl_state
from rotation_watcher.sources.history import History
from rotation_watcher.status import expiry, parts, targets
from rotation_watcher.status.model import (
    BundleStatus,
    Certificate,
    Level,
    ListStatus,
    OpenCondition,
    Place,
    QuarantineEntry,
    Rules,
    SourceStatus,
    Status,
    TargetStatus,
    ToldAlert,
    Unreadable,
    Verdict,
)
from rotation_watcher.status.quarantine import quarantine
from rotation_watcher.status.reading import Entry, Reader
from rotation_watcher.status.targets import Has
from rotation_watcher.status.told import conditions_of, last_told
from rotation_watcher.status.verdict import level_of, overdue, verdict, worst

replace = msgspec.structs.replace

ALERTS = 50
"""Delivered alerts that are listed, the newest first."""


def gather(
    watch: Watch,
    store: ObjectStore,
    now: datetime,
    *,
    stack: str = "",
    account: str = "",
    fills: Mapping[Fill, str] | None = None,
    unheard: Iterable[Unreadable] = (),
) -> Status:
    """The status of everything that the watch file names. ``fills`` is for its commands (``alerts.fills``).

    ``unheard``: what else could not be read.
    """
    fills = {Fill.REGION: store.region, Fill.BUCKET: store.bucket, **(fills or {})}
    reader = Reader(store)
    told = last_told(reader, ALERTS)
    place = Place(stack=stack, account=account, region=store.region, bucket=store.bucket)
    histories = {source.id: reader.history(source) for source in watch.sources}
    crls = reader.crl_state()
    open_ones = _open_apart_from_targets(watch, reader, histories, crls, told.all, stack or "the watcher")
    revoked = {key.removeprefix("revoked:") for key in crls.conditions if key.startswith("revoked:")}
    bundles = tuple(_bundle(one.id, watch, reader, revoked) for one in watch.bundles)
    wanted = {one.id: one.certificates for one in bundles}
    served: list[TargetStatus] = []
    for target in watch.targets:
        has, found = _target(target, watch, reader, wanted[target.bundle], fills, told.all)
        served.append(has)
        open_ones += found
    sources = tuple(
        _source(source, histories[source.id], watch, reader, revoked, open_ones, now) for source in watch.sources
    )
    lists = _lists(watch, reader, now)
    ends = expiry.ends(sources, bundles, now)
    status = Status(
        at=now,
        place=place,
        mode=watch.mode.value,
        rules=Rules(
            expiry_days=tuple(sorted({*watch.policy.expiry_days}, reverse=True)),
            retain_days=watch.policy.retain_days,
            stale_after_hours=watch.policy.stale_after_hours,
        ),
        verdict=Verdict(level=Level.GOOD, text=""),
        next_expiry=next(iter(ends), None),
        unreplaced=next((one for one in ends if not one.successor), None),
        stale=_stale(sources, lists),
        conditions=parts.in_order(open_ones),
        quarantine=_quarantine(watch, histories, reader, fills, now),
        sources=sources,
        bundles=bundles,
        targets=tuple(served),
        lists=lists,
        alerts=told.last,
        unreadable=(*reader.unreadable, *unheard),
    )
    return replace(status, verdict=_verdict(status, now))


def _open_apart_from_targets(
    watch: Watch,
    reader: Reader,
    histories: Mapping[str, History],
    crls: crl_state.State,
    told: Iterable[ToldAlert],
    stack: str,
) -> list[OpenCondition]:
    """The open conditions of the stack, of what ends, of sources and of revocation lists."""
    found = [
        *conditions_of(reader.configuration(), "stack", stack, told),
        *conditions_of(reader.expiry().conditions, "stack", stack, told),
    ]
    for source in watch.sources:
        found += conditions_of(histories[source.id].conditions, "source", source.id, told)
    for key, condition in crls.conditions.items():
        about = crls.about.get(key)
        found += conditions_of({key: condition}, "source", about.source if about else "unknown", told)
    return found


def _verdict(status: Status, now: datetime) -> Verdict:
    return verdict(
        conditions=status.conditions,
        sources=status.sources,
        targets=status.targets,
        lists=status.lists,
        unreadable=status.unreadable,
        expiry=status.unreplaced,
        now=now,
    )


def _source(
    source: Source,
    state: History,
    watch: Watch,
    reader: Reader,
    revoked: set[str],
    open_ones: Iterable[OpenCondition],
    now: datetime,
) -> SourceStatus:
    problem = reader.why(keys.history(source.id))
    levels = [level_of(one.severity) for one in open_ones if (one.of, one.about) == ("source", source.id)]
    stale = state.stale(now, watch.policy)
    return SourceStatus(
        id=source.id,
        region=source.region,
        level=worst([*levels, Level.LOOK if stale or problem else Level.GOOD]),
        authorities=tuple(one.value for one in source.authorities),
        read=None if is_future(state.fresh_at, now) else state.fresh_at,
        stale=stale,
        certificates=tuple(_leaves(source, state, revoked)),
        anchors=_anchors(source, reader, revoked),
        problem=problem,
    )


def _leaves(source: Source, state: History, revoked: set[str]) -> list[Certificate]:
    """The accepted leaves, by authority, in the order in which they come and go."""
    order = {"current": 0, "upcoming": 1, "retiring": 2}
    watched = [one.value for one in source.authorities]
    return [
        replace(
            parts.certificate(leaf.facts, "leaf", leaf.status.value, revoked),
            authority=parts.plain(authority, 40),
            since=leaf.since,
            until=leaf.retire_after,
            remarks=tuple(parts.finding(one) for one in leaf.remarks),
            approved=tuple(parts.plain(one.code, 40) for one in leaf.lifted),
        )
        for authority, history in sorted(state.authorities.items())
        if authority in watched
        for leaf in sorted(history.leaves.values(), key=lambda one: (order[one.status], one.facts.not_after))
    ]


def _anchors(source: Source, reader: Reader, revoked: set[str]) -> tuple[Certificate, ...]:
    found = []
    for authority in source.authorities:
        key = source.anchors_key if authority is Authority.GENESYS else keys.DIGICERT_ANCHORS
        for facts in reader.anchors(key):
            one = parts.certificate(facts, "anchor", "trusted", revoked)
            found.append(replace(one, authority=authority.value))
    return tuple(found)


def _bundle(bundle_id: str, watch: Watch, reader: Reader, revoked: set[str]) -> BundleStatus:
    bundle = watch.bundle(bundle_id)
    return BundleStatus(
        id=bundle.id,
        sources=bundle.sources,
        authorities=tuple(one.value for one in bundle.authorities),
        certificates=tuple(
            replace(
                parts.certificate(one.certificate, _role(one), "retiring" if one.until else "needed", revoked),
                since=one.since,
                until=one.until,
                why=tuple(dict.fromkeys(parts.wanted_by(label) for label in one.why)),
            )
            for one in reader.manifest(bundle.id)
        ),
        problem=reader.why(keys.manifest(bundle.id)),
    )


def _role(entry: Entry) -> str:
    return "extra" if all(label.startswith("extra/") for label in entry.why) else "ca"


def _target(
    target: Target,
    watch: Watch,
    reader: Reader,
    wanted: tuple[Certificate, ...],
    fills: Mapping[Fill, str],
    told: Iterable[ToldAlert],
) -> tuple[TargetStatus, list[OpenCondition]]:
    record, arn = reader.record(target), arns.parse_target(target.arn)
    found = conditions_of(record.conditions, "target", target.id, told)
    has = Has(
        target,
        arn,
        watch.mode,
        record,
        missing=targets.missing(record, wanted) if arn.kind.takes is Payload.CA_CERTIFICATES else (),
        lists=reader.lists_at(target) if target.keeps_lists else None,
        problem=reader.why(keys.record(keys.target(target.arn))),
    )
    return targets.status(has, found, fills), found


def _quarantine(
    watch: Watch, histories: Mapping[str, History], reader: Reader, fills: Mapping[Fill, str], now: datetime
) -> tuple[QuarantineEntry, ...]:
    found = [
        quarantine(source, authority, key, held, reader, now, accepted_before=history.ever_accepted, fills=fills)
        for source in watch.sources
        for authority, history in histories[source.id].authorities.items()
        for key, held in history.quarantine.items()
    ]
    return tuple(sorted(found, key=lambda one: (not one.shown, one.source, one.authority, one.first_seen, one.id)))


def _lists(watch: Watch, reader: Reader, now: datetime) -> tuple[ListStatus, ...]:
    """The lists that bundles follow. What else lies below ``crls/`` is of certificates that nobody needs any more."""
    folders = sorted({folder for bundle in watch.bundles for folder in reader.followed(bundle.id)})
    read = [one for one in (reader.list_in_force(folder) for folder in folders) if one is not None]
    return tuple(
        ListStatus(
            url=parts.plain(one.url),
            issuer=parts.plain(one.issuer),
            made=one.facts.this_update,
            next_update=one.facts.next_update,
            since=one.since,
            entries=one.facts.entries,
            overdue=one.facts.next_update is None or one.facts.next_update < now,
        )
        for one in sorted(read, key=lambda one: (one.url, one.issuer))
    )


def _stale(sources: Iterable[SourceStatus], lists: Iterable[ListStatus]) -> tuple[str, ...]:
    return (
        *(
            f"source {one.id} was last read at {one.read:%Y-%m-%d %H:%M} UTC"
            if one.read
            else f"source {one.id} has not been read yet"
            for one in sources
            if one.stale and not one.problem
        ),
        *(overdue(one) for one in lists if one.overdue),
    )
