"""The adapter of each kind of target, built when it is first used.

Building one loads its module and makes its clients: a kind that is not in the watch file costs nothing, but for trust
stores, which most stacks have.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from rotation_watcher.adapters.connections import Connections
from rotation_watcher.adapters.s3 import RegionBucket
from rotation_watcher.adapters.trust_store import AlbTrustStores
from rotation_watcher.errors import StoreError
from rotation_watcher.kinds import (
    ALB_TRUST_STORE,
    API_GATEWAY_DOMAIN,
    CLOUDFRONT_TRUST_STORE,
    FILE_PLACE,
    KINDS,
    NLB_LISTENER,
    Kind,
)
from rotation_watcher.ports import Adapters, FilterTarget, TrustTarget
from rotation_watcher.reach import Reach, is_in


def _alb_trust_stores(to: Connections) -> TrustTarget:
    return AlbTrustStores(to.client("elbv2"), to.http())


def _api_gateway_domains(to: Connections) -> TrustTarget:
    from rotation_watcher.adapters.api_gateway import ApiGatewayDomains  # noqa: PLC0415  # see above

    return ApiGatewayDomains(to.client("apigateway"), to.client("apigatewayv2"), to.client("s3"), to.authorizer)


def _cloudfront_trust_stores(to: Connections) -> TrustTarget:
    from rotation_watcher.adapters.cloudfront import CloudFrontTrustStores  # noqa: PLC0415  # see above

    return CloudFrontTrustStores(to.client("cloudfront"))


def _file_places(to: Connections) -> TrustTarget:
    from rotation_watcher.adapters.file_place import FilePlaces  # noqa: PLC0415  # see above

    return FilePlaces(to.client("s3"), owner=to.account)


FACTORIES: dict[str, Callable[[Connections], TrustTarget]] = {
    ALB_TRUST_STORE.name: _alb_trust_stores,
    API_GATEWAY_DOMAIN.name: _api_gateway_domains,
    CLOUDFRONT_TRUST_STORE.name: _cloudfront_trust_stores,
    FILE_PLACE.name: _file_places,
}
"""The factory of each adapter, by the kind's name."""


def _nlb_listeners(to: Connections) -> FilterTarget:
    from rotation_watcher.adapters.nlb_listener import NlbListeners  # noqa: PLC0415  # see above

    return NlbListeners(to.client("elbv2"))


FILTER_FACTORIES: dict[str, Callable[[Connections], FilterTarget]] = {NLB_LISTENER.name: _nlb_listeners}
"""The same for kinds that take names of leaves."""


class _ByKind[Adapter](Mapping[Kind, Adapter]):
    """The adapter of each kind, built when it is first asked for and then kept."""

    def __init__(self, factories: Mapping[str, Callable[[Connections], Adapter]], connections: Connections) -> None:
        self._factories = factories
        self._connections = connections
        self._built: dict[str, Adapter] = {}

    def __getitem__(self, kind: Kind) -> Adapter:
        if kind.name not in self._built:
            self._built[kind.name] = self._factories[kind.name](self._connections)
        return self._built[kind.name]

    def __iter__(self) -> Iterator[Kind]:
        return (kind for kind in KINDS.values() if kind.name in self._factories)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class TrustTargets(_ByKind[TrustTarget]):
    """The adapters of trust stores and domains."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(FACTORIES, connections)


class FilterTargets(_ByKind[FilterTarget]):
    """The adapters of listeners."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(FILTER_FACTORIES, connections)


class OtherPlaces:
    """``ports.Abroad``: adapters and buckets of other accounts and regions, built at the first target there.

    ``buckets`` are the names of the stack's buckets in other regions (``reach.is_in``), ``owner`` is their account
    (None: not known).
    """

    def __init__(self, buckets: Collection[str], connections: Connections, *, owner: str | None = None) -> None:
        self._names = buckets
        self._owner = owner
        self._connections = connections
        self._adapters: dict[Reach, Adapters] = {}
        self._buckets: dict[str, RegionBucket] = {}

    def adapters(self, where: Reach) -> Adapters:
        """See ``ports.Abroad``."""
        if where not in self._adapters:
            there = self._connections.at(where)
            self._adapters[where] = Adapters(TrustTargets(there), FilterTargets(there))
        return self._adapters[where]

    def bucket(self, region: str) -> RegionBucket:
        """See ``ports.Abroad``."""
        if region not in self._buckets:
            name = next((one for one in self._names if is_in(one, region)), None)
            if name is None:
                raise StoreError(f"the stack has no bucket in {region}: RegionBucketArns names none")
            self._buckets[region] = RegionBucket(
                self._connections.at(Reach(region)).client("s3"), name, owner=self._owner
            )
        return self._buckets[region]

    def check_bucket(self, region: str, *, prove: bool) -> None:
        """See ``ports.Abroad``."""
        self.bucket(region).check(prove=prove)
