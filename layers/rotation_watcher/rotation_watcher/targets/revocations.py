"""Keep the revocation lists of a trust store in step with the lists in force (decision 0036).

A list is never replaced in place, since the service cannot: the new one is added, its number of entries is read back,
and only then the old one is removed. What others put there stays: the state names what the watcher added, and before
anything is removed its content is held to what ``refresh_crls`` once wrote. Only the holder of the target's claim
changes anything. Going back to an earlier truststore brings no earlier list back.
"""

from collections.abc import Mapping

import msgspec

from rotation_watcher import arns
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.config import Mode
from rotation_watcher.errors import (
    ClaimedByAnother,
    RevocationRejected,
    RevocationsFull,
    TargetBusy,
    TargetDenied,
    TargetError,
    TargetNotFound,
)
from rotation_watcher.kinds import RevocationLimits
from rotation_watcher.ports import BundleObject, RevocationTarget
from rotation_watcher.revocation import lists
from rotation_watcher.revocation.kept import PEM
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.revocation_conditions import UNPROVED, Trouble, noted
from rotation_watcher.targets.revocation_plan import ListPlan, Wanted, make
from rotation_watcher.targets.revocation_state import Adding, Loaded, State, load, write
from rotation_watcher.targets.session import Session, unclaimed
from rotation_watcher.x509 import truststore
from rotation_watcher.x509.crl import Crl, CrlDefect, read

replace = msgspec.structs.replace

TAKES = 45.0
"""Seconds of the run that must be left to begin with one more list."""
_READBACKS, _READBACK_SECONDS = 3, 2.0
_NOTHING_ADDED = (TargetBusy, TargetDenied, TargetNotFound, RevocationRejected, RevocationsFull)
"""The answers after which nothing was added; any other may have been lost on its way back."""


def keep(view: BundleView, session: Session, mode: Mode, *, dry_run: bool = False) -> list[str]:
    """Bring the lists of a trust store to those in force; what was done, or would be, in words. Raises StoreError.

    What goes wrong at the service is alerted, and tried again at the next run.
    """
    adapter, limits = session.revocations, arns.parse_target(session.target.arn).kind.revocations
    if adapter is None or limits is None:
        return []
    work = _Work(view, session, adapter, limits)
    if not work.wanted and not work.state.loaded and not work.state.leaving and not work.state.adding:
        return []
    return work.would() if dry_run or mode is Mode.OBSERVE else work.run()


