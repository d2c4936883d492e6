"""The answer of a run, and for one target of it, for the person who called by hand and for the log."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from rotation_watcher.config import Mode
from rotation_watcher.targets import findings, obstacles
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.plan import Snapshot

if TYPE_CHECKING:
    from rotation_watcher.targets.named_plan import NamedPlan  # only a dry run names what would change

_FEW = 20
"""Targets of which the log names each, whatever became of it."""
_ROOM = 150_000
"""Bytes that targets may take in a line of the log: CloudWatch and Lambda cut one off at 256 KB, in the midst."""


class TargetSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was found and done, for the person who called by hand and for the log. Fingerprints are cut to 16 digits.

    ``trace``: where the watcher itself failed, where an exception came up that nobody thought of.
    """

    outcome: Outcome
    message: str | None = None
    certificates: int | None = None
    filters: int | None = None
    added: list[str] = []
    removed: list[str] = []
    moved: list[str] = []
    held: list[str] = []
    leaving: dict[str, str] = {}
    refused: list[str] = []
    drift: list[str] = []
    removal_waits_for: list[str] = []
    problems: list[str] = []
    version: str | None = None
    revocations: list[str] = []
    files: list[str] = []
    alerts: list[str] = []
    undelivered: list[str] = []
    again: datetime | None = None
    """When a target that was put off may be changed, or one at which the service is at work is looked at once more."""
    trace: list[str] = []
    plan: "NamedPlan | None" = None
    """What would change, by name: in the answer of a dry run."""


def describe(snapshot: Snapshot, outcome: Outcome) -> TargetSummary:
    """The summary of a snapshot, with what became of the target in one word."""
    plan = snapshot.plan
    drift = []
    if plan.drift:
        drift = [*(f"+{key[:16]}" for key in plan.drift.added), *(f"-{key[:16]}" for key in plan.drift.removed)]
        drift += [f"now at {plan.drift.moved_to}"] if plan.drift.moved_to else []
    return TargetSummary(
        outcome=outcome,
        message=plan.why or None,
        certificates=len(snapshot.blocks),
        added=[key[:16] for key in plan.added],
        removed=[key[:16] for key in plan.removed],
        moved=[key[:16] for key in plan.moved],
        held=[key[:16] for key in plan.held],
        leaving={key[:16]: f"{end:%Y-%m-%dT%H:%MZ}" for key, (_, end) in sorted(findings.leaving(snapshot).items())},
        refused=[need.certificate.fingerprint[:16] for need in plan.refused],
        drift=drift,
        removal_waits_for=list(snapshot.view.removal_blockers),
        problems=[*snapshot.view.problems, *snapshot.live.warnings, *obstacles.remarks(snapshot)],
        version=snapshot.record.applied.version if snapshot.record.applied else None,
        alerts=[alert.id for alert in snapshot.record.outbox],
        again=snapshot.record.not_before if outcome is Outcome.PUT_OFF else None,
    )


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer of a run. ``text``: in a dry run, the plans of all targets as lines for people.

    ``left``: in a dry run, the ids of targets for which it had no time, or its answer no room; to be asked for by name.
    ``woken``: the targets that the queue was asked for because somebody has changed them.
    """

    mode: Mode
    dry_run: bool = False
    targets: dict[str, TargetSummary] = {}
    bundles: dict[str, str] = {}
    left: list[str] = []
    woken: list[str] = []
    passed_over: list[str] = []
    broken: list[str] = []
    text: list[str] = []

    def short(self) -> Any:
        """For the log, a line of which has an end: without the plans, and of many targets only where something is.

        Where even these have no room, what is broken comes first, and ``untold`` counts the rest.
        """
        told: dict[str, TargetSummary] = {}
        room, unchanged = _ROOM, 0
        for name in sorted(self.targets, key=lambda name: name not in self.broken):
            one = msgspec.structs.replace(self.targets[name], plan=None)
            if len(self.targets) > _FEW and one.outcome is Outcome.UNCHANGED:
                unchanged += 1
            elif (room := room - len(msgspec.json.encode(one)) - len(name)) >= 0:
                told[name] = one
        said = msgspec.to_builtins(msgspec.structs.replace(self, targets=told, text=[]))
        untold = len(self.targets) - len(told) - unchanged
        return said | {name: number for name, number in (("unchanged", unchanged), ("untold", untold)) if number}

    def failures(self, others: Iterable[str] = ()) -> list[str]:
        """Why this run counts as failed: a state that could not be read or written, or an alert not delivered."""
        reasons = {name: target.message for name, target in self.targets.items()} | self.bundles
        undelivered = [words for target in self.targets.values() for words in target.undelivered]
        return [*(f"{name}: {reasons.get(name)}" for name in self.broken), *undelivered, *others]
