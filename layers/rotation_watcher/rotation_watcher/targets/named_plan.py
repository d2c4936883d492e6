"""What would change at a target, by name: the answer of a dry run, and what ``genesys-certs plan`` shows.

Pure. One model and one text for both, so that people compare the same words wherever they read them.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from rotation_watcher import arns
from rotation_watcher.alerts.builders.wording import common_name, count, plain
from rotation_watcher.clocks import Instant
from rotation_watcher.config import Mode
from rotation_watcher.targets import findings
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.plan import Snapshot
from rotation_watcher.x509.facts import CertificateFacts
from rotation_watcher.x509.outline import UNKNOWN_TIME

MOST = 2000
"""Kept certificates that one answer names, of all targets together: a function answers with six megabytes at most."""
WIDTH = 100
"""Characters of a line, where nobody says how wide the terminal is."""
_FEW, _NAMED = 5, 12
"""How many plans may say the same one by one, and how many names stand for those that are told once."""
_CHANGES = {Outcome.WOULD_UPDATE, Outcome.WOULD_ROLL_BACK}
_DIGEST = 16


class Named(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One certificate, or one identity filter (then there is no more than its name).

    ``sha256`` is the whole fingerprint. ``wanted_for``: ``<source>/<authority>`` or a file of the operator; empty:
    it belongs to others. ``leaves``: when its grace ends.
    """

    name: str
    issuer: str = ""
    not_before: Instant | None = None
    not_after: Instant | None = None
    sha256: str = ""
    wanted_for: tuple[str, ...] = ()
    leaves: Instant | None = None


class NamedPlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The plan for one target.

    ``changes``: whether a run in the mode ``apply`` would change it now. Where it would not, ``add`` and ``remove`` are
    empty, and what they would have held is in ``waiting``, with ``message`` saying why; so are removals that wait for a
    person. ``kept`` counts what stays, ``keep`` names it (up to ``MOST`` in one answer). ``open_doors``: ways in that
    ask for no client certificate.
    """

    target: str
    arn: str
    label: str
    mode: str
    outcome: str
    changes: bool
    message: str = ""
    add: tuple[Named, ...] = ()
    remove: tuple[Named, ...] = ()
    waiting: tuple[Named, ...] = ()
    keep: tuple[Named, ...] = ()
    kept: int = 0
    open_doors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def name_certificate(facts: CertificateFacts, wanted_for: Iterable[str] = (), leaves: datetime | None = None) -> Named:
    """One certificate by its name."""
    known = facts.not_after != UNKNOWN_TIME
    return Named(
        name=common_name(facts.subject),
        issuer=common_name(facts.issuer) if facts.issuer else "",
        not_before=facts.not_before if known else None,
        not_after=facts.not_after if known else None,
        sha256=facts.fingerprint,
        wanted_for=tuple(dict.fromkeys(plain("/".join(label.split("/")[:2]), 80) for label in wanted_for)),
        leaves=leaves,
    )


def named_plan(
    snapshot: Snapshot,
    outcome: Outcome,
    mode: Mode,
    *,
    back: tuple[Sequence[str], Sequence[str]] | None = None,
    returning: Mapping[str, CertificateFacts] | None = None,
) -> NamedPlan:
    """The plan of a trust store or domain.

    ``back``: what going back to an earlier version adds and removes, instead of the plan; ``returning`` are the facts
    of what only that version knows.
    """
    plan, why = snapshot.plan, snapshot.view.wanted.why
    leaving = findings.leaving(snapshot)

    def named(keys: Iterable[str]) -> tuple[Named, ...]:
        facts = findings.facts_of(snapshot, keys)
        facts = [(returning or {}).get(one.fingerprint, one) for one in facts]
        return tuple(
            name_certificate(one, why.get(one.fingerprint, ()), leaving.get(one.fingerprint, (None, None))[1])
            for one in facts
        )

    added, removed = (plan.added, plan.removed) if back is None else back
    doors = [snapshot.live.bundle is None and (arns.parse_target(snapshot.target.arn).kind.off or "no truststore")]
    doors += [not one.verifies and f"{one.name}: {one.detail}" for one in snapshot.live.known_endpoints]
    stays = sorted({*snapshot.blocks} - {*removed} - {*plan.held})
    notes = [f"held back: {plan.limit}"] if plan.held else []
    notes += [f"put in another place: {one.name}, SHA-256 {one.sha256[:_DIGEST]}" for one in named(plan.moved)]
    notes += [f"somebody else changed it: now at {plan.drift.moved_to}"] if plan.drift and plan.drift.moved_to else []
    notes += [
        f"refused as it stands: {common_name(need.certificate.facts.subject)} ({need.source}, {need.authority})"
        for need in plan.refused
    ]
    notes += [f"nothing is removed: {words}" for words in snapshot.view.removal_blockers]
    hold = snapshot.record.hold
    notes += [f"held since {hold.since:%Y-%m-%d %H:%M} UTC: {hold.reason}"] if hold else []
    return assembled(
        of=(snapshot.target.id, snapshot.target.arn),
        outcome=outcome,
        mode=mode,
        message=plan.why,
        lists=(named(added), named(removed), named(plan.held), named(stays)),
        open_doors=[str(door) for door in doors if door],
        notes=notes,
    )


def assembled(
    *,
    of: tuple[str, str],
    outcome: Outcome,
    mode: Mode,
    message: str,
    lists: tuple[tuple[Named, ...], tuple[Named, ...], tuple[Named, ...], tuple[Named, ...]],
    open_doors: Iterable[str],
    notes: Iterable[str],
) -> NamedPlan:
    """A plan of its parts: id and ARN; what is added, removed, held back and kept."""
    target, arn = of
    added, removed, held, kept = lists
    changes = outcome in _CHANGES
    return NamedPlan(
        target=target,
        arn=arn,
        label=arns.parse_target(arn).label,
        mode=mode.value,
        outcome=outcome.value,
        changes=changes,
        message=plain(message, 400),
        add=added if changes else (),
        remove=removed if changes else (),
        waiting=held if changes else (*added, *removed, *held),
        keep=kept if changes else tuple(one for one in (*kept, *removed)),
        kept=len(kept) + (0 if changes else len(removed)),
        open_doors=tuple(plain(door, 300) for door in open_doors),
        notes=tuple(plain(note, 400) for note in notes),
    )


def fitted(plans: Sequence[NamedPlan]) -> list[NamedPlan]:
    """The plans, with no more than MOST kept certificates named in all of them together; ``kept`` still counts."""
    share = MOST // max(1, len(plans))
    return [msgspec.structs.replace(one, keep=one.keep[:share]) for one in plans]


def total(plans: Iterable[NamedPlan]) -> str:
    """One line for all targets: ``2 to add, 0 to remove, 3 kept``."""
    plans = [*plans]
    add, remove = (sum(len(each) for each in kinds) for kinds in ((p.add for p in plans), (p.remove for p in plans)))
    waiting = sum(len(plan.waiting) for plan in plans)
    words = f"{add} to add, {remove} to remove, {sum(plan.kept for plan in plans)} kept"
    return f"{words}, {waiting} waiting" if waiting else words


def text(plans: Sequence[NamedPlan], width: int = WIDTH) -> list[str]:
    """All plans as lines of at most ``width`` characters (but for single words that are longer), the total last.

    Marks: ``+`` comes, ``-`` goes, ``=`` stays, ``!`` waits. More than ``_FEW`` plans that say the same are told once.
    """
    lines: list[str] = []
    for alike in _alike(plans):
        lines += [*_lines(alike, max(width, 40)), ""]
    modes = {plan.mode for plan in plans if plan.changes}
    if modes == {Mode.OBSERVE.value}:
        lines += _wrapped("mode observe: the mode apply would do this; nothing is changed", width, "  ", "")
    elif modes:
        lines += _wrapped("mode apply: the next run of the watcher does this", width, "  ", "")
    return [*lines, total(plans)]


def _alike(plans: Sequence[NamedPlan]) -> list[list[NamedPlan]]:
    """The plans in their order, those together that say the same of many targets."""
    found: dict[NamedPlan, list[NamedPlan]] = {}
    for plan in plans:
        found.setdefault(msgspec.structs.replace(plan, target="", arn="", label=""), []).append(plan)
    blocks: list[list[NamedPlan]] = []
    for each in found.values():
        blocks += [each] if len(each) > _FEW else [[one] for one in each]
    place = {plan.target: number for number, plan in enumerate(plans)}
    return sorted(blocks, key=lambda block: place[block[0].target])


def _lines(plans: Sequence[NamedPlan], width: int) -> list[str]:
    plan = plans[0]
    lines = [*_wrapped(_head(plans), width, "  ", ""), f"  {plan.outcome}"]
    if plan.message:
        lines += _wrapped(plan.message, width, "    ")
    for sign, entries in (("+", plan.add), ("-", plan.remove), ("!", plan.waiting), ("=", plan.keep)):
        for one in entries:
            lines += _wrapped(one.name, width, "      ", f"  {sign} ")
            lines += _filled(_about(one), width, "      ")
    if plan.kept > len(plan.keep) and plan.keep:
        lines.append(f"  = and {count(plan.kept - len(plan.keep), 'other')}")
    for door in plan.open_doors:
        lines += _wrapped(f"open door: {door}", width, "      ", "  ")
    for note in plan.notes:
        lines += _wrapped(note, width, "      ", "  ")
    return lines


def _head(plans: Sequence[NamedPlan]) -> str:
    if len(plans) == 1:
        return f"{plans[0].target}: {plain(plans[0].label, 120)}"
    names = ", ".join(one.target for one in plans[:_NAMED])
    more = f" and {len(plans) - _NAMED} more" if len(plans) > _NAMED else ""
    return f"{count(len(plans), 'target')}, each: {names}{more}"


def _about(one: Named) -> list[str]:
    """What is said of a certificate, in parts that stay whole where they can."""
    if not one.sha256:
        return []
    parts = [f"issued by {'itself' if one.issuer == one.name else one.issuer}" if one.issuer else ""]
    if one.not_before and one.not_after:
        parts.append(f"{one.not_before:%Y-%m-%d} to {one.not_after:%Y-%m-%d}")
    parts.append(f"SHA-256 {one.sha256[:_DIGEST]}")
    parts.append(f"for {', '.join(one.wanted_for)}" if one.wanted_for else "of others")
    parts.append(f"leaves {one.leaves:%Y-%m-%d}" if one.leaves else "")
    return [part for part in parts if part]


def _filled(parts: Iterable[str], width: int, indent: str) -> list[str]:
    """The parts with commas between them; a line ends behind a part."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(", ,") + len(part) <= width:
            lines[-1] += f", {part}"
        else:
            lines = [*lines[:-1], f"{lines[-1]},"] if lines else []
            lines.append(f"{indent}{part}")
    return [one for line in lines for one in _wrapped(line.strip(), width, f"{indent}  ", indent)]


def _wrapped(words: str, width: int, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        words,
        width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
