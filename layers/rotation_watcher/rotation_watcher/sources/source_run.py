"""One source in one run of ``collect``: what is known of it, its answer judged, and what becomes of its history."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import Reach
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.model import Alert, SourceName
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Authority, Policy, Source
from rotation_watcher.deadline import CALL_TAKES, Remaining
from rotation_watcher.errors import SourceError, SourceReason
from rotation_watcher.ports import Clock, ObjectStore
from rotation_watcher.sources import bounds, history, repository, update
from rotation_watcher.sources import keys_of_conditions as conditions
from rotation_watcher.sources.conditions import strange_alerts
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import History
from rotation_watcher.sources.observation import Judged, Observation, observe
from rotation_watcher.trust.approvals import FORMER, INVALID, misnamed
from rotation_watcher.trust.findings import Finding
from rotation_watcher.trust.identity import Expected
from rotation_watcher.trust.operator_files import Anchors, load_anchors, load_approvals

if TYPE_CHECKING:
    from rotation_watcher.sources.fetch import Seen

replace = msgspec.structs.replace

JUDGING = 6.0
"""Seconds that judging one answer may take: some eight thousand strangers' certificates on a whole core.

With what asking and writing take, a run is over within ten seconds even where a core is shared. With ten seconds a
whole core judges all ten thousand that are read, and a run takes up to fifteen where it is shared (``benchmarks``).
"""


class Kept:
    """A source's history in the store: ``after`` is the one that is there now, ``etag`` its own."""

    def __init__(self, source: Source, store: ObjectStore, clock: Clock) -> None:
        """Read it. Raises StoreError."""
        self.source, self.store = source, store
        self._clock = clock
        self._ledger = Ledger(store, keys.history(source.id))
        self.after, self.etag = repository.load(store, source)
        self._deleted = self._told_as_deleted()

    def _told_as_deleted(self) -> Alert | None:
        """Where somebody has deleted the history: what people are to be told with the one that is begun."""
        place = keys.history(self.source.id)
        if self.etag is not None or not self.store.deleted(place):
            return None
        name = SourceName(self.source.id, self.source.region)
        return builders.state_deleted(subject=name, place=place, now=self._clock())

    def amend(self, change: Callable[[History], History]) -> None:
        """Write the history with ``change`` applied to what is there now. Raises StoreError."""
        self.after, self.etag = compare_and_set(
            lambda: repository.load(self.store, self.source),
            lambda known: change(self._own(known)),
            self._write,
            keys.history(self.source.id),
            known=(self.after, self.etag),
        )

    def _own(self, known: History) -> History:
        """The history without alerts that the watcher has not written; one that is begun anew says so."""
        if self._deleted is not None and known == history.empty(self.source.id, self.source.region):
            return known.with_alerts([self._deleted])
        own = self._ledger.own(known.outbox)
        self._ledger.renew(own, self._clock())
        if len(own) == len(known.outbox):
            return known
        name = SourceName(self.source.id, self.source.region)
        return strange_alerts(replace(known, outbox=own), name, self._clock())

    def _write(self, changed: History, etag: str | None) -> str:
        self._ledger.note(changed.outbox)
        return repository.write(self.store, changed, etag)

    def clear(self, taken: frozenset[str]) -> None:
        """Take delivered alerts out of the outbox. Raises StoreError."""
        self.amend(lambda state: state.delivered(taken))


class SourceRun(Kept):
    """One source's answer, and what becomes of whatever history turns out to be there.

    ``before`` is the history that was found; ``seen`` is set once there is an answer.
    """

    seen: "Seen"

    def __init__(
        self,
        policy: Policy,
        source: Source,
        store: ObjectStore,
        clock: Clock,
        remaining: Remaining,
        reach: Callable[[str, Collection[str]], Reach],
    ) -> None:
        """Read what the answer is held against. Raises StoreError."""
        super().__init__(source, store, clock)
        self.before = self.after
        self.observation: Observation | None = None
        self.anchors = load_anchors(store, source)
        self.context = Context(
            source=source,
            policy=policy,
            bucket=store.bucket,
            approvals={},
            anchor_problems=self.anchors.problems,
            now=clock(),
            anchor_files=self.anchors.files,
            reach=reach,
        )
        self._remaining = remaining
        self._judged: Judged = {}
        self._known: tuple[_Basis, Observation, Context] | None = None

    def step(self, known: History) -> History:
        """The history after the answer."""
        if isinstance(self.seen, SourceError):
            return update.apply_failure(known, self.seen.reason, str(self.seen), self.context)
        try:
            observation, context = self._observed(known)
        except SourceError as error:
            self.seen = error
            return self.step(known)
        self.observation = bounds.bounded(observation, known)
        return update.apply_observation(known, self.observation, context)

    def _observed(self, known: History) -> tuple[Observation, Context]:
        """The answer, judged once a run, unless another run has changed what it rests on. Raises SourceError."""
        basis = _Basis(_names(self.source, known), _lifted(known))
        if self._known is not None and self._known[0] == basis:
            return self._known[1:]
        seen = self.seen
        if isinstance(seen, SourceError):
            raise seen
        until = max(self._remaining() - JUDGING, CALL_TAKES)

        def in_time() -> None:
            if self._remaining() < until:
                words = f"an answer of {len(seen)} entities could not be judged within {JUDGING:.0f} seconds"
                raise SourceError(SourceReason.ANSWER_TOO_LARGE, words)

        found = _observe(seen, basis, self.anchors, self.context, self.store, self._judged, in_time)
        self._known = (basis, *found)
        return found

    def apply(self, change: Callable[[History], History]) -> None:
        """Apply a change without writing it."""
        self.after = change(self._own(self.after))

    def commit(self) -> None:
        """Write the history after the answer. Raises StoreError; running again completes it."""
        found = self.before

        def change(known: History) -> History:
            nonlocal found
            found = known
            return self.step(self._own(known))

        def store(changed: History, etag: str | None) -> str:
            repository.keep_seen(self.store, self.source, found, changed, self.observation)
            return self._write(changed, etag)

        self.after, self.etag = compare_and_set(
            lambda: repository.load(self.store, self.source),
            change,
            store,
            keys.history(self.source.id),
            known=(self.before, self.etag),
        )
        if self.after == found:  # nothing was written: what the history names may still have to be repaired
            repository.keep_seen(self.store, self.source, found, self.after, self.observation)
        self.before = found


