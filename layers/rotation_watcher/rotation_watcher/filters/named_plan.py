"""What would change at a listener, by name: the same model and text as for trust stores (``targets.named_plan``)."""

from collections.abc import Iterable

from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.config import Mode
from rotation_watcher.filters.entries import words
from rotation_watcher.filters.plan import Snapshot, closed
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.named_plan import Named, NamedPlan, assembled


def named_plan(
    snapshot: Snapshot, outcome: Outcome, mode: Mode, *, back: tuple[Iterable[str], Iterable[str]] | None = None
) -> NamedPlan:
    """The plan of a listener, a filter an entry. ``back``: what going back to an earlier version adds and removes."""
    plan = snapshot.plan
    added, removed = (plan.added, plan.removed) if back is None else back

    def named(keys: Iterable[str]) -> tuple[Named, ...]:
        found = []
        for key in sorted(keys):
            of = snapshot.names.needs.get(key, ())
            labels = dict.fromkeys(plain(f"{need.source}/{need.authority}", 80) for need in of)
            found.append(Named(name=plain(words(key), 120), wanted_for=tuple(labels)))
        return tuple(found)

    door = closed(snapshot.live)
    open_doors = [door] if door else []
    if not door and not snapshot.live.filters:
        open_doors.append("It has no identity filter: it admits everybody whom its trust store admits.")
    notes = [f"held back: {plan.limit}"] if plan.held else []
    notes += [f"nothing is removed: {blocker}" for blocker in snapshot.view.removal_blockers]
    kept = snapshot.keys - {*removed} - {*plan.held}
    return assembled(
        of=(snapshot.target.id, snapshot.target.arn),
        outcome=outcome,
        mode=mode,
        message=plan.why,
        lists=(named(added), named(removed), named(plan.held), named(kept)),
        open_doors=open_doors,
        notes=notes,
    )
