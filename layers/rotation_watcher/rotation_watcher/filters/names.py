"""Which filters the accepted leaves of a bundle need: one exact name each.

Pure. A leaf in its grace still has its name here. What is not proved now has none, and is a reason in the bundle's view
for taking nothing away; so is a leaf that no filter can name.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from rotation_watcher.bundles.wanted import BundleView, Need
from rotation_watcher.config import Watch
from rotation_watcher.filters.entries import key_of
from rotation_watcher.ports import Filter
from rotation_watcher.sources.history import Status
from rotation_watcher.x509.identity_filters import naming


class Names(NamedTuple):
    """The filters by key, with the leaves that each stands for.

    ``unnamed`` are leaves for which there is none; ``former`` the filters that only leaves need of which the bundle's
    histories know nothing any more, such as those of a source that was taken out of it.
    """

    filters: Mapping[str, Filter]
    needs: Mapping[str, tuple[Need, ...]]
    unnamed: tuple[Need, ...]
    former: frozenset[str] = frozenset()

    def leaves(self) -> dict[str, tuple[str, ...]]:
        """The fingerprints of the leaves behind each filter."""
        return {key: tuple(sorted(need.certificate.fingerprint for need in of)) for key, of in self.needs.items()}

    def lasting(self) -> set[str]:
        """The filters that a leaf needs which is presented or announced: they have no end."""
        return {key for key, of in self.needs.items() if any(need.state.status is not Status.RETIRING for need in of)}


def names_of(view: BundleView, watch: Watch, now: datetime) -> Names:
    """The names of what the bundle pins: its accepted leaves, and those former ones whose grace is not over."""
    believed = {source.id: source.believed_name for source in watch.sources}
    filters: dict[str, Filter] = {}
    needs: dict[str, list[Need]] = {}
    unnamed = []
    for need in view.carried(now).needs:
        chosen = naming(need.certificate, believed.get(need.source))
        if chosen is None:
            unnamed.append(need)
            continue
        one = Filter(chosen.field, chosen.match, chosen.value)
        filters[key_of(one)] = one
        needs.setdefault(key_of(one), []).append(need)
    known = {need.certificate.fingerprint for need in view.wanted.needs}
    return Names(
        filters={key: filters[key] for key in sorted(filters)},
        needs={key: tuple(needs[key]) for key in sorted(filters)},
        unnamed=tuple(unnamed),
        former=frozenset(
            key for key, of in needs.items() if known.isdisjoint(one.certificate.fingerprint for one in of)
        ),
    )