class _Lifted(msgspec.Struct, frozen=True):
    """What was lifted for a leaf when it was accepted by an approval, and the root it was approved under."""

    reasons: tuple[Finding, ...] = ()
    root: str | None = None


class _Basis(msgspec.Struct, frozen=True):
    """What of the history a judgement rests on: the names by authority, and the approved leaves by fingerprint."""

    names: Mapping[Authority, Expected]
    lifted: Mapping[str, _Lifted]


def _names(source: Source, known: History) -> dict[Authority, Expected]:
    """What a leaf's names are held against, by authority."""
    names: dict[Authority, Expected] = {}
    for authority in source.authorities:
        taught = known.authorities[authority].names if authority in known.authorities else ()
        doubt = "a run shortly before gave rise to doubts" if conditions.names(authority) in known.conditions else None
        names[authority] = Expected(source.enforced_names(authority) or taught, source.believed_name, doubt)
    return names


def _lifted(known: History) -> dict[str, _Lifted]:
    leaves = {key: leaf for authority in known.authorities.values() for key, leaf in authority.leaves.items()}
    return {
        key: _Lifted(leaf.lifted, leaf.approved_root)
        for key, leaf in leaves.items()
        if leaf.lifted or leaf.approved_root
    }


def _observe(
    seen: Sequence[bytes],
    basis: _Basis,
    anchors: Anchors,
    context: Context,
    store: ObjectStore,
    judged: Judged,
    in_time: Callable[[], None],
) -> tuple[Observation, Context]:
    """Judge the entities; ask for approvals only where one could matter, so that a quiet run asks for none."""

    def judge(context: Context) -> Observation:
        return observe(
            seen,
            authorities=context.source.authorities,
            anchors=anchors.certificates,
            names=basis.names,
            approvals=context.approvals,
            now=context.now,
            judged=judged,
            in_time=in_time,
        )

    observation = judge(context)
    approved = {key for key, leaf in basis.lifted.items() if leaf.reasons}
    refused = [e for e in observation.entities if e.leaf and not e.verdict.accepted]
    doubtful = {e.key for e in refused if e.verdict.approvable or e.verdict.rootless or e.key in approved}
    written = {*store.list(keys.APPROVALS)} if doubtful else set()
    approvals, problems = load_approvals(store, {one for one in doubtful if keys.approval(one) in written})
    problems = misnamed(written, doubtful) | problems
    for key, approval in approvals.items():
        before = basis.lifted.get(key, _Lifted())
        approvals[key] = approval.completed(before.reasons, before.root)
    # One that was honoured by a release which knew no such rule goes on: an update of the stack shuts nobody out.
    wrong = {
        key: FORMER if not approval.reasons else None if basis.lifted.get(key, _Lifted()).reasons else approval.unsigned
        for key, approval in approvals.items()
    }
    for key, words in wrong.items():
        if words is not None:
            del approvals[key]
            problems[key] = Finding(INVALID, f"{keys.approval(key)}: {words}")
    if approvals:
        context = replace(context, approvals=approvals)
        observation = judge(context)
    return _with_problems(observation, problems), context


def _with_problems(observation: Observation, problems: Mapping[str, Finding]) -> Observation:
    """An approval that cannot be read is one more reason, so that whoever wrote it learns why nothing happened."""
    if not problems:
        return observation
    entities = []
    for entity in observation.entities:
        problem = problems.get(entity.key)
        if problem is not None and not entity.verdict.accepted:
            reasons = (*entity.verdict.reasons, problem)
            entities.append(replace(entity, verdict=replace(entity.verdict, reasons=reasons)))
        else:
            entities.append(entity)
    return replace(observation, entities=tuple(entities))
