"""What stands beside or before a target: the operator's files, its service's rules and state, its listeners' filters.

Pure, like ``conditions``, which keeps what is found here: what one run observed.
"""

import hashlib
from datetime import datetime, timedelta

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import AT_ONCE, Lasting, Observed
from rotation_watcher.alerts.model import Kind, TargetName
from rotation_watcher.bundles.wanted import Need
from rotation_watcher.ports import Endpoint
from rotation_watcher.sources.history import Status
from rotation_watcher.targets.composing import LeftOut
from rotation_watcher.targets.plan import Snapshot
from rotation_watcher.trust.file_contents import UNREADABLE, OperatorFile
from rotation_watcher.x509 import identity_filters
from rotation_watcher.x509.facts import CertificateFacts

FILE, UNUSUAL, LEFT_OUT, LOCKED, FILTERED = "file:", "unusual:", "left-out:", "locked:", "filtered-out:"
PREFIXES = (FILE, UNUSUAL, LEFT_OUT, LOCKED, FILTERED)
"""The prefixes of the keys of all that is observed here."""

PASSING = timedelta(minutes=30)
"""How long a failure that may pass unaided lasts before it is alerted, where a leaf that is needed is at stake."""
PASSING_IDLE = timedelta(hours=1)
"""The same where nothing is at stake: Terraform waits as long for a domain to be AVAILABLE."""
SOON = timedelta(days=14)
"""How long before a needed leaf expires its rotation is taken to be near."""
_PASSING_STATES = {"UPDATING", "CREATING", "PENDING"}
"""The services' words for what passes unaided (decision 0029); no other does."""


