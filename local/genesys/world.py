"""What exists in the simulated Genesys Cloud, and how it changes with a clock that somebody else turns.

A ``World`` makes its regions when they are first asked for (``region``). What they share is here: the clock, the keys
and the public authority. Equal keys, clock and script give equal certificates.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock

from local.genesys.issuing import Identity
from local.genesys.keys import KeyStore
from local.genesys.pki import CRL_BASE, ROOT_BITS, PrivateRoot, PublicHierarchy
from local.genesys.region import AUTHORITIES, Authority, Region, leaf_key_purpose
from local.genesys.revocation import WorldLists
from local.genesys.timeline import Issuers
from rotation_watcher.regions import REGIONS

__all__ = ["AUTHORITIES", "Authority", "Region", "World"]


class World:
    """Every region of one simulated Genesys Cloud, on one clock."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        cache: Path,
        *,
        regions: Iterable[str] | None = None,
        client_names: Mapping[str, str] | None = None,
        root_key_bits: int = ROOT_BITS,
        crl_base: str = CRL_BASE,
        backdate: timedelta = timedelta(0),
    ) -> None:
        """Make an empty world.

        ``clock`` returns the virtual now, aware UTC, and never goes back. ``cache`` is the folder of keys. ``regions``
        limits the world to these AWS regions (default: all that are known, and any with a client name of its own).
        ``client_names`` names clients of regions without a known one, or overrules it. Leaves that are issued while the
        script runs are valid from ``backdate`` before that moment, for real clocks that lag behind the virtual one.
        """
        self.clock = clock
        self.keys = KeyStore(cache)
        self.epoch = clock()
        self.root_key_bits = root_key_bits
        self.crl_base = crl_base
        self.backdate = backdate
        self._allowed = None if regions is None else frozenset(regions)
        self._client_names = dict(client_names or {})
        self._regions: dict[str, Region] = {}
        self._hierarchies: dict[Issuers, PublicHierarchy] = {}
        self._lock = RLock()
        self.lists = WorldLists(self)
        """Their revocation lists."""

    @property
    def names(self) -> tuple[str, ...]:
        """The AWS regions that can be asked for without saying more, in the order of the catalogue."""
        known = {name: region.client_name for name, region in REGIONS.items()} | self._client_names
        known |= {name: region.client_name for name, region in self._regions.items()}
        return tuple(name for name, client in known.items() if client and self._allows(name))

    def region(
        self,
        aws_region: str,
        *,
        client_name: str | None = None,
        days_left: float | Mapping[Authority, float] = 300,
    ) -> Region:
        """Return the region, making it when it is first asked for; then the other arguments count, later never.

        ``days_left`` is what is left of the first leaf, for both authorities or for each (at most 365).

        Raises LookupError for a region outside this world, and ValueError for one without a known client name, or
        for another client name than the region was made with.
        """
        with self._lock:
            if aws_region not in self._regions:
                if not self._allows(aws_region):
                    raise LookupError(f"region {aws_region} is not part of this world")
                name = client_name or self._client_name(aws_region)
                left = days_left if isinstance(days_left, Mapping) else dict.fromkeys(AUTHORITIES, days_left)
                self.prepare(aws_region)
                self._regions[aws_region] = Region(self, aws_region, name, left)
            region = self._regions[aws_region]
            if client_name not in {None, region.client_name}:
                raise ValueError(f"region {aws_region} exists already, and its client is {region.client_name}")
            return region

    def prepare(self, *aws_regions: str) -> None:
        """Make the keys that these regions start with, in parallel; quicker than region by region."""
        roots = [(PrivateRoot.key_purpose(each), self.root_key_bits) for each in aws_regions]
        leaves = [(leaf_key_purpose(each, authority, 1), 2048) for each in aws_regions for authority in AUTHORITIES]
        self.keys.prepare([*roots, *leaves])

    def hierarchy(self, issuers: Issuers | None = None) -> PublicHierarchy:
        """Return the public authority of these generations (default: the first), the same for every region."""
        issuers = issuers or Issuers()
        with self._lock:
            if issuers not in self._hierarchies:
                self._hierarchies[issuers] = PublicHierarchy.make(
                    self.keys,
                    self.epoch,
                    root_generation=issuers.root,
                    generation=issuers.intermediate,
                    crl_base=self.crl_base,
                )
            return self._hierarchies[issuers]

    def authorities(self) -> Iterator[tuple[str, Identity]]:
        """Every CA that was made, with the URL of its revocation list."""
        with self._lock:
            regions, hierarchies = [*self._regions.values()], [*self._hierarchies.values()]
        for region in regions:
            yield from ((root.crl_url, root.root) for root in region.private_roots())
        for public in hierarchies:
            yield from ((public.crl_url, public.intermediate), (public.root_crl_url, public.root))

    def _allows(self, aws_region: str) -> bool:
        return self._allowed is None or aws_region in self._allowed

    def _client_name(self, aws_region: str) -> str:
        known = REGIONS.get(aws_region)
        name = self._client_names.get(aws_region) or (known and known.client_name)
        if not name:
            if known is None:
                raise LookupError(f"there is no region {aws_region}")
            raise ValueError(f"region {aws_region} has no known client name: give one")
        return name
