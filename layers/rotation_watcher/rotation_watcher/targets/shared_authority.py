"""The DigiCert trap: its CA signs for many customers, so a truststore alone is an open door (decision 0008).

The warning stands while nothing of ours that compares identities is known to stand at every way in, and the operator
has not said in the watch file why that is all right. Of a root that nothing wants any more: until it has left.
"""

from datetime import datetime

from rotation_watcher import arns, keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Observed
from rotation_watcher.alerts.model import Alert, Kind, TargetName
from rotation_watcher.config import Authority
from rotation_watcher.kinds import ALB_TRUST_STORE, CLOUDFRONT_TRUST_STORE
from rotation_watcher.targets.plan import Snapshot
from rotation_watcher.x509.identity_filters import understood

PREFIX = "shared-authority:"
"""What the keys of these conditions begin with: the fingerprint of a root follows."""


def observed(snapshot: Snapshot, name: TargetName, now: datetime, *, deployed: bool = False) -> list[Observed]:
    """The shared roots that the target holds, or that were just ``deployed`` to it; one alert speaks of all of them.

    What was warned of once lets everybody in until it has left, in its grace and while its removal waits for a person.
    """
    wanted = {root.fingerprint: root for root in snapshot.view.wanted.shared_roots(Authority.DIGICERT)}
    known = [key.removeprefix(PREFIX) for key in snapshot.record.conditions if key.startswith(PREFIX)]
    left = [snapshot.blocks[key].certificate for key in known if key in snapshot.blocks and key not in wanted]
    shared = [root for root in wanted.values() if deployed or root.fingerprint in snapshot.blocks]
    shared += [root for root in left if root is not None]
    if not shared or snapshot.target.shared_authority or enforced(snapshot):
        return []

    kind = arns.parse_target(snapshot.target.arn).kind

    def warning(_: datetime) -> Alert:
        return builders.shared_authority_deployed(
            target=name,
            at_load_balancer=kind is ALB_TRUST_STORE,
            at_cloudfront=kind is CLOUDFRONT_TRUST_STORE,
            authorities_subjects=[root.facts.subject for root in shared],
            pins_key=keys.pins(snapshot.view.bundle.id),
            now=now,
        )

    return [Observed(f"{PREFIX}{root.fingerprint}", Kind.SHARED_AUTHORITY_DEPLOYED, warning) for root in shared]


def enforced(snapshot: Snapshot) -> bool:
    """Whether at every way in identities are compared: by filters of a listener, or by the authorizer of an API."""
    ways = snapshot.live.known_endpoints
    return bool(ways) and all(
        way.verifies and (way.authorized or (way.filters and understood(way.filters))) for way in ways
    )