def observed(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """What one run found."""
    return [
        *_files(snapshot, now),
        *_unusual(snapshot, now),
        *_left_out(snapshot, now),
        *_locked(snapshot, now),
        *_filtered(snapshot, now),
        *_ocsp(snapshot, now),
    ]


def remarks(snapshot: Snapshot) -> list[str]:
    """For the summary: what is left out, and the listeners of which it is unknown which leaves their filters admit."""
    needs = [need for need in snapshot.view.wanted.needs if need.state.status is not Status.RETIRING]
    uncertain = [
        one
        for one in snapshot.live.known_endpoints
        if one.verifies and any(_admits(one.filters, need) is None for need in needs)
    ]
    return [
        *(f"left out: {one.certificate.fingerprint[:16]}: {one.rule}" for one in snapshot.plan.left_out),
        *(f"{one.name}: it is unknown whether its identity filters admit each leaf" for one in uncertain),
    ]


def _name(snapshot: Snapshot) -> TargetName:
    target = snapshot.target
    return TargetName(target.id, target.arn, target.label, target.reach.account)


def _short(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _required(snapshot: Snapshot, now: datetime) -> list[Need]:
    return [need for need in snapshot.view.wanted.needs if need.required(now)]


def _admits(filters: tuple[str, ...], need: Need) -> bool | None:
    return identity_filters.admits(filters, need.certificate)


def _files(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """One condition for each file; another fault of the same file is another condition."""
    return [_file(snapshot, file, now) for file in snapshot.view.files if file.faults]


def _file(snapshot: Snapshot, file: OperatorFile, now: datetime) -> Observed:
    codes = {fault.defect.code for fault in file.faults}
    passing = codes == {UNREADABLE}
    # What a service says differs from time to time: where a file cannot be read, the code alone stands for it.
    key = f"{FILE}{file.key}#{_short(sorted(codes) if passing else file.reported)}"
    return Observed(
        key,
        Kind.FILE_DAMAGED,
        lambda since: builders.file_damaged(
            subject=_name(snapshot),
            bucket=file.bucket,
            key=file.key,
            faults=file.reported,
            used=len(file.held),
            since=since,
            now=now,
        ),
        Lasting(duration=PASSING) if passing else AT_ONCE,
    )


def _unusual(snapshot: Snapshot, now: datetime) -> list[Observed]:
    files = {file.key: [one.facts for one in file.unusual] for file in snapshot.view.files if file.unusual}
    if not files:
        return []
    return [
        Observed(
            f"{UNUSUAL}{_short(sorted({facts.fingerprint for held in files.values() for facts in held}))}",
            Kind.UNUSUAL_CERTIFICATE,
            lambda since: builders.unusual_certificate(target=_name(snapshot), files=files, since=since, now=now),
        )
    ]


def _left_out(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """What a leaf needs, and what none does, apart: one is critical, and must not wait behind the other.

    What its service refuses and what there is no room for are apart too: the remedies differ.
    """
    apart: dict[tuple[bool, bool], list[LeftOut]] = {}
    for one in snapshot.plan.left_out:
        apart.setdefault((not one.needing, one.full), []).append(one)
    return [_left_out_condition(snapshot, apart[kind], now) for kind in sorted(apart)]


def _left_out_condition(snapshot: Snapshot, held: list[LeftOut], now: datetime) -> Observed:
    needing = {need.label: need.certificate.facts for one in held for need in one.needing}
    full = held[0].full
    topic = f"{LEFT_OUT}{'needed' if needing else ''}{'-no-room' if full else ''}"
    return Observed(
        f"{topic}#{_short(*sorted(one.certificate.fingerprint for one in held))}",
        Kind.LEFT_OUT,
        lambda since: builders.left_out(
            target=_name(snapshot),
            certificates=[(one.certificate.facts, one.rule, one.files) for one in held],
            needing=[*needing.values()],
            full=full,
            since=since,
            now=now,
        ),
    )


def _locked(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """The service takes no change. An update of ours that is under way has its own alert (``conditions.unproven``)."""
    live, state = snapshot.live, snapshot.live.state
    passing = not state or state in _PASSING_STATES
    if live.settled or (passing and snapshot.record.pending is not None):
        return []
    missing = [need.certificate.facts for need in snapshot.plan.refused]
    required = [need.certificate.facts for need in _required(snapshot, now)]
    expiring = [facts for facts in required if facts.not_after - now <= SOON]
    at_stake = bool(missing or expiring)
    after = AT_ONCE if at_stake else Lasting(duration=PASSING_IDLE)
    if passing and at_stake:
        after = Lasting(duration=PASSING)
    return [
        Observed(
            f"{LOCKED}#{state}",
            Kind.TARGET_LOCKED,
            lambda since: builders.target_locked(
                target=_name(snapshot),
                status=state or "not settled",
                said=next((line for line in live.warnings if state and line.startswith(state)), ""),
                missing=missing,
                expiring=expiring,
                since=since,
                now=now,
            ),
            after,
        )
    ]


def _filtered(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """The listeners whose filters shut a leaf out. Where the watcher keeps them, it is about to mend that itself."""
    found = []
    for endpoint in snapshot.live.known_endpoints:
        shut = [need.certificate.facts for need in _required(snapshot, now) if _admits(endpoint.filters, need) is False]
        if shut and endpoint.verifies:
            found.append(_shut_out(snapshot, endpoint, shut, now))
    return found


def _shut_out(snapshot: Snapshot, endpoint: Endpoint, leaves: list[CertificateFacts], now: datetime) -> Observed:
    return Observed(
        f"{FILTERED}{endpoint.name}#{_short(endpoint.filters, [one.fingerprint for one in leaves])}",
        Kind.FILTERED_OUT,
        lambda since: builders.filtered_out(
            target=_name(snapshot),
            endpoint=endpoint.name,
            filters=endpoint.filters,
            leaves=leaves,
            since=since,
            now=now,
        ),
        Lasting(duration=PASSING) if endpoint.name in snapshot.tended else AT_ONCE,
    )


def _ocsp(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """The leaves that a service cannot ask about, and so refuses: a root is vouched for by nobody."""
    if not snapshot.live.asks_ocsp:
        return []
    from rotation_watcher.x509.ocsp import names_responder  # noqa: PLC0415  # CloudFront alone asks

    silent = [
        need.certificate.facts
        for need in _required(snapshot, now)
        if not all(names_responder(one) for one in (need.certificate, *need.chain) if not one.self_signed)
    ]
    if not silent:
        return []
    return [
        Observed(
            f"{FILTERED}ocsp#{_short(sorted(one.fingerprint for one in silent))}",
            Kind.FILTERED_OUT,
            lambda since: builders.ocsp_unanswered(target=_name(snapshot), leaves=silent, since=since, now=now),
        )
    ]
