"""``genesys-certs plan``: what would change at the targets, by name; nothing is changed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec

from genesys_certs import check, edits, exits, observing, options, output, places
from genesys_certs.edits import Edit
from genesys_certs.exits import Exit
from genesys_certs.observing import Observed
from genesys_certs.places import Place, What
from genesys_certs.problems import Problem, explain
from genesys_certs.stack import DEFAULT_NAME, Stack
from rotation_watcher import configuration, publish
from rotation_watcher.adapters.connections import Connections
from rotation_watcher.adapters.registry import FilterTargets, OtherPlaces, TrustTargets
from rotation_watcher.alerts.builders.wording import count, plain
from rotation_watcher.config import Watch
from rotation_watcher.errors import BucketUnusable, ConfigurationError
from rotation_watcher.targets.named_plan import NamedPlan, text, total
from rotation_watcher.targets.requests import Reconcile

_TAG = "genesys-certificate-watcher:stack"
"""With ``TargetsByTag`` publish may change whatever bears this tag with the stack's name (template.yaml)."""
_LEFT_OUT = "left out: only publish may take on {role}. After the deployment or upload, `genesys-certs plan` asks it."


class Planned(msgspec.Struct, kw_only=True):
    """What was planned, for ``--json``. ``failures``: targets and sources that could not be read, and why.

    ``left_out``: targets that can be read by the function publish alone, which is no failure, and why.
    ``observed``: with ``--from-here``, what ``check`` says. ``edit``: with ``--watch-file``, what it changes of what is
    in use. ``changes``: whether that, or a target, would change.
    """

    changes: bool
    total: str
    targets: list[NamedPlan]
    failures: dict[str, str]
    text: list[str]
    left_out: dict[str, str] = {}
    observed: dict[str, object] | None = None
    edit: Edit | None = None


@click.command("plan")
@places.what_to_read
@click.option("--target", "targets", multiple=True, metavar="ID", help="Only this target; may be repeated.")
@click.option("--from-here", is_flag=True, help="Read Genesys Cloud and the targets with your own rights.")
@click.option("--detailed-exitcode", is_flag=True, help="0: nothing would change, 1: error, 2: something would.")
def command(*, as_json: bool, targets: tuple[str, ...], from_here: bool, detailed_exitcode: bool, **given: Any) -> int:
    """Show what the watcher would change at its targets: + comes, - goes, = stays, ! waits. Changes nothing.

    Asks the stack's function publish for a dry run: it plans with the role and the state that a real run has. With
    --from-here, --watch-file or --genesys-region all is read from here instead, Genesys Cloud included.

    With --watch-file it first shows what that file changes of the one that the stack uses: validate an edit so, before
    it is uploaded. The stack's bucket is read, unless --bucket names another.

    Exit code: 0 planned, 1 something could not be read; with --detailed-exitcode 2 where something would change.
    """
    what = What(**given)
    if what.by_stack and not from_here:
        with output.progress("asking the function publish …"):
            planned = _from_stack(what, targets)
    else:
        stack = _stack_in_use(what) if what.watch_file else None
        if isinstance(stack, Stack) and not what.bucket:
            what = msgspec.structs.replace(what, bucket=stack.bucket, region=stack.region)
        place = places.place_of(what, stack if isinstance(stack, Stack) else None)
        edit = _edit(place.watch, stack) if stack else None
        if edit and not as_json:
            output.write_plan(edits.text(edit, output.width()))
        observed, planned = _from_here(place, what, targets)
        planned.observed = check.document(observed)
        planned.failures |= observed.failures
        planned.edit = edit
        planned.changes |= bool(edit and edit.changes)
        if not as_json:
            check.show(observed, as_json=False)
            output.write([""])
    if as_json:
        output.emit(planned)
    else:
        output.write_plan(planned.text)
    if planned.failures:
        return exits.FAILED
    return exits.CHANGES if planned.changes and detailed_exitcode else Exit.OK


def _from_stack(what: What, targets: tuple[str, ...]) -> Planned:
    return planned_by(options.find(what.stack_name, what.profile, what.region), targets)


def planned_by(stack: Stack, targets: tuple[str, ...] = ()) -> Planned:
    """The plans of the stack's function, of all targets where none is named. Raises Problem."""
    event: dict[str, object] = {"dry_run": True}
    return _asked(lambda some: stack.invoke("PublishFunction", event | ({"targets": some} if some else {})), targets)


def _asked(ask: Callable[[Sequence[str]], Any], targets: Sequence[str]) -> Planned:
    """What one run had no time for, or its answer no room, the next one is asked for, as long as each tells of some."""
    plans: list[NamedPlan] = []
    failures: dict[str, str] = {}
    while True:
        answer = ask(targets)
        planned = read_answer(answer)
        plans, failures = [*plans, *planned.targets], failures | planned.failures
        targets = answer.get("left", ()) if isinstance(answer, dict) else ()
        if targets and not planned.targets and not planned.failures:
            failures |= dict.fromkeys(targets, "a run of the function has no time to begin with it")
            targets = ()
        if not targets:
            return planned_of(plans, failures)


