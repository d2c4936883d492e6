"""Whose the revocation files of a trust store are, by what they hold.

A file is the watcher's if it is, byte for byte, a list that ``refresh_crls`` keeps or kept: of what the bundle rests on
and of its issuer, or of a place that a state names. Each file is looked into once: after that its id is in the state.
So a run that died, a call that was tried again, a state that is lost or forged, and a target with another name come to
the same. Others' is also what no state contradicts: what was there before the first one, what each that is there calls
so, and a further copy of a list that is loaded already.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

import msgspec

from rotation_watcher.errors import TargetBusy
from rotation_watcher.ports import ObjectStore
from rotation_watcher.revocation import lists
from rotation_watcher.revocation.manifest import kept_ever
from rotation_watcher.targets.revocation_plan import Wanted, loaded
from rotation_watcher.targets.revocation_state import Known, Loaded, State
from rotation_watcher.x509.crl import Crl, read


class Files(msgspec.Struct, frozen=True):
    """What is loaded. ``pending``: wanted lists whose number of entries the service does not show yet, by folder.

    ``strangers``: what a state says of the watcher's files and what they hold does not bear out.
    """

    state: State
    pending: Mapping[str, Loaded]
    strangers: tuple[Loaded, ...]


def sort_out(
    known: Known,
    live: Mapping[int, int],
    wanted: Mapping[str, Wanted],
    content: Callable[[int], bytes],
    store: ObjectStore,
    now: datetime,
    asked: Collection[str],
) -> Files:
    """Say of each file whose it is. ``live``: the entries of each, by id; ``content`` gives what one of them holds.

    ``asked``: the folders of the lists that this run asked to be added, which may have been done twice.
    Raises TargetError (TargetBusy where the service does not show a file that it lists), StoreError.
    """
    state, claimed = known.state, [one for each in known.said for one in each.ours.values()]
    found: list[Loaded] = []
    others = {one for one in live if all(one in each.others and one not in each.ours for each in known.said)}
    settled = {
        (folder, one.fingerprint)
        for folder, one in state.loaded.items()
        if folder not in asked and live.get(one.id) == one.entries
    }
    strangers: dict[int, Loaded] = {}
    for number in sorted(live.keys() - state.ours.keys() - others):
        body = content(number)
        if not body:  # whose it is must be known before another one is added
            raise TargetBusy(f"the service lists the revocation file {number} and does not show it yet")
        crl = read(body)
        taken = {(one.folder, one.fingerprint) for one in (*state.loaded.values(), *found)}
        one = _ours(number, crl, claimed, wanted, taken, store, now) if isinstance(crl, Crl) else None
        if one is not None and (one.folder, one.fingerprint) not in settled:
            found.append(one)
        else:
            others.add(number)
        strangers.update((number, each) for each in claimed if each.id == number and each != one)
    newest = {folder: one for folder, one in state.loaded.items() if folder in wanted or one.id in live}
    leaving = [one for one in state.leaving if one.id in live]
    pending: dict[str, Loaded] = {}
    for folder in dict.fromkeys(one.folder for one in found):
        here = [one for one in found if one.folder == folder]
        before = [newest[folder]] if folder in newest else []
        due = wanted[folder].fingerprint if folder in wanted else None
        best = _newest([*before, *(one for one in here if live[one.id] == one.entries)], due)
        rest = [one for one in (*before, *here) if one is not best and one.id in live]
        if best is not None:
            newest[folder] = best
        for one in rest:
            if one.fingerprint == due and folder not in pending and not (best and best.fingerprint == due):
                pending[folder] = one
            else:
                leaving.append(one)
    state = State(arn=state.arn, loaded=newest, leaving=tuple(leaving), others=tuple(sorted(others)))
    return Files(state, pending, tuple(strangers.values()))


def _ours(
    number: int,
    crl: Crl,
    claimed: Iterable[Loaded],
    wanted: Mapping[str, Wanted],
    taken: Collection[tuple[str, str]],
    store: ObjectStore,
    now: datetime,
) -> Loaded | None:
    """What the watcher knows of this file; None: it is somebody else's. ``taken``: the folders that have theirs."""
    fingerprint = crl.facts.fingerprint
    said = [one for one in claimed if (one.id, one.fingerprint) == (number, fingerprint)]
    kept = (
        folder
        for folder, one in sorted(wanted.items(), key=lambda each: (each[0], fingerprint) in taken)
        if fingerprint in one.manifest.ever and lists.is_issued(crl, one.point, now)
    )
    gone = (one.folder for one in said if fingerprint in kept_ever(store, one.folder))
    folder = next(kept, None) or next(gone, None)
    if folder is None:
        return None
    url = wanted[folder].point.url if folder in wanted else next(one.url for one in said)
    return loaded(folder, url, number, crl.facts)


def _newest(found: Iterable[Loaded], due: str | None) -> Loaded | None:
    """The newest; of several with one number and time the one that is in force."""
    return max(found, key=lambda one: (one.order, one.fingerprint == due, -one.id), default=None)
