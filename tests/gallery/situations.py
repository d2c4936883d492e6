"""What the gallery shows besides the examples: the other severities of a kind, and many targets at once."""

from collections.abc import Mapping
from datetime import timedelta

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import Reach
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.stamping import stamped
from tests.support.alert_examples import (
    ALB,
    CURRENT,
    DELIVERED,
    DIGICERT_ROOT,
    DOMAIN,
    INTERMEDIATE,
    LEAF_NAME,
    NOW,
    PARTNER,
    SINCE,
    SOURCE,
    STACK,
    WRONG_NAME,
    at_targets,
    changed_issuer,
)

_MANY = 500
_BUILT: Mapping[str, Alert] = {
    "issuer_changed_and_being_added": changed_issuer(Reach.COMING),
    "name_learned_as_in_the_catalogue": builders.name_learned(
        source=SOURCE, authority="DigiCert", leaf=CURRENT, names=CURRENT.names, believed=LEAF_NAME, now=NOW
    ),
    "flood_of_accepted_ones": builders.flood(
        source=SOURCE,
        authority="Genesys",
        counts={"current accepted": 42},
        left=0,
        examples=[CURRENT.fingerprint],
        accepted=True,
        blind=False,
        since=SINCE,
        now=NOW,
    ),
    "approved_under_a_root_that_is_trusted": builders.approved(
        source=SOURCE,
        authority="DigiCert",
        leaf=CURRENT,
        by="Ada Lovelace",
        why="confirmed by Genesys support, case 0123456",
        until=NOW + timedelta(days=397),
        lifted=[WRONG_NAME],
        root=None,
        now=NOW,
    ),
    "truststore_update_failed_and_nothing_fails": builders.truststore_update_failed(
        target=ALB,
        reason="target-busy",
        message="TrustStoreInUse: another change is in progress",
        missing=[],
        content="5e" * 32,
        since=SINCE,
        now=NOW,
    ),
    "drift_found_and_left": builders.drift_found(
        target=ALB,
        added=[],
        removed=[INTERMEDIATE, DIGICERT_ROOT],
        moved_from=None,
        moved_to=None,
        refused=[CURRENT],
        will_heal=False,
        call="ModifyTrustStore",
        proved=SINCE,
        since=SINCE,
        now=NOW,
    ),
    "contended_and_refusing": builders.contended(
        target=DOMAIN,
        times=3,
        added=[PARTNER],
        removed=[INTERMEDIATE],
        refused=[CURRENT],
        call="UpdateDomainName",
        started=SINCE,
        since=NOW,
        now=NOW,
    ),
    "target_locked_and_nothing_fails": builders.target_locked(
        target=DOMAIN,
        status="PENDING_CERTIFICATE_REIMPORT",
        said="PENDING_CERTIFICATE_REIMPORT: The certificate must be reimported.",
        missing=[],
        expiring=[],
        since=SINCE,
        now=NOW,
    ),
    f"summed_up_over_{_MANY}_targets": builders.summed_up(
        [DELIVERED["rotated"], *at_targets("truststore_updated", _MANY)], NOW
    ),
    f"more_alike_of_{_MANY}_targets": builders.more_alike(at_targets("truststore_update_failed", _MANY)[3:], NOW),
}
SHOWN: Mapping[str, Alert] = {**DELIVERED, **{name: stamped(alert, STACK) for name, alert in _BUILT.items()}}
"""Every alert of the gallery, as it leaves, by name."""
