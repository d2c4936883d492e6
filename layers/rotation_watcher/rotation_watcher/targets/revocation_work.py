"""One run at the revocation lists of one trust store: ``revocations`` says what is kept, and when there is work."""

from collections.abc import Mapping

import msgspec

from rotation_watcher import keys
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.errors import ClaimedByAnother, TargetBusy, TargetError
from rotation_watcher.kinds import RevocationLimits
from rotation_watcher.ports import BundleObject, RevocationTarget
from rotation_watcher.revocation import lists
from rotation_watcher.revocation.kept import PEM
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.repository import put_version
from rotation_watcher.targets.revocation_conditions import UNPROVED, Trouble, noted
from rotation_watcher.targets.revocation_files import Files, sort_out
from rotation_watcher.targets.revocation_plan import ListPlan, Wanted, make
from rotation_watcher.targets.revocation_state import Known, Loaded, State, load, write
from rotation_watcher.targets.session import Session, unclaimed
from rotation_watcher.x509 import truststore
from rotation_watcher.x509.crl import Crl, read

TAKES = 45.0
"""Seconds of the run that must be left to begin with one more list."""
_READBACKS, _READBACK_SECONDS = 3, 2.0


class Work:
    """``known``: what was noted of the lists before it. Of them, ``wanted`` should be there, by folder."""

    def __init__(
        self,
        view: BundleView,
        session: Session,
        adapter: RevocationTarget,
        limits: RevocationLimits,
        known: Known,
    ) -> None:
        self._view, self._session, self._adapter, self._limits = view, session, adapter, limits
        self._store, self._arn, self._on = session.ports.store, session.target.arn, session.target.keeps_lists
        self.known = known
        self.wanted = _wanted(view) if self._on else {}
        self._files = Files(self.known.state, {}, ())
        self._asked: set[str] = set()
        self._done: list[str] = []
        self._troubles: list[Trouble] = []
        self._checking: dict[str, bool] = {}

    def would(self) -> list[str]:
        """What would be done."""
        try:
            plan = self._plan(self._sorted())
        except TargetError as error:
            return [str(error)]
        return [
            *(f"would add {self.wanted[one].point.url}" for one in plan.add),
            *(f"would remove the file {one.id}, a list of {one.url}" for one in plan.remove),
        ]

    def run(self) -> list[str]:
        """Do it."""
        try:
            plan = self._plan(self._sorted())
            if plan.add or plan.remove or self._files != Files(self.known.state, {}, ()):
                self._session.claim(lambda record: record)
                self.known = load(self._store, self._session.target, self._session.record.former)
                plan = self._change()
            else:
                self._tell_lost(plan)
            self._troubles += [Trouble("full", folder, self._url(folder), why) for folder, why in plan.full.items()]
        except ClaimedByAnother as error:
            return [str(error)]
        except TargetError as error:
            self._troubles.append(Trouble(error.reason, "", "", str(error)))
        self._note(release=True)
        return self._done

    def _change(self) -> ListPlan:
        """Add and remove what is due; removing may make room for what had none."""
        live = self._settled()
        plan = self._plan(live)
        self._tell_lost(plan)
        while True:
            for folder in (one for one in plan.add if one not in self._asked):
                if self._session.ports.remaining() < TAKES:
                    self._done.append("the time of this run is up; the next one goes on")
                    return self._plan(live)
                self._asked.add(folder)
                self._add(folder, live)
                live = self._settled()
            removed = [one for one in self._plan(live).remove if self._remove(one)]
            live = self._settled() if removed else live
            plan = self._plan(live)
            if not removed or self._asked.issuperset(plan.add):
                return plan

    def _tell_lost(self, plan: ListPlan) -> None:
        self._troubles += [
            Trouble("lost", folder, self._url(folder), f"The list of {self._url(folder)} is no longer loaded in it.")
            for folder in plan.lost
        ]

    def _add(self, folder: str, live: Mapping[int, int]) -> None:
        """Add a list, and see that its entries are there. Raises StoreError, TargetError."""
        wanted, now = self.wanted[folder], self._session.ports.clock()
        if not lists.is_proved(self._store, wanted.point, wanted.manifest, now):
            self._troubles.append(
                Trouble("forged", folder, wanted.point.url, f"{folder}/{PEM} is no list of its issuer")
            )
            return
        try:
            place = self._place(f"{folder}/{PEM}", wanted.version)
            added = self._adapter.add_revocation(self._arn, place)
        except TargetError as error:
            self._troubles.append(Trouble(error.reason, folder, wanted.point.url, str(error)))
            return
        entries = wanted.manifest.facts.entries
        for _ in range(_READBACKS):
            live = self._live()
            if live.get(added.id) == entries:
                self._save(self._files.state.with_added(wanted.loaded(added.id)))
                self._done.append(f"added {wanted.point.url}: {entries} entries")
                return
            self._session.ports.wait(_READBACK_SECONDS)

    def _place(self, key: str, version: str) -> BundleObject:
        """Where the trust store can load a list: in its own region. Raises StoreError, TargetError."""
        bundles = self._session.bundles
        if bundles.region != self._store.region and (kept := self._store.get(key, version=version)):
            version = put_version(bundles, key, kept.body, content_type=keys.PEM_TYPE)
        return BundleObject(bundles.bucket, key, version, bundles.region)

    def _remove(self, one: Loaded) -> bool:
        """Remove a file of ours, if it holds what was loaded. Raises TargetError, StoreError."""
        content = self._adapter.revocation_content(self._arn, one.id)
        if not content:
            return False  # it is gone, or the service does not show it for a moment: the next run knows
        crl = read(content)
        if not isinstance(crl, Crl) or crl.facts.fingerprint != one.fingerprint:
            self._troubles.append(_stranger(one))
            return False
        self._adapter.remove_revocation(self._arn, one.id)
        self._done.append(f"removed the file {one.id}, an earlier list of {one.url}")
        return True

    def _live(self) -> dict[int, int]:
        return {one.id: one.entries for one in self._adapter.revocations(self._arn)}

    def _sorted(self) -> Mapping[int, int]:
        """What is loaded, with whose it is. Raises TargetError, StoreError."""
        live, now = self._live(), self._session.ports.clock()
        self._files = sort_out(self.known, live, self.wanted, self._content, self._store, now, self._asked)
        return live

    def _settled(self) -> Mapping[int, int]:
        """The same, written down. What nobody bears out is alerted before that."""
        live = self._sorted()
        ours = self._files.state.ours
        self._troubles += [_forged(one) if one.id in ours else _stranger(one) for one in self._files.strangers]
        if self._files.strangers:
            self._note(release=False)
        self._save(self._files.state)
        return live

    def _save(self, state: State) -> None:
        if self.known.said != (state, state):
            self.known = write(self._store, self._session.target, state, self.known)

    def _content(self, number: int) -> bytes:
        if self._session.ports.remaining() < TAKES:
            raise TargetBusy(f"the time of this run is up before the file {number} was looked into")
        return self._adapter.revocation_content(self._arn, number)

    def _plan(self, live: Mapping[int, int]) -> ListPlan:
        plan = make(
            self.wanted,
            self._files.state,
            live,
            self._files.pending,
            self._limits,
            heals=self._session.target.on_drift == "heal",
            may_remove=not self._on or not self._view.removal_blockers,
        )
        if not self._on:
            return plan
        return msgspec.structs.replace(plan, remove=tuple(one for one in plan.remove if not self._still_checks(one)))

    def _still_checks(self, one: Loaded) -> bool:
        """Whether a list that no leaf needs is the newest of a CA that the trust store goes on trusting: it stays.

        Without it a leaf that it revokes would come in again. Raises TargetError, StoreError.
        """
        if self._files.state.loaded.get(one.folder) != one:
            return False
        if one.folder not in self._checking:
            crl = read(self._adapter.revocation_content(self._arn, one.id))
            held = self._session.adapter.read(self._arn).bundle
            blocks = truststore.read(held).blocks.values() if isinstance(held, bytes) else ()
            subjects = {block.certificate.names.subject for block in blocks if block.certificate}
            self._checking[one.folder] = not isinstance(crl, Crl) or crl.issuer in subjects
        return self._checking[one.folder]

    def _url(self, folder: str) -> str:
        if folder in self.wanted:
            return self.wanted[folder].point.url
        return self._files.state.loaded[folder].url if folder in self._files.state.loaded else folder

    def _note(self, *, release: bool) -> None:
        """Alert what is wrong, and give the claim back with ``release``. Raises StoreError."""
        session, now = self._session, self._session.ports.clock()
        holding = session.holding and release
        troubles = [*self._troubles, *map(_unproved, self._files.pending.values())]
        behind = {one.folder for one in troubles}
        revoked = any(
            member.fingerprint in self._view.unvouched
            for folder, wanted in self.wanted.items()
            for member in wanted.point.members
            if folder in behind or "" in behind
        )

        def change(record: Record) -> Record:
            remind = session.ports.remind
            after = noted(record, session.target, troubles, revoked=revoked, remind=remind, now=now)
            return unclaimed(after) if holding else after

        try:
            session.save(change)
        except ClaimedByAnother as error:
            self._done.append(f"not noted: {error}")


def _unproved(one: Loaded) -> Trouble:
    why = (
        f"the list of {one.url} has {one.entries} entries, and the trust store does not show them in its file {one.id}"
    )
    return Trouble(UNPROVED, one.folder, one.url, why)


def _stranger(one: Loaded) -> Trouble:
    why = f"the file {one.id} of the trust store is not the list that the watcher added: it stays"
    return Trouble("not-ours", one.folder, one.url, why, one.id)


def _forged(one: Loaded) -> Trouble:
    why = f"Its state says of the file {one.id}, a list of the watcher's, what is not true: somebody else wrote it."
    return Trouble("forged", one.folder, one.url, why, one.id)


def _wanted(view: BundleView) -> dict[str, Wanted]:
    """The lists in force of what the bundle rests on, also of what they revoke."""
    return {point.folder: Wanted(point, manifest) for point, manifest in view.lists if manifest.pem.version}
