"""What the parts of a status share: facts as data, with all foreign text made harmless, and the order of conditions."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.status.model import Certificate, OpenCondition
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.facts import CertificateFacts

__all__ = ["certificate", "finding", "in_order", "plain", "wanted_by"]

_NAMES = 8
"""Names of one certificate that are listed."""


def certificate(facts: CertificateFacts, role: str, state: str, revoked: AbstractSet[str]) -> Certificate:
    """A certificate of a status."""
    return Certificate(
        fingerprint=plain(facts.fingerprint, 64),
        role=role,
        state=state,
        subject=plain(facts.subject) or "(empty)",
        issuer=plain(facts.issuer) or "(empty)",
        names=names(facts),
        serial=plain(facts.serial, 64),
        not_before=facts.not_before,
        not_after=facts.not_after,
        revoked=facts.fingerprint in revoked,
    )


def names(facts: CertificateFacts) -> tuple[str, ...]:
    """The first few names of a certificate, and how many more there are."""
    more = len(facts.names) - _NAMES
    return (*(plain(one) for one in facts.names[:_NAMES]), *([f"and {more} more"] if more > 0 else []))


def finding(one: Finding) -> str:
    """A reason or remark in words: its code, and what was found."""
    code, detail = plain(one.code, 40), plain(one.detail)
    return f"{code}: {detail}" if detail else code


def wanted_by(label: str) -> str:
    """What wants a CA, for people: ``use1/Genesys``, or the name of a file."""
    source, slash, rest = label.partition("/")
    authority, _, fingerprint = rest.partition("/")
    digits = len(fingerprint) == 64 and {*fingerprint} <= {*"0123456789abcdef"}  # noqa: PLR2004  # a SHA-256
    return plain(f"{source}{slash}{authority}" if digits else label, 80)


def in_order(conditions: Iterable[OpenCondition]) -> tuple[OpenCondition, ...]:
    """The most severe first, of equals the newest."""
    return tuple(sorted(conditions, key=lambda one: (one.severity.order, -one.since.timestamp(), one.about)))
