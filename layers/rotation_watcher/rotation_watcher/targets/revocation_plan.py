"""Which revocation lists a trust store lacks, and which of ours it holds in vain. Pure."""

from collections.abc import Collection, Mapping

import msgspec

from rotation_watcher.kinds import RevocationLimits
from rotation_watcher.revocation.kept import Manifest
from rotation_watcher.revocation.points import Point
from rotation_watcher.targets.revocation_state import Loaded, State
from rotation_watcher.x509.crl_facts import CrlFacts


class Wanted(msgspec.Struct, frozen=True):
    """A list that the trust store should hold, and what is kept of it."""

    point: Point
    manifest: Manifest

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its DER, lower-case hex."""
        return self.manifest.der.sha256

    @property
    def version(self) -> str:
        """The version of ``list.pem``."""
        return self.manifest.pem.version or ""

    def loaded(self, number: int) -> Loaded:
        """It as the file with this id."""
        return loaded(self.point.folder, self.point.url, number, self.manifest.facts)


def loaded(folder: str, url: str, number: int, facts: CrlFacts) -> Loaded:
    """A list as the file with this id."""
    return Loaded(
        folder=folder,
        url=url,
        id=number,
        entries=facts.entries,
        fingerprint=facts.fingerprint,
        made=facts.this_update,
        number=facts.number,
    )


class ListPlan(msgspec.Struct, frozen=True):
    """What is to be done at a trust store.

    ``add`` are folders, in order; ``remove`` what of ours goes; ``lost`` the folders of lists that somebody else
    removed. ``full``: the folders of those that do not fit, each with why, in words.
    """

    add: tuple[str, ...]
    remove: tuple[Loaded, ...]
    lost: tuple[str, ...]
    full: Mapping[str, str]


def make(
    wanted: Mapping[str, Wanted],
    state: State,
    live: Mapping[int, int],
    pending: Collection[str],
    limits: RevocationLimits,
    *,
    heals: bool,
    may_remove: bool,
) -> ListPlan:
    """What is to be done. ``live``: the entries of each file that is loaded, by id; ``pending``: see ``Files``.

    ``heals``: what others removed is added again. ``may_remove``: what no leaf needs any more goes; what a newer list
    has replaced goes anyway.
    """
    lost = tuple(folder for folder, one in state.loaded.items() if folder in wanted and live.get(one.id) != one.entries)
    gone = [one for folder, one in state.loaded.items() if folder not in wanted] if may_remove else []
    keeps = _keeps(state, live)
    remove = tuple(
        one
        for one in (*state.leaving, *gone)
        if one.id in live and (one.folder not in wanted or keeps.get(one.folder) != one)
    )
    add, full = [], {}
    files, entries = len(live), sum(live.values())
    for folder, one in wanted.items():
        known = state.loaded.get(folder)
        if folder in pending or (known and known.fingerprint == one.fingerprint and not (heals and folder in lost)):
            continue
        if known and one.manifest.facts.order < known.order:
            continue  # somebody has put an earlier list back
        more = one.manifest.facts.entries
        if files + 1 > limits.files or entries + more > limits.entries:
            full[folder] = (
                f"It holds {files} revocation files with {entries} entries, and takes {limits.files} with"
                f" {limits.entries}: the list of {one.point.url}, with {more}, has no room beside the one that it is to"
                " replace"
            )
            continue
        files, entries = files + 1, entries + more
        add.append(folder)
    return ListPlan(tuple(add), remove, lost, full)


def _keeps(state: State, live: Mapping[int, int]) -> dict[str, Loaded]:
    """The newest file of each folder that shows its entries; of those that have none the newest at all."""
    found = {one.folder: one for one in sorted(state.leaving, key=lambda one: one.order) if one.id in live}
    return found | {folder: one for folder, one in state.loaded.items() if live.get(one.id) == one.entries}