def read_answer(answer: Any) -> Planned:
    """The plans in the answer of a dry run. Raises Problem where the stack has an older release."""
    named = answer.get("targets", {}) if isinstance(answer, dict) else {}
    plans, failures = [], {}
    for name, one in named.items():
        if "plan" in one:
            plans.append(msgspec.convert(one["plan"], NamedPlan))
        else:
            failures[name] = f"{one.get('outcome')}: {plain(str(one.get('message', '')), 400)}"
    if failures and not plans and all("outcome" in one and "certificates" in one for one in named.values()):
        remedy = "Deploy this release, or give --from-here."
        raise Problem("older-release", "The stack's function names no certificates in its plans.", remedy)
    return planned_of(plans, failures)


def planned_of(plans: list[NamedPlan], failures: dict[str, str]) -> Planned:
    """The plans with their text, as wide as the terminal."""
    unread = [f"{name}: {words}" for name, words in failures.items()]
    lines = [*unread, *text(plans, output.width())] if plans or failures else ["no target is named: nothing to plan"]
    return Planned(
        changes=any(plan.changes for plan in plans), total=total(plans), targets=plans, failures=failures, text=lines
    )


def _stack_in_use(what: What) -> Stack | str:
    """The stack that an edit is for; why there is none, where nobody named one. Raises as ``options.find``."""
    try:
        with output.progress("reading the stack …"):
            return options.find(what.stack_name, what.profile, what.region)
    except Exception as error:  # said in a line
        if what.stack_name != DEFAULT_NAME:
            raise
        return f"compared with nothing: {explain(error, profile=what.profile).message}"


def _edit(watch: Watch, stack: Stack | str) -> Edit:
    """What a watch file changes of that which the functions work with now."""
    if isinstance(stack, str):
        return edits.compare(None, watch, stack, {})
    granted = {name: stack.listed(name) for name in ("CredentialArns", "TargetArns") if name in stack.parameters}
    by_tag = stack.parameters.get("TargetsByTag") == "yes"
    tagged = edits.Tagged(f"{_TAG}={stack.name}", stack.region) if by_tag else None
    try:
        used = configuration.in_use(stack.watch, stack.parse, stack.store, dry_run=True)
    except ConfigurationError as error:
        words = f"the one in use has {count(len(error.mistakes), 'mistake')}, and none before counts"
        return edits.compare(None, watch, words, granted, tagged)
    against = f"against {stack.parameters.get('WatchFileUri') or f'the parameters of {stack.name}'}"
    if used.failures:
        against = "against the last one that was accepted; the newest cannot be read"
    if used.mistakes:
        against = f"against the last one that was accepted; the newest has {count(len(used.mistakes), 'mistake')}"
    return edits.compare(used.watch, watch, against, granted, tagged)


def _from_here(place: Place, what: What, targets: tuple[str, ...]) -> tuple[Observed, Planned]:
    now = datetime.now(UTC)
    with output.progress("reading Genesys Cloud and the targets …"):
        observed = observing.observe(place, what, now)
        return observed, _read(place, targets, now)


def _read(place: Place, targets: tuple[str, ...], now: datetime) -> Planned:
    """The use case publish itself, over a store that keeps what is written to itself.

    Targets of other accounts are left out: their roles let the function alone take them on.
    """
    asked = [one for one in place.watch.targets if not targets or one.id in targets]
    left_out = {one.id: _LEFT_OUT.format(role=one.role_arn) for one in asked if one.role_arn}
    named = tuple(one.id for one in asked if one.id not in left_out) if left_out else targets
    if left_out and not named:
        planned = planned_of([], {})
    else:
        ports = ports_of(place, now)
        planned = _asked(
            lambda some: msgspec.to_builtins(
                publish.publish(place.watch, Reconcile(targets=tuple(some), dry_run=True), ports)
            ),
            named,
        )
    planned.left_out = left_out
    planned.text = [*(f"{name}: {why}" for name, why in left_out.items()), *planned.text]
    return planned


class _SeenFromHere(OtherPlaces):
    """A bucket that refuses whoever runs the command need not refuse the function."""

    def check_bucket(self, region: str, *, prove: bool) -> None:
        """See ``OtherPlaces``."""
        try:
            super().check_bucket(region, prove=prove)
        except BucketUnusable as error:
            if not error.denied:
                raise


def ports_of(place: Place, now: datetime) -> publish.Ports:
    """What a dry run of publish needs: everything is read, and what it would write or send leads nowhere."""
    connections = Connections(account=place.account)
    nowhere = observing.Nowhere()
    return publish.Ports(
        store=place.store,
        targets=TrustTargets(connections),
        listeners=FilterTargets(connections),
        abroad=_SeenFromHere(place.region_buckets, connections, owner=place.account),
        sink=nowhere,
        queue=nowhere,
        clock=lambda: now,
        wait=lambda _: None,
        owner="plan",
        claim_for=timedelta(),
        sweep_every=None,
    )
