"""Alerts about what keeps a target from changing, or a leaf from passing beside its truststore."""

from collections.abc import Sequence
from datetime import datetime

from rotation_watcher.alerts.builders.subjects import Words, about_target
from rotation_watcher.alerts.builders.templates import command
from rotation_watcher.alerts.builders.wording import count, listed, plain, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, TargetName
from rotation_watcher.x509.facts import CertificateFacts

_CURES = {
    "PENDING_CERTIFICATE_REIMPORT": (
        "Reimport the domain's server certificate into ACM, under the same ARN (it was changed or is no longer"
        " complete). The domain becomes AVAILABLE then, and the watcher goes on."
    ),
    "PENDING_OWNERSHIP_VERIFICATION": (
        "Renew the ownership verification certificate: a public ACM certificate for the same name, which the domain"
        " names as ownershipVerificationCertificateArn. The domain becomes AVAILABLE then, and the watcher goes on."
    ),
    "FAILED": (
        "Read the status message of the domain in the API Gateway console. If nothing there can be repaired, open a"
        " case with AWS support, and name the domain: this status does not end without help."
    ),
    "UPDATING": (
        "An update of a domain takes minutes, an hour at the most. Open a case with AWS support, and name the domain."
    ),
}
_OTHERWISE = "Check the target in the AWS console. If nothing there can be repaired, open a case with AWS support."


def target_locked(
    *,
    target: TargetName,
    status: str,
    said: str,
    missing: Sequence[CertificateFacts],
    expiring: Sequence[CertificateFacts],
    since: datetime,
    now: datetime,
) -> Alert:
    """The service takes no change of the target. ``missing`` are leaves refused now, ``expiring`` end soon."""
    means = "No change reaches it meanwhile, so the next rotation may fail. What it holds goes on being used."
    if missing:
        means = (
            f"No change reaches it, and as it stands it refuses {count(len(missing), 'accepted certificate')} of"
            " Genesys (listed below): data actions fail as long as one of them is presented."
        )
    elif expiring:
        means = (
            f"No change reaches it, and {count(len(expiring), 'certificate')} of Genesys (listed below) will be"
            " replaced soon: if the new one needs another root, data actions will fail."
        )
    words = Words(
        title=f"it cannot be changed ({plain(status, 40)})",
        happened=sentence(said or f"The service says {status}", 400),
        means=means,
        do=_CURES.get(status, _OTHERWISE),
    )
    facts = {"status": plain(status), "since": when(since)} | listed("refused", missing, now)
    facts |= listed("expires soon", expiring, now)
    severity = Severity.CRITICAL if missing or expiring else Severity.WARNING
    distinction = f"{plain(status, 40)}:{severity}:{stamp(since)}"
    return about_target(Kind.TARGET_LOCKED, severity, target, distinction, words, facts, now)


def filtered_out(
    *,
    target: TargetName,
    endpoint: str,
    filters: Sequence[str],
    leaves: Sequence[CertificateFacts],
    since: datetime,
    now: datetime,
) -> Alert:
    """The identity filters of a listener match no name of a leaf that is needed."""
    names = list(dict.fromkeys(name for leaf in leaves for name in leaf.names))
    words = Words(
        title="a listener's identity filters shut Genesys out",
        happened=(
            f"{plain(endpoint)} admits only clients that match one of its identity filters, and"
            f" {count(len(leaves), 'accepted certificate')} of Genesys (listed below) would be refused."
        ),
        means="Data actions through this listener fail as long as one of these is presented; the truststore is right.",
        do=(
            f"Add a filter to the listener that matches, such as: san-dns exact {plain(names[0]) if names else 'NAME'}."
            " Where the listener is a target too, the watcher does so itself."
        ),
    )
    facts = {"listener": plain(endpoint), "filters": plain("; ".join(filters), 300)}
    facts |= {"names": plain(", ".join(names)) or "(none)"} | listed("shut out", leaves, now) | {"since": when(since)}
    distinction = f"{plain(endpoint)}:{stamp(since)}"
    return about_target(Kind.FILTERED_OUT, Severity.CRITICAL, target, distinction, words, facts, now)


def ocsp_unanswered(*, target: TargetName, leaves: Sequence[CertificateFacts], since: datetime, now: datetime) -> Alert:
    """A trust store asks OCSP responders, and certificates that are needed, or their chain, name none."""
    store = target.arn.rpartition("/")[2]
    words = Words(
        title="it asks for OCSP, and Genesys' certificates name no responder",
        happened=(
            "The trust store asks the OCSP responder of each certificate in a client's chain, and of"
            f" {count(len(leaves), 'accepted certificate')} of Genesys (listed below), or of what signed it, no"
            " responder is named."
        ),
        means="CloudFront refuses such a chain: data actions through its distributions fail while one is presented.",
        do=(
            "Turn OCSP off at the trust store (command; revoked leaves are kept out by the pins then: docs/doors.md)."
            " The content stays as it is, but its ETag changes: say again what it holds afterwards."
        ),
        commands=(
            command(
                "aws cloudfront update-trust-store --id {store} --no-use-client-certificate-ocsp-endpoint"
                ' --if-match "$(aws cloudfront get-trust-store --identifier {store} --query ETag --output text)"',
                store=store,
            ),
        ),
    )
    facts = listed("shut out", leaves, now) | {"since": when(since)}
    return about_target(Kind.FILTERED_OUT, Severity.CRITICAL, target, f"ocsp:{stamp(since)}", words, facts, now)