class _Work:
    """One run at the lists of one trust store."""

    def __init__(self, view: BundleView, session: Session, adapter: RevocationTarget, limits: RevocationLimits) -> None:
        self._view, self._session, self._adapter, self._limits = view, session, adapter, limits
        self._store, self._arn, self._on = session.ports.store, session.target.arn, session.target.keeps_lists
        self.wanted = _wanted(view) if self._on else {}
        self._known = load(self._store, session.target)
        self.state = self._doubted()
        self._done: list[str] = []
        self._troubles: list[Trouble] = []
        self._disowned: list[Loaded] = []
        self._checking: dict[str, bool] = {}

    def _doubted(self) -> State:
        """The state, with what only the one of its two records speaks of: it goes once its successor is there.

        What no leaf needs is kept in mind, for it may have to stay. Nothing is removed that does not prove to be ours.
        """
        state, doubted = self._known.state, self._known.doubted
        unneeded = {one.folder: one for one in doubted if one.folder not in self.wanted}
        leaving = tuple(one for one in doubted if one.folder in self.wanted and one not in state.leaving)
        return replace(state, loaded={**unneeded, **state.loaded}, leaving=(*state.leaving, *leaving))

    def would(self) -> list[str]:
        """What would be done."""
        try:
            plan = self._plan(self._live())
        except TargetError as error:
            return [str(error)]
        return [
            *(f"would add {self.wanted[one].point.url}" for one in plan.add),
            *(f"would remove the file {one.id}, a list of {one.url}" for one in plan.remove),
        ]

    def run(self) -> list[str]:
        """Do it."""
        try:
            live = self._live()
            plan = self._plan(live)
            self._troubles += [
                Trouble(
                    "lost", folder, self._url(folder), f"The list of {self._url(folder)} is no longer loaded in it."
                )
                for folder in plan.lost
            ]
            if self.state.adding or self.state.leaving or plan.add or plan.remove or self._vanished(live):
                self._session.claim(lambda record: record)
                self._known = load(self._store, self._session.target)
                self.state = self._doubted()
                self._troubles += map(_forged, self._known.forged)
                self._change()
            self._troubles += [Trouble("full", folder, self._url(folder), why) for folder, why in plan.full.items()]
        except ClaimedByAnother as error:
            return [str(error)]
        except TargetError as error:
            self._troubles.append(Trouble(error.reason, "", "", str(error)))
        if self._disowned:  # alerted before it is forgotten
            self._note(release=False)
            for one in self._disowned:
                self._forget(one)
        self._note(release=True)
        return self._done

    def _change(self) -> None:
        live = self._recover(self._live())
        unproved = {one.folder for one in self._troubles if one.reason == UNPROVED}
        for folder in (one for one in self._plan(live).add if one not in unproved):
            if self.state.adding is not None:
                return  # what became of the one before is not known: no other is begun before that is
            if self._session.ports.remaining() < TAKES:
                self._done.append("the time of this run is up; the next one goes on")
                return
            live = self._add(folder, live)
        if any(one for one in self._troubles if one.reason == UNPROVED):
            return  # nothing leaves before what replaces it is seen
        for one in self._plan(live).remove:
            self._remove(one)

    def _add(self, folder: str, live: Mapping[int, int]) -> Mapping[int, int]:
        """Add a list, and see that its entries are there. Raises TargetError, StoreError."""
        wanted, now = self.wanted[folder], self._session.ports.clock()
        if not lists.is_proved(self._store, wanted.point, wanted.manifest, now):
            self._troubles.append(
                Trouble("forged", folder, wanted.point.url, f"{folder}/{PEM} is no list of its issuer")
            )
            return live
        self._save(
            replace(
                self.state,
                adding=Adding(
                    folder=folder,
                    url=wanted.point.url,
                    version=wanted.version,
                    fingerprint=wanted.fingerprint,
                    made=wanted.manifest.facts.this_update,
                    number=wanted.manifest.facts.number,
                    before=tuple(sorted(live)),
                ),
            )
        )
        place = BundleObject(self._store.bucket, f"{folder}/{PEM}", wanted.version, self._store.region)
        try:
            added = self._adapter.add_revocation(self._arn, place)
        except TargetError as error:
            self._troubles.append(Trouble(error.reason, folder, wanted.point.url, str(error)))
            if isinstance(error, _NOTHING_ADDED):
                self._save(replace(self.state, adding=None))
            return live
        return self._proved(folder, added.id, live)

    def _proved(self, folder: str, number: int, live: Mapping[int, int]) -> Mapping[int, int]:
        wanted = self.wanted[folder]
        entries = wanted.manifest.facts.entries
        for _ in range(_READBACKS):
            live = self._live()
            if live.get(number) == entries:
                break
            self._session.ports.wait(_READBACK_SECONDS)
        else:
            why = f"the list of {wanted.point.url} has {entries} entries, and the trust store shows {live.get(number)}"
            self._troubles.append(Trouble(UNPROVED, folder, wanted.point.url, why))
            return live
        former = self.state.loaded.get(folder)
        loaded = Loaded(
            folder=folder,
            url=wanted.point.url,
            id=number,
            entries=entries,
            version=wanted.version,
            fingerprint=wanted.fingerprint,
            made=wanted.manifest.facts.this_update,
            number=wanted.manifest.facts.number,
            at=self._session.ports.clock(),
        )
        leaving: tuple[Loaded, ...] = (former,) if former is not None and former.id != number else ()
        # A call that was tried again, by the SDK or by a run after this one died, may have loaded the list twice.
        leaving += tuple(self._strays({key: count for key, count in live.items() if key != number}))
        self._save(
            replace(
                self.state,
                loaded={**self.state.loaded, folder: loaded},
                leaving=(*self.state.leaving, *leaving),
                adding=None,
            )
        )
        self._done.append(f"added {wanted.point.url}: {entries} entries")
        return live

    def _recover(self, live: Mapping[int, int]) -> Mapping[int, int]:
        """Find again what a run added that died before it could note that, and drop what is not there any more."""
        adding = self.state.adding
        if adding is not None:
            wanted = self.wanted.get(adding.folder)
            strays = self._strays(live)
            if strays and wanted is not None and wanted.fingerprint == adding.fingerprint:
                live = self._proved(adding.folder, strays[0].id, live)
            else:
                self._save(replace(self.state, leaving=(*self.state.leaving, *strays), adding=None))
        left = tuple(one for one in self.state.leaving if one.id in live)
        gone = self._vanished(live)
        if left != self.state.leaving or gone:
            loaded = {folder: one for folder, one in self.state.loaded.items() if folder not in gone}
            self._save(replace(self.state, loaded=loaded, leaving=left))
        return live

    def _strays(self, live: Mapping[int, int]) -> list[Loaded]:
        """What holds the list that was asked to be added, and was not there before. Raises TargetError."""
        adding = self.state.adding
        if adding is None:
            return []
        return [
            Loaded(
                folder=adding.folder,
                url=adding.url,
                id=number,
                entries=entries,
                version=adding.version,
                fingerprint=adding.fingerprint,
                made=adding.made,
                number=adding.number,
                at=self._session.ports.clock(),
            )
            for number, entries in sorted(live.items())
            if number not in adding.before and self._holds(number, adding.fingerprint)
        ]

    def _vanished(self, live: Mapping[int, int]) -> set[str]:
        """The folders of lists that nothing needs and that are there no more."""
        return {folder for folder, one in self.state.loaded.items() if folder not in self.wanted and one.id not in live}

    def _remove(self, one: Loaded) -> None:
        """Remove a file of ours, if it holds what was loaded. Raises TargetError, StoreError."""
        content = self._adapter.revocation_content(self._arn, one.id)
        if not content:
            return  # it is gone, or the service does not show it for a moment: the next run knows
        if not _is_list(read(content), one.fingerprint) or not self._kept_once(one):
            why = f"the file {one.id} of the trust store is not the list that the watcher added: it stays"
            self._troubles.append(Trouble("not-ours", one.folder, one.url, why, one.id))
            self._disowned.append(one)
            return
        self._adapter.remove_revocation(self._arn, one.id)
        self._done.append(f"removed the file {one.id}, an earlier list of {one.url}")
        self._forget(one)

    def _forget(self, one: Loaded) -> None:
        loaded = {key: each for key, each in self.state.loaded.items() if each.id != one.id}
        leaving = tuple(each for each in self.state.leaving if each.id != one.id)
        self._save(replace(self.state, loaded=loaded, leaving=leaving))

    def _holds(self, number: int, fingerprint: str) -> bool:
        return _is_list(read(self._adapter.revocation_content(self._arn, number)), fingerprint)

    def _kept_once(self, one: Loaded) -> bool:
        """Whether ``refresh_crls`` has written this list: the state alone could be somebody else's."""
        return _is_list(lists.once_kept(self._store, one.folder, one.version), one.fingerprint)

    def _live(self) -> dict[int, int]:
        return {one.id: one.entries for one in self._adapter.revocations(self._arn)}

    def _plan(self, live: Mapping[int, int]) -> ListPlan:
        plan = make(
            self.wanted,
            self.state,
            live,
            self._limits,
            heals=self._session.target.on_drift == "heal",
            may_remove=not self._on or not self._view.removal_blockers,
        )
        if not self._on:
            return plan
        return plan._replace(remove=tuple(one for one in plan.remove if not self._still_checks(one)))

    def _still_checks(self, one: Loaded) -> bool:
        """Whether a list that no leaf needs is the newest of a CA that the trust store goes on trusting: it stays.

        Without it a leaf that it revokes would come in again. Raises TargetError, StoreError.
        """
        if self.state.loaded.get(one.folder) != one:
            return False
        if one.folder not in self._checking:
            crl = lists.once_kept(self._store, one.folder, one.version)
            held = self._session.adapter.read(self._arn).bundle
            blocks = truststore.read(held).blocks.values() if isinstance(held, bytes) else ()
            subjects = {block.certificate.names.subject for block in blocks if block.certificate}
            self._checking[one.folder] = crl is None or crl.issuer in subjects
        return self._checking[one.folder]

    def _url(self, folder: str) -> str:
        if folder in self.wanted:
            return self.wanted[folder].point.url
        return self.state.loaded[folder].url if folder in self.state.loaded else folder

    def _save(self, state: State) -> None:
        self._known = write(self._store, self._session.target, state, self._known)
        self.state = state

    def _note(self, *, release: bool) -> None:
        """Alert what is wrong, and give the claim back with ``release``. Raises StoreError."""
        session, now = self._session, self._session.ports.clock()
        holding = session.holding and release
        behind = {one.folder for one in self._troubles}
        revoked = any(
            member.fingerprint in self._view.unvouched
            for folder, wanted in self.wanted.items()
            for member in wanted.point.members
            if folder in behind or "" in behind
        )

        def change(record: Record) -> Record:
            remind = session.ports.remind
            after = noted(record, session.target, self._troubles, revoked=revoked, remind=remind, now=now)
            return unclaimed(after) if holding else after

        try:
            session.save(change)
        except ClaimedByAnother as error:
            self._done.append(f"not noted: {error}")


def _wanted(view: BundleView) -> dict[str, Wanted]:
    """The lists in force of what the bundle rests on, also of what they revoke."""
    return {point.folder: Wanted(point, manifest) for point, manifest in view.lists if manifest.pem.version}


def _forged(one: Loaded) -> Trouble:
    why = f"Its state says that the file {one.id} is a list that the watcher added, and no note of that is there."
    return Trouble("forged", one.folder, one.url, why, one.id)


def _is_list(crl: Crl | CrlDefect | None, fingerprint: str) -> bool:
    return isinstance(crl, Crl) and crl.facts.fingerprint == fingerprint
