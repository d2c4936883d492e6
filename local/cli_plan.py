"""``python -m local plan``: what would change at the targets, as a diff; nothing is changed."""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from local import cli_check, observing
from local.observing import Exit, Place
from rotation_watcher import arns
from rotation_watcher.adapters.registry import Connections, FilterTargets, TrustTargets
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.bundles.view import view_bundle
from rotation_watcher.errors import TargetError
from rotation_watcher.filters import entries
from rotation_watcher.filters import snapshot as filters
from rotation_watcher.filters.plan import Snapshot as ListenerSnapshot
from rotation_watcher.kinds import Payload
from rotation_watcher.targets import conditions
from rotation_watcher.targets.plan import Snapshot
from rotation_watcher.targets.repository import load_record
from rotation_watcher.targets.snapshot import take_snapshot
from rotation_watcher.x509.facts import CertificateFacts


class TargetPlan(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The plan for one target, for people and for ``--json``."""

    target: str
    arn: str
    outcome: str
    message: str = ""
    lines: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()


def main(argv: Sequence[str]) -> int:
    """As ``check``, and the diff for each target. Exit code 1 also where something would change."""
    parser = argparse.ArgumentParser(
        prog="python -m local plan",
        description="Show what the watcher would change at its targets, as a diff. Changes nothing. Needs a watch file"
        " with targets, and AWS credentials that may read them. Exit code: as check, and 1 if something would change.",
    )
    observing.add_arguments(parser)
    options = parser.parse_args(argv)
    now = datetime.now(UTC)
    try:
        place = observing.place_of(options)
        with observing.progress("reading Genesys Cloud and the targets …"):
            observed = observing.observe(place, options, now)
            plans = [*_plans(place, now)]
    except observing.EXPECTED as error:
        return observing.report(error)
    changes = any(plan.outcome == "would-change" for plan in plans)
    unreadable = any(plan.outcome == "unreadable" for plan in plans)
    code = max(observed.code, Exit.UNKNOWN if unreadable else Exit.WARNING if changes else Exit.OK)
    observed = observed._replace(code=code)
    if options.json:
        document = cli_check.document(observed) | {"targets": plans}
        print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return code
    cli_check.show(observed, as_json=False)
    for plan in plans:
        print(f"\n{plan.target}  {plan.arn}\n{plan.outcome}{': ' if plan.message else ''}{plan.message}")
        for line in (*plan.lines, *(f"  nothing is removed: {words}" for words in plan.waits_for)):
            print(line)
    return code


def _plans(place: Place, now: datetime) -> Iterator[TargetPlan]:
    connections = Connections()
    adapters, listeners = TrustTargets(connections), FilterTargets(connections)
    for target in place.watch.targets:
        view = view_bundle(place.watch, place.watch.bundle(target.bundle), place.store, now)
        kind = arns.parse_target(target.arn).kind
        try:
            record, _ = load_record(place.store, target)
            if kind.takes is Payload.LEAVES:
                adapter = listeners[kind]
                door = filters.take_snapshot(place.watch, target, record, view, place.store, adapter, now)
                yield _of_listener(door)
                continue
            found = take_snapshot(place.watch, target, record, view, place.store, adapters[kind], now)
        except TargetError as error:
            yield TargetPlan(target=target.id, arn=target.arn, outcome="unreadable", message=plain(str(error), 400))
            continue
        yield TargetPlan(
            target=target.id,
            arn=target.arn,
            outcome="would-change"
            if found.plan.changes and not found.plan.blocked_by
            else found.plan.blocked_by or "unchanged",
            message=found.plan.why,
            lines=tuple(_diff(found, now)),
            waits_for=tuple(plain(words) for words in view.removal_blockers),
        )


def _of_listener(found: ListenerSnapshot) -> TargetPlan:
    """The plan for a listener: a line a filter, with the signs of ``_diff``."""
    plan = found.plan
    kept = found.keys - {*plan.removed} - {*plan.held}
    lines = [
        f"{sign} {plain(entries.words(key), 120)}"
        for sign, keys in (("+", plan.added), ("-", plan.removed), ("!", plan.held), ("=", kept))
        for key in sorted(keys)
    ]
    changes = plan.changes and not plan.blocked_by
    return TargetPlan(
        target=found.target.id,
        arn=found.target.arn,
        outcome="would-change" if changes else plan.blocked_by or "unchanged",
        message=plan.why,
        lines=tuple(lines),
        waits_for=tuple(plain(each) for each in found.view.removal_blockers),
    )


def _diff(found: Snapshot, now: datetime) -> Iterator[str]:
    """A line a certificate: ``+`` comes, ``-`` goes, ``=`` stays, ``!`` waits for a person."""
    plan = found.plan
    kept = sorted({*found.blocks} - {*plan.removed} - {*plan.held})
    for sign, keys in (("+", plan.added), ("-", plan.removed), ("!", plan.held), ("=", kept)):
        for facts in conditions.facts_of(found, keys):
            yield f"{sign} {_line(facts, found, now)}"
    if plan.held:
        yield f"  held: {plan.limit}"
    if plan.drift and plan.drift.moved_to:
        yield f"  drift: now at {plain(plan.drift.moved_to)}"
    for need in plan.refused:
        yield f"  refused as it stands: {plain(need.certificate.facts.subject)} ({need.source}, {need.authority})"
    hold = found.record.hold
    if hold is not None:
        yield f"  held since {hold.since:%Y-%m-%d %H:%M} UTC: {hold.reason}"


def _line(facts: CertificateFacts, found: Snapshot, now: datetime) -> str:
    why = found.view.wanted.why.get(facts.fingerprint)
    leaves = ", ".join("/".join(label.split("/")[:2]) for label in why) if why else "of others"
    return f"{facts.fingerprint[:16]}  {(facts.not_after - now).days:>5} d  {plain(facts.subject, 90)}  ({leaves})"
